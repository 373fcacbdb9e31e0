"""How many species: exact curves, lower bounds, diversity."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.population.estimates.richness import (
    accumulation,
    chao1,
    chao2,
    countable,
    diversity,
    rarefaction,
)

TABLE = np.array([[5, 0, 1, 0], [2, 1, 0, 0], [0, 1, 0, 0], [7, 0, 0, 0], [0, 0, 0, 0]])


def test_accumulation_is_the_mean_over_every_choice_of_stations():
    mean, sd = accumulation(TABLE)
    for k in range(1, 6):
        found = [(TABLE[list(some)] > 0).any(0).sum() for some in combinations(range(5), k)]
        assert mean[k - 1] == pytest.approx(np.mean(found))
    assert mean[-1] == 3 and sd[-1] == pytest.approx(0, abs=1e-9)


def test_rarefaction_of_one_event_is_one_species_and_of_all_is_all():
    counts = TABLE.sum(0)
    got = rarefaction(counts, [0, 1, 17, 18])
    assert got[:3] == pytest.approx([0, 1, 3], abs=1e-9) and np.isnan(got[3])


def test_chao2_by_hand():
    # 5 stations, species at 3, 2 and 1 of them: Q1 = 1, Q2 = 1
    assert chao2(TABLE).value == pytest.approx(3 + 0.8 * 1 / 2)
    # Q1 = 3, Q2 = 0 of 20 stations
    table = np.vstack([np.ones((17, 2)), np.eye(3, 2)]).astype(int)
    table = np.hstack([table, np.eye(20, 3, dtype=int)])
    assert chao2(table).value == pytest.approx(5 + 0.95 * 3 * 2 / 2)


def test_chao1_by_hand():
    assert chao1(np.array([9, 4, 1, 1, 1, 2])).value == pytest.approx(6 + 3 * 2 / (2 * 2))
    alone = chao1(np.array([9, 1, 0]))
    assert (alone.value, alone.low) == (2, 2) and alone.high > 2


def test_one_error_of_the_machine_moves_chao():
    clean = np.array([[3, 2], [4, 1], [1, 5], [2, 2]])
    wrong = np.hstack([clean, np.eye(4, 2, dtype=int)])
    assert chao2(clean).value == 2
    assert chao2(wrong).value == pytest.approx(4 + 0.75 * 2 / 2)


def test_nothing_seen_is_no_species():
    nothing = np.zeros((3, 2), int)
    assert accumulation(nothing)[0].tolist() == [0, 0, 0]
    assert (chao2(nothing).value, chao1(nothing.sum(0)).value) == (0, 0)
    assert diversity(nothing.sum(0)) is None
    assert len(rarefaction(nothing.sum(0), [])) == 0


def test_diversity_by_hand():
    even = diversity(np.array([5, 5, 0]))
    assert even.shannon == pytest.approx(log(2))
    assert (even.simpson, even.inverse_simpson) == (0.5, 2)
    assert diversity(np.array([4])).shannon == 0


def test_a_genus_counts_only_without_its_species():
    ranks = {
        "Vulpes vulpes": "species",
        "Vulpes": "genus",
        "Lepus": "genus",
        "Cervidae": "family",
        "Canis lupus familiaris": "subspecies",
        "Canis": "genus",
    }
    assert countable(ranks) == ["Canis lupus familiaris", "Lepus", "Vulpes vulpes"]


tables = st.integers(1, 6).flatmap(
    lambda wide: st.lists(
        st.lists(st.integers(0, 4), min_size=wide, max_size=wide), min_size=2, max_size=8
    )
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(tables)
def test_curves_rise_to_what_was_seen_and_bounds_lie_above_it(table):
    table = np.array(table)
    seen = int((table.sum(0) > 0).sum())
    mean, sd = accumulation(table)
    assert mean[-1] == pytest.approx(seen) and (np.diff(mean) >= -1e-9).all()
    assert (sd >= 0).all()
    for got in (chao1(table.sum(0)), chao2(table)):
        assert seen <= got.low + 1e-9
        assert got.low <= got.value + 1e-9 and got.value <= got.high + 1e-9
    again = table[::-1, ::-1]
    assert chao2(again) == chao2(table)
    if table.sum():
        curve = rarefaction(table.sum(0), range(1, int(table.sum()) + 1))
        assert curve[0] == pytest.approx(1) and curve[-1] == pytest.approx(seen)
        assert (np.diff(curve) >= -1e-9).all()
        assert 1 - 1e-9 <= diversity(table.sum(0)).inverse_simpson <= seen + 1e-9
