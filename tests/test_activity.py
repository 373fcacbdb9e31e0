"""When in the day: bandwidth, curves, overlap, and the sun's time."""

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import iv

from pipeline.card.sun import average_anchored, sun_height, sun_radians, sun_times
from pipeline.errors import PopulationError
from pipeline.population.estimates.activity import (
    Floats,
    bandwidth,
    density,
    dhat1,
    dhat4,
)
from pipeline.population.estimates.hours import angles, curves, overlaps, times_of

TURN = 2 * np.pi


def around(hour, n, seed=0, concentration=4.0):
    rng = np.random.default_rng(seed)
    return rng.vonmises(TURN * hour / 24, concentration, n) % TURN


def seen_at(angle: Floats, stations: int = 10):
    """Times of a species, at stations in turn."""
    return times_of(angle, np.arange(len(angle)) % stations, stations)


def curve(angle: Floats, draws: int = 99):
    return curves({"deer": seen_at(angle)}, draws).get("deer")


def overlap(a: Floats, b: Floats, draws: int = 99):
    found = overlaps({"a": seen_at(a), "b": seen_at(b)}, draws)
    return found[0][2] if found else None


def test_clock_times_become_angles():
    times = np.array(["2026-01-01", "2026-05-03T06", "2026-05-03T18:00:00"], "datetime64[us]")
    assert angles(times) == pytest.approx([0, np.pi / 2, 3 * np.pi / 2])
    assert len(angles(times[:0])) == 0


def test_the_bandwidth_follows_its_formula():
    times = around(8, 40)
    centred = times - np.angle(np.exp(1j * times).mean())
    grid = np.linspace(0.01, 30, 60_000)
    kappa = 0
    for k in (1, 2, 3):
        moment = abs(np.exp(1j * k * centred).mean())
        kappa = max(kappa, grid[np.argmin(abs(iv(k, grid) / iv(0, grid) - moment))])
    raw = 3 * 40 * kappa**2 * iv(2, 2 * kappa) / (4 * np.sqrt(np.pi) * iv(0, kappa) ** 2)
    assert bandwidth(times) == pytest.approx(raw**0.4, rel=1e-3)


def test_a_density_is_a_density_also_over_midnight():
    times = np.array([0.05, TURN - 0.05, 6.2])
    grid = np.linspace(0, TURN, 4001)
    top = density(times, grid, 50.0)
    assert np.trapezoid(top, grid) == pytest.approx(1, abs=1e-6)
    assert top[0] == pytest.approx(top[-1]) and top.argmax() in range(3960, 4001)


def test_times_without_a_bandwidth_say_so():
    assert bandwidth(np.full(12, 1.0)) is None and bandwidth(np.array([])) is None
    assert curve(np.full(12, 1.0)) is None
    with pytest.raises(PopulationError, match="no bandwidth"):
        dhat1(np.full(12, 1.0), around(8, 12))


def test_below_ten_events_there_is_no_curve_and_no_overlap():
    assert curve(around(8, 9)) is None and curve(around(8, 10), 20) is not None
    assert overlap(around(8, 9), around(8, 30), 20) is None


def test_the_estimator_goes_by_the_smaller_sample():
    small, large = around(8, 49), around(10, 60, seed=1)
    assert overlap(small, large, 20).estimator == "Dhat1"
    got = overlap(around(8, 50), large, 20)
    assert got.estimator == "Dhat4" and got.value == dhat4(around(8, 50), large)


def test_the_same_species_overlaps_with_itself_and_not_with_its_opposite():
    day, night = around(12, 80), around(0, 80, seed=1)
    assert dhat1(day, day) == pytest.approx(1) and dhat4(day, day) == pytest.approx(1)
    assert dhat4(day, night) < 0.05


def test_the_interval_is_the_same_each_time_and_holds_the_truth():
    grid = np.linspace(0, TURN, 2001)
    truth = np.trapezoid(np.minimum(*(_vonmises(grid, h) for h in (8, 11))), grid)
    found = 0
    for seed in range(30):
        pair = around(8, 60, seed), around(11, 60, seed + 500)
        got = overlap(*pair)
        assert 0 <= got.low <= got.high <= 1
        found += got.low <= truth <= got.high
    assert overlap(*pair) == got
    assert found >= 26  # 28 or 29 of 30 expected


def test_the_interval_holds_the_truth_of_two_species_that_are_nearly_alike():
    """Few events look less alike than their species are: Dhat of 60 is .82, and .94 is true."""
    grid = np.linspace(0, TURN, 2001)
    truth = np.trapezoid(np.minimum(*(_vonmises(grid, h) for h in (8, 8.3))), grid)
    pairs = [(around(8, 40, seed), around(8.3, 40, seed + 500)) for seed in range(12)]
    found = [overlap(*pair, 19) for pair in pairs]
    assert sum(got.low <= truth <= got.high for got in found) >= 10


def test_few_stations_with_most_events_widen_the_interval():
    hours = np.random.default_rng(5).uniform(0, 24, (2, 6))
    a, b = (np.concatenate([around(h, 15, i, 30) for i, h in enumerate(row)]) for row in hours)
    station = np.repeat(np.arange(6), 15)
    clustered = {name: times_of(times, station, 6) for name, times in (("a", a), ("b", b))}
    [(_, _, by_station)] = overlaps(clustered, 199)
    spread = overlap(a, b, 199)  # the same times, each kind of hour at every station
    assert by_station.value == spread.value
    assert by_station.high - by_station.low > 1.5 * (spread.high - spread.low)


def test_a_curve_has_a_band_around_it_and_sums_to_a_day():
    times = around(6, 80)
    got = curve(times)
    assert got.hours[[0, -1]].tolist() == [0, 24] and got.n == 80
    assert np.trapezoid(got.density, got.hours) == pytest.approx(1, abs=1e-4)
    assert (got.low <= got.density).mean() > 0.95 and (got.density <= got.high).mean() > 0.95
    assert got.level_limits[0] < got.level < got.level_limits[1]
    assert np.array_equal(got.low, curve(times).low)


def test_sun_time_keeps_sunrise_noon_and_midnight_apart():
    rise, set_ = np.full(4, TURN * 5 / 24), np.full(4, TURN * 21 / 24)
    clock = TURN * np.array([5, 13, 21, 2]) / 24
    assert average_anchored(clock, rise, set_) == pytest.approx(clock, abs=1e-12)


def test_the_sun_of_almanacs():
    london = sun_times(date(2024, 6, 20), 51.4779, 0.0, 1)
    assert london.sunrise == pytest.approx(4 + 43 / 60, abs=2 / 60)
    assert london.sunset == pytest.approx(21 + 21 / 60, abs=2 / 60)
    assert sun_height(datetime(2024, 6, 20, 12, 2), 51.4779, 0) == pytest.approx(61.96, abs=0.05)
    assert sun_height(datetime(2024, 3, 20, 0, 0), 0, 0) < -85


def test_the_polar_sun_stays():
    assert sun_times(date(2024, 6, 20), 75, 20, 2).day_hours == 24
    winter = sun_times(date(2024, 12, 20), 75, 20, 1)
    assert winter.day_hours == 0 and np.isnan(winter.sunrise)
    times = [datetime(2024, 12, 20, 12), datetime(2024, 3, 20, 12)]
    clock, rise, _ = sun_radians(times, [(75, 20), (75, 20)], [1, 1])
    assert np.isnan(rise).tolist() == [True, False] and clock == pytest.approx([np.pi, np.pi])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 9999), st.integers(10, 60), st.integers(10, 60), st.floats(0, TURN))
def test_overlap_does_not_care_for_order_or_where_the_day_begins(seed, n, m, turn):
    a, b = around(seed % 24, n, seed, 2), around(seed % 17, m, seed + 1, 3)
    both = dhat4(a, b)
    assert 0 <= both <= 1 + 1e-9 and 0 <= dhat1(a, b) <= 1 + 1e-9
    assert dhat4(b, a) == pytest.approx(both)
    assert bandwidth((a + turn) % TURN) == pytest.approx(bandwidth(a), rel=1e-6)
    if n + m <= 140:  # from the grid the value hangs on where its points lie
        assert dhat4((a + turn) % TURN, (b + turn) % TURN) == pytest.approx(both, abs=1e-6)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0, TURN), st.floats(0.1, 2.9), st.floats(3.3, 6.1))
def test_sun_time_is_a_time_and_keeps_day_as_day(clock, rise, set_):
    rises, sets = np.array([rise, 1.5]), np.array([set_, 4.5])
    got = float(average_anchored(np.array([clock, 3.0]), rises, sets)[0])
    assert 0 <= got <= TURN
    day = rise < clock < set_
    if min(abs(clock - rise), abs(clock - set_)) > 1e-6:
        assert (rises.mean() < got < sets.mean()) == day


def _vonmises(at, hour, concentration=4.0):
    return np.exp(concentration * np.cos(at - TURN * hour / 24)) / (TURN * iv(0, concentration))
