"""Change between seasons: an effect, its interval, and what could have been seen."""

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.population.estimates.trend import VISIBLE, between_two, over_seasons


def test_twice_the_events_at_every_station_is_a_rise_of_100_percent():
    x = np.array([[4, 8], [10, 20], [1, 2], [6, 12]])
    for made in (between_two(x, np.full(x.shape, 50.0)), over_seasons(x, x * 0 + 50.0, [0, 1])):
        assert made.percent == pytest.approx(100)
        assert made.smallest_visible == pytest.approx(1, abs=1e-8)
        assert made.events == (21, 42) and made.stations == 4


def test_effort_is_taken_out():
    x, e = np.array([[4, 8], [10, 20]]), np.array([[50, 100], [50, 100]])
    assert between_two(x, e).percent == pytest.approx(0)
    assert over_seasons(x, e, [2024, 2025]).percent == pytest.approx(0)


def test_stations_that_were_not_watched_in_both_seasons_are_left_out():
    x, e = np.array([[5, 5], [9, 9], [0, 70]]), np.array([[50, 50], [40, 40], [np.nan, 50]])
    made = between_two(x, e)
    assert made.stations == 2 and made.percent == pytest.approx(0)


def test_a_season_without_an_event_gives_no_ratio_and_nothing_is_added():
    made = between_two(np.array([[3, 0], [2, 0]]), np.full((2, 2), 50.0))
    assert made.percent is None and made.note == "no event in a season"
    made = over_seasons(np.array([[3, 0], [2, 0]]), np.full((2, 2), 50.0), [0, 1])
    assert made.percent is None and "all events lie in" in made.note


def test_draws_without_events_in_one_season_widen_the_interval_instead_of_vanishing():
    x = np.array([[5, 0], [0, 1], *[[0, 0]] * 6])
    made = between_two(x, np.full(x.shape, 50.0))
    assert made.low == -100 and made.high == np.inf and "draws have a season" in made.note


def test_what_could_have_been_seen_is_said():
    x = np.random.default_rng(2).poisson(3, (20, 2))
    made = between_two(x, np.full(x.shape, 100.0))
    assert made.low < made.percent < made.high
    reach = np.log1p(made.high / 100) - np.log1p(made.low / 100)
    assert np.log(made.smallest_visible) == pytest.approx(VISIBLE * reach / 3.92, rel=0.2)


def test_a_slope_over_seasons_by_the_plain_likelihood():
    """The same maximum, found on a grid."""
    random = np.random.default_rng(4)
    years, e = np.arange(5.0), random.uniform(50, 200, (12, 5))
    x = random.poisson(e * np.exp(-3 + 0.3 * years))
    grid = np.linspace(-1, 1, 20001)
    share = e * np.exp(grid[:, None, None] * years)
    share /= share.sum(axis=2, keepdims=True)
    likelihood = (x * np.log(share)).sum(axis=(1, 2))
    change = np.log1p(over_seasons(x, e, years).percent / 100)
    assert change == pytest.approx(grid[likelihood.argmax()], abs=1e-4)


@pytest.mark.parametrize(
    "how",
    [lambda x, e: between_two(x, e, draws=500), lambda x, e: over_seasons(x, e, [0, 1])],
    ids=["two", "several"],
)
def test_the_interval_covers_the_truth_about_as_often_as_it_says(how):
    """Forty stations, levels that differ, a decline of a third."""
    random, hits = np.random.default_rng(11), 0
    for _ in range(200):
        level = random.gamma(1, 0.08, 40)[:, None] * random.gamma(4, 0.25, (40, 2))
        e = random.uniform(50, 100, (40, 2))
        made = how(random.poisson(level * e * [1, 2 / 3]), e)
        hits += made.low <= -100 / 3 <= made.high
    assert 0.90 <= hits / 200 <= 0.99


def test_seasons_of_different_shape_are_refused():
    with pytest.raises(InputError, match="must be stations × 2 seasons"):
        between_two(np.zeros((3, 3)), np.ones((3, 3)))
