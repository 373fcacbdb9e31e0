"""Detection histories: what was not watched never becomes a 0."""

import csv
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.population.effort.effort import Stay, watches
from pipeline.population.effort.operation import Operation, operation
from pipeline.population.estimates.histories import (
    History,
    detection_history,
    write_history,
)

NA = np.nan


def january(day: int, hour: float = 0) -> datetime:
    return datetime(2020, 1, 1) + timedelta(days=day - 1, hours=hour)


def cameras(**stations) -> Operation:
    """Stations by name: (first day, last day of January, *outages of whole days)."""
    return operation(
        watches(
            [
                Stay(
                    name,
                    name,
                    date(2020, 1, first),
                    date(2020, 1, last),
                    tuple((date(2020, 1, a), date(2020, 1, b)) for a, b in out),
                )
                for name, (first, last, *out) in stations.items()
            ],
            "noon",
        )
    )


def history(camera: Operation, seen: list, days: int, **more) -> History:
    """Of what was seen, as (station, day of January, hour)."""
    times = [january(day, hour) for _, day, hour in seen]
    return detection_history(camera, [one[0] for one in seen], times, days, **more)


def same(one, other) -> bool:
    np.testing.assert_array_equal(one, np.array(other, float))
    return True


# --- the grid ---

TWO = {"A": (1, 10), "B": (3, 12)}
SEEN = [("A", 2, 5), ("B", 3, 5), ("B", 12, 5), ("B", 12, 9)]


def test_one_calendar_for_all_stations():
    made = history(cameras(**TWO), SEEN, 5)
    assert same(made.cells, [[1, 0, NA], [1, 0, 1]])
    assert same(made.effort, [[4.5, 4.5, NA], [2.5, 5, 1.5]])
    assert made.occasions == ["o1", "o2", "o3"] and sum(made.lost.values()) == 0


def test_each_station_from_its_own_first_day():
    made = history(cameras(**TWO), SEEN, 5, day1="station")
    assert same(made.cells, [[1, 0], [1, 1]])
    assert made.starts.astype("datetime64[D]").astype(str).tolist() == ["2020-01-01", "2020-01-03"]


def test_from_a_date_on_and_earlier_records_are_told():
    made = history(cameras(**TWO), SEEN, 5, day1=date(2020, 1, 3))
    assert same(made.cells, [[0, 0], [1, 1]]) and made.lost["before"] == 1


def test_a_date_before_every_camera_begins_with_nothing():
    made = history(cameras(A=(3, 6)), [("A", 3, 5)], 2, day1=date(2020, 1, 1))
    assert same(made.cells, [[NA, 1, 0]])


def test_a_record_on_the_border_belongs_to_the_later_occasion():
    seen = [("A", 3, 0)]
    assert same(history(cameras(A=(1, 5)), seen, 2).cells, [[0, 1, 0]])
    before = [("A", 2, 23.9999)]
    assert same(history(cameras(A=(1, 5)), before, 2).cells, [[1, 0, 0]])


# --- what was not watched ---


def test_an_outage_over_a_whole_occasion_is_not_an_absence():
    camera = cameras(A=(1, 9, (4, 6)))
    made = history(camera, [("A", 5, 3)], 3)
    assert same(made.cells, [[0, NA, 0]]) and made.lost["occasion left out"] == 1


def test_an_occasion_with_too_little_effort_is_left_out_and_its_records_are_told():
    made = history(cameras(**TWO), SEEN, 5, least_days=2)
    assert same(made.cells, [[1, 0, NA], [1, 0, NA]]) and made.lost["occasion left out"] == 2
    assert same(made.effort, [[4.5, 4.5, NA], [2.5, 5, NA]])


def test_an_occasion_with_just_the_least_effort_is_used():
    made = history(cameras(A=(1, 5)), [], 2, least_days=2)
    assert same(made.effort, [[NA, 2, NA]]) and same(made.cells, [[NA, 0, NA]])


def test_records_without_time_without_camera_or_between_deployments_are_told():
    stays = [
        Stay("A", "A", date(2020, 1, 1), date(2020, 1, 3)),
        Stay("A", "A", date(2020, 1, 7), date(2020, 1, 9)),
    ]
    camera = operation(watches(stays, "noon"))
    times = [None, january(2), january(5), january(8)]
    made = detection_history(camera, ["A", "Z", "A", "A"], times, 3)
    assert same(made.cells, [[0, NA, 1]])
    assert [made.lost[why] for why in ("untimed", "no effort", "not watched")] == [1, 1, 1]


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"days": 0}, "an occasion has 1 day or more, not 0"),
        ({"day1": "monday"}, "day1 must be survey, station or a date, not monday"),
        ({"day1": date(2020, 3, 1)}, "after the last day of every station"),
    ],
)
def test_a_history_of_nothing_is_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        history(cameras(**TWO), [], **{"days": 5, **wrong})


# --- beside the history ---


def test_history_and_effort_are_written_as_r_reads_them(tmp_path):
    beside = write_history(tmp_path / "deer.csv", history(cameras(**TWO), SEEN, 5))
    assert beside == tmp_path / "deer_effort.csv"
    texts = [
        list(csv.reader(path.read_text("utf-8").splitlines()))
        for path in (tmp_path / "deer.csv", beside)
    ]
    assert texts == [
        [["station", "o1", "o2", "o3"], ["A", "1", "0", "NA"], ["B", "1", "0", "1"]],
        [["station", "o1", "o2", "o3"], ["A", "4.5", "4.5", "NA"], ["B", "2.5", "5", "1.5"]],
    ]


# --- properties ---

day = st.integers(1, 31)
spans = st.tuples(day, day).map(sorted)
records = st.lists(st.tuples(st.sampled_from("ABZ"), day, st.integers(0, 23)), max_size=12)


@given(
    spans,
    spans,
    spans,
    records,
    st.integers(1, 9),
    st.sampled_from(["survey", "station", date(2020, 1, 10)]),
    st.one_of(st.none(), st.floats(0.5, 9)),
)
def test_no_cell_is_zero_unless_it_was_watched_and_every_record_is_counted(
    a, b, out, seen, days, day1, least
):
    camera = cameras(A=(*a, out), B=b)
    try:
        made = history(camera, seen, days, day1=day1, least_days=least)
    except InputError:
        assume(False)
    assert (np.isnan(made.cells) == np.isnan(made.effort)).all()
    assert (made.effort[~np.isnan(made.effort)] > 0).all()
    assert np.nansum(made.effort) <= np.nansum(camera.effort) + 1e-9
    within = len(seen) - sum(made.lost.values())
    assert (within > 0) <= np.nansum(made.cells) <= within
    if least is not None:
        assert (made.effort[~np.isnan(made.effort)] >= least).all()
