"""Events per 100 camera-days (RAI), and how far other stations would have given other numbers.

Stations are the sample: intervals come from them, and stations at which nothing was seen belong to
it; a study's are never narrower than counting alone would have them (`widened`). A station without
effort has no rate. No detectability is in these numbers: compare only equal cameras, heights,
trigger settings, gaps and months.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from pipeline.errors import InputError
from pipeline.population.effort.effort import Watch, days_between
from pipeline.population.effort.operation import Operation
from pipeline.population.events.independent import Events, combined, tally
from pipeline.population.events.spans import DAY, microseconds

DRAWS = 4000
SEED = 20020101  # fixed: the same data give the same interval
BOOTSTRAP = "bootstrap of stations"
WIDENED = "bootstrap of stations, widened to what counting events one by one allows"
COUNTING = "counting events one by one: stations drawn anew differ less"
NO_EVENT = "no event: upper bound for events that come one by one, no clustering assumed"
NO_INTERVAL = "fewer than two stations: no interval"


@dataclass(frozen=True, slots=True)
class Rate:
    """What is known of one species. None: cannot be said, never 0."""

    name: str
    events: int
    stations_seen: int
    stations: int  # with effort
    effort_days: float
    pooled: float | None  # events per 100 camera-days, all stations together
    mean_of_stations: float | None  # mean of the stations' own rates: another quantity
    se: float | None  # of pooled, linearised, stations as clusters
    bootstrap_se: float | None
    low: float | None  # of pooled, 95 %
    high: float | None
    interval: str  # how low and high were found
    dispersion: float | None  # variance by mean of the stations' events; 1: scattered at random
    events_without_effort: int  # left out, with the stations that have no effort


def station_rates(events, effort) -> NDArray[np.float64]:
    """(stations, species) per 100 camera-days; events (stations, species), effort (stations,).

    nan where effort is 0 or not known."""
    effort = np.asarray(effort, np.float64)[:, None]
    watched = np.where(effort > 0, effort, np.nan)
    return 100 * np.asarray(events, np.float64) / watched


def rai(
    events, effort, names: Sequence[str], strata=None, draws: int = DRAWS, seed: int = SEED
) -> list[Rate]:
    """One Rate for each of `names`, all from the same draws of stations.

    events   (stations, species), stations at which nothing was seen included
    effort   (stations,) camera-days; 0 or nan: the station is left out, its events told
    strata   (stations,) where stations were chosen within strata
    """
    events, effort = np.asarray(events, np.float64), np.asarray(effort, np.float64)
    if events.shape != (len(effort), len(names)):
        raise InputError(f"events {events.shape} do not fit {len(effort)} stations × {len(names)}")
    watched = effort > 0  # nan is not
    without = events[~watched].sum(axis=0)
    group = np.zeros(len(effort)) if strata is None else np.asarray(strata)
    x, e = events[watched], effort[watched]
    drawn = bootstrap_rates(x, e, group[watched], draws, seed) if len(e) > 1 else None
    return [
        _rate(name, x[:, i], e, None if drawn is None else drawn[:, i], int(without[i]))
        for i, name in enumerate(names)
    ]


def monthly_rai(
    made: Events, watched: Sequence[Watch], names: Sequence[str], between=None, **more
) -> dict[np.datetime64, list[Rate]]:
    """Rates by calendar month of the camera's clock, with the effort of that month alone; a month
    without effort at any station has no rate. `between`: (2,) instants, only what lies in them.
    `more` goes to `rai`."""
    stations = [one.station for one in watched]
    ends = np.concatenate([one.set_up for one in watched]).astype("datetime64[us]")
    begin, end = (ends.min(), ends.max()) if between is None else between
    last = (end if between is None else end - 1).astype("datetime64[M]")
    months = np.arange(begin.astype("datetime64[M]"), last + 2)
    borders = months.astype("datetime64[us]")
    borders = borders if between is None else np.clip(borders, begin, end)
    effort = days_between(watched, borders)
    of = made.started_at.astype("datetime64[M]")
    found = {}
    for month, days in zip(months[:-1], effort.T, strict=True):
        here = made.where(of == month)
        events = tally(here.station, here.species, stations, names)
        found[month] = rai(events, days, names, **more)
    return found


def _rate(name: str, x: NDArray, e: NDArray, drawn: NDArray | None, without: int) -> Rate:
    if not len(e):
        words = "no effort: no rate"
        return Rate(name, 0, 0, 0, 0.0, *[None] * 6, words, None, without)
    pooled, se = pooled_rate(x, e)
    low = high = spread = None
    how = NO_INTERVAL
    if not x.any():
        how, (low, high) = NO_EVENT, poisson_limits(0, float(e.sum()))
    elif drawn is not None:
        how, spread = BOOTSTRAP, float(drawn.std(ddof=1))
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
        spread,
        low,
        high,
        how,
        float(x.var(ddof=1) / x.mean()) if varied else None,
        without,
    )


def pooled_rate(x: NDArray, e: NDArray) -> tuple[float, float | None]:
    """(events per 100 camera-days, its standard error) of x events in e days (stations,), e > 0."""
    rate = 100 * x.sum() / e.sum()
    n = len(x)
    if n < 2:
        return float(rate), None
    return float(rate), float(np.sqrt(n / (n - 1) * ((100 * x - rate * e) ** 2).sum()) / e.sum())


def station_draws(strata: NDArray, draws: int, seed: int) -> NDArray[np.int64]:
    """(draws, stations) how often each station is drawn, with replacement within its stratum."""
    random = np.random.default_rng(seed)
    times = np.zeros((draws, len(strata)), np.int64)
    for one in np.unique(strata):
        here = np.flatnonzero(strata == one)
        times[:, here] = random.multinomial(len(here), np.full(len(here), 1 / len(here)), draws)
    return times


def bootstrap_rates(x, e, strata, draws: int = DRAWS, seed: int = SEED) -> NDArray[np.float64]:
    """(draws, species) pooled rates of stations drawn anew, of x (stations, species) in e days."""
    times = station_draws(np.asarray(strata), draws, seed).astype(np.float64)
    return 100 * (times @ x) / (times @ e)[:, None]


def poisson_limits(events: int, effort_days: float) -> tuple[float, float]:
    """Exact 95 % limits per 100 camera-days if events came one by one, independently.

    Far too narrow where animals cluster at some stations; without any event the best there is."""
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(0.975, 2 * events + 2) / 2
    return float(100 * low / effort_days), float(100 * high / effort_days)


def widened(rates: Sequence[Rate]) -> list[Rate]:
    """The same with intervals never narrower than `poisson_limits` at either end.

    With few events or few stations the stations drawn anew hold too little: one event would have a
    lower upper limit than none, and two stations that are alike no interval at all."""
    return [_widened(one) for one in rates]


def _widened(one: Rate) -> Rate:
    if one.interval != BOOTSTRAP:
        return one
    low, high = poisson_limits(one.events, one.effort_days)
    if one.low <= low and high <= one.high:
        return one
    how = COUNTING if low <= one.low and one.high <= high else WIDENED
    return replace(one, low=min(low, one.low), high=max(high, one.high), interval=how)


def presence_days(operation: Operation, station, species, time, names: Sequence[str]) -> NDArray:
    """(stations, species) days with effort on which a species was seen: give it to `rai` in place
    of events for the daily presence index, which long visits and bursts cannot inflate."""
    time = np.asarray(time, "datetime64[us]")
    row = {name: i for i, name in enumerate(operation.stations)}
    rows = np.array([row.get(one, -1) for one in np.asarray(station).tolist()], np.int64)
    day = (microseconds(time) - operation.first) // DAY
    there = ~np.isnat(time) & (rows >= 0) & (day >= 0) & (day < operation.effort.shape[1])
    there[there] = operation.effort[rows[there], day[there]] > 0
    station, species = np.asarray(station)[there], np.asarray(species)[there]
    once = np.unique(combined(station, species, day[there]), return_index=True)[1]
    return tally(station[once], species[once], operation.stations, names)
