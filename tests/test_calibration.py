"""Are probabilities what they say?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from pipeline.errors import PopulationError
from pipeline.trust.calibration import (
    brier,
    calibration_error,
    equal_mass,
    equal_width,
    log_loss,
    measure,
    other_prior,
    squared_error,
    temperature,
)
from pipeline.trust.intervals import share_bounds


def overconfident(n=4000, seed=0, by=2.5):
    """Logits that say `by` times too much, and what was true."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, n)
    return by * z, (rng.random(n) < expit(z)).astype(int)


def test_the_temperature_takes_back_what_was_said_too_much():
    logits, truth = overconfident()
    assert temperature(logits, truth) == pytest.approx(2.5, rel=0.1)
    as_two = np.column_stack([np.zeros_like(logits), logits])
    assert temperature(as_two, truth) == pytest.approx(temperature(logits, truth), rel=1e-6)


def test_many_classes_have_one_temperature_and_keep_their_order():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1, (3000, 5))
    truth = (softmax(z, 1).cumsum(1) < rng.random(3000)[:, None]).sum(1)
    t = temperature(100 * z, truth)
    assert t == pytest.approx(100, rel=0.15)
    assert (np.argmax(100 * z / t, 1) == np.argmax(z, 1)).all()


def test_a_temperature_needs_examples():
    with pytest.raises(PopulationError, match="needs examples"):
        temperature(np.array([]), np.array([]))


def test_errors_by_hand():
    p, truth = np.array([0.1, 0.2, 0.7, 1.0]), np.array([0.0, 1, 1, 1])
    two = equal_width(p, 2)
    assert [rows.tolist() for rows in two] == [[0, 1], [2, 3]]
    assert calibration_error(p, truth, two) == pytest.approx(0.5 * 0.35 + 0.5 * 0.15)
    assert squared_error(p, truth, two) == pytest.approx(0.5 * (0.35**2 - 0.25) + 0.5 * 0.15**2)
    assert brier(p, truth) == pytest.approx((0.01 + 0.64 + 0.09) / 4)
    assert log_loss(p, truth) == pytest.approx(-np.log([0.9, 0.2, 0.7, 1]).mean())


def test_edges_of_equal_bins_belong_to_the_bin_below_and_ties_keep_their_order():
    assert [r.tolist() for r in equal_width(np.array([0.0, 0.5, 0.51, 1.0]), 2)] == [[0, 1], [2, 3]]
    assert [r.tolist() for r in equal_mass(np.full(5, 0.3), 2)] == [[0, 1, 2], [3, 4]]
    assert len(equal_mass(np.array([0.1, 0.9]), 15)) == 2


def test_sure_and_wrong_is_a_large_loss_not_an_infinite_one():
    assert 30 < log_loss(np.array([1.0]), np.array([0.0])) < 40


def test_an_honest_score_has_no_error_but_chance():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(60):
        p = rng.random(500)
        truth = (rng.random(500) < p) * 1.0
        found.append(measure(p, truth))
    assert np.mean([one.ece_equal_mass for one in found]) > 0.03, "chance alone makes some"
    assert abs(np.mean([one.squared_error for one in found])) < 5e-4, "and this takes it back"


def test_every_bin_has_its_interval():
    rng = np.random.default_rng(3)
    p = rng.random(300)
    got = measure(p, (rng.random(300) < p) * 1.0, bins=10)
    assert [one.n for one in got.bins] == [30] * 10
    first = got.bins[0]
    assert (first.low, first.high) == share_bounds(round(first.happened * 30), 30)
    assert sum(one.low <= one.said <= one.high for one in got.bins) >= 8


def test_the_same_evidence_means_less_where_a_thing_is_rare():
    assert other_prior(np.array([0.5]), 0.5, 0.1)[0] == pytest.approx(0.1)
    assert other_prior(np.array([0.8]), 0.5, 0.5)[0] == pytest.approx(0.8)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80),
    st.integers(1, 20),
)
def test_bins_hold_every_row_once_and_errors_lie_between_nothing_and_one(pairs, bins):
    p, truth = (np.array(one, float) for one in zip(*pairs, strict=True))
    for cut in (equal_width(p, bins), equal_mass(p, bins)):
        assert sorted(np.concatenate(cut).tolist()) == list(range(len(p)))
        assert 0 <= calibration_error(p, truth, cut) <= 1
        assert squared_error(p, truth, cut) <= calibration_error(p, truth, cut) + 1e-12


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.floats(0.2, 8))
def test_no_other_temperature_does_better(seed, other):
    logits, truth = overconfident(200, seed, 1.5)
    best = log_loss(expit(logits / temperature(logits, truth)), truth)
    assert best <= log_loss(expit(logits / other), truth) + 1e-9
