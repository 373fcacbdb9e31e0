"""A clock that was wrong is repaired in every view, and what the camera wrote stays."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from db.core import schema
from db.core.engine import reading, writing
from db.integrity.check import check
from db.integrity.dump import dump
from db.store.batches import all_batches, batch_row, save_batch
from db.store.deployments import all_deployments, deployments_of, save_deployments
from db.store.flags import save_flags
from db.store.media import media_of, save_media, unplanned_media
from db.store.outages import save_outages
from db.store.repairs import repairs, save_repair, stretch, undo_repair
from flows.facts.package import gather
from pipeline.card.repair import KINDS, drift, zone_shift
from pipeline.errors import InputError
from pipeline.records import ClockRepair, Deployment, Flag, Media, Outage
from pipeline.tables.times import option_time
from tests.makers import BEGIN, fill

PLACE = "K000 2026"
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2090, 1, 1))
SECONDS = st.integers(-40 * 365 * 86400, 40 * 365 * 86400)


def shift(place: str = PLACE, seconds: int = 3600, **bounds) -> ClockRepair:
    return ClockRepair(place, "shift", {"seconds": seconds}, **bounds)


# --- what a repair makes of a time ---


@given(TIMES, SECONDS)
def test_a_shift_and_its_opposite_are_nothing(at, seconds):
    assert shift(seconds=-seconds).repaired(shift(seconds=seconds).repaired(at)) == at


@given(TIMES)
def test_morning_and_afternoon_exchanged_twice_are_nothing_and_the_day_stays(at):
    half = ClockRepair(PLACE, "am_pm")
    assert half.repaired(half.repaired(at)) == at
    assert half.repaired(at).date() == at.date() and half.repaired(at).hour != at.hour


@st.composite
def lines(draw) -> list[tuple[datetime, datetime]]:
    """Two points of a clock that drifts by at most a hundredth."""
    begin, off = draw(TIMES), timedelta(seconds=draw(SECONDS))
    went_by = draw(st.integers(1000, 10**8))
    drifted = draw(st.integers(-(went_by // 101), went_by // 101))
    later = timedelta(seconds=went_by)
    return [(begin, begin + off), (begin + later, begin + later + off + timedelta(seconds=drifted))]


@given(lines())
def test_drift_meets_both_known_points_exactly(points):
    one = ClockRepair(PLACE, "drift", drift(points))
    assert [one.repaired(camera) for camera, _ in points] == [true for _, true in points]


@given(lines(), st.lists(TIMES, min_size=2, max_size=20))
def test_no_drift_or_shift_puts_a_picture_before_an_earlier_one(points, times):
    for one in (ClockRepair(PLACE, "drift", drift(points)), shift(seconds=-86400)):
        made = [one.repaired(at) for at in sorted(times)]
        assert made == sorted(made)


def test_two_points_that_are_no_drift_are_refused_in_words():
    may = [datetime(2026, 5, day) for day in range(1, 10)]
    for points, said in (
        ([(may[0], may[0])], "two known points"),
        ([(may[0], may[0]), (may[0], may[1])], "both points"),
        ([(may[0], may[0]), (may[1], may[5])], "more than a clock drifts"),
        ([(may[0], may[1]), (may[1], may[0])], "more than a clock drifts"),
    ):
        with pytest.raises(InputError, match=said):
            drift(points)


def test_a_time_is_typed_with_the_year_first_and_any_hour():
    assert option_time("--from", "2009-05-10 8:00") == datetime(2009, 5, 10, 8)
    for text in ("05/04/2009", "2009-05-10T08:00+03:00", "soon"):
        with pytest.raises(InputError, match="without an offset") as error:
            option_time("--from", text)
        assert ("2009-04-05 or 2009-05-04" in str(error.value)) is (text[0] == "0")


def test_a_year_that_no_calendar_has_is_refused():
    with pytest.raises(InputError, match="no such year"):
        shift(seconds=10**12).repaired(BEGIN)


def test_a_stretch_ends_with_its_last_picture_or_file_and_on_its_card():
    one = shift(first_at=BEGIN, last_at=BEGIN + timedelta(hours=1))
    assert [one.touches("c", "p", BEGIN + timedelta(hours=h)) for h in (-1, 0, 1, 2)] == [
        *(False, True, True, False)
    ]
    one = shift(first_path="a/2.JPG", last_path="a/4.JPG", batch="c")
    assert [one.touches("c", f"a/{n}.JPG", BEGIN) for n in (1, 2, 4, 5)] == [
        *(False, True, True, False)
    ]
    assert not one.touches("another", "a/3.JPG", BEGIN)
    assert not shift().touches("c", "p", None)


# --- in the database ---


@pytest.fixture
def filled(database):
    with writing(database) as conn:
        fill(conn, 240)
    return database


def times(conn, query: str) -> list:
    return [tuple(row) for row in conn.exec_driver_sql(query)]


def test_every_view_tells_the_repaired_time_and_the_camera_keeps_its_own(filled):
    wrote = "SELECT sha256, taken_at, time_text FROM media ORDER BY sha256"
    with writing(filled) as conn:
        before = times(conn, wrote)
        save_repair(conn, shift(seconds=86400, made_by="Amina"))
        assert times(conn, wrote) == before
        assert check(conn) == []
        rows = times(
            conn,
            "SELECT p.camera_time, p.taken_at, p.clock_repair, p.time_certain, s.taken_at,"
            " o.event_start FROM pictures p JOIN media_status s ON s.media_id = p.media_id"
            " JOIN observations o ON o.media_id = p.media_id AND o.observation_level = 'media'"
            f" WHERE p.deployment_id = '{PLACE}' AND p.camera_time IS NOT NULL",
        )
    assert len(rows) == 59
    for camera, repaired_at, kind, certain, of_status, of_observation in rows:
        assert datetime.fromisoformat(repaired_at) == datetime.fromisoformat(camera) + DAY
        assert repaired_at == of_status == of_observation and kind == "shift" and certain


DAY = timedelta(days=1)


def test_days_first_and_last_pictures_and_effort_follow_and_others_stay(filled):
    query = (
        "SELECT deployment_id, first_picture_at, last_picture_at, effort_days FROM deployments"
        " ORDER BY deployment_id"
    )
    half = BEGIN + timedelta(hours=5)
    with writing(filled) as conn:
        before = times(conn, query)
        save_repair(conn, shift(seconds=86400, first_at=half))
        after = times(conn, query)
        days = times(
            conn, f"SELECT DISTINCT day FROM pictures_by_day WHERE deployment_id='{PLACE}'"
        )
    assert after[1:] == before[1:]
    assert after[0][1] == before[0][1] and after[0][2] > before[0][2]
    assert after[0][3] == pytest.approx(before[0][3] + 1)
    assert ("2026-03-02",) in days


def test_another_zone_moves_no_moment_whose_offset_the_camera_wrote_down(filled):
    """The clock ran at UTC and EXIF says so: 06:00 becomes 09:00 at the deployment's +03:00."""
    moments = "SELECT media_id, taken_at_utc FROM pictures ORDER BY 1"
    offsets = (
        "SELECT DISTINCT utc_offset_min FROM observations WHERE deployment_id = 'K000 2026'"
        f" AND event_start >= '{BEGIN:%Y}' ORDER BY 1"
    )
    flags = "SELECT started_at_utc FROM flags"
    with writing(filled) as conn:
        conn.exec_driver_sql("UPDATE media SET utc_offset_min = 0")
        conn.exec_driver_sql("DELETE FROM flag_media")
        conn.exec_driver_sql("DELETE FROM flag")
        batch = batch_row(conn, all_batches(conn)[0])
        [one, *_] = media_of(conn, batch["id"], [PLACE])
        flag = Flag(PLACE, BEGIN, (one.sha256,), ("dog",), 1, 0.9, "Suspected: a dog.")
        save_flags(conn, batch["flag_recipe_id"], [flag])
        before = times(conn, moments)
        assert times(conn, offsets) == [(0,)]
        save_repair(conn, ClockRepair(PLACE, "zone", zone_shift("+00:00", 180, PLACE)))
        assert times(conn, moments) == before
        assert times(conn, offsets) == [(180,)]
        utc = (BEGIN - timedelta(hours=3)).isoformat() + "Z"  # formed again, it begins 3 h later
        assert times(conn, flags) == [(utc,)]
        package = gather(conn)
        assert {one.utc_offset_min for one in package.pictures} == {0, None}
        assert {one.utc_offset_min for one in package.events if one.deployment_id == PLACE} == {
            None
        }


def test_a_repair_that_is_undone_leaves_the_same_database(filled):
    with writing(filled) as conn:
        before = list(dump(conn))
        keys = [save_repair(conn, shift(last_at=BEGIN)), save_repair(conn, shift("K001 2026"))]
        repaired_dump = list(dump(conn))
        assert [line for line in repaired_dump if line.startswith("clock_repair")]
        for key in keys:
            undo_repair(conn, key, "Juma")
        assert list(dump(conn)) == before != repaired_dump
        assert repairs(conn) == [] and len(repairs(conn, undone=True)) == 2
        with pytest.raises(InputError, match="was undone"):
            undo_repair(conn, keys[0], None)
        with pytest.raises(InputError, match="does not exist"):
            undo_repair(conn, 99, None)


def test_a_picture_has_one_repair(filled):
    with writing(filled) as conn:
        key = save_repair(conn, shift(last_at=BEGIN))
        with pytest.raises(InputError, match=f"undo {key}"):
            save_repair(conn, shift())
        save_repair(conn, shift(first_at=BEGIN + timedelta(hours=1)))


def test_a_card_that_comes_later_is_repaired_as_it_comes(filled):
    late = Media("ab" * 32, "late.JPG", 1, taken_at=BEGIN, clock="exif", deployment_id=PLACE)
    early = Media("cd" * 32, "early.JPG", 1, taken_at=BEGIN, clock="exif", deployment_id=PLACE)
    with writing(filled) as conn:
        save_repair(conn, shift(batch="card-0"))
        save_repair(conn, shift(seconds=60, batch=None, first_path="l"))
        batch = save_batch(conn, "later", "/later", "later")
        save_media(conn, batch, [late, early])
        s, m = schema.status.c, schema.media.c
        query = sa.select(s.taken_at).join(schema.media, m.id == s.media_id).order_by(m.sha256)
        found = conn.execute(query.where(m.sha256.in_([late.sha256, early.sha256]))).scalars()
        assert list(found) == [BEGIN + timedelta(seconds=60), BEGIN]
        unplanned = unplanned_media(conn, batch)
        assert {one.taken_at for one in unplanned} == {BEGIN}, "a plan hangs on the card alone"
        assert {one.taken_at for one in media_of(conn, batch)} == {
            *(BEGIN, BEGIN + timedelta(seconds=60))
        }


def test_a_clock_that_the_table_doubts_is_believed_once_every_picture_is_repaired(database):
    place = Deployment("A", timestamp_issues=True, source="table")
    media = [
        Media(f"{n:064}", f"{n}.JPG", 1, taken_at=BEGIN + n * DAY, clock="exif", deployment_id="A")
        for n in range(2)
    ]
    with writing(database) as conn:
        save_deployments(conn, [place])
        batch = save_batch(conn, "card", "/card", "card")
        save_media(conn, batch, media)
        first = save_repair(conn, shift("A", last_at=BEGIN))
        assert deployments_of(conn, batch)[0].timestamp_issues
        save_repair(conn, shift("A", first_at=BEGIN + DAY))
        assert deployments_of(conn, batch)[0].timestamp_issues is False
        assert all_deployments(conn)[0].timestamp_issues, "the table's word stays"
        assert {row[0] for row in times(conn, "SELECT time_certain FROM pictures")} == {True}
        undo_repair(conn, first, None)
        assert deployments_of(conn, batch)[0].timestamp_issues


def test_a_stretch_is_told_in_the_order_of_files(filled):
    with reading(filled) as conn:
        some = stretch(conn, shift(first_at=BEGIN, last_at=BEGIN + timedelta(hours=1)))
    assert [path[-8:] for _, _, path, _ in some] == [f"{n:04}.JPG" for n in range(7)]
    assert set(KINDS) == {"shift", "year", "zone", "am_pm", "drift", "set"}


def test_the_check_tells_repaired_times_and_outages_that_are_wrong(filled):
    with writing(filled) as conn:
        save_repair(conn, shift(last_at=BEGIN))
        save_outages(conn, [Outage("K001 2026", BEGIN, BEGIN + DAY, "a")])
        save_outages(conn, [Outage("K001 2026", BEGIN + DAY, BEGIN + 2 * DAY, "b")])
        assert check(conn) == []
        conn.exec_driver_sql("UPDATE repaired_time SET taken_at = '2026-03-01T07:00:09'")
        conn.exec_driver_sql("UPDATE outage SET ended_at = NULL WHERE reason = 'a'")
        faults = " ".join(check(conn))
    assert "2 repaired times are not" in faults and "outages overlap" in faults
    assert "current results are stale" in faults
