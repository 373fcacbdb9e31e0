"""Effort, problems and camtrapR's tables as views say what pipeline.population says, on both."""

from datetime import datetime, time, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.rows import now
from db.store.deployments import all_deployments
from db.store.outages import accepted_outages
from flows.facts.study import read_sightings
from pipeline.errors import PopulationError
from pipeline.population.effort.basis import basis
from pipeline.population.effort.effort import watches
from pipeline.population.effort.operation import operation
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.events.spans import DAY
from pipeline.population.study.table_rows import clock_notes
from tests.visits import put, read_stays

BEGIN = datetime(2026, 5, 1)


@pytest.fixture
def conn(database):
    """Nothing that a test writes stays."""
    with database.connect() as conn:
        yield conn
        conn.rollback()


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=float(hours))


def put_study(conn, places: dict, outages=(), visits=()) -> None:
    """places: name -> (station, from, to in hours); outages (place, from, to, accepted)."""
    put(
        conn,
        {
            name: {"location_id": station, "started_at": a and at(a), "ended_at": b and at(b)}
            for name, (station, a, b) in places.items()
        },
        visits,
    )
    number = {name: i for i, name in enumerate(places, 1)}
    rows = [
        {"deployment_id": number[place], "started_at": at(a), "ended_at": b and at(b)}
        | {"reason": "dead", "source": "entered", "accepted": accepted, "said_at": BEGIN}
        for place, a, b, accepted in outages
    ]
    if rows:
        conn.execute(schema.outage.insert(), rows)


def told(conn, query: str) -> list[tuple]:
    return [tuple(row) for row in conn.execute(sa.text(query))]


def fox(place: str, hours: float, lasts: float = 0.0, name: str = "fox") -> tuple:
    return (place, at(hours), at(hours + lasts), "animal", name, None, None, None)


def random_study(seed: int) -> tuple[dict, list]:
    draw = np.random.default_rng(seed)
    places, outages = {}, []
    for i in range(draw.integers(1, 7)):
        a, b = sorted(draw.choice(np.arange(1, 240), 2, replace=False).tolist())
        known = draw.random() < 0.9
        places[f"d{i}"] = (f"S{draw.integers(0, 3)}", a, b if known else None)
        for start in sorted(draw.choice(np.arange(a, b), min(2, b - a), replace=False).tolist()):
            end = int(draw.integers(start + 1, 250))
            open_end = draw.random() < 0.2
            outages.append((f"d{i}", start, None if open_end else end, bool(draw.random() < 0.8)))
    return places, outages


@pytest.mark.parametrize("seed", range(12))
def test_effort_in_sql_is_that_of_the_arrays_whatever_stood_and_failed(conn, seed):
    put_study(conn, *random_study(seed))
    watched = watches(read_stays(conn), "exact")
    ours = {one.station: one.days for one in watched}
    found = dict(told(conn, "SELECT station, sum(days) FROM watched GROUP BY station"))
    assert found == pytest.approx({name: days for name, days in ours.items() if days}, abs=1e-6)
    spans = told(conn, "SELECT station, from_at, to_at FROM watched ORDER BY station, from_at")
    expected = [
        (one.station, *(str(t) for t in pair.astype("datetime64[us]").astype("datetime64[s]")))
        for one in watched
        for pair in np.concatenate(one.worked)
    ]
    assert spans == expected
    if not watched:
        return
    cells = operation(watched)
    names = (
        (np.arange(cells.effort.shape[1]) + cells.first // DAY).astype("datetime64[D]").astype(str)
    )
    days = "SELECT station, day, effort_days FROM station_days"
    by_day = {(station, day): worked for station, day, worked in told(conn, days)}
    for station, row in zip(cells.stations, cells.effort, strict=True):
        for day, worked in zip(names.tolist(), row, strict=True):
            if not np.isnan(worked):
                assert by_day.pop((station, day)) == pytest.approx(worked, abs=1e-6)
    assert not any(by_day.values()), "days between deployments have no effort"


def test_a_day_alone_as_the_end_is_whole_in_effort_and_no_gap_before_the_next_day(conn):
    places = {"a": ("S", 1, 48), "b": ("S", 48, 72), "c": ("T", 1, 48)}
    out = [("b", 60, 72, True)]
    put_study(conn, places, out, [fox("a", 47.9), fox("b", 48.1)])
    spans = "SELECT station, from_at, to_at, days FROM watched ORDER BY station"
    assert told(conn, spans) == [
        ("S", "2026-05-01T01:00:00", "2026-05-03T12:00:00", pytest.approx(59 / 24)),
        ("T", "2026-05-01T01:00:00", "2026-05-03T00:00:00", pytest.approx(47 / 24)),
    ]
    ours = {one.station: one.days for one in watches(read_stays(conn), "exact")}
    assert ours == {"S": pytest.approx(59 / 24), "T": pytest.approx(47 / 24)}
    assert told(conn, "SELECT visits FROM independent_events") == [(2,)]
    ends = "SELECT station, from_at, to_at FROM problems ORDER BY station"
    assert told(conn, ends) == [("S", "2026-05-03T12:00:00", "2026-05-04T00:00:00")]
    by_day = "SELECT day, effort_days FROM station_days WHERE station = 'T' ORDER BY day"
    assert told(conn, by_day) == [("2026-05-01", pytest.approx(23 / 24)), ("2026-05-02", 1)]


def test_two_cameras_at_one_time_count_once_and_an_outage_of_one_costs_nothing(conn):
    places = {"a": ("S", 0.01, 48), "b": ("S", 24, 72)}
    put_study(conn, places, [("a", 30, 40, True), ("b", 60, 66, True), ("b", 68, 70, False)])
    (days,) = told(conn, "SELECT sum(days) FROM watched")[0]
    assert days == pytest.approx((72 - 0.01 - 6) / 24, abs=1e-5)


def test_a_deployment_without_a_period_is_in_no_effort_and_no_zero(conn):
    put_study(conn, {"a": ("S", 1, 49), "b": ("T", 1, None)}, visits=[fox("b", 5)])
    known = "SELECT station, effort_days FROM stations ORDER BY station"
    assert told(conn, known) == [("S", pytest.approx(2)), ("T", None)]
    assert told(conn, "SELECT station, in_effort FROM independent_events") == [("T", "no")]
    assert not told(conn, "SELECT * FROM record_table") and len(told(conn, SETUP)) == 1


def test_an_event_in_an_outage_is_in_no_rate_unless_another_camera_watched(conn):
    places = {"a": ("S", 1, 96), "b": ("S", 1, 50), "c": ("T", 1, 96)}
    visits = [fox(place, hours) for place in "ac" for hours in (10, 45, 60, 80)]
    put_study(conn, places, [("a", 40, 70, True), ("c", 40, 70, True)], [*visits, fox("b", 90)])
    query = (
        "SELECT station, started_at, in_effort FROM independent_events ORDER BY station, started_at"
    )
    found = told(conn, query)
    assert [row[2] for row in found if row[0] == "S"] == ["yes", "yes", "no", "yes", "yes"]
    assert [row[2] for row in found if row[0] == "T"] == ["yes", "no", "no", "yes"]
    assert len(told(conn, "SELECT * FROM record_table WHERE \"Station\" = 'T'")) == 2


@pytest.mark.parametrize("seed", range(8))
def test_events_in_effort_are_those_of_the_arrays_whatever_stood_and_failed(conn, seed):
    places, outages = random_study(seed)
    draw = np.random.default_rng(seed)
    edges = [hour for _, a, b, _ in outages for hour in (a, b) if hour]
    times = [*draw.integers(0, 2500, 60) / 10, *edges, *draw.integers(0, 10, 5) * 24]
    visits = [fox(f"d{draw.integers(0, len(places))}", float(hour)) for hour in times]
    put_study(conn, places, outages, visits)
    given = all_deployments(conn), StudyRequest(), accepted_outages(conn)
    try:
        found = basis(read_sightings(conn), *given)
    except PopulationError:
        pytest.skip("no effort")
    made = found.events
    ours = sorted(
        (station, str(at), bool(inside))
        for station, at, inside in zip(
            made.station, made.started_at.astype("datetime64[s]"), found.in_effort, strict=True
        )
    )
    seen = told(conn, "SELECT station, started_at, in_effort FROM independent_events")
    first, last = (str(at.astype("datetime64[s]")) for at in found.edges)
    assert ours == sorted(
        (station, at, inside == "yes") for station, at, inside in seen if first <= at < last
    )
    assert 0 < found.in_effort.sum() < len(ours)
    lost = (
        "SELECT * FROM independent_events e LEFT JOIN station_days d ON d.station = e.station"
        " AND d.day = substr(e.started_at, 1, 10)"
        " WHERE e.in_effort = 'yes' AND NOT coalesce(d.effort_days, 0) > 0"
    )
    assert not told(conn, lost), "months add up to the total"


SETUP = 'SELECT "Station", "Setup_date", "Retrieval_date", problems FROM station_table'


def test_problems_are_what_camtrapr_wants_and_a_fourth_is_told(conn):
    out = [("a", h, h + 1, True) for h in (10, 20, 30)]
    put_study(conn, {"a": ("S", 1, 48), "b": ("S", 60, 72)}, out)
    (row,) = conn.execute(sa.text("SELECT * FROM station_table")).mappings()
    assert (row["Setup_date"], row["Retrieval_date"]) == (
        "2026-05-01 01:00:00",
        "2026-05-04 00:00:00",
    )
    assert (row["Problem1_from"], row["Problem1_to"]) == (
        "2026-05-01 10:00:00",
        "2026-05-01 11:00:00",
    )
    assert row["Problem3_to"] == "2026-05-02 07:00:00" and row["problems"] == 4
    long = told(conn, "SELECT number, from_at, to_at FROM problems ORDER BY number")
    assert [n for n, _, _ in long] == [1, 2, 3, 4]
    assert long[3][1:] == ("2026-05-03T00:00:00", "2026-05-03T12:00:00")


def test_a_problem_at_either_end_is_one_too(conn):
    put_study(conn, {"a": ("S", 1, 48)}, [("a", 1, 3, True), ("a", 40, None, True)])
    assert [row[1:] for row in told(conn, "SELECT number, from_at, to_at FROM problems")] == [
        ("2026-05-01T01:00:00", "2026-05-01T03:00:00"),
        ("2026-05-02T16:00:00", "2026-05-03T00:00:00"),
    ]


def test_the_record_table_has_one_row_an_event_and_the_time_since_the_one_before(conn):
    visits = [fox("a", 5, 0.25), fox("a", 5.5), fox("a", 6.25), fox("a", 7, name="hare")]
    put_study(conn, {"a": ("S", 1, 48)}, visits=[*visits, fox("a", 60)])
    columns = '"Species", "DateTimeOriginal", "delta.time.secs", "delta.time.mins", "FileName"'
    query = f'SELECT {columns} FROM record_table ORDER BY "Species", "DateTimeOriginal"'
    assert told(conn, query) == [
        ("fox", "2026-05-01 05:00:00", 0, 0, "1"),
        ("fox", "2026-05-01 06:15:00", 2700, 45, "3"),
        ("hare", "2026-05-01 07:00:00", 0, 0, "4"),
    ]


def test_an_end_in_the_future_gives_no_effort_after_today_in_views_as_in_arrays(conn):
    today = now().date()
    midnight = datetime.combine(today, time())
    begins, tomorrow = midnight - timedelta(days=9), midnight + timedelta(days=1)
    ends = {
        "a": datetime(2062, 5, 1),
        "b": datetime(9999, 12, 31),
        "c": midnight + timedelta(hours=9),
    }
    rows = {
        name: {"location_id": f"S{name}", "started_at": begins, "ended_at": end}
        for name, end in {**ends, "d": midnight - timedelta(hours=3)}.items()
    }
    rows["e"] = {"location_id": "Se", "started_at": tomorrow, "ended_at": datetime(2062, 1, 1)}
    put(conn, rows, [])
    study = basis([], all_deployments(conn), StudyRequest(), today=today)
    assert dict(zip(study.stations, study.effort.tolist(), strict=True)) == pytest.approx(
        {"Sa": 10, "Sb": 10, "Sc": 9.375, "Sd": 8.875, "Se": np.nan}, nan_ok=True
    )
    assert (study.future, study.without_period) == (("a", "b", "e"), ())
    days = "SELECT station, sum(days) FROM watched GROUP BY station"
    expected = {"Sa": 10, "Sb": 10, "Sc": 9.375, "Sd": 8.875}
    assert dict(told(conn, days)) == pytest.approx(expected)
    assert dict(told(conn, "SELECT station, effort_days FROM stations WHERE station <> 'Se'")) == (
        pytest.approx(expected)
    )
    by_day = "SELECT station, sum(effort_days), max(day) FROM station_days GROUP BY station"
    assert {row[0]: row[1] for row in told(conn, by_day)} == pytest.approx(expected)
    assert {row[2] for row in told(conn, by_day)} == {str(today), str(today - timedelta(days=1))}
    effort = "SELECT location_id, effort_days FROM deployments"
    assert dict(told(conn, effort)) == pytest.approx(expected | {"Se": 0})
    retrieval = 'SELECT "Station", "Retrieval_date", problems FROM station_table'
    assert ("Sb", f"{tomorrow}", 0) in told(conn, retrieval)
    notes = clock_notes(study)
    assert notes == [
        f"3 deployments with an end after today (a, b, e): effort up to the end of {today}, the "
        "day in UTC"
    ]
