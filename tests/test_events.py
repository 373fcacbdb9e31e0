"""When two records are one event, under both rules, and how many animals it had."""

from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.population.effort.effort import Stay, stretches, watches
from pipeline.population.events.independent import (
    RULES,
    Records,
    combined,
    independent_events,
    records,
    tally,
)

LAST, INDEPENDENT = RULES
START = datetime(2026, 5, 1)
HALF_HOUR = 1800


def at(*minutes: float) -> list[datetime]:
    return [START + timedelta(minutes=m) for m in minutes]


def fox(*minutes: float, **more) -> Records:
    """Records of foxes at one station, so many minutes after midnight."""
    n = len(minutes)
    return records(["S1"] * n, ["fox"] * n, at(*minutes), **more)


def begins(rows: Records, gap_s: float = HALF_HOUR, rule: str = LAST, **more) -> list[float]:
    """Minutes after midnight at which events open."""
    made = independent_events(rows, gap_s, rule, **more)
    return ((made.started_at - np.datetime64(START, "us")) / np.timedelta64(1, "m")).tolist()


# --- the two rules ---


def test_a_chain_is_one_event_after_the_last_record_and_is_cut_after_the_last_independent_one():
    assert begins(fox(0, 20, 40, 60)) == [0]
    assert begins(fox(0, 20, 40, 60), rule=INDEPENDENT) == [0, 40]


def test_a_record_exactly_a_gap_after_the_first_one_cuts_a_chain():
    assert begins(fox(0, 20, 30, 59, 60), rule=INDEPENDENT) == [0, 30, 60]


def test_a_gap_of_exactly_the_threshold_opens_an_event_and_a_microsecond_less_does_not():
    for rule in RULES:
        assert begins(fox(0, 30), rule=rule) == [0, 30]
        assert len(begins(fox(0, 30 - 1e-6 / 60), rule=rule)) == 1


def test_stations_and_species_do_not_see_each_other():
    rows = records(["S1", "S2", "S1"], ["fox", "fox", "hare"], at(0, 1, 2))
    assert len(independent_events(rows, HALF_HOUR)) == 3


def test_two_cameras_of_a_station_see_one_visitor_unless_they_are_asked_apart():
    rows = fox(0, 0.1, 5)
    assert begins(rows) == [0]
    apart = independent_events(rows, HALF_HOUR, within=["A", "B", "A"])
    assert apart.within.tolist() == ["A", "B"] and apart.rows.tolist() == [2, 1]


def test_an_event_never_runs_over_a_gap_in_effort():
    out = ((START + timedelta(minutes=10), START + timedelta(minutes=20)),)
    stay = Stay("S1", "A", START - timedelta(days=1), START + timedelta(days=1), out)
    rows = fox(5, 15, 25)
    stretch = stretches(watches([stay], "exact"), rows.station, rows.time)
    assert begins(rows) == [5] and stretch.tolist() == [0, -1, 1]
    assert begins(rows, within=stretch) == [15, 5, 25]  # by stretch; -1: in no rate


def test_the_longer_of_two_overlapping_visits_counts_for_the_gap():
    visits = fox(0, 5, 60, until=at(40, 6, 61))
    assert begins(visits) == [0]
    assert begins(fox(0, 5, 60, until=at(4, 6, 61))) == [0, 60]
    assert begins(visits, rule=INDEPENDENT) == [0, 60]
    assert independent_events(visits, HALF_HOUR).ended_at.tolist() == at(61)


def test_records_without_a_time_are_left_out_and_told():
    made = independent_events(records(["S1"] * 3, ["fox"] * 3, [START, None, START]), HALF_HOUR)
    assert (len(made), made.untimed, made.rows.tolist()) == (1, 1, [2])


def test_no_records_give_no_events():
    made = independent_events(fox(), HALF_HOUR, INDEPENDENT)
    assert len(made) == 0 and made.count.tolist() == []


def test_a_species_and_its_rule_can_be_picked_out():
    made = independent_events(records(["S1"] * 2, ["fox", "hare"], at(0, 1)), 60, INDEPENDENT)
    hare = made.where(made.species == "hare")
    assert (len(hare), hare.gap_s, hare.rule) == (1, 60, INDEPENDENT)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"rule": "lastIndep"}, "unknown rule for events: lastIndep; known: lastRecord"),
        ({"gap_s": -1}, "must be 0 or more seconds, not -1"),
        ({"gap_s": float("nan")}, "must be 0 or more seconds, not nan"),
    ],
)
def test_an_abbreviated_rule_and_other_slips_are_refused(wrong, words):
    with pytest.raises(InputError) as told:
        independent_events(fox(0), **{"gap_s": 60, **wrong})
    assert words in str(told.value)


# --- ties and counts ---


def test_a_second_row_of_the_same_second_is_not_lost():
    rows = fox(0, 0, frame=["1.jpg", "2.jpg"], count=[1, 2])
    for rule in RULES:
        made = independent_events(rows, HALF_HOUR, rule)
        assert (made.count.tolist(), made.rows.tolist(), made.frames.tolist()) == ([2], [2], [2])


def test_without_a_gap_every_distinct_frame_is_an_event():
    rows = fox(0, 0, 0, 1, frame=["a", "a", "b", "c"])
    for rule in RULES:
        assert begins(rows, 0, rule) == [0, 0, 1]


def test_the_rows_of_one_frame_are_added_up_and_the_largest_frame_counts():
    rows = fox(0, 0, 1, frame=["a", "a", "b"], count=[1, 2, 2])
    assert independent_events(rows, HALF_HOUR).count.tolist() == [3]


def test_a_count_that_is_not_known_is_at_least_one_and_says_so():
    made = independent_events(fox(0, 1, 90, count=[np.nan, 3, 2]), HALF_HOUR)
    assert made.count.tolist() == [3, 2] and made.count_known.tolist() == [False, True]
    assert independent_events(fox(0, count=[np.nan]), 60).count.tolist() == [1]


def test_a_tally_has_zeros_where_nothing_was_seen():
    counted = tally(["S1", "S1", "S9"], ["fox", "fox", "fox"], ["S1", "S2"], ["fox", "hare"])
    assert counted.tolist() == [[2, 0], [0, 0]]


def test_columns_of_different_length_are_refused():
    with pytest.raises(InputError, match="different length"):
        records(["S1"], ["fox"], at(0, 1))


# --- properties ---

visit = st.tuples(
    st.sampled_from(["S1", "S2"]),
    st.sampled_from(["fox", "hare"]),
    st.integers(0, 30).map(lambda n: 5 * n),  # minutes
    st.sampled_from([0, 0, 0, 5, 40]),  # minutes it lasts
    st.integers(0, 3),  # frame number
    st.sampled_from([np.nan, 1, 2, 5]),
)
some = st.lists(visit, max_size=30)
gaps = st.sampled_from([0, 60, 600, 1800, 86400])


def made_of(visits) -> Records:
    station, species, start, last, frame, count = zip(*visits, strict=True) if visits else [[]] * 6
    until = at(*(s + n for s, n in zip(start, last, strict=True)))
    return records(station, species, at(*start), list(frame), list(count), until)


def same(one, other) -> bool:
    pairs = ((getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return all(np.array_equal(a, b) for a, b in pairs)


@given(some, gaps)
def test_the_independent_rule_never_gives_fewer_events(visits, gap):
    rows = made_of(visits)
    assert len(independent_events(rows, gap, INDEPENDENT)) >= len(independent_events(rows, gap))


@given(some, gaps, st.sampled_from([*RULES]), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(visits, gap, rule, random):
    one = independent_events(made_of(visits), gap, rule)
    random.shuffle(visits)
    assert same(one, independent_events(made_of(visits), gap, rule))


@given(some, gaps, st.sampled_from([*RULES]))
def test_a_longer_gap_never_gives_more_events_after_the_last_record(visits, gap, rule):
    rows = made_of(visits)
    made = independent_events(rows, gap, rule)
    assert made.rows.sum() == len(rows)
    if gap and rule == LAST:
        assert len(independent_events(rows, gap * 2, rule)) <= len(made)


@given(some, gaps.filter(bool))
def test_events_are_what_the_rules_say_in_plain_words(visits, gap):
    """The definition once more, record by record and without arrays."""
    expected = dict.fromkeys(RULES, 0)
    for station, species in {v[:2] for v in visits}:
        records_of = sorted(v[2:4] for v in visits if v[:2] == (station, species))
        reach = opened = None
        for start, last in records_of:
            if reach is None or (start - reach) * 60 >= gap:
                expected[LAST] += 1
            if opened is None or (start - opened) * 60 >= gap:
                expected[INDEPENDENT] += 1
                opened = start
            reach = max(start + last, reach or 0)
    rows = made_of(visits)
    assert {rule: len(independent_events(rows, gap, rule)) for rule in RULES} == expected


# no NUL: arrays of text cannot end in one, and no name in a database holds one
NAMES = st.text(st.characters(exclude_characters="\0"), max_size=1)


@given(st.lists(st.tuples(st.integers(-3, 3), NAMES), min_size=1))
def test_combinations_are_numbered_in_order(pairs):
    numbers = combined(*(list(column) for column in zip(*pairs, strict=True)))
    assert numbers.tolist() == [sorted(set(pairs)).index(one) for one in pairs]
