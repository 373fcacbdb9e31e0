"""Which seasons of a study can be compared, and how rates changed between them.

A season is twelve months counted from the study's first month, so that a field season over the new
year stays whole. Only months that were watched in every season are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.population.effort.basis import Basis
from pipeline.population.effort.effort import days_between
from pipeline.population.estimates.rates import Rate, rai, widened
from pipeline.population.estimates.trend import Change, over_seasons
from pipeline.population.events.independent import tally
from pipeline.population.events.spans import DAY

LEAST = 15  # days of a month on which some camera watched


@dataclass(frozen=True, slots=True)
class Trend:
    """Seasons side by side, same months. Empty `seasons`: there are not two to compare."""

    seasons: tuple[str, ...]  # "2025", or "2025/26"
    months: tuple[int, ...]  # of the year, 1-12, watched in every season
    why: str  # there is no trend to show; empty: there is one
    rates: tuple[tuple[Rate, ...], ...] = ()  # by season, then species
    changes: tuple[Change, ...] = ()  # by species
    begins: int = 1  # month of the year in which a season begins, 1-12


def trend(basis: Basis) -> Trend:
    """Change of the rate between comparable seasons, stations watched in all of them."""
    months, watched = _watched_months(basis)
    if not watched.any():
        return Trend((), (), "no month was watched long enough to be compared")
    first = months[watched.argmax()]
    season = (months - first).astype(int) // 12
    numbers = [int(s) for s in np.unique(season[watched])]
    if len(numbers) < 2:
        return Trend((), (), "one season only: a trend needs the same months of two years or more")
    of_year = months.astype(int) % 12 + 1
    held = {s: set(of_year[watched & (season == s)].tolist()) for s in numbers}
    numbers, shared = _comparable(held)
    if not shared:
        return Trend((), (), "no month of the year was watched in two seasons that follow")
    chosen = np.isin(of_year, sorted(shared)) & watched
    events, effort = _by_season(basis, [months[chosen & (season == s)] for s in numbers])
    both = zip(events, effort, strict=True)
    rates = tuple(tuple(widened(rai(seen, days, basis.names))) for seen, days in both)
    changes = tuple(
        over_seasons(events[:, :, i].T, effort.T, numbers) for i in range(len(basis.names))
    )
    names = tuple(_label(first + 12 * s) for s in numbers)
    begins = int(first.astype(int)) % 12 + 1
    return Trend(names, tuple(sorted(shared)), "", rates, changes, begins)


def _comparable(held: Mapping[int, set[int]]) -> tuple[list[int], set[int]]:
    """The run of two or more seasons with the most shared months in all; and these months. So a
    season that has just begun does not reduce the comparison to one month."""
    numbers = list(held)
    runs = [numbers[a:b] for a in range(len(numbers)) for b in range(a + 2, len(numbers) + 1)]
    shared = [set.intersection(*(held[s] for s in run)) for run in runs]
    worth = [(len(run) * len(months), len(run)) for run, months in zip(runs, shared, strict=True)]
    best = worth.index(max(worth))
    return runs[best], shared[best]


def _watched_months(basis: Basis) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """(months, whether some camera watched on LEAST days of it)."""
    daily = basis.daily()
    any_day = np.asarray((daily.effort > 0).any(axis=0))
    days = (daily.first // DAY + np.arange(daily.effort.shape[1])).astype("datetime64[D]")
    month_of = days.astype("datetime64[M]")
    months = np.unique(month_of)
    return months, np.array([any_day[month_of == month].sum() for month in months]) >= LEAST


def _by_season(
    basis: Basis, seasons: Sequence[NDArray[np.datetime64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(seasons, stations, species) events and (seasons, stations) camera-days in these months."""
    made, stations = basis.counted, [watch.station for watch in basis.watched]
    month_of = made.started_at.astype("datetime64[M]")
    events, effort = [], []
    for months in seasons:
        here = made.where(np.isin(month_of, months))
        events.append(tally(here.station, here.species, stations, basis.names))
        days = np.zeros(len(stations))
        for month in months:
            ends = np.array([month, month + np.timedelta64(1, "M")]).astype("datetime64[us]")
            days += days_between(basis.watched, np.clip(ends, *basis.edges))[:, 0]
        effort.append(days)
    return np.array(events), np.array(effort)


def _label(month: np.datetime64) -> str:
    year, of_year = int(str(month)[:4]), int(str(month)[5:7])
    return str(year) if of_year == 1 else f"{year}/{(year + 1) % 100:02}"
