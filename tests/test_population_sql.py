"""The view of independent events makes those of the arrays, on both databases."""

from datetime import datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.store.deployments import all_deployments
from flows.facts.study import read_sightings
from pipeline.population.events import independent as arrays
from pipeline.population.events.sightings import kept_of, records_of
from tests.visits import put

START = datetime(2026, 5, 1)
HALF_HOUR = 1800
VIEW = sa.text(
    "SELECT station, coalesce(scientific_name, observation_type) AS species, started_at, ended_at,"
    " visits, count, count_known, pictures, count_basis FROM independent_events"
    " ORDER BY station, coalesce(scientific_name, observation_type), started_at"
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def fox(place: str, begins: float, lasts: float = 0, animals=None, **more) -> tuple:
    """A visit of a fox, in minutes after midnight."""
    kind = {"kind": "animal", "name": "fox", "method": None} | more
    basis = None if animals is None else "boxes"
    ends = at(begins + lasts)
    return (place, at(begins), ends, kind["kind"], kind["name"], animals, basis, kind["method"])


@pytest.fixture
def conn(database):
    """Nothing that a test writes stays."""
    with database.connect() as conn:
        yield conn
        conn.rollback()


def in_view(conn) -> list[sa.Row]:
    return conn.execute(VIEW).all()


def by_arrays(conn) -> arrays.Events:
    """The same by pipeline.population, from what the database holds."""
    people = [one.kind for one in read_sightings(conn)]
    kept, _ = kept_of(read_sightings(conn), {"fox", *people})
    station = {
        place.deployment_id: place.location_id or place.deployment_id
        for place in all_deployments(conn)
    }
    found = records_of(kept, np.array([station[visit.deployment] for visit in kept], str))
    return arrays.independent_events(found, HALF_HOUR)


# --- what makes an event ---


def test_two_cameras_of_a_station_see_one_visitor(conn):
    places = {
        "d1": {"location_id": "S1", "camera_id": "A"},
        "d2": {"location_id": "S1", "camera_id": "B"},
        "d3": {},
    }
    put(conn, places, [fox("d1", 0), fox("d2", 1), fox("d1", 2), fox("d3", 1)])
    assert [(event.station, event.visits) for event in in_view(conn)] == [("S1", 3), ("d3", 1)]


def test_blanks_time_lapse_and_what_has_no_time_make_no_event(conn):
    put(
        conn,
        {"d": {}},
        [
            fox("d", 0),
            fox("d", 90, method="timeLapse"),
            fox("d", 180, kind="blank", name=None),
            ("d", None, None, "animal", "fox", None, None, None),
            fox("d", 270, method="activityDetection"),
        ],
    )
    assert len(in_view(conn)) == 2


def test_the_count_is_the_largest_in_one_picture_and_says_whether_all_were_counted(conn):
    put(conn, {"d": {}}, [fox("d", 0, animals=2), fox("d", 5), fox("d", 90, animals=3)])
    first, second = in_view(conn)
    assert (first.count, first.count_known, first.count_basis) == (2, 0, "boxes")
    assert (second.count, second.count_known, second.pictures) == (3, 1, 1)


def test_a_chain_of_short_gaps_is_one_event_however_long(conn):
    put(conn, {"d": {}}, [fox("d", minute) for minute in range(0, 200, 20)])
    assert [event.visits for event in in_view(conn)] == [10]


def test_the_longer_of_two_overlapping_visits_counts_for_the_gap(conn):
    put(conn, {"d": {}}, [fox("d", 0, lasts=40), fox("d", 5, lasts=1), fox("d", 60)])
    assert len(in_view(conn)) == 1


def test_a_gap_of_exactly_half_an_hour_opens_an_event_to_the_microsecond(conn):
    almost = 30 - 1e-6 / 60  # SQLite's own %s would round it up
    visits = [fox("exact", 0), fox("exact", 30), fox("short", 0), fox("short", almost)]
    put(conn, {"exact": {}, "short": {}}, visits)
    assert [event.station for event in in_view(conn)] == ["exact", "exact", "short"]


def test_an_empty_database_has_no_events(conn):
    assert not in_view(conn)


# --- the same as the arrays ---

PLACES = {
    "d1": {"location_id": "S1", "camera_id": "A"},
    "d2": {"location_id": "S1", "camera_id": "B"},
    "d3": {"location_id": "S1", "camera_id": "A"},
    "d4": {"location_id": None},
}
visit = st.builds(
    fox,
    st.sampled_from([*PLACES]),
    st.integers(0, 24).map(lambda n: 5 * n),  # few moments: many ties, many gaps of just so long
    st.sampled_from([0, 0, 0, 5, 45]),
    st.sampled_from([None, 1, 4]),
    kind=st.sampled_from(["animal", "animal", "human"]),
    name=st.sampled_from(["fox", "fox", None]),
    method=st.sampled_from([None, "timeLapse", "activityDetection"]),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(visit, max_size=40))
def test_any_visits_give_the_same_events_in_sql_and_in_arrays(conn, visits):
    with conn.begin_nested() as given:
        put(conn, PLACES, visits)
        viewed, made = in_view(conn), by_arrays(conn)
        given.rollback()
    assert len(viewed) == len(made)
    for column, values in (
        ("station", made.station),
        ("species", made.species),
        ("visits", made.rows),
        ("count", made.count),
        ("count_known", made.count_known),
        ("started_at", made.started_at.astype("datetime64[s]").astype(str)),
        ("ended_at", made.ended_at.astype("datetime64[s]").astype(str)),
    ):
        assert [getattr(event, column) for event in viewed] == values.tolist(), column
