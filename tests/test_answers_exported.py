"""All answers go out as a table and come back: here nothing is added, elsewhere the same counts."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, reading, writing
from db.store.reviewing.reviews import save_reviews
from flows.services.reviewing.answers import export_answers
from flows.services.reviewing.reviews import import_reviews, undo_import
from pipeline.errors import InputError
from pipeline.records import DayAlone, Review
from tests.test_save import SHAS, ingested

NOON = datetime(2026, 5, 2, 12)
HOSTILE = "=HYPERLINK(\"x\"), 'quoted'; two\nlines <b>"
SAID = "SELECT media_id, purpose, observation_type, scientific_name, count, sex, comment, reviewer"
COUNTING = f"{SAID} FROM reviews WHERE newest ORDER BY 1, 2, 3, 4, 5, 6"


@pytest.fixture
def answered(database, database_url) -> str:
    """Answers that change their mind within a day, with and without times, of pictures and visits,
    of several animals, and with words that no table likes."""
    with writing(database) as conn:
        ingested(conn)
        for kind, name in (("animal", "Lynx"), ("blank", None), ("animal", "Lynx")):
            save_reviews(conn, [Review(SHAS[0], kind, name, None, "Jo")], "a.csv")
            later(conn)
        both = [
            Review(SHAS[1], "animal", n, 2, "Jo", NOON, sex="female") for n in ("Lynx", "Vulpes")
        ]
        save_reviews(conn, both, "b.csv")
        save_reviews(conn, [Review(SHAS[1], "blank", None, None, None, None, "event")], "c.csv")
        save_reviews(conn, [Review(SHAS[2], "human", None, 1, HOSTILE[:20], NOON)], "=d.csv")
        alone = DayAlone(2026, 5, 3)
        save_reviews(conn, [Review(SHAS[2], "blank", None, None, "E", alone, comment=HOSTILE)], "e")
        today = DayAlone(*datetime.now().timetuple()[:3])
        save_reviews(conn, [Review(SHAS[3], "animal", "Ω", None, "E", today)], "f.csv")
        later(conn)
        save_reviews(conn, [Review(SHAS[3], "blank", None, None, "E")], "g.csv")
    return database_url


def later(conn) -> None:
    """What was said so far was said a minute earlier."""
    rows = conn.execute(sa.select(schema.review.c.id, schema.review.c.saved_at)).all()
    for key, at in rows:
        change = sa.update(schema.review).where(schema.review.c.id == key)
        conn.execute(change.values(saved_at=at - timedelta(minutes=1)))


def told(engine, query=COUNTING) -> list[tuple]:
    with reading(engine) as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]


def test_read_back_where_it_is_from_it_adds_nothing(answered, database, tmp_path):
    before = told(database, f"{SAID}, answer FROM reviews ORDER BY 1, 2, answer, 3, 4")
    assert export_answers(answered, tmp_path / "all.csv") == len(before) == 10
    found = import_reviews(answered, tmp_path / "all.csv", "somebody")
    assert (found.saved, found.known) == (0, 10)
    assert told(database, f"{SAID}, answer FROM reviews ORDER BY 1, 2, answer, 3, 4") == before


def test_in_another_database_of_the_same_card_the_same_answers_count(answered, database, tmp_path):
    export_answers(answered, tmp_path / "all.csv")
    url = f"sqlite:///{tmp_path / 'other.db'}"
    other = open_database(url)
    with writing(other) as conn:
        ingested(conn)
    assert import_reviews(url, tmp_path / "all.csv", None).saved == 10
    assert told(other) == told(database)
    assert import_reviews(url, tmp_path / "all.csv", None).saved == 0
    other.dispose()


def test_an_import_is_taken_back_whole_and_what_was_said_before_counts_again(
    answered, database, tmp_path
):
    before = told(database)
    table = tmp_path / "slip.csv"
    slip = "\n".join(f"{sha},animal,Panthera leo" for sha in SHAS[:4])
    table.write_text(f"media_id,observation_type,scientific_name\n{slip}\n")
    import_reviews(answered, table, "Jo")
    assert told(database) != before
    undone = undo_import(answered)
    assert (undone.table, undone.rows, undone.pictures) == ("slip.csv", 4, 4)
    assert told(database) == before
    assert export_answers(answered, tmp_path / "all.csv") == 10, "what was taken back is not told"
    assert import_reviews(answered, table, "Jo").saved == 4
    undo_import(answered)
    tables = [undo_import(answered).table for _ in range(9)]
    assert tables[0] == "g.csv" and tables[-1] == "a.csv"
    assert told(database) == []
    with pytest.raises(InputError, match="no import"):
        undo_import(answered)


def test_a_table_that_is_there_is_not_written_over(answered, tmp_path):
    (tmp_path / "all.csv").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        export_answers(answered, tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text() == "mine"
