"""Events per 100 camera-days, and what stations say of how sure that is."""

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.population.effort.effort import Stay, watches
from pipeline.population.effort.operation import operation
from pipeline.population.estimates.rates import (
    BOOTSTRAP,
    COUNTING,
    NO_EVENT,
    NO_INTERVAL,
    WIDENED,
    monthly_rai,
    poisson_limits,
    presence_days,
    rai,
    station_rates,
    widened,
)
from pipeline.population.events.independent import independent_events, records


def rate(events, effort, **more):
    """The rate of one species."""
    [one] = rai(np.array(events, float)[:, None], effort, ["fox"], **more)
    return one


def test_all_stations_together_and_the_mean_of_their_rates_are_two_numbers():
    one = rate([10, 0, 2], [100, 100, 10])
    assert one.pooled == pytest.approx(100 * 12 / 210)
    assert one.mean_of_stations == pytest.approx((10 + 0 + 20) / 3)
    assert (one.events, one.stations_seen, one.stations) == (12, 2, 3)


def test_the_standard_error_by_hand():
    """Two stations, 4 and 0 events in 100 days each: R = 2, residuals 200 and -200."""
    one = rate([4, 0], [100, 100])
    assert one.se == pytest.approx(np.sqrt(2 * 2 * 200**2) / 200) == 2
    assert one.dispersion == pytest.approx(8 / 2)


def test_a_station_without_effort_has_no_rate():
    one = rate([3, 5, 2, 1], [100, 0, np.nan, 50])
    assert (one.events, one.stations, one.effort_days) == (4, 2, 150)
    rates = station_rates(np.array([[3], [5], [2]]), [100, 0, np.nan])[:, 0]
    assert rates[0] == 3 and np.isnan(rates[1:]).all()


def test_without_any_effort_nothing_is_said():
    one = rate([3, 0], [0, np.nan])
    assert (one.pooled, one.se, one.low, one.high) == (None,) * 4
    assert one.interval == "no effort: no rate"


def test_no_event_gives_an_upper_bound_that_says_what_it_assumes():
    one = rate([0, 0, 0], [500, 300, 200])
    assert (one.pooled, one.low, one.interval) == (0, 0, NO_EVENT)
    assert one.high == pytest.approx(100 * 3.689 / 1000, abs=1e-4) and one.dispersion is None


def test_one_station_alone_has_a_rate_and_no_interval():
    one = rate([3], [100])
    assert (one.pooled, one.se, one.low, one.high, one.interval) == (
        3,
        None,
        None,
        None,
        NO_INTERVAL,
    )


def test_events_at_one_of_many_stations_reach_down_to_zero():
    one = rate([9] + [0] * 19, [50] * 20)
    assert one.low == 0 and one.interval == BOOTSTRAP and one.se == pytest.approx(one.pooled)


def test_the_interval_is_wider_than_that_of_events_without_clustering():
    events = [180, 0, 0, 2, 0, 0, 0, 0]
    one = rate(events, [350] * 8)
    low, high = poisson_limits(182, 8 * 350)
    assert one.low < low / 2 and one.high > high * 1.5


def test_one_event_never_has_a_lower_upper_limit_than_none():
    once, never = widened([rate([1, 0, 0, 0], [200, 200, 200, 166]), rate([0] * 4, [191.5] * 4)])
    assert once.high == pytest.approx(poisson_limits(1, 766)[1]) and once.high > never.high
    assert (once.low, once.interval) == (0, WIDENED)


def test_two_stations_alike_are_no_certainty():
    """Their bootstrap has no spread at all."""
    [one] = widened([rate([5, 5], [100, 100])])
    assert (one.low, one.high) == poisson_limits(10, 200) and one.interval == COUNTING


def test_where_stations_differ_much_their_interval_stays():
    one = rate([180, 0, 0, 2, 0, 0, 0, 0], [350] * 8)
    assert widened([one]) == [one]


def test_what_has_no_interval_or_counts_alone_stays():
    some = [rate([3], [100]), rate([0, 0], [100, 50]), rate([3, 0], [0, np.nan])]
    assert widened(some) == some


def test_the_same_data_give_the_same_interval_in_any_company():
    x, e = np.array([[1, 9], [4, 0], [2, 2], [0, 7]]), [100, 90, 80, 70]
    both = rai(x, e, ["fox", "hare"])
    assert both == rai(x, e, ["fox", "hare"])
    assert both[1] == rai(x[:, [1]], e, ["hare"])[0]


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="do not fit 2 stations × 1"):
        rai(np.zeros((3, 1)), [1, 2], ["fox"])


def test_a_day_with_many_visits_is_one_day_of_presence():
    stay = Stay("A", "1", date(2026, 5, 1), date(2026, 5, 9), ((date(2026, 5, 4), None),))
    camera = operation(watches([stay], "noon"))
    at = [datetime(2026, 5, 2, 6), datetime(2026, 5, 2, 20), datetime(2026, 5, 3), None]
    at += [datetime(2026, 5, 5), datetime(2026, 6, 1)]  # in an outage, after the end
    days = presence_days(camera, ["A"] * 6, ["fox"] * 6, at, ["fox", "hare"])
    assert days.tolist() == [[2, 0]]


def test_months_have_their_own_effort_and_one_without_a_camera_has_no_rate():
    stays = [
        Stay("A", "1", datetime(2026, 1, 1), datetime(2026, 2, 1)),
        Stay("A", "1", datetime(2026, 3, 22), datetime(2026, 4, 1)),
        Stay("B", "2", datetime(2026, 1, 22), datetime(2026, 2, 1)),
    ]
    at = [datetime(2026, 1, 5), datetime(2026, 1, 9), datetime(2026, 2, 9), datetime(2026, 3, 25)]
    made = independent_events(records(["A"] * 4, ["fox"] * 4, at), 1800)
    edges = np.array(["2026-01-01", "2026-04-02"], "datetime64[us]")
    months = monthly_rai(made, watches(stays, "exact"), ["fox"], edges, draws=50)
    assert [str(one) for one in months] == ["2026-01", "2026-02", "2026-03", "2026-04"]
    january, february, march, april = (one for [one] in months.values())
    assert (january.events, january.effort_days, january.stations) == (2, 41, 2)
    assert (february.pooled, february.events) == (None, 0)
    assert (march.pooled, march.stations) == (10, 1)
    assert april.pooled is None


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(0.5, 400)), min_size=2, max_size=12),
    st.randoms(use_true_random=False),
)
def test_rates_do_not_hang_on_the_order_of_stations_or_the_unit_of_time(stations, random):
    x, e = zip(*stations, strict=True)
    one = rate(x, e, draws=50)
    random.shuffle(stations)
    x, e = zip(*stations, strict=True)
    other = rate(x, np.array(e) * 24, draws=50)
    assert other.pooled * 24 == pytest.approx(one.pooled)
    assert other.se * 24 == pytest.approx(one.se, abs=1e-9)
    assert one.low <= one.pooled + 1e-9 or not any(x)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Sixty stations with clustered visits; with few stations a bootstrap falls short of 95 %."""
    random = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        e = random.uniform(20, 100, 60)
        x = random.poisson(e * random.gamma(1, 0.05, 60))
        one = rate(x, e, draws=400)
        hits += one.low <= 5 <= one.high
    assert 0.90 <= hits / 300 <= 0.98
