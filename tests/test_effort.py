"""Camera-days: four rules, outages, several cameras, and what is not known."""

import csv
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.population.effort.effort import (
    RULES,
    Stay,
    days_between,
    stay_of,
    stretches,
    watches,
)
from pipeline.population.effort.operation import operation, write_matrix
from pipeline.population.events.spans import DAY, covered_before, minus, union
from pipeline.records import Deployment

MAY = [datetime(2026, 5, day) for day in range(1, 32)]  # midnights
DATES = [one.date() for one in MAY]


def stay(start, end, outages=(), station="S1", camera="A") -> Stay:
    return Stay(station, camera, start, end, tuple(outages))


def days(stays, rule="exact") -> float:
    return sum(one.days for one in watches(stays, rule))


# --- rules ---


def test_the_same_days_are_counted_in_four_ways():
    one = stay(datetime(2026, 5, 1, 9), datetime(2026, 5, 11, 15), [(MAY[4], MAY[6])])
    assert days([one], "noon") == 8
    assert days([one], "exact") == 8.25
    assert days([one], "inclusive") == 9
    assert days([one], "duration") == 10.25


def test_an_outage_of_dates_lasts_to_the_end_of_its_last_day():
    one = stay(date(2026, 5, 1), date(2026, 5, 11), [(date(2026, 5, 5), date(2026, 5, 6))])
    assert days([one], "noon") == 8 and days([one], "inclusive") == 9


def test_an_outage_from_setup_begins_at_noon_and_one_to_retrieval_ends_there():
    first = stay(date(2026, 5, 1), date(2026, 5, 11), [(date(2026, 5, 1), date(2026, 5, 2))])
    last = stay(date(2026, 5, 1), date(2026, 5, 11), [(date(2026, 5, 9), date(2026, 5, 11))])
    assert days([first], "noon") == 8.5 and days([last], "noon") == 7.5


def test_outages_that_overlap_are_taken_out_once_and_only_within_the_deployment():
    out = [(MAY[2], MAY[5]), (MAY[4], MAY[7]), (MAY[28], datetime(2026, 7, 1))]
    assert days([stay(MAY[0], MAY[10], out)]) == 5


def test_an_outage_without_an_end_lasts_to_the_end():
    assert days([stay(MAY[0], MAY[10], [(MAY[4], None)])]) == 4


def test_a_day_on_which_the_camera_failed_in_the_afternoon_still_counts_as_a_day():
    out = [(datetime(2026, 5, 5, 15), datetime(2026, 5, 7, 9))]
    assert days([stay(DATES[0], DATES[10], out)], "inclusive") == 10


def test_a_card_change_on_one_day_is_one_day_of_the_station():
    two = [stay(DATES[0], DATES[9]), stay(DATES[9], DATES[19])]
    assert days(two, "noon") == 19 and days(two, "inclusive") == 20


def test_a_deployment_without_an_end_is_unknown_not_zero():
    lost = stay(MAY[3], None, station="S2")
    assert [one.station for one in watches([stay(MAY[0], MAY[9]), lost], "exact")] == ["S1"]


def test_a_deployment_that_begins_and_ends_on_one_date():
    one = stay(date(2026, 5, 1), date(2026, 5, 1))
    assert days([one], "noon") == 0 and days([one], "inclusive") == 1
    assert operation(watches([one], "noon")).effort.tolist() == [[0.0]]


@pytest.mark.parametrize(
    "one, rule, words",
    [
        (stay(MAY[5], MAY[1]), "exact", "S1: taken down (2026-05-02 00:00:00) before set up"),
        (stay(date(2026, 5, 1), MAY[1]), "exact", "needs a time of day with 2026-05-01"),
        (stay(MAY[0], MAY[5], [(MAY[3], MAY[1])]), "noon", "an outage ends"),
        (stay(MAY[0], MAY[5]), "nights", "unknown effort rule: nights; known: noon, exact"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(one, rule, words):
    with pytest.raises(InputError) as told:
        watches([one], rule)
    assert words in str(told.value) and "\n" not in str(told.value)


def test_a_deployment_without_a_station_is_its_own():
    one = stay_of(Deployment("d7", started_at=MAY[0], ended_at=MAY[1]), [(MAY[0], None)])
    assert (one.station, one.camera, one.outages) == ("d7", "d7", ((MAY[0], None),))


@pytest.mark.parametrize(
    "rule, days_in_all",
    [
        ("exact", 10),
        ("duration", 10),
        ("inclusive", 10),
        ("noon", 9),
    ],
)
def test_an_end_at_midnight_is_the_end_of_the_day_before(rule, days_in_all):
    """So a day alone is stored as the end of a deployment, and the next day is not of it."""
    one = stay(MAY[0], MAY[10])
    assert days([one], rule) == days_in_all
    assert operation(watches([one], rule)).effort.shape == (1, 10)
    cells = operation(watches([one, stay(MAY[10], MAY[19], station="S1")], rule))
    assert cells.effort.shape == (1, 19)
    if rule != "noon":
        assert cells.effort[0].tolist() == [1] * 19
    if rule in ("exact", "inclusive"):
        assert days([stay(MAY[0], MAY[10], [(MAY[8], MAY[10])])], rule) == 8


def test_a_last_second_is_a_second_and_no_more():
    almost = stay(MAY[0], MAY[10] - timedelta(seconds=1))
    assert days([almost]) == pytest.approx(10 - 1 / 86400)
    assert days([almost], "inclusive") == 10 and days([almost], "noon") == 9


# --- several cameras ---


def test_a_station_watches_while_any_of_its_cameras_works():
    two = [
        stay(MAY[0], MAY[10], [(MAY[2], MAY[4])], camera="A"),
        stay(MAY[3], MAY[20], camera="B"),
    ]
    assert days(two) == 19  # only from May 3 to 4 nobody watched


def test_cameras_that_are_out_at_different_times_cover_for_each_other():
    two = [
        stay(MAY[0], MAY[10], [(MAY[4], MAY[8])], camera="A"),
        stay(MAY[0], MAY[10], [(MAY[2], MAY[6])], camera="B"),
    ]
    assert days(two) == 8


# --- periods and records ---


def test_months_add_up_to_the_whole():
    one = watches([stay(datetime(2026, 4, 20), datetime(2026, 6, 3))], "exact")
    months = ["2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01"]
    assert days_between(one, months).tolist() == [[11, 31, 2]]


def test_records_know_their_stretch_and_those_outside_are_told():
    watched = watches([stay(MAY[0], MAY[20], [(MAY[5], MAY[8])])], "exact")
    at = [MAY[0], MAY[4], MAY[6], MAY[8], MAY[19], datetime(2026, 5, 21, 0, 0, 1), None]
    assert stretches(watched, ["S1"] * 7, at).tolist() == [0, 0, -1, 1, 1, -1, -1]
    assert stretches(watched, ["S9"], [MAY[1]]).tolist() == [-1]


def test_the_last_record_before_an_outage_and_the_last_of_all_belong_to_the_effort():
    end, out = datetime(2026, 5, 9, 15), (datetime(2026, 5, 3, 9), datetime(2026, 5, 5, 9))
    watched = watches([stay(MAY[0], end, [out])], "exact")
    at = [out[0], out[0] + timedelta(seconds=1), out[1], end, end + timedelta(seconds=1)]
    assert stretches(watched, ["S1"] * 5, at).tolist() == [0, -1, 1, 1, -1]


def test_a_record_on_a_day_without_effort_is_outside_of_it():
    midnight = watches([stay(MAY[0], MAY[9])], "exact")
    moment = watches([stay(MAY[3], MAY[3])], "exact")
    assert stretches(midnight, ["S1"], [MAY[9]]).tolist() == [-1]
    assert stretches(moment, ["S1"], [MAY[3]]).tolist() == [-1]


@pytest.mark.parametrize("rule, inside", [("inclusive", [0, -1, 1]), ("duration", [0, 0, 0])])
def test_records_of_an_outage_are_counted_where_its_days_are(rule, inside):
    out = (datetime(2026, 5, 3, 9), datetime(2026, 5, 5, 9))
    watched = watches([stay(MAY[0], MAY[9], [out])], rule)
    at = [datetime(2026, 5, day, 18) for day in (3, 4, 5)]
    assert stretches(watched, ["S1"] * 3, at).tolist() == inside


def test_a_camera_that_is_out_is_no_gap_while_another_of_the_station_works():
    two = [stay(MAY[0], MAY[9], [(MAY[2], MAY[5])]), stay(MAY[0], MAY[4], camera="B")]
    at = [MAY[3], datetime(2026, 5, 5, 9)]
    assert stretches(watches(two, "exact"), ["S1"] * 2, at).tolist() == [0, -1]


def test_a_card_change_is_no_gap_in_effort():
    watched = watches([stay(DATES[0], DATES[9]), stay(DATES[9], DATES[19])], "noon")
    assert stretches(watched, ["S1"] * 2, [MAY[3], MAY[15]]).tolist() == [0, 0]


def test_by_the_noon_rule_a_record_of_the_last_afternoon_belongs_to_the_effort():
    watched = watches([stay(DATES[0], DATES[9])], "noon")
    at = [datetime(2026, 5, 1, 7), datetime(2026, 5, 10, 18), MAY[10]]
    assert stretches(watched, ["S1"] * 3, at).tolist() == [0, 0, -1]


# --- the matrix ---


def test_a_cell_is_a_share_of_a_day_zero_in_an_outage_and_nothing_without_a_camera():
    stays = [
        stay(MAY[0], datetime(2026, 5, 4, 12), [(MAY[1], datetime(2026, 5, 3, 6))]),
        stay(MAY[2], MAY[5], station="S2"),
    ]
    cells = operation(watches(stays, "exact"))
    assert cells.first // DAY == (MAY[0] - datetime(1970, 1, 1)).days
    assert cells.stations == ("S1", "S2")
    nan = np.nan
    expected = [[1, 0, 0.75, 0.5, nan], [nan, nan, 1, 1, 1]]  # 6 May 00:00 is the end of 5 May
    np.testing.assert_array_equal(cells.effort, expected)


def test_a_station_between_two_deployments_is_not_set_up():
    two = [stay(DATES[0], DATES[1]), stay(DATES[4], DATES[5])]
    effort = operation(watches(two, "noon")).effort[0]
    np.testing.assert_array_equal(effort, [0.5, 0.5, np.nan, np.nan, 0.5, 0.5])


def test_a_wrong_year_is_refused_and_not_drawn_day_by_day():
    one = stay(datetime(1970, 1, 1), datetime(2099, 1, 1, 12))
    with pytest.raises(InputError, match="from 1970-01-01 to 2099-01-01: is the year of one wrong"):
        operation(watches([one], "exact"))


def test_the_matrix_is_written_as_r_reads_it(tmp_path):
    cells = operation(
        watches([stay(DATES[0], DATES[1]), stay(DATES[1], DATES[2], station="S,2")], "noon")
    )
    names = [f"2026-05-0{day}" for day in (1, 2, 3)]
    write_matrix(tmp_path / "op.csv", cells.stations, names, cells.effort)
    with (tmp_path / "op.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["station", "2026-05-01", "2026-05-02", "2026-05-03"],
            ["S,2", "NA", "0.5", "0.5"],
            ["S1", "0.5", "0.5", "NA"],
        ]


# --- properties ---

hours = st.integers(0, 60 * 24)
span = st.tuples(hours, hours).map(lambda ab: (min(ab), max(ab)))


@given(st.lists(span, max_size=6), st.lists(span, max_size=6))
def test_spans_are_sets_of_hours(some, holes):
    def points(spans):
        return {h for a, b in spans for h in range(a, b)}

    left = minus(union(some), union(holes))
    assert points(left.tolist()) == points(some) - points(holes)
    assert (left[1:, 0] > left[:-1, 1]).all()
    at = np.arange(0, 60 * 24, 97)
    before = covered_before(union(some), at)
    assert before.tolist() == [sum(h < t for h in points(some)) for t in at]


def at(hour: int) -> datetime:
    return MAY[0] + timedelta(hours=hour)


stays_made = st.lists(span, min_size=1, max_size=4)


@given(stays_made, st.lists(span, max_size=4), st.sampled_from([*RULES]))
def test_effort_adds_up_over_any_cells_and_never_exceeds_the_time_there_is(spans, out, rule):
    outages = [(at(a), at(b)) for a, b in out]
    stays = [stay(at(a), at(b), outages) for a, b in spans]
    [watch] = watched = watches(stays, rule)
    cells = operation(watched)
    assert np.nansum(cells.effort) == pytest.approx(watch.days, abs=1e-9)
    edges = [at(0) - timedelta(days=2), at(333), at(334), at(60 * 24) + timedelta(days=2)]
    assert days_between(watched, edges).sum() == pytest.approx(watch.days)
    if rule != "duration":
        assert np.nanmax(cells.effort) <= 1 and watch.days <= np.isfinite(cells.effort).sum()
        assert watches(stays[::-1], rule)[0].days == watch.days


@given(stays_made, span)
def test_an_outage_never_adds_effort(spans, hole):
    whole = days([stay(at(a), at(b)) for a, b in spans])
    holed = days([stay(at(a), at(b), [(at(hole[0]), at(hole[1]))]) for a, b in spans])
    assert holed <= whole


records_at = st.lists(st.integers(-60, 60 * 24 + 60), min_size=1, max_size=12)


@given(stays_made, st.lists(span, max_size=4), st.sampled_from([*RULES]), records_at)
def test_a_record_in_effort_lies_on_a_day_with_effort(spans, out, rule, hours_of):
    outages = [(at(a), at(b)) for a, b in out]
    watched = watches([stay(at(a), at(b), outages) for a, b in spans], rule)
    for hour in hours_of:
        day = (at(hour)).date()
        [[worked]] = days_between(watched, [day, day + timedelta(days=1)]).tolist()
        assert stretches(watched, ["S1"], [at(hour)])[0] == -1 or worked > 0
