"""A picture dated by day only has a date and no hour: it counts for days and never as midnight."""

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from test_zeroshot import few, look  # noqa: F401 (few is a fixture)

from db.integrity.check import _repairs, _status
from db.store.batches import save_batch
from db.store.deployments import all_deployments, pictures_taken, save_deployments
from db.store.media import media_named, save_media
from db.store.outages import pictures_within, save_outages
from db.store.repairs import save_repair
from flows.facts.study import read_sightings
from flows.run_options import RunOptions
from flows.steps.card import read_card
from pipeline.card import windows
from pipeline.poaching.camera import trusted
from pipeline.population.effort.basis import basis
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.study import study
from pipeline.population.study.tables import population_tables
from pipeline.records import ClockRepair, DayAlone, Deployment, Media, Outage, time_of
from pipeline.settings import Settings, Windows
from pipeline.species.visit_names import ByVectors
from pipeline.species.visits import form_visits
from tests import cards
from tests.visits import put

MAY4 = DayAlone(2026, 5, 4)
SET_UP, TAKEN_DOWN = datetime(2026, 5, 1, 10), datetime(2026, 5, 11, 9)


def written(root, name: str, text: str | None) -> None:
    """A picture with this text as its time of taking."""
    exif = Image.Exif()
    if text:
        exif.get_ifd(0x8769)[0x9003] = text
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    cards.picture(hash(name) % 10**6).save(root / name, "JPEG", exif=exif)


def test_each_form_of_a_day_alone_on_a_card_is_a_day_and_stays_one_when_packed(tmp_path):
    times = {
        "A/1.jpg": "2026:05:04   :  :  ",
        "A/2.jpg": "2026:05:04",
        "E/3.jpg": "2026:05:04 00:00:00",
        "B/IMG-20260504-WA0007.jpg": None,
        "B/20260504_060000.jpg": None,
        **{f"C/{n}.jpg": f"2026:05:{n:02} 00:00:00" for n in range(1, 5)},  # it writes no hours
        **{f"D/{n}.jpg": f"2026:05:{n:02} 00:00:00" for n in (1, 2)},  # two may be chance
    }
    for name, text in times.items():
        written(tmp_path, name, text)
    card = read_card(RunOptions(card=str(tmp_path)))
    found = {picture.path: picture.taken_at for picture in card.media}
    alone = {path for path, at in found.items() if isinstance(at, DayAlone)}
    assert alone == {
        *("A/1.jpg", "A/2.jpg", "B/IMG-20260504-WA0007.jpg"),
        *(f"C/{n}.jpg" for n in range(1, 5)),
    }
    assert found["E/3.jpg"] == found["A/1.jpg"] == datetime(2026, 5, 4)
    assert found["B/20260504_060000.jpg"].hour == 6


def test_pictures_of_one_day_are_bursts_and_visits_of_their_own(few):  # noqa: F811
    media = [Media(f"{n:02}", f"{n:02}.jpg", 1, taken_at=MAY4, deployment_id="d") for n in range(4)]
    media[2:] = [replace(p, sequence_n=n, sequence_m=2) for n, p in enumerate(media[2:], 1)]
    [window] = windows.plan(media, Windows())
    assert window.bursts == (0, 1, 2, 2), "the camera's own '1 of 2' keeps two together"
    bursts = dict(zip(window.sha256s, window.bursts, strict=True))
    looks = {picture.sha256: look(picture.sha256) for picture in media}
    visits = form_visits(
        media, looks, {}, ByVectors({}, few, Settings().labels), Settings(), bursts
    )
    assert [visit.sha256s for visit in visits] == [("00",), ("01",), ("02", "03")]
    assert all(isinstance(visit.started_at, DayAlone) for visit in visits)


def test_no_rule_of_the_night_sees_its_midnight():
    assert trusted(Deployment("d"), MAY4) is None
    assert trusted(Deployment("d"), datetime(2026, 5, 4)) == datetime(2026, 5, 4)


def test_a_repair_moves_it_by_whole_days_and_keeps_it_a_day():
    def moved(kind, **how):
        at = ClockRepair("d", kind, how).repaired(MAY4)
        assert isinstance(at, DayAlone)
        return at.date()

    assert moved("shift", seconds=-3600) == moved("shift", seconds=3600) == date(2026, 5, 4)
    assert moved("year", seconds=-365 * 86400) == date(2025, 5, 4)
    assert moved("am_pm") == date(2026, 5, 4)


def test_it_is_stored_and_shown_as_the_day_on_both_databases(database):
    with database.begin() as conn:
        batch = save_batch(conn, "card", "/", "x")
        place = Deployment("d", started_at=SET_UP, ended_at=TAKEN_DOWN, utc_offset_min=120)
        save_deployments(conn, [replace(place, source="table")])
        days = [DayAlone(2026, 4, 30), DayAlone(2026, 5, 1), MAY4, datetime(2026, 5, 4, 0, 0, 0)]
        media = [
            Media(f"{n:064}", f"{n}.jpg", 1, taken_at=at, clock="exif", deployment_id="d")
            for n, at in enumerate(days)
        ]
        assert save_media(conn, batch, media) == []
        shown = "SELECT taken_at, taken_at_utc, time_certain FROM pictures ORDER BY path"
        assert [tuple(row) for row in conn.execute(sa.text(shown))] == [
            ("2026-04-30", None, False),
            ("2026-05-01", None, False),
            ("2026-05-04", None, False),
            ("2026-05-04T00:00:00", "2026-05-03T22:00:00Z", True),
        ]
        status = "SELECT taken_at FROM media_status ORDER BY path"
        assert conn.execute(sa.text(status)).scalars().all()[1] == "2026-05-01"
        taken = pictures_taken(conn)["d"]
        assert (taken.early, taken.late) == (1, 0), "the day of setting up is none too early"
        save_outages(conn, [Outage("d", datetime(2026, 5, 3), datetime(2026, 5, 4, 9))])
        assert [n for _, n in pictures_within(conn)] == [1], "the day may be after it"
        again = media_named(conn, [picture.sha256 for picture in media])
        assert [isinstance(picture.taken_at, DayAlone) for picture in again] == [True] * 3 + [False]
        save_repair(conn, ClockRepair("d", "shift", {"seconds": -3600}))
        assert [*_repairs(conn), *_status(conn)] == []
        assert conn.execute(sa.text(status)).scalars().all() == [
            *("2026-04-30", "2026-05-01", "2026-05-04", "2026-05-03T23:00:00")
        ]


OUT = {"d": [(datetime(2026, 5, 7, 12), datetime(2026, 5, 8, 12))]}
LIONS = (  # started_at, and whether it is in effort
    "2026-05-01",  # set up at 10:00 of that day
    "2026-05-04",
    "2026-05-04",
    "2026-05-04T00:00:00",
    "2026-05-06T20:00:00",
    "2026-05-08",  # the camera failed at noon of the 7th and came back on the 8th at 12:00
    "2026-05-12",
)


@pytest.fixture
def lions(database):
    """A connection to a database with these visits of a lion."""
    with database.connect() as conn:
        seen = [
            ("d", time_of(at), time_of(at), "animal", "Panthera leo", None, None, None)
            for at in LIONS
        ]
        d = {"location_id": "S", "started_at": SET_UP, "ended_at": TAKEN_DOWN}
        put(conn, {"d": d | {"latitude": -2.0, "longitude": 35.0, "utc_offset_min": 180}}, seen)
        save_outages(conn, [Outage("d", *OUT["d"][0], "battery")])
        yield conn
        conn.rollback()


def test_it_is_one_event_a_day_in_effort_and_in_no_activity_in_views_and_arrays(lions):
    query = "SELECT started_at, ended_at, visits, in_effort FROM independent_events"
    told = {tuple(row) for row in lions.execute(sa.text(query))}
    assert told == {
        ("2026-05-01", "2026-05-01", 1, "yes"),
        ("2026-05-04", "2026-05-04", 2, "yes"),
        ("2026-05-04T00:00:00", "2026-05-04T00:00:00", 1, "yes"),
        ("2026-05-06T20:00:00", "2026-05-06T20:00:00", 1, "yes"),
        ("2026-05-08", "2026-05-08", 1, "yes"),
        ("2026-05-12", "2026-05-12", 1, "no"),
    }
    found = study(basis(read_sightings(lions), all_deployments(lions), StudyRequest(), OUT))
    tables = population_tables(found, "0").rows
    head, *events = tables["events"]
    ours = {
        (row[4], row[5], row[6], "yes" if row[head.index("in_effort")] else "no") for row in events
    }
    assert ours == {row for row in told if row[0] < "2026-05-12"}, "that day is not asked for"
    assert found.days.clock["Panthera leo"].n == 2, "those with an hour"
    assert found.days.sun["Panthera leo"].n == 2
    hours = "SELECT hour, events FROM activity_by_hour ORDER BY hour"
    assert [tuple(row) for row in lions.execute(sa.text(hours))] == [(0, 1), (20, 1)]
    [rate] = found.rates
    assert rate.events == 5
    assert int(np.nansum(found.occupied[0].history.cells)) == 2, "weeks with a lion"


def test_record_tables_have_its_day_and_no_time_and_the_page_says_so(lions):
    names = '"DateTimeOriginal", "Date", "Time", "delta.time.secs"'
    view = [tuple(row) for row in lions.execute(sa.text(f"SELECT {names} FROM record_table"))]
    two_days = 2 * 86400 + 20 * 3600
    assert sorted(view, key=str) == [
        ("2026-05-01", "2026-05-01", None, None),
        ("2026-05-04 00:00:00", "2026-05-04", "00:00:00", 0),
        ("2026-05-04", "2026-05-04", None, None),
        ("2026-05-06 20:00:00", "2026-05-06", "20:00:00", two_days),
        ("2026-05-08", "2026-05-08", None, None),
    ]
    found = study(basis(read_sightings(lions), all_deployments(lions), StudyRequest(), OUT))
    tables = population_tables(found, "0").rows
    ours = [
        tuple(cell if cell != "" else None for cell in row[2:6])
        for row in tables["record_table"][1:]
    ]
    assert sorted(ours, key=str) == sorted(view, key=str)
    about = dict(tables["about"][1:])
    assert "3 events with a day and no hour" in about["clocks"]
    assert about["left out: events whose hour is not known, in no activity"] == 3
