"""Change of a rate between seasons: same stations, same months, same gap, same model version.

It gives an effect and its interval, and the smallest change that could have been seen. Each station
has a level of its own, so only change within stations counts:

    ln E[events] = station + b · season + ln effort      (Poisson, given each station's total)

The interval is the wider of two at either end. *Between stations*: how much they differ in their
change, by the jackknife (Efron and Stein 1981, Annals of Statistics 9), with Student's t of as many
stations as carry the events (1 / sum of squared shares): few unequal stations know little of
how they differ. *Counting*: what events that come one by one allow, exact for two seasons
(Clopper and Pearson 1934, Biometrika 26, of each event's season; Hoeffding 1956, Annals of
Mathematical Statistics 27: also where effort differs). Without the second, stations that happen to
agree make an interval without any width.

    python -m tests.benchmarks.trend     how often it holds the truth
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import beta
from scipy.stats import t as student

from pipeline.errors import InputError
from pipeline.population.estimates.rates import Floats

VISIBLE = 2.8 / 1.96  # half intervals: seen in 80 % of such surveys at 5 %
ONE_STATION = "events at one station only: no interval, it does not tell how much stations differ"


@dataclass(frozen=True, slots=True)
class Change:
    """Of the rate from one season to the next, or a year. None: not known."""

    stations: int  # watched in every season: the others are left out
    events: tuple[int, ...]  # at these stations, by season
    note: str = ""
    percent: float | None = None
    low: float | None = None  # 95 %
    high: float | None = None
    smallest_visible: float | None = None  # factor that 80 % of such surveys would have shown


@dataclass(frozen=True, slots=True)
class _Seasons:
    """Stations with events: (stations, seasons) events and effort; years, their mean 0."""

    x: Floats
    e: Floats
    years: Floats

    def shares(self, b: float) -> Floats:
        """(stations, seasons) where each event of a station lies, if rates change by b a year."""
        share = self.e * np.exp(b * self.years)
        return np.asarray(share / share.sum(axis=1, keepdims=True))

    def score(self, b: float) -> tuple[Floats, Floats]:
        """(stations,) score, and (stations,) information, of the likelihood given the totals."""
        share, n = self.shares(b), self.x.sum(axis=1)
        mean = share @ self.years
        return self.x @ self.years - n * mean, n * (share @ self.years**2 - mean**2)


def over_seasons(events: ArrayLike, effort: ArrayLike, years: ArrayLike) -> Change:
    """Change a year over two or more seasons. events, effort (stations, seasons)."""
    at = np.asarray(years, np.float64)
    x, e = _paired(events, effort, len(at))
    known = Change(len(x), tuple(int(n) for n in x.sum(axis=0)))
    if np.ptp(at) == 0 or not x.any():
        return replace(known, note="no event")
    seen = x.sum(axis=1) > 0  # a station without any event says nothing on change
    found = _Seasons(x[seen], e[seen], at - at.mean())
    b = _slope(found)
    if b is None:
        return replace(known, note=_one_sided(known.events))
    known = replace(known, percent=float(100 * np.expm1(b)))
    if seen.sum() < 2:
        return replace(known, note=ONE_STATION)
    reach = _between_stations(found, b)
    counted = _by_counting(found, b)
    low, high = min(b - reach, counted[0]), max(b + reach, counted[1])
    with np.errstate(over="ignore"):  # stations that differ so much set no limit
        ends = [float(100 * np.expm1(end)) for end in (low, high)]
        visible = float(np.exp(VISIBLE * (high - low) / 2))
    return replace(known, low=ends[0], high=ends[1], smallest_visible=visible)


def _one_sided(totals: tuple[int, ...]) -> str:
    if len(totals) == 2:
        return "no event in a season"
    return "all events lie in the first or the last season"


def _between_stations(found: _Seasons, b: float) -> float:
    """Half the interval by how stations differ: the jackknife's standard error, from each
    station's score and share of the information, times t of the effective number of stations."""
    score, information = found.score(b)
    n, share = len(score), information / information.sum()
    pulls = score / np.maximum(1 - share, 1e-9)  # what the estimate changes by without the station
    se = float(np.sqrt((n - 1) / n * (pulls**2).sum()) / information.sum())
    effective = 1 / float((share**2).sum())
    return float(student.ppf(0.975, max(effective - 1, 1))) * se


def _by_counting(found: _Seasons, b: float) -> tuple[float, float]:
    """Limits of b if events come one by one: exact limits of the mean place of an event between
    first and last season (0-1), taken as a share of so many events as carry the same information.
    With two seasons these are the events themselves."""
    place = (found.years - found.years[0]) / np.ptp(found.years)
    n = found.x.sum(axis=1)

    def mean(slope: float, power: int = 1) -> float:
        return float(n @ (found.shares(slope) @ place**power) / n.sum())

    p = mean(b)
    events = n.sum() * p * (1 - p) / max(mean(b, 2) - p**2, 1e-12)
    first, last = events * (1 - p), events * p
    low = float(beta.ppf(0.025, last, first + 1))
    high = float(beta.ppf(0.975, last + 1, first))
    most = 40 / float(np.ptp(found.years))
    return _slope_at(mean, low, most), _slope_at(mean, high, most)


def _slope_at(mean: Callable[[float], float], share: float, most: float) -> float:
    """The slope at which events lie so far on average; infinite beyond `most`."""
    if mean(-most) >= share:
        return -np.inf
    if mean(most) <= share:
        return np.inf
    return float(brentq(lambda slope: mean(slope) - share, -most, most))


def _slope(found: _Seasons) -> float | None:
    """The slope with a score of 0, by Newton's method; None where there is no such slope."""
    b, most = 0.0, float(20 / np.ptp(found.years))
    for _ in range(100):
        score, information = (float(part.sum()) for part in found.score(b))
        step = score / information if information > 0 else np.inf
        b += float(np.clip(step, -0.5 * most, 0.5 * most))
        if abs(b) > most:
            return None
        if abs(step) < 1e-12 * max(1.0, abs(b)):
            break
    return b


def _paired(events: ArrayLike, effort: ArrayLike, seasons: int) -> tuple[Floats, Floats]:
    """Stations that were watched in every season."""
    x, e = np.asarray(events, np.float64), np.asarray(effort, np.float64)
    if x.shape != e.shape or x.ndim != 2 or x.shape[1] != seasons:
        raise InputError(
            f"events {x.shape} and effort {e.shape} must be stations × {seasons} seasons"
        )
    every = (e > 0).all(axis=1)
    return x[every], e[every]
