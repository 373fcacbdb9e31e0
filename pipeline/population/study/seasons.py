"""Which seasons of a study can be compared, and how rates and occupancy changed between them.

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
from pipeline.population.estimates.trend import Change, between_two, over_seasons
from pipeline.population.events.independent import tally

LEAST = 15  # days of a month on which some camera watched


@dataclass(frozen=True, slots=True)
class Trend:
    """Seasons side by side, same months. Empty `seasons`: there are not two to compare."""

    seasons: tuple[str, ...]  # "2025", or "2025/26"
    months: tuple[int, ...]  # of the year, 1-12, watched in every season
    why: str  # no trend can be shown; empty: one can
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
    of_year = months.astype("datetime64[M]").astype(int) % 12 + 1
    held = {s: set(of_year[watched & (season == s)].tolist()) for s in numbers}
    numbers, shared = _comparable(held)
    if not shared:
        return Trend((), (), "no month of the year was watched in two seasons that follow")
    chosen = np.isin(of_year, sorted(shared)) & watched
    events, effort = _by_season(basis, months, season, chosen, numbers)
    both = zip(events, effort, strict=True)
    rates = tuple(tuple(widened(rai(e, d, basis.names))) for e, d in both)
    changes = tuple(_change(events[:, :, i], effort, numbers) for i in range(len(basis.names)))
    names = tuple(_label(first + 12 * s) for s in numbers)
    begins = int(first.astype(int)) % 12 + 1
    return Trend(names, tuple(sorted(shared)), "", rates, changes, begins)


def _comparable(held: Mapping[int, set[int]]) -> tuple[list[int], set[int]]:
    """The run of seasons, two or more, that shares most months in all; and these months. A season
    that has just begun would else leave one month of many years."""
    numbers = list(held)
    runs = [numbers[a:b] for a in range(len(numbers)) for b in range(a + 2, len(numbers) + 1)]
    shared = [set.intersection(*(held[s] for s in run)) for run in runs]
    worth = [(len(run) * len(months), len(run)) for run, months in zip(runs, shared, strict=True)]
    best = worth.index(max(worth))
    return runs[best], shared[best]


def _watched_months(basis: Basis) -> tuple[NDArray, NDArray[np.bool_]]:
    """(months, whether some camera watched on LEAST days of it)."""
    daily = basis.daily()
    any_day = (daily.effort > 0).any(axis=0)
    days = (daily.first // 86_400_000_000 + np.arange(len(any_day))).astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    months = np.unique(month)
    found = np.array([any_day[month == one].sum() for one in months])
    return months, found >= LEAST


def _by_season(basis: Basis, months, season, chosen, numbers: Sequence[int]):
    """(seasons, stations, species) events and (seasons, stations) camera-days."""
    made, stations = basis.counted, [one.station for one in basis.watched]
    of = made.started_at.astype("datetime64[M]")
    events, effort = [], []
    for number in numbers:
        mine = months[chosen & (season == number)]
        here = made.where(np.isin(of, mine))
        events.append(tally(here.station, here.species, stations, basis.names))
        days = np.zeros(len(stations))
        for month in mine:
            ends = np.array([month, month + 1]).astype("datetime64[us]")
            days += days_between(basis.watched, np.clip(ends, *basis.edges))[:, 0]
        effort.append(days)
    return np.array(events), np.array(effort)


def _change(events: NDArray, effort: NDArray, numbers: Sequence[int]) -> Change:
    if len(numbers) == 2 and numbers[1] - numbers[0] == 1:
        return between_two(events.T, effort.T)
    return over_seasons(events.T, effort.T, numbers)


def _label(month: np.datetime64) -> str:
    year, of_year = int(str(month)[:4]), int(str(month)[5:7])
    return str(year) if of_year == 1 else f"{year}/{(year + 1) % 100:02}"
