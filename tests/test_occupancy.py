"""Occupancy: where a species is, at the boundary too, and with false detections."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PopulationError
from pipeline.population.estimates.false_positives import fit_certain
from pipeline.population.estimates.likelihood import maximise, profile_limits
from pipeline.population.estimates.occupancy import Design, fit
from tests.references.occupancy import log_likelihood


def test_a_species_seen_once_at_every_site_may_be_everywhere():
    got = fit(np.vstack([np.eye(3), [[0, 0, 0]]]))
    assert got.status == "boundary" and got.reason.startswith("no usable standard error for psi")
    assert got.psi.value == 1 and got.psi.profile[1] == 1
    assert 0.3 < got.psi.profile[0] < 0.75
    assert got.p.value == pytest.approx(3 / 12)
    assert got.coefficients["p"][1] == pytest.approx(1 / np.sqrt(0.25 * 0.75 * 12), rel=1e-6)


def test_the_profile_limit_is_where_the_likelihood_has_fallen_by_its_share():
    y = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, np.nan, 0]])
    y = np.vstack([y, y])
    got = fit(y)
    assert got.psi.profile[1] < 1
    for limit in got.psi.profile:
        inner = max(
            log_likelihood(y, limit, np.full(y.shape, p)) for p in np.linspace(0.01, 0.99, 981)
        )
        assert 2 * (got.log_likelihood - inner) == pytest.approx(3.841459, abs=1e-3)


def test_never_seen_is_not_absent():
    got = fit(np.zeros((5, 3)))
    assert (got.status, got.naive, got.psi) == ("no detections", 0, None)


def test_always_seen_is_one_without_an_error():
    got = fit(np.ones((4, 3)))
    assert (got.status, got.psi.value, got.p.value) == ("boundary", 1, 1)
    assert got.psi.profile == pytest.approx((np.exp(-3.841459 / 8), 1), abs=1e-6)


@pytest.mark.parametrize(
    "y", [[[1], [0], [1]], [[1, np.nan], [np.nan, 0]], [[np.nan, np.nan]], np.empty((0, 3))]
)
def test_one_look_at_each_site_is_refused(y):
    got = fit(np.array(y, float))
    assert got.status == "refused" and got.psi is None


def test_a_site_without_effort_is_left_out():
    y = np.array([[1, 0, 1], [np.nan] * 3, [0, 1, 0], [0, 0, 0]])
    assert fit(y) == fit(y[[0, 2, 3]]) and fit(y).sites == 3


def test_covariates_are_standardised_over_usable_cells_and_found_again():
    rng = np.random.default_rng(8)
    effort = rng.uniform(1, 7, (600, 6))
    p = 1 / (1 + np.exp(-(-2 + 0.4 * effort)))
    y = ((rng.random(600) < 0.4)[:, None] & (rng.random(p.shape) < p)).astype(float)
    y[:5, 3], effort[9, 2] = np.nan, np.nan
    got = fit(y, {"effort": effort})
    mean, sd = got.scales["p:effort"]
    usable = np.isfinite(y) & np.isfinite(effort)
    assert (mean, sd) == pytest.approx((effort[usable].mean(), effort[usable].std(ddof=1)))
    slope, error = (part / sd for part in got.coefficients["p:effort"])
    assert abs(slope - 0.4) < 2.5 * error
    assert got.cells == 3600 - 6


def test_a_covariate_that_does_not_vary_is_left_out():
    y = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0.0]])
    got = fit(y, {"effort": np.full((3, 3), 7.0)})
    assert not got.scales and got.psi == fit(y).psi


def test_what_is_no_history_is_refused_in_one_line():
    with pytest.raises(PopulationError, match="0, 1 or nothing"):
        fit(np.array([[2, 0], [1, 0]]))
    with pytest.raises(PopulationError, match="covariate effort: shape"):
        fit(np.zeros((3, 2)), p_covariates={"effort": np.zeros((3, 4))})
    with pytest.raises(PopulationError, match="may hold 0, 1, 2 or nothing"):
        fit_certain(np.array([[3, 0], [1, 0]]))


def test_without_a_certain_detection_true_and_false_are_not_told_apart():
    assert fit_certain(np.array([[1, 0], [1, 1]])).status == "no detections"
    with pytest.raises(PopulationError, match="fewer than 2 occasions"):
        fit_certain(np.array([[2], [1]]))


def test_certain_cells_forgive_the_false_ones():
    rng = np.random.default_rng(11)
    there = rng.random(300) < 0.4
    hit = rng.random((300, 8)) < np.where(there, 0.35, 0.05)[:, None]
    sure = hit & there[:, None] & (rng.random(hit.shape) < 0.5)
    got = fit_certain(hit.astype(float) + sure)
    assert got.psi_limits[0] < there.mean() < got.psi_limits[1]
    assert fit(hit).psi.profile[0] > there.mean()


histories = st.lists(
    st.lists(st.sampled_from([0.0, 0.0, 1.0, np.nan]), min_size=4, max_size=4),
    min_size=3,
    max_size=12,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(histories)
def test_any_history_gives_a_status_and_limits_around_the_estimate(y):
    y = np.array(y)
    got = fit(y)
    assert got.status in ("ok", "boundary", "no detections", "refused")
    if got.psi is not None:
        low, high = got.psi.profile
        assert 0 <= low <= got.psi.value <= high <= 1
        shuffled = fit(y[::-1, ::-1])
        assert shuffled.log_likelihood == pytest.approx(got.log_likelihood, abs=1e-6)
        p = np.full(y.shape, got.p.value)
        mine = log_likelihood(y, got.psi.value, p)
        assert mine == pytest.approx(got.log_likelihood, abs=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_the_gradient_is_the_slope_of_the_likelihood(seed):
    rng = np.random.default_rng(seed)
    tries = (rng.random((8, 5)) < 0.8).astype(float)
    hits = tries * (rng.random((8, 5)) < 0.2)
    design = Design(hits, tries, rng.normal(size=(8, 5, 2)), rng.integers(1, 4, 8).astype(float))
    theta = rng.normal(size=3)
    _, gradient = design.climb(theta)
    steps = 1e-6 * np.eye(3)
    slope = [(design.climb(theta + d)[0] - design.climb(theta - d)[0]) / 2e-6 for d in steps]
    assert gradient == pytest.approx(np.array(slope), abs=1e-5)


def test_limits_of_a_likelihood_that_is_known():
    def climb(theta):
        return -0.5 * float((theta - 1) @ (theta - 1)), 1 - theta

    peak = maximise(climb, [np.zeros(2)])
    assert peak.errors == pytest.approx([1, 1])
    assert profile_limits(climb, peak, 0) == pytest.approx((1 - 1.959964, 1 + 1.959964), abs=1e-5)
