"""The queries and the reference in db/README.md: each runs, on both databases, with one answer."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core import views
from db.core.engine import migrate, open_database, reading, writing
from db.store.alerts import NewAlert, queue_alerts
from db.store.outages import save_outages
from db.store.reviewing.access import save_access
from pipeline.records import Outage
from tests.benchmarks.million_rows import queries
from tests.conftest import making_databases
from tests.makers import BEGIN, fill

README = Path(__file__).parents[1] / "db" / "README.md"
QUERIES = queries()
REFUSED = r"permission denied|must be owner|cannot delete from view"
CLOCKS = {
    "arrivals": ("taken_at", "ended_at"),
    "run_summary": ("started_at", "ended_at"),
    "outages": ("said_at",),
    "people_access": ("asked_at",),
}  # of writing


def fill_study(conn) -> None:
    """With a camera that was out for two days, an alert, and somebody who was shown people."""
    fill(conn, 800)
    query = "SELECT m.sha256 FROM flag f JOIN media m ON m.id = f.media_id ORDER BY m.sha256"
    sha = conn.exec_driver_sql(query).scalars().first()
    about = ("historic", 2, ("human_at_night",), "A person at night.", BEGIN, BEGIN)
    queue_alerts(conn, [NewAlert((sha,), "rangers", *about)], BEGIN)
    save_access(conn, [sha], "Juma", "flags")
    begun = BEGIN + timedelta(days=1)
    broken = Outage("K001 2026", begun, begun + timedelta(days=2), "battery", said_by="Juma")
    save_outages(conn, [broken])


@pytest.fixture(scope="module")
def filled_sqlite(tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('filled')}/a.db")
    with writing(engine) as conn:
        fill_study(conn)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def filled_postgres(postgres_copy):
    engine = open_database(postgres_copy)
    with writing(engine) as conn:
        fill_study(conn)
    yield engine
    engine.dispose()


def answer(engine, query: str) -> tuple[list[str], list[list]]:
    with reading(engine) as conn:
        found = conn.execute(sa.text(query))
        return list(found.keys()), [[plain(value) for value in row] for row in found]


def plain(value):
    """Numbers as both databases mean them: true is 1, and sums are not Decimal."""
    if isinstance(value, bool | Decimal):
        value = float(value) if isinstance(value, Decimal) else int(value)
    return round(value, 6) if isinstance(value, float) else value


def test_there_are_at_least_ten_queries():
    assert len(QUERIES) >= 10


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_answers_the_same_on_both(name, filled_sqlite, filled_postgres):
    here, there = (answer(engine, QUERIES[name]) for engine in (filled_sqlite, filled_postgres))
    assert here == there
    assert here[1], "an answer without rows tests nothing"


@pytest.mark.parametrize("name", views.VIEWS)
def test_a_view_says_the_same_on_both(name, filled_sqlite, filled_postgres):
    here, there = (
        answer(engine, f"SELECT * FROM {name}") for engine in (filled_sqlite, filled_postgres)
    )
    clocks = CLOCKS.get(name, ())
    keep = [nth for nth, column in enumerate(here[0]) if column not in clocks]
    rows = [
        sorted([[row[nth] for nth in keep] for row in said[1]], key=str) for said in (here, there)
    ]
    assert here[0] == there[0] == [column for column, _ in views.columns(name)]
    assert rows[0] == rows[1] and rows[0]


def test_a_reader_runs_every_query_and_writes_nothing(filled_postgres, filled_sqlite):
    """As db/README.md says: one role on the server, and `camtriage db migrate` lets it read."""
    url = filled_postgres.url.render_as_string(hide_password=False)
    with making_databases(url.replace("+psycopg", "")) as run:
        run(f"CREATE ROLE {views.READER}")
        run(f"CREATE ROLE amina LOGIN IN ROLE {views.READER}")
        try:
            migrate(url)
            reader = sa.create_engine(filled_postgres.url.set(username="amina"))
            for name, query in QUERIES.items():
                assert answer(reader, query) == answer(filled_sqlite, query), name
            for name in views.VIEWS:
                assert answer(reader, f"SELECT * FROM {name} LIMIT 1")[1], name
            for wrong in (
                *(f"SELECT * FROM {one}" for one in ("media", "review", "run", "about")),
                "DELETE FROM reviews", "UPDATE batch SET name = 'x'", "DROP VIEW events",
                "INSERT INTO recipe (step, hash, description) VALUES ('a', 'b', '{}')",
                "CREATE TABLE here (a int)", "ALTER VIEW events RENAME TO mine",
            ):  # fmt: skip
                with (
                    reader.connect() as conn,
                    pytest.raises(sa.exc.DBAPIError, match=REFUSED),
                ):
                    conn.exec_driver_sql(wrong)
            reader.dispose()
        finally:
            for role in ("amina", views.READER):
                run(f"DROP OWNED BY {role}")
                run(f"DROP ROLE {role}")


def test_a_sqlite_file_opened_to_read_answers_every_query_and_cannot_be_written(filled_sqlite):
    path = filled_sqlite.url.database
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        for query in QUERIES.values():
            assert conn.execute(query).fetchone()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            conn.execute("DELETE FROM batch")


def test_the_reference_is_what_the_views_say():
    assert views.reference() in README.read_text("utf-8"), "run `make reference`"


def test_every_view_and_column_has_its_words():
    for name in views.VIEWS:
        assert len(views.promise(name)) > 20
        assert all(meaning.strip() for _, meaning in views.columns(name))


@pytest.mark.parametrize("name", [key for key in QUERIES if "independent_events" in QUERIES[key]])
def test_queries_count_the_events_that_the_page_counts(name):
    assert "in_effort = 'yes'" in QUERIES[name]
