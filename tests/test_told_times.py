"""When a person answered: one moment on the screen, in tables and in what goes out, in any zone."""

import csv
import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from makers import fill
from test_camtrap_dp import PROJECT
from test_outgoing import unpacked

from db.core.engine import reading, writing
from db.core.rows import refresh
from db.store.reviewing.reviews import save_reviews
from flows.services.exchange.export import export_camtrap_dp
from flows.services.exchange.outgoing import Sharing, export_darwin_core
from flows.services.reviewing.reviews import import_reviews
from flows.services.reviewing.saving import Answers
from flows.services.reviewing.shown import Said
from pipeline.exchange.incoming.dataset import told_time
from pipeline.exchange.paths import local_stamp
from pipeline.records import Review
from pipeline.tables.times import typed_time

PLACES = "UPDATE deployment SET started_at = '2020-01-01', ended_at = '2030-01-01'"
NEWEST = "SELECT observation_type FROM reviews WHERE newest AND media_id = '{}'"
HOUR = timedelta(hours=1)


@pytest.fixture(params=["EAST-5", "WEST+5"])
def zone(request, monkeypatch):
    """This machine, five hours from Greenwich."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def picture(database) -> tuple[int, str]:
    """Key and media_id of the first picture of a visit; nobody answered yet."""
    with writing(database) as conn:
        fill(conn, 20, cameras=1, cards=1)
        for change in (PLACES, "UPDATE status SET review_id = NULL", "DELETE FROM review"):
            conn.exec_driver_sql(change)
        refresh(conn, sa.true())
        query = "SELECT m.id, m.sha256 FROM visit v JOIN media m ON m.id = v.media_id"
        key, sha = conn.execute(sa.text(f"{query} WHERE m.taken_at IS NOT NULL ORDER BY 1")).first()
    return key, sha


def newest(database, sha: str) -> list[str]:
    with reading(database) as conn:
        return [*conn.execute(sa.text(NEWEST.format(sha))).scalars()]


def test_an_answer_goes_out_with_the_moment_at_which_it_was_given(
    zone, picture, database_url, tmp_path
):
    key, _ = picture
    Answers(database_url).save("Zawadi", [key], "review", [Said("animal", "Panthera leo", 1)])
    (tmp_path / "project.toml").write_text(PROJECT)
    export_camtrap_dp(database_url, tmp_path / "out", tmp_path / "project.toml")
    archive = tmp_path / "a.zip"
    export_darwin_core(database_url, archive, tmp_path / "project.toml", Sharing())
    with (tmp_path / "out" / "observations.csv").open(encoding="utf-8") as file:
        mine = [row for row in csv.DictReader(file) if row["classifiedBy"] == "Zawadi"]
    told = [row["classificationTimestamp"] for row in mine]
    _, tables = unpacked(archive)
    told += [
        row["dateIdentified"] for row in tables["occurrence.csv"] if row["identifiedBy"] == "Zawadi"
    ]
    assert len(told) == 3
    for text in told:
        assert abs(datetime.now(UTC) - datetime.fromisoformat(text)) < HOUR / 4


def test_the_newest_answer_counts_whether_screen_or_table_gave_it(
    zone, picture, database, database_url, tmp_path
):
    key, sha = picture
    here = datetime.now().replace(microsecond=0)
    screen = Answers(database_url)
    screen.save("Zawadi", [key], "review", [Said("animal", "Panthera leo", 1)])
    with writing(database) as conn:
        save_reviews(conn, [Review(sha, "blank", reviewed_at=here - HOUR)], "older.csv")
    assert newest(database, sha) == ["animal"]
    with writing(database) as conn:
        save_reviews(conn, [Review(sha, "vehicle")], "no-time.csv")
    assert newest(database, sha) == ["vehicle"]
    screen.save("Zawadi", [key], "review", [Said("unknown")])
    assert newest(database, sha) == ["unknown"]
    screen.undo("Zawadi")
    assert newest(database, sha) == ["vehicle"]
    later = (datetime.now(UTC) + HOUR).isoformat(timespec="seconds")
    (tmp_path / "a.csv").write_text(f"media_id,label,reviewed_at\n{sha},human,{later}\n")
    assert import_reviews(database_url, tmp_path / "a.csv", None).saved == 1
    screen.save("Zawadi", [key], "review", [Said("animal")])
    assert newest(database, sha) == ["human"], "an offset in a table is understood"


def test_a_moment_that_comes_in_goes_out_as_the_same_one(zone):
    came = "2026-05-01T22:30:00+03:00"
    kept = told_time(typed_time(came))
    assert kept is not None and kept.tzinfo is None
    assert datetime.fromisoformat(local_stamp(kept)) == datetime.fromisoformat(came)
    assert told_time(typed_time("2026-05-01T22:30:00")) == datetime(2026, 5, 1, 22, 30)
