"""`camtriage clock`: shown first, written with --yes, and undone without a trace."""

import csv
import io
from datetime import datetime, timedelta

import pytest

from db.core.engine import open_database, writing
from db.integrity.dump import dump
from flows.prefect.run import run_job
from flows.run_options import NamingOptions, RunOptions
from flows.services.clocks import (
    ChangedClock,
    RepairRequest,
    list_repairs,
    preview_shift,
    requested,
    undo_shift,
    write_shift,
)
from pipeline.card import repair
from pipeline.errors import CamtriageError, InputError, SettingsError
from tests import cards
from tests.commands import camtriage


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """A card that was run with the starter models: (job, its dump)."""
    folder = tmp_path_factory.mktemp("clock")
    cards.card(folder / "card", pictures=36, broken=False)
    job = RunOptions(card=str(folder / "card"), name="k", database=f"sqlite:///{folder}/k.db")
    run_job(job, as_flow=False)
    return job, dumped(job)


def dumped(job: RunOptions) -> list[str]:
    engine = open_database(job.database)
    with engine.connect() as conn:
        return list(dump(conn))


def rows(job: RunOptions, query: str) -> list[tuple]:
    engine = open_database(job.database)
    with engine.connect() as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]


EVENTS = "SELECT event_id, started_at, ended_at, pictures FROM events WHERE deployment_id='k/Cam0'"
VISITS = """SELECT v.started_at, v.pictures FROM visit v JOIN deployment d ON d.id = v.deployment_id
WHERE d.name = 'k/Cam0' ORDER BY v.started_at"""


def test_without_yes_it_is_shown_and_nothing_is_written(card, capsys):
    job, before = card
    assert camtriage("clock", "shift", "k/Cam0", "--by=-1h", "--database", job.database) == 0
    said = capsys.readouterr().out
    assert "18 pictures, shift: moved by -1 h" in said and "add --yes" in said
    assert "2026-05-01T06:00:00  2026-05-01T05:00:00  Cam0/DCIM/100RECNX/RCNX0001.JPG" in said
    assert "2026-05-01T06:50:02  2026-05-01T05:50:02  Cam0/DCIM/100RECNX/RCNX0018.JPG" in said
    assert dumped(job) == before


def test_a_preview_holds_every_picture_with_both_times_and_writes_nothing(card):
    job, before = card
    preview = preview_shift(job.database, RepairRequest("k/Cam0", by="-1h"))
    assert (preview.repair.kind, preview.repair.parameters) == ("shift", {"seconds": -3600})
    assert len(preview.pictures) == 18
    moved = {picture.after - picture.before for picture in preview.pictures}
    assert moved == {timedelta(hours=-1)}
    first = preview.pictures[0]
    assert (first.batch, first.path) == ("k", "Cam0/DCIM/100RECNX/RCNX0001.JPG")
    assert first.before == datetime(2026, 5, 1, 6)
    assert (preview.outside_before, preview.outside_after) == (0, 0), "its period is not known"
    assert dumped(job) == before


def test_visits_follow_a_repair_the_card_stays_known_and_undone_it_is_as_before(card, capsys):
    job, before = card
    visits = rows(job, EVENTS + " ORDER BY started_at")
    words = ["shift", "k/Cam0", "--by=12h", "--who=Amina", "--yes", "--database", job.database]
    assert camtriage("clock", *words) == 0
    moved = rows(job, EVENTS + " ORDER BY started_at")
    assert [(one[0], one[3]) for one in moved] == [(one[0], one[3]) for one in visits]
    assert {one[1][:13] for one in moved} == {"2026-05-01T18"}
    run_job(job, as_flow=False)
    assert rows(job, EVENTS + " ORDER BY started_at") == moved
    assert len(rows(job, "SELECT * FROM run_summary")) == 1, "the card has nothing left to do"
    [[number]] = rows(job, "SELECT max(id) FROM clock_repair")
    assert camtriage("clock", "undo", number, "--who", "Juma", "--database", job.database) == 0
    assert dumped(job) == before
    said = capsys.readouterr().out
    assert f"repair {number} stands, 6 visits formed again; back: camtriage clock undo" in said
    assert "is undone: k/Cam0 has its camera's times again; 6 visits formed" in said


def test_repairs_are_listed_as_a_table_undone_ones_with_their_pictures(card, capsys):
    job, before = card
    camtriage("clock", "list", "--database", job.database)
    head, *earlier = capsys.readouterr().out.splitlines()
    assert head.startswith("number,deploymentID,repair,stretch,pictures,made,by,undone,")
    request = RepairRequest("k/Cam0", by="1h", last_file="RCNX0003.JPG", who="Amina")
    written = write_shift(job, request)
    assert (written.deployment_id, written.visits) == ("k/Cam0", 6)
    assert undo_shift(job, written.number, "Juma") == written
    *_, listed = list_repairs(job.database)
    assert (listed.number, listed.pictures, listed.undone_by) == (written.number, 3, "Juma")
    camtriage("clock", "list", "--database", job.database)
    text = capsys.readouterr().out
    *_, one = csv.DictReader(io.StringIO(text))
    assert len(text.splitlines()) == len(earlier) + 2 and dumped(job) == before
    assert (one["number"], one["pictures"]) == (str(written.number), "3")
    assert one["repair"] == "shift: moved by +1 h" and one["stretch"].endswith("RCNX0003.JPG")
    assert one["by"] == "Amina" and one["undone"] and one["undone_by"] == "Juma"


def test_a_stretch_that_is_repaired_parts_the_visits_at_its_border(card):
    """One visit of three pictures; its last two were taken an hour later."""
    job, before = card
    name = "RCNX0002.JPG"
    request = RepairRequest("k/Cam0", by="1h", first_file=name, last_file="RCNX0003.JPG")
    written = write_shift(job, request)
    visits = rows(job, VISITS)
    assert [pictures for _, pictures in visits] == [1, 3, 3, 3, 3, 3, 2]
    assert visits[-1][0] == "2026-05-01T07:00:01"
    undo_shift(job, written.number)
    assert dumped(job) == before


def test_other_labels_than_those_of_the_run_are_refused_and_nothing_is_half_done(card, tmp_path):
    job, before = card
    (tmp_path / "two.toml").write_text(cards.TWO_TAXA)
    (tmp_path / "study.toml").write_text("[windows]\nvisit_gap_s = 5\n[poaching]\ngroup_size = 2\n")
    for words, option in (
        ({"labels": str(tmp_path / "two.toml")}, "--labels"),
        ({"settings": str(tmp_path / "study.toml")}, "--settings"),
    ):
        other = NamingOptions(database=job.database, **words)
        with pytest.raises(SettingsError, match=f"give {option}"):
            write_shift(other, RepairRequest("k/Cam0", by="1h"))
        assert dumped(job) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"deployment": "nowhere", "by": "1h"}, "no such deployment"),
        ({}, "give one of --by"),
        ({"by": "1h", "year": 2020}, "give one of --by"),
        ({"by": "one hour"}, "write it as"),
        ({"by": "0s"}, "moves nothing"),
        ({"year": 2026}, "of that year already"),
        ({"year": 12026}, "no such year"),
        ({"year": 9}, "--year 9: years from 1990 to .* can be true; write it with four digits"),
        ({"year": 2126}, "--year 2126: years from 1990"),
        ({"by": "-20000d"}, "2026-05-01 06:00:00 would become 1971-07-29"),
        ({"zone": "+00:00"}, "deployments edit k/Cam0 --offset"),
        ({"zone": "east"}, "write it as"),
        ({"drift": ("2026-05-01",)}, "CAMERA=TRUE"),
        ({"drift": ("2026-05-01=2026-05-01",)}, "two known points"),
        ({"by": "1h", "begin": "noon"}, "--from noon"),
        ({"by": "1h", "begin": "2026-05-02", "end": "2026-05-01"}, "is before"),
        ({"by": "1h", "begin": "2027-01-01"}, "no picture with a time"),
        ({"by": "1h", "card": "another"}, "no such batch"),
        ({"by": "1h", "first_file": "RCNX9999.JPG"}, "is called so"),
        ({"by": "1h", "first_file": "RCNX0003.JPG", "last_file": "RCNX0002.JPG"}, "comes before"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(card, words, said):
    job, before = card
    with pytest.raises(CamtriageError, match=said):
        write_shift(job, RepairRequest(**({"deployment": "k/Cam0"} | words)))
    assert dumped(job) == before


def test_a_wrong_year_keeps_the_days_between_pictures_over_a_leap_day(card):
    """The clock stood on 2026; it was 2028, which has a 29 February."""
    job, _ = card
    with writing(open_database(job.database)) as conn:
        one, some = requested(conn, RepairRequest("k/Cam0", year=2028))
        assert one.parameters == {"seconds": 731 * 86400, "year": 2028} and len(some) == 18


def test_29_february_is_the_first_of_march_in_a_year_without_it():
    leap_day = datetime(2028, 2, 29, 6)
    there = leap_day + timedelta(seconds=repair.year_shift(leap_day, 2026))
    assert there == datetime(2026, 3, 1, 6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("+1h30m", 5400), ("-365d", -365 * 86400), ("12:00:00", 43200), ("-0:30", -1800)),
        *(("1d 2h 3min 4s", 93784), ("45s", 45)),
    ],
)
def test_a_shift_is_typed_in_days_hours_minutes_and_seconds(text, seconds):
    assert repair.seconds_of(text) == seconds
    assert repair.seconds_of(repair.moved(seconds)) == seconds, "and is told the same"


def test_a_zone_moves_by_the_difference_of_fixed_offsets():
    assert repair.zone_shift("+00:00", 180, "A")["seconds"] == 3 * 3600
    assert repair.zone_shift("+05:30", 180, "A")["seconds"] == -2.5 * 3600
    with pytest.raises(InputError, match="own offset"):
        repair.zone_shift("+03:00", 180, "A")


def test_on_postgresql_a_repair_and_its_visits_are_one_transaction_too(postgres_copy, tmp_path):
    cards.card(tmp_path / "card", pictures=12, broken=False)
    job = RunOptions(card=str(tmp_path / "card"), name="k", database=postgres_copy)
    run_job(job, as_flow=False)
    before = dumped(job)
    drift = ("2026-05-01=2026-05-01", "2026-05-02=2026-05-02T00:01")
    assert write_shift(job, RepairRequest("k/Cam0", drift=drift)) == ChangedClock(1, "k/Cam0", 2)
    assert {started_at[:19] for started_at, _ in rows(job, VISITS)} == {
        "2026-05-01T06:00:15",
        "2026-05-01T06:10:15",
    }
    undo_shift(job, 1)
    assert dumped(job) == before
