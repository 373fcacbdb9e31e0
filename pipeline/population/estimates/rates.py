"""Events per 100 camera-days (RAI, relative abundance index), and how sure they are.

Stations are the sample, those at which nothing was seen included: intervals come from drawing
stations again. In a study they are never narrower than those of counting alone (`widened`). A
station without effort has no rate. These numbers do not correct for detectability: compare only
the same cameras, heights, trigger settings, gaps and months.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from pipeline.errors import InputError
from pipeline.population.effort.effort import Watch, days_between
from pipeline.population.effort.operation import Operation
from pipeline.population.events.independent import Events, combined, tally
from pipeline.population.events.spans import DAY, Moments, microseconds

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.integer] | NDArray[np.floating]

DRAWS = 4000  # of stations, for an interval
SEED = 20020101  # fixed: the same data give the same interval
BOOTSTRAP = "bootstrap of stations"
WIDENED = "bootstrap of stations, widened to what counting events one by one allows"
COUNTING = "counting events one by one: stations drawn again differ less"
NO_EVENT = "no event: upper bound for events that come one by one, no clustering assumed"
NO_INTERVAL = "one station: no interval, it does not tell how much stations differ"


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of one species. None: not known, never 0."""

    name: str
    events: int
    stations_seen: int
    stations: int  # with effort
    effort_days: float
    pooled: float | None  # events per 100 camera-days, all stations together
    mean_of_stations: float | None  # mean of the stations' own rates: another quantity
    se: float | None  # of pooled, linearised, stations as clusters
    low: float | None  # of pooled, 95 %
    high: float | None
    interval: str  # the way to low and high
    dispersion: float | None  # variance by mean of the stations' events; 1: scattered at random


def station_rates(events: Counts, effort: ArrayLike) -> Floats:
    """(stations, species) per 100 camera-days; events (stations, species), effort (stations,) or of
    each species.

    nan where effort is 0 or not known."""
    days = np.asarray(effort, np.float64)
    days = days[:, None] if days.ndim == 1 else days
    watched = np.where(days > 0, days, np.nan)
    return np.asarray(100 * np.asarray(events, np.float64) / watched)


def rai(events: Counts, effort: ArrayLike, names: Sequence[str], draws: int = DRAWS) -> list[Rate]:
    """One Rate for each of `names`, all from the same draws of stations.

    events   (stations, species), stations at which nothing was seen included
    effort   (stations,) camera-days; 0 or nan: the station is left out
    """
    days = np.asarray(effort, np.float64)
    if events.shape != (len(days), len(names)):
        raise InputError(f"events {events.shape} do not fit {len(days)} stations × {len(names)}")
    watched = days > 0  # nan is not
    x, e = np.asarray(events[watched], np.float64), days[watched]
    drawn = bootstrap_rates(x, e, draws) if len(e) > 1 else None
    return [
        _rate(name, x[:, i], e, None if drawn is None else drawn[:, i])
        for i, name in enumerate(names)
    ]


def monthly_rai(
    events: Events,
    watched: Sequence[Watch],
    names: Sequence[str],
    edges: NDArray[np.datetime64],
    draws: int = DRAWS,
) -> dict[np.datetime64, list[Rate]]:
    """Rates by calendar month of the camera's clock, with the effort of that month alone; a month
    without effort at any station has no rate. `edges`: (2,) instants, only what lies in them."""
    stations = [watch.station for watch in watched]
    begin, end = edges
    last = (end - np.timedelta64(1, "us")).astype("datetime64[M]")
    months = np.arange(begin.astype("datetime64[M]"), last + np.timedelta64(2, "M"))
    effort = days_between(watched, np.clip(months.astype("datetime64[us]"), begin, end))
    month_of = events.started_at.astype("datetime64[M]")
    found = {}
    for month, days in zip(months[:-1], effort.T, strict=True):
        here = events.where(month_of == month)
        seen = tally(here.station, here.species, stations, names)
        found[month] = rai(seen, days, names, draws)
    return found


def _rate(name: str, x: Floats, e: Floats, drawn: Floats | None) -> Rate:
    if not len(e):
        return Rate(name, 0, 0, 0, 0.0, None, None, None, None, None, "no effort: no rate", None)
    pooled, se = pooled_rate(x, e)
    low = high = None
    how = NO_INTERVAL
    if not x.any():
        how, (low, high) = NO_EVENT, poisson_limits(0, float(e.sum()))
    elif drawn is not None:
        how = BOOTSTRAP
        low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    varied = len(x) > 1 and x.any()
    return Rate(
        name,
        int(x.sum()),
        int((x > 0).sum()),
        len(e),
        float(e.sum()),
        pooled,
        float((100 * x / e).mean()),
        se,
        low,
        high,
        how,
        float(x.var(ddof=1) / x.mean()) if varied else None,
    )


def pooled_rate(x: Floats, e: Floats) -> tuple[float, float | None]:
    """(events per 100 camera-days, its standard error) of x events in e days (stations,), e > 0."""
    rate = 100 * x.sum() / e.sum()
    n = len(x)
    if n < 2:
        return float(rate), None
    return float(rate), float(np.sqrt(n / (n - 1) * ((100 * x - rate * e) ** 2).sum()) / e.sum())


def station_draws(stations: int, draws: int, seed: int) -> NDArray[np.int64]:
    """(draws, stations) how often each station is drawn, with replacement."""
    random = np.random.default_rng(seed)
    return random.multinomial(stations, np.full(stations, 1 / stations), draws)


def bootstrap_rates(x: Floats, e: Floats, draws: int = DRAWS) -> Floats:
    """(draws, species) pooled rates of stations drawn again, of x (stations, species) in e days."""
    times = station_draws(len(e), draws, SEED).astype(np.float64)
    return np.asarray(100 * (times @ x) / (times @ e)[:, None])


def poisson_limits(events: int, effort_days: float) -> tuple[float, float]:
    """Exact 95 % limits per 100 camera-days if events came one by one, independently.

    Far too narrow where animals gather at some stations; without any event there is no better."""
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(0.975, 2 * events + 2) / 2
    return float(100 * low / effort_days), float(100 * high / effort_days)


def widened(rates: Sequence[Rate]) -> list[Rate]:
    """The same with intervals never narrower than `poisson_limits` at either end.

    Few events or few stations make a bootstrap too narrow: a species with one event would have a
    lower upper limit than one with none, and two stations that are equal no interval at all."""
    return [_widened(rate) for rate in rates]


def _widened(rate: Rate) -> Rate:
    if rate.interval != BOOTSTRAP or rate.low is None or rate.high is None:
        return rate
    low, high = poisson_limits(rate.events, rate.effort_days)
    if rate.low <= low and high <= rate.high:
        return rate
    how = COUNTING if low <= rate.low and rate.high <= high else WIDENED
    return replace(rate, low=min(low, rate.low), high=max(high, rate.high), interval=how)


def within_100(rates: Sequence[Rate]) -> list[Rate]:
    """Days of 100: no more than all of them, though a deployment of half a day may see an animal
    and limits from counting know no most."""
    return [
        replace(
            rate,
            pooled=_at_most_100(rate.pooled),
            mean_of_stations=_at_most_100(rate.mean_of_stations),
            low=_at_most_100(rate.low),
            high=_at_most_100(rate.high),
        )
        for rate in rates
    ]


def _at_most_100(value: float | None) -> float | None:
    return None if value is None else min(value, 100.0)


def presence_days(
    operation: Operation,
    station: ArrayLike,
    species: ArrayLike,
    time: Moments,
    names: Sequence[str],
) -> Floats:
    """(stations, species) days with effort on which a species was seen: with `rai` they give the
    daily presence index, which does not grow with long visits and bursts."""
    at = np.asarray(time, "datetime64[us]")
    row = {name: i for i, name in enumerate(operation.stations)}
    rows = np.array([row.get(name, -1) for name in np.asarray(station).tolist()], np.int64)
    day = (microseconds(at) - operation.first) // DAY
    there = ~np.isnat(at) & (rows >= 0) & (day >= 0) & (day < operation.effort.shape[1])
    there[there] = operation.effort[rows[there], day[there]] > 0
    places, taxa = np.asarray(station)[there], np.asarray(species)[there]
    once = np.unique(combined(places, taxa, day[there]), return_index=True)[1]
    return tally(places[once], taxa[once], operation.stations, names)
