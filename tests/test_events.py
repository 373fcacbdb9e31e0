"""When two records are one event, under both rules, and how many animals it had."""

from dataclasses import fields, replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.population.effort import Stay, stretches, watches
from pipeline.population.events import (
    RULES,
    Records,
    combined,
    distinct,
    independent_events,
    records,
    tally,
)
from tests.tables import rows

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
    rows = fox(5, 25)
    stretch = stretches(watches([stay], "exact"), rows.station, rows.time)
    assert begins(rows) == [5] and begins(rows, within=stretch) == [5, 25]


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
        ({"count": "sum"}, "unknown way to count: sum; known: frame, row, class"),
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


def test_a_mother_and_her_young_in_one_frame_are_three():
    rows = fox(0, 0, 1, frame=["a", "a", "b"], count=[1, 2, 2], kind=["adult", "young", "adult"])
    counted = {
        how: independent_events(rows, HALF_HOUR, count=how).count.tolist()
        for how in ("frame", "row", "class")
    }
    assert counted == {"frame": [3], "row": [2], "class": [4]}


def test_a_count_that_is_not_known_is_at_least_one_and_says_so():
    made = independent_events(fox(0, 1, 90, count=[np.nan, 3, 2]), HALF_HOUR)
    assert made.count.tolist() == [3, 2] and made.count_known.tolist() == [False, True]
    assert independent_events(fox(0, count=[np.nan]), 60).count.tolist() == [1]


def test_exact_copies_are_dropped_and_rows_that_differ_in_anything_stay():
    rows = fox(0, 0, 0, 0, count=[1, 1, np.nan, np.nan], kind=["m", "m", "m", "f"])
    assert distinct(rows).tolist() == [0, 2, 3]


def test_a_tally_has_zeros_where_nothing_was_seen():
    counted = tally(["S1", "S1", "S9"], ["fox", "fox", "fox"], ["S1", "S2"], ["fox", "hare"])
    assert counted.tolist() == [[2, 0], [0, 0]]
    assert tally(["S1", "S1"], ["fox"] * 2, ["S1"], ["fox"], [2, 3]).tolist() == [[5]]


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


# --- reference tables ---


def algar(count: str = "Number.of.Animals") -> Records:
    table = rows("algar/records.csv")
    return records(
        [row["Deployment.Location.ID"] for row in table],
        [row["Species"] for row in table],
        [row["Date_Time.Captured"].replace(" ", "T") for row in table],
        count=[float(row[count]) for row in table],
        kind=[row["Age"] + "|" + row["Sex"] for row in table],
    )


def test_event_counts_of_algar_under_both_rules_and_both_comparisons():
    table = algar()
    whole = replace(
        table, kind=np.array([str(sorted(r.items())) for r in rows("algar/records.csv")])
    )
    kept = table.where(distinct(whole))
    assert (len(table), len(kept)) == (3786, 3785)
    rules = {"gap_to_previous_record": LAST, "gap_to_last_independent_record": INDEPENDENT}
    for row in rows("algar/expected_event_counts.csv"):
        longer = 1e-6 if "gap > " in row["comparison"] else 0  # times are whole seconds
        gap = 60 * float(row["threshold_minutes"]) + longer
        made = independent_events(kept, gap, rules[row["rule"]], count="row")
        assert len(made) == int(row["events"]), row
        if row["animals_sum_of_max_row"]:
            assert made.count.sum() == int(row["animals_sum_of_max_row"]), row


def test_the_539_events_of_algar_one_by_one():
    made = independent_events(algar("Minimum.Group.Size"), HALF_HOUR, count="class")
    seconds = (made.ended_at - made.started_at) // np.timedelta64(1, "s")
    ours = zip(
        made.station.tolist(),
        made.species.tolist(),
        [str(one).replace("T", " ") for one in made.started_at.astype("datetime64[s]")],
        map(str, seconds.astype(int)),
        map(str, made.count),
        map(str, made.rows),
        strict=True,
    )
    known = {tuple(row.values()) for row in rows("algar/expected_events_30min.csv")}
    assert set(ours) == known and len(made) == 539


def test_species_of_algar_and_three_ways_to_count_animals():
    kept = algar().where(distinct(algar()))
    frame, row = (independent_events(kept, HALF_HOUR, count=how) for how in ("frame", "row"))
    group = independent_events(algar("Minimum.Group.Size"), HALF_HOUR, count="class")
    for known in rows("algar/expected_species_30min.csv"):
        here = frame.species == known["species"]
        assert list(map(int, list(known.values())[1:])) == [
            here.sum(),
            len(set(frame.station[here])),
            group.count[here].sum(),
            row.count[here].sum(),
            frame.count[here].sum(),
        ]


def test_events_of_algar_by_station_and_species():
    expected = rows("algar/expected_event_matrix_30min.csv")
    names = list(expected[0])[1:]
    made = independent_events(algar(), HALF_HOUR)
    ours = tally(made.station, made.species, [row["station"] for row in expected], names)
    assert ours.tolist() == [[int(row[name]) for name in names] for row in expected]


def sample() -> Records:
    table = rows("camtrapr/record_table_sample.csv")
    return records(
        [row["Station"] for row in table],
        [row["Species"] for row in table],
        [row["DateTimeOriginal"].replace(" ", "T") for row in table],
    )


@pytest.mark.parametrize("rule", RULES)
def test_the_sample_of_camtrapr_is_filtered_already(rule):
    assert [len(independent_events(sample(), 60 * m, rule)) for m in (0, 1, 5, 10, 30, 60)] == (
        [39] * 6
    )
    day = independent_events(sample(), 86400, rule)
    found = dict(zip(*np.unique(day.species, return_counts=True), strict=True))
    assert found == {"PBE": 15, "TRA": 6, "EGY": 6, "VTA": 5, "MNE": 2}


def test_event_reports_of_camtrapr():
    made = independent_events(sample(), 3600)
    stations, names = sorted(set(made.station)), sorted(set(made.species))
    ours = tally(made.station, made.species, stations, names)
    for table in ("report_events_by_station", "report_events_by_station2"):
        for row in rows(f"camtrapr/{table}.csv"):
            cell = ours[stations.index(row["Station"]), names.index(row["Species"])]
            assert cell == int(row["n_events"])
    assert (ours > 0).sum() == len(rows("camtrapr/report_events_by_station.csv"))
    assert [list(r.values()) for r in rows("camtrapr/report_events_by_species.csv")] == [
        [name, str(int(ours[:, i].sum())), str((ours[:, i] > 0).sum())]
        for i, name in enumerate(names)
    ]
    assert [list(r.values()) for r in rows("camtrapr/report_species_by_station.csv")] == [
        [station, str((ours[i] > 0).sum())] for i, station in enumerate(stations)
    ]


@pytest.mark.parametrize("rule", RULES)
def test_edge_cases_as_camtrapr_has_them_but_for_the_tie_it_loses(rule):
    table = rows("camtrapr/independence_edge_cases.csv")
    made = independent_events(
        records(
            *([row[key] for row in table] for key in ("Station", "Species")),
            [row["DateTimeOriginal"].replace(" ", "T") for row in table],
            [row["FileName"] for row in table],
            [float(row["Number"]) for row in table],
        ),
        HALF_HOUR,
        rule,
    )
    known = [
        r for r in rows("camtrapr/independence_edge_cases_expected_30min.csv") if r["rule"] == rule
    ]
    start = [str(one).replace("T", " ") for one in made.started_at.astype("datetime64[s]")]
    assert start == [row["DateTimeOriginal"] for row in known]
    assert made.species.tolist() == [row["Species"] for row in known]
    maxima = [int(row["Number_max"]) for row in known]
    if rule == INDEPENDENT:
        maxima[1] = 2  # 00:40: a second row of one second that camtrapR drops
    assert made.count.tolist() == maxima


def test_sequences_and_individuals_of_camtraptor():
    table = [r for r in rows("camtraptor/observations.csv") if r["scientificName"]]
    station, species = ([r[key] for r in table] for key in ("deploymentID", "scientificName"))
    once = np.unique(combined(station, species, [r["sequenceID"] for r in table]), True)[1]
    weights = [float(r["count"]) for r in table]
    for name, chosen, weight in (
        ("n_obs", once, None),
        ("n_individuals", slice(None), weights),
    ):
        known = rows(f"camtraptor/{name}.csv")
        stations = list(dict.fromkeys(r["deploymentID"] for r in known))
        names = list(dict.fromkeys(r["scientificName"] for r in known))
        ours = tally(np.array(station)[chosen], np.array(species)[chosen], stations, names, weight)
        for row in known:
            cell = ours[stations.index(row["deploymentID"]), names.index(row["scientificName"])]
            assert cell == float(row["n"]), row
        if name == "n_obs":
            seen = {r["deploymentID"]: int(r["n"]) for r in rows("camtraptor/n_species.csv")}
            assert seen == dict(zip(stations, (ours > 0).sum(axis=1), strict=True))
