"""Independent events in SQL are those of the arrays, on both databases."""

from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.core import schema
from db.core.independence import WITHIN
from db.queries.population.population import events_sql, independent_events, read_records
from pipeline.errors import InputError
from pipeline.population.events import independent as arrays
from tests.visits import put

START = datetime(2026, 5, 1)
HALF_HOUR = 1800
LAST, INDEPENDENT = arrays.RULES
APART = [one for one in WITHIN if one != "effort"]


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


def by_arrays(conn, gap: float, rule: str, within: str) -> arrays.Events:
    """The same by pipeline.population, from what the database holds."""
    places = {
        "station": sa.literal(""),
        "camera": sa.func.coalesce(schema.deployment.c.camera_id, schema.deployment.c.name),
        "deployment": schema.deployment.c.name,
    }
    of = dict(
        conn.execute(
            sa.select(schema.media.c.id, places[within]).join(
                schema.deployment, schema.deployment.c.id == schema.media.c.deployment_id
            )
        ).all()
    )
    found = read_records(conn)
    inside = np.array([of[one] for one in found.frame.tolist()], str)
    made = arrays.independent_events(found, gap, rule, inside)
    return made.where(np.lexsort((made.started_at, made.within, made.species, made.station)))


def assert_same(one: arrays.Events, other: arrays.Events) -> None:
    for field in fields(one):
        if field.name != "frames":  # of a visit: its pictures
            a, b = getattr(one, field.name), getattr(other, field.name)
            np.testing.assert_array_equal(a, b, field.name)


# --- what makes an event ---


def test_two_cameras_of_a_station_see_one_visitor_unless_asked_apart(conn):
    places = {
        "d1": {"location_id": "S1", "camera_id": "A"},
        "d2": {"location_id": "S1", "camera_id": "B"},
        "d3": {},
    }
    put(conn, places, [fox("d1", 0), fox("d2", 1), fox("d1", 2), fox("d3", 1)])
    found = {one: independent_events(conn, HALF_HOUR, within=one) for one in APART}
    assert found["station"].station.tolist() == ["S1", "d3"]
    assert found["station"].rows.tolist() == [3, 1]
    assert found["camera"].within.tolist() == ["A", "B", "d3"]
    assert found["deployment"].within.tolist() == ["d1", "d2", "d3"]


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
    made = independent_events(conn, HALF_HOUR)
    assert (len(made), made.untimed, read_records(conn).time.size) == (2, 1, 3)


def test_the_count_is_the_largest_in_one_picture_and_says_whether_all_were_counted(conn):
    put(conn, {"d": {}}, [fox("d", 0, animals=2), fox("d", 5), fox("d", 90, animals=3)])
    found = conn.exec_driver_sql(events_sql(conn.dialect.name, HALF_HOUR)).mappings()
    one, two = sorted(found, key=lambda event: event["started_at"])
    assert (one["count"], one["count_known"], one["count_basis"]) == (2, 0, "boxes")
    assert (two["count"], two["count_known"], two["pictures"]) == (3, 1, 1)


def test_a_chain_is_cut_after_the_last_independent_record_only(conn):
    put(conn, {"d": {}}, [fox("d", m) for m in range(0, 200, 20)])
    assert len(independent_events(conn, HALF_HOUR, LAST)) == 1
    opened = independent_events(conn, HALF_HOUR, INDEPENDENT).started_at
    assert opened.tolist() == [at(m) for m in (0, 40, 80, 120, 160)]


def test_a_visit_exactly_a_gap_after_the_first_one_cuts_a_chain(conn):
    put(conn, {"d": {}}, [fox("d", m) for m in (0, 20, 30)])
    assert independent_events(conn, HALF_HOUR, INDEPENDENT).rows.tolist() == [2, 1]


def test_the_longer_of_two_overlapping_visits_counts_for_the_gap(conn):
    put(conn, {"d": {}}, [fox("d", 0, lasts=40), fox("d", 5, lasts=1), fox("d", 60)])
    assert len(independent_events(conn, HALF_HOUR, LAST)) == 1
    assert len(independent_events(conn, HALF_HOUR, INDEPENDENT)) == 2


@pytest.mark.parametrize("rule", arrays.RULES)
def test_a_gap_of_exactly_the_threshold_opens_an_event_to_the_microsecond(conn, rule):
    almost = 30 - 1e-6 / 60  # SQLite's own %s would round it up
    visits = [fox("exact", 0), fox("exact", 30), fox("short", 0), fox("short", almost)]
    put(conn, {"exact": {}, "short": {}}, visits)
    assert independent_events(conn, HALF_HOUR, rule).station.tolist() == ["exact", "exact", "short"]


def test_an_empty_database_has_no_events(conn):
    for rule in arrays.RULES:
        assert len(independent_events(conn, HALF_HOUR, rule)) == 0


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"rule": "lastIndep"}, "unknown rule"),
        ({"within": "county"}, "events are by station, camera, deployment, effort, not by county"),
        ({"gap_s": -1}, "0 or more seconds"),
    ],
)
def test_what_cannot_be_is_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        events_sql("sqlite", **{"gap_s": 60, **wrong})


def test_events_of_one_instant_come_in_the_order_of_their_visits(conn):
    put(conn, {"d": {}}, [fox("d", 0, animals=n) for n in (3, 1, None, 2)])
    assert independent_events(conn, 0).count.tolist() == [3, 1, 1, 2]


def test_the_select_can_stand_as_a_view(conn):
    put(conn, {"d": {}}, [fox("d", 0), fox("d", 40)])
    for rule in arrays.RULES:
        text = f"CREATE VIEW {rule} AS\n{events_sql(conn.dialect.name, HALF_HOUR, rule)}"
        conn.execute(sa.DDL(text.replace("%", "%%")))
        assert conn.exec_driver_sql(f"SELECT count(*) FROM {rule}").scalar() == 2
        conn.exec_driver_sql(f"DROP VIEW {rule}")  # SQLite keeps what a rollback should undo


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
@given(
    st.lists(visit, max_size=40),
    st.sampled_from([0, 60, 300, 600, 1800, 86400]),
    st.sampled_from([*arrays.RULES]),
    st.sampled_from(APART),
)
def test_any_visits_give_the_same_events_in_sql_and_in_arrays(conn, visits, gap, rule, within):
    with conn.begin_nested() as given:
        put(conn, PLACES, visits)
        ours, known = (
            independent_events(conn, gap, rule, within),
            by_arrays(conn, gap, rule, within),
        )
        given.rollback()
    assert_same(ours, known)
