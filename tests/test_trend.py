"""Change between seasons: an effect, its interval, and what could have been seen."""

import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.errors import InputError
from pipeline.population.estimates.trend import ONE_STATION, VISIBLE, over_seasons
from tests.benchmarks.trend import measured


def between_two(x, e):
    return over_seasons(x, e, [0, 1])


def test_twice_the_events_at_every_station_is_a_rise_of_100_percent_and_not_a_sure_one():
    x = np.array([[4, 8], [10, 20], [1, 2], [6, 12]])
    made = between_two(x, np.full(x.shape, 50.0))
    assert made.percent == pytest.approx(100)
    assert made.events == (21, 42) and made.stations == 4
    low, high = (p / (1 - p) for p in binomtest(42, 63).proportion_ci())
    assert (made.low, made.high) == pytest.approx((100 * (low - 1), 100 * (high - 1)))
    assert made.smallest_visible > 1.5


def test_what_stood_on_a_page_is_no_rise():
    """12 against 15 events at three stations, one more at each: +25 %, it said, +20 to +33."""
    made = between_two(np.array([[3, 4], [4, 5], [5, 6]]), np.full((3, 2), 60.0))
    assert made.percent == pytest.approx(25)
    assert made.low < -40 and made.high > 150


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
    made = over_seasons(np.array([[3, 0, 0], [2, 0, 0]]), np.full((2, 3), 50.0), [0, 1, 2])
    assert made.percent is None and "all events lie in" in made.note
    assert between_two(np.zeros((3, 2)), np.full((3, 2), 50.0)).note == "no event"


def test_one_station_alone_has_a_change_and_says_why_it_has_no_interval():
    made = between_two(np.array([[5, 8], [0, 0]]), np.full((2, 2), 50.0))
    assert made.percent == pytest.approx(60) and made.low is made.smallest_visible is None
    assert made.note == ONE_STATION


def test_stations_that_differ_widen_the_interval_beyond_counting():
    x = np.array([[40, 5], [5, 40], [20, 25], [22, 18]])
    made, alike = (between_two(y, np.full(x.shape, 50.0)) for y in (x, np.full((4, 2), 22)))
    assert made.low < alike.low < 0 < alike.high < made.high


def test_what_could_have_been_seen_is_said():
    x = np.random.default_rng(2).poisson(3, (20, 2))
    made = between_two(x, np.full(x.shape, 100.0))
    assert made.low < made.percent < made.high
    reach = np.log1p(made.high / 100) - np.log1p(made.low / 100)
    assert np.log(made.smallest_visible) == pytest.approx(VISIBLE * reach / 2)


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


@pytest.mark.parametrize("seasons", [2, 4])
@pytest.mark.parametrize("kind", [(2, 8, 0.0, 0.0), (3, 8, 0.5, 1.0), (8, 20, 1.0, 1.0)])
def test_the_interval_holds_the_truth_as_often_as_it_says_from_two_stations_up(kind, seasons):
    """Stations, events each, how much stations change by themselves, how they differ; the whole
    table: python -m tests.benchmarks.trend. By drawing stations again it was .6 to .9."""
    found = measured(kind, 150, seasons, 0.0)
    assert found.given > 120 and found.without == 0
    assert found.held / found.given >= 0.92


def test_forty_stations_and_a_decline_of_a_third():
    found = measured((40, 6, 0.5, 1.0), 150, 2, -1 / 3)
    assert found.held / found.given >= 0.9  # .951 of 1 000
    assert found.factor < 2.5, "with many stations the interval says something"


def test_seasons_of_different_shape_are_refused():
    with pytest.raises(InputError, match="must be stations × 2 seasons"):
        between_two(np.zeros((3, 3)), np.ones((3, 3)))
