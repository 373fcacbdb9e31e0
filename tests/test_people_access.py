"""Who sees people unpixelated is written down before they are shown."""

import pytest

from db.core.engine import reading, writing
from flows.services.reviewing.access import ask_for_people
from pipeline.errors import InputError
from tests.test_save import SHAS, ingested

SEEN = "SELECT media_id, deployment_id, path, reviewer, task, asked_at FROM people_access"


@pytest.fixture
def card(database, database_url) -> str:
    with writing(database) as conn:
        ingested(conn)
    return database_url


def rows(database) -> list[tuple]:
    with reading(database) as conn:
        return [tuple(row) for row in conn.exec_driver_sql(SEEN)]


def test_each_time_somebody_asks_is_a_row_with_who_what_when_and_why(card, database):
    ask_for_people(card, [SHAS[0], SHAS[0]], "Amina", "flags")
    ask_for_people(card, [SHAS[0]], "Jo", "review")
    told = sorted(rows(database), key=lambda row: row[3])
    assert [(row[0], *row[3:5]) for row in told] == [
        (SHAS[0], "Amina", "flags"),
        (SHAS[0], "Jo", "review"),
    ]
    assert all(row[1] and row[2] and row[5][:2] == "20" for row in told)


def test_where_nobody_is_named_or_no_picture_is_meant_nothing_is_written_or_shown(card, database):
    for pictures, who in (([SHAS[0]], "  "), ([SHAS[0], "f" * 64], "Amina")):
        with pytest.raises(InputError):
            ask_for_people(card, pictures, who, "flags")
    assert rows(database) == []
