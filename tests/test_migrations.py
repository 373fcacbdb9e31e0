"""Migrations end in the schema of the code, lose no row, and keep a copy of what was."""

import json
import shutil
import sqlite3
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import db.core.engine
from db.core import schema, views
from db.core.engine import migrate, open_database, reading, writing
from db.core.schema import HEAD, VERSION_TABLE
from db.integrity.check import _foreign_keys
from db.integrity.dump import dump
from pipeline.errors import DatabaseError
from tests.conftest import a_copy
from tests.makers import fill

CARELESS = f'''
"""Every batch has content. (For the test: the batch change that loses children.)"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{HEAD}"


def upgrade() -> None:
    op.execute("update batch set content = name where content is null")
    with op.batch_alter_table("batch") as table:
        table.alter_column("content", existing_type=sa.Text(), nullable=False)
'''


def test_the_newest_migration_is_the_one_the_code_expects():
    config = Config()
    config.set_main_option("script_location", "db.core:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [HEAD]


def test_migrating_ends_in_the_tables_of_the_code(database):
    with database.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, schema.metadata) == []


def test_opening_again_changes_nothing_and_makes_no_backup(tmp_path):
    told = []
    for _ in range(2):
        open_database(f"sqlite:///{tmp_path}/a.db", tell=told.append).dispose()
    assert told == [] and not list(tmp_path.glob("*.backup"))


def older_views(engine) -> None:
    """Make a database look as if an earlier version had made its views."""
    with writing(engine) as conn:
        conn.exec_driver_sql("DROP VIEW flags")
        conn.exec_driver_sql("CREATE VIEW flags AS SELECT 'old' AS old")
        conn.exec_driver_sql("UPDATE about SET value = 'older' WHERE key = 'views'")


def test_views_of_an_earlier_version_are_replaced(database, database_url):
    older_views(database)
    database.dispose()
    if database_url.startswith("postgresql"):
        with pytest.raises(DatabaseError, match="camtriage db migrate"):
            open_database(database_url)
        migrate(database_url)
    engine = open_database(database_url)
    with reading(engine) as conn:
        assert len(sa.inspect(conn).get_columns("flags")) > 1
    engine.dispose()


def next_version(monkeypatch, tmp_path) -> None:
    """A program with one more migration than ours."""
    scripts = tmp_path / "migrations"
    ours = Path(db.core.engine.__file__).parent / "migrations"
    shutil.copytree(ours, scripts)
    (scripts / "versions" / "9999_next.py").write_text(CARELESS.lstrip(), "utf-8")
    monkeypatch.setattr(db.core.engine, "HEAD", "9999")
    monkeypatch.setattr(db.core.engine, "SCRIPTS", str(scripts))


def revisions() -> list[str]:
    """Every version there ever was, the oldest first."""
    config = Config()
    config.set_main_option("script_location", "db.core:migrations")
    chain = ScriptDirectory.from_config(config).walk_revisions("base", "heads")
    return [one.revision for one in chain][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request, tmp_path) -> str:
    """A database without any table, once on each of the two."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.db"
        return
    with a_copy(request.getfixturevalue("postgres_url"), "template0") as url:
        yield url


def at_revision(url: str, revision: str) -> None:
    """Make the database as the camtriage of that time left it: its tables, its note, a view."""
    from alembic import command

    with plainly(url) as conn:
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", "db.core:migrations")
        command.upgrade(config, revision)
        conn.exec_driver_sql("CREATE VIEW labels AS SELECT media_id, name FROM label")
        notes = {"program": "camtriage", "views": "of that time", "view names": "labels"}
        for note in notes.items():
            conn.exec_driver_sql("INSERT INTO about VALUES ('{}', '{}')".format(*note))


def fill_every_table(url: str) -> dict[str, list[dict]]:
    """Two rows in each table, the second of a child pointing to the second of its parent."""
    with plainly(url) as conn:
        tables = sa.MetaData()
        tables.reflect(conn)
        for table in tables.sorted_tables:
            for n in (1, 2) if table.name not in ("about", VERSION_TABLE) else ():
                conn.execute(table.insert().values(a_row(table, n)))
        return rows_of(conn)


def a_row(table: sa.Table, n: int) -> dict:
    return {c.name: value_of(c, n) for c in table.c if not (c.name == "id" and c.primary_key)}


def value_of(column: sa.Column, n: int) -> object:
    """What a column of that kind holds; the code of today tells times and JSON from other text."""
    if column.foreign_keys:
        return n
    today = schema.metadata.tables.get(column.table.name, sa.table("")).c.get(column.name)
    if today is not None and isinstance(today.type, schema.Time):
        return f"2026-05-0{n}T06:30:00"
    if today is not None and isinstance(today.type, schema.Json):
        return "{}"
    kinds = {bool: bool(n % 2), int: n, float: n / 2, bytes: bytes([n, n])}
    return kinds.get(column.type.python_type, f"{column.name} {n}")


def rows_of(conn) -> dict[str, list[dict]]:
    """Every row of every table, by the table's name."""
    tables = sa.MetaData()
    tables.reflect(conn)
    return {
        name: sorted((dict(row) for row in conn.execute(sa.select(one)).mappings()), key=str)
        for name, one in tables.tables.items()
        if name not in ("about", VERSION_TABLE)
    }


@contextmanager
def plainly(url: str):
    """A transaction by nobody's rules but the database's own."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as conn:
        yield conn
    engine.dispose()


@pytest.mark.parametrize("revision", revisions())
def test_a_filled_database_of_every_version_keeps_every_row(
    bare_url, revision, monkeypatch, tmp_path
):
    """From each version to the newest, and one further that remakes the parent of most tables."""
    at_revision(bare_url, revision)
    before = fill_every_table(bare_url)
    next_version(monkeypatch, tmp_path)
    migrate(bare_url)
    with plainly(bare_url) as conn:
        after = rows_of(conn)
        assert list(_foreign_keys(conn)) == []
        assert len(conn.execute(sa.text("SELECT * FROM media_status")).all()) == 2
    for table, rows in before.items():
        assert len(rows) == 2, f"{table} was not filled"
        if table == "visit_taxon":  # 0006 counts the pictures that show each taxon
            rows = [{name: row[name] for name in row if name != "pictures"} for row in rows]
        kept = [{name: row[name] for name in rows[0] if name in row} for row in after[table]]
        same = [{name: row[name] for name in row if name in after[table][0]} for row in rows]
        assert kept == same, table


def test_a_day_alone_as_the_end_of_a_deployment_moves_to_the_midnight_that_ends_it(bare_url):
    """0004: old rows in, one step, rows out."""
    at_revision(bare_url, "0003")
    rows = {  # name: (source, end then, end now)
        "a day alone": ("table", "2026-05-09T23:59:59", "2026-05-10T00:00:00"),
        "the last of a year": ("table", "2026-12-31T23:59:59", "2027-01-01T00:00:00"),
        "a time": ("table", "2026-05-09T18:30:00", "2026-05-09T18:30:00"),
        "a midnight": ("table", "2026-05-09T00:00:00", "2026-05-09T00:00:00"),
        "guessed from a folder": ("folder", "2026-05-09T23:59:59", "2026-05-09T23:59:59"),
        "not known": ("table", None, None),
    }
    start = "2026-05-01T06:30:00"
    with plainly(bare_url) as conn:
        tables = sa.MetaData()
        tables.reflect(conn)
        for name, (source, then, _) in rows.items():
            row = {"name": name, "source": source, "started_at": start, "ended_at": then}
            conn.execute(tables.tables["deployment"].insert().values(**row, other="{}"))
    migrate(bare_url)
    with plainly(bare_url) as conn:
        found = conn.exec_driver_sql("SELECT name, source, started_at, ended_at FROM deployment")
        assert {tuple(row) for row in found} == {
            (name, source, start, now) for name, (source, _, now) in rows.items()
        }


def test_0005_makes_days_of_midnights_that_no_camera_wrote(bare_url):
    at_revision(bare_url, "0004")
    rows = {  # time_text, before, after
        1: ("2026:05:04", "2026-05-04T00:00:00", "2026-05-04"),
        2: ("2026:05:04   :  :", "2026-05-04T00:00:00", "2026-05-04"),
        3: ("2026:05:04 00:00:00", "2026-05-04T00:00:00", "2026-05-04T00:00:00"),
        4: (None, "2026-05-04T00:00:00", "2026-05-04T00:00:00"),
        5: ("2026:05:04 06:00:00", "2026-05-04T06:00:00", "2026-05-04T06:00:00"),
    }
    repaired = {1: "2026-05-03T23:00:00"}  # moved by an hour back
    with plainly(bare_url) as conn:
        tables = sa.MetaData()
        tables.reflect(conn)
        insert = {name: table.insert() for name, table in tables.tables.items()}
        conn.execute(insert["batch"].values(id=1, name="c", root="/"))
        conn.execute(insert["deployment"].values(id=1, name="d", source="folder", other="{}"))
        parameters = json.dumps({"seconds": -3600})
        repair = {"id": 1, "deployment_id": 1, "kind": "shift", "parameters": parameters}
        conn.execute(insert["clock_repair"].values(**repair, made_at="2026-06-01T00:00:00"))
        of = {"batch_id": 1, "deployment_id": 1}
        for key, (text, before, _) in rows.items():
            media = {"id": key, "sha256": f"{key:064}", "path": str(key), "size": 1, "width": 1}
            media |= {"mediatype": "image/jpeg", "height": 1, "orientation": 1, "clock": "exif"}
            conn.execute(insert["media"].values(**media, **of, taken_at=before, time_text=text))
            at = repaired.get(key, before)
            status = {"media_id": key, "state": "kept", "observation_type": "animal"}
            conn.execute(insert["status"].values(**status, **of, taken_at=at, taken_on=at[:10]))
        at = repaired[1]
        conn.execute(insert["repaired_time"].values(media_id=1, clock_repair_id=1, taken_at=at))
    migrate(bare_url)
    with plainly(bare_url) as conn:
        media = conn.exec_driver_sql("SELECT id, taken_at FROM media ORDER BY id").all()
        assert [tuple(row) for row in media] == [(key, row[2]) for key, row in rows.items()]
        status = conn.exec_driver_sql("SELECT taken_at, taken_on FROM status ORDER BY media_id")
        assert [row[0] for row in status.all()] == [row[2] for row in rows.values()]
        assert conn.exec_driver_sql("SELECT taken_at FROM repaired_time").scalar() == "2026-05-04"


def test_reviews_become_answers_and_taxa_get_the_times_of_their_own_pictures(bare_url):
    """0006: a visit with two lions in its middle; its first picture was reviewed twice."""
    at_revision(bare_url, "0005")
    shown = ["zebra", "zebra", "lion", "lion", "zebra", None]  # None: blank
    times = [f"2026-05-01T0{6 + n // 2}:{n % 2}0:00" for n in range(6)]
    common = {"batch_id": 1, "deployment_id": 1}
    rows = {
        "recipe": [{"id": n, "step": s, "hash": s, "description": "{}"}
                   for n, s in enumerate(("look", "label"), 1)],
        "batch": [{"id": 1, "name": "k", "root": "/", "look_recipe_id": 1, "label_recipe_id": 2}],
        "deployment": [{"id": 1, "name": "A", "source": "table", "other": "{}"}],
        "media": [{"id": n, "sha256": f"{n:064}", "path": str(n), "size": 1, "width": 1,
                   "height": 1, "mediatype": "image/jpeg", "clock": "exif", "orientation": 1,
                   "taken_at": at, **common} for n, at in enumerate(times, 1)],
        "look": [{"media_id": n, "recipe_id": 1, "state": "kept" if name else "blank", "count": n}
                 for n, name in enumerate(shown, 1)],
        "label": [{"media_id": n, "recipe_id": 2, "observation_type": "animal", "name": name,
                   "reason": "", "top": "[]", "off_list": "[]"}
                  for n, name in enumerate(shown, 1) if name],
        "visit": [{"id": 1, "recipe_id": 2, "media_id": 1, "pictures": 6, "started_at": times[0],
                   "ended_at": times[-1], **common}],
        "visit_media": [{"media_id": n, "visit_id": 1} for n in range(1, 7)],
        "visit_taxon": [{"visit_id": 1, "position": n, "observation_type": "animal", "name": name,
                         "pictures": many} for n, (name, many) in enumerate((("zebra", 4),
                                                                             ("lion", 2)))],
        "review": [{"media_id": 1, "observation_type": kind, "purpose": "review", "source": "a.csv",
                    "saved_at": "2026-06-01T00:00:00"} for kind in ("blank", "animal")],
    }  # fmt: skip
    with plainly(bare_url) as conn:
        tables = sa.MetaData()
        tables.reflect(conn)
        for name, some in rows.items():
            conn.execute(tables.tables[name].insert(), some)
    migrate(bare_url)
    with plainly(bare_url) as conn:

        def told(query: str) -> list[tuple]:
            return [tuple(row) for row in conn.exec_driver_sql(query)]

        answers = "SELECT observation_type, answer, position FROM review ORDER BY id"
        assert told(answers) == [("blank", 1, 0), ("animal", 2, 0)]
        taxa = "SELECT name, media_id, started_at, ended_at, pictures, count FROM visit_taxon"
        assert told(f"{taxa} ORDER BY position") == [
            ("zebra", 1, times[0], times[4], 3, 5),
            ("lion", 3, times[2], times[3], 2, 4),
        ]
        stretches = "SELECT position, stretch, media_id, started_at, pictures FROM visit_stretch"
        assert told(f"{stretches} ORDER BY 1, 2") == [
            (0, 0, 1, times[0], 1),
            (0, 1, 2, times[1], 1),
            (0, 2, 5, times[4], 1),
            (1, 0, 3, times[2], 1),
            (1, 1, 4, times[3], 1),
        ]


def test_0007_takes_a_count_of_animals_from_a_person_s_picture(bare_url):
    at_revision(bare_url, "0006")
    common, p = {"batch_id": 1, "deployment_id": 1}, {"p_animal": 0.8, "p_human": 0.6}
    kinds = ["animal", "human", "vehicle"]
    rows = {
        "recipe": [{"id": n, "step": s, "hash": s, "description": "{}"}
                   for n, s in enumerate(("look", "label"), 1)],
        "batch": [{"id": 1, "name": "k", "root": "/", "look_recipe_id": 1, "label_recipe_id": 2}],
        "deployment": [{"id": 1, "name": "A", "source": "table", "other": "{}"}],
        "media": [{"id": n, "sha256": f"{n:064}", "path": str(n), "size": 1, "width": 1, **common,
                   "height": 1, "mediatype": "image/jpeg", "clock": "exif", "orientation": 1}
                  for n in (1, 2, 3)],
        "look": [{"media_id": n, "recipe_id": 1, "state": "kept", "count": 2, **p}
                 for n in (1, 2, 3)],
        "label": [{"media_id": n, "recipe_id": 2, "observation_type": kind, "reason": "",
                   "top": "[]", "off_list": "[]"} for n, kind in enumerate(kinds, 1)],
        "status": [{"media_id": n, "state": "kept", "observation_type": kind, "count": 2,
                    "method": "machine", **common} for n, kind in enumerate(kinds, 1)],
    }  # fmt: skip
    with plainly(bare_url) as conn:
        tables = sa.MetaData()
        tables.reflect(conn)
        for name, some in rows.items():
            conn.execute(tables.tables[name].insert(), some)
    migrate(bare_url)
    with plainly(bare_url) as conn:
        found = conn.exec_driver_sql("SELECT observation_type, count FROM status ORDER BY media_id")
        assert [tuple(row) for row in found] == [("animal", 2), ("human", None), ("vehicle", None)]
        assert conn.exec_driver_sql("SELECT count(*) FROM boxes").scalar() == 0


def test_remaking_a_parent_table_keeps_its_children(database, database_url, monkeypatch, tmp_path):
    """The trap: with foreign keys on, SQLite's drop of the old parent deletes the children."""
    with writing(database) as conn:
        fill(conn, 100)
    with reading(database) as conn:
        before = [line for line in dump(conn)]
    database.dispose()
    next_version(monkeypatch, tmp_path)
    migrate(database_url)
    engine = open_database(database_url)
    with reading(engine) as conn:
        assert list(dump(conn)) == before
        assert not sa.inspect(conn).get_columns("batch")[3]["nullable"]
        if conn.dialect.name == "sqlite":
            assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_an_older_sqlite_database_is_copied_by_sqlite_itself_before_it_is_migrated(
    tmp_path, monkeypatch
):
    """What still lies in the -wal beside the file is in the copy as well."""
    url, told = f"sqlite:///{tmp_path}/a.db", []
    engine = open_database(url)
    with writing(engine) as conn:
        fill(conn, 100)
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    next_version(monkeypatch, tmp_path)
    open_database(url, tell=told.append).dispose()
    backup = Path(told[0].split(": ")[1])
    assert backup.name.startswith(f"a.db.{HEAD}.") and backup.parent == tmp_path
    with sqlite3.connect(backup) as copy:
        assert copy.execute("SELECT count(*) FROM media").fetchone() == (100,)
        assert copy.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall() == [(HEAD,)]


def test_a_migration_that_would_orphan_rows_is_undone(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/a.db"
    engine = open_database(url)
    with writing(engine) as conn:
        fill(conn, 50)
    with reading(engine) as conn:
        before = list(dump(conn))
    engine.dispose()
    next_version(monkeypatch, tmp_path)
    bad = CARELESS.replace("update batch set", "delete from recipe --")
    (tmp_path / "migrations" / "versions" / "9999_next.py").write_text(bad.lstrip(), "utf-8")
    with pytest.raises(DatabaseError, match="would lose a parent"):
        open_database(url)
    monkeypatch.undo()
    with reading(open_database(url)) as conn:
        assert list(dump(conn)) == before


def test_going_back_to_nothing_leaves_nothing(tmp_path):
    from alembic import command

    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    with writing(engine) as conn:
        views.drop(conn, reversed(views.VIEWS))
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", "db.core:migrations")
        command.downgrade(config, "base")
        assert sa.inspect(conn).get_table_names() == [VERSION_TABLE]
