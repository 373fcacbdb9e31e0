"""Change of a rate between seasons: same stations, same months, same gap, same model version.

It gives an effect and its interval, and the smallest change that could have been seen.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from pipeline.errors import InputError
from pipeline.population.estimates.rates import DRAWS, SEED, Floats, station_draws

VISIBLE = 2.8  # standard errors: seen in 80 % of such surveys at 5 %


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


def between_two(events: ArrayLike, effort: ArrayLike, draws: int = DRAWS) -> Change:
    """Season 2 against season 1: log ratio of pooled rates, stations drawn as pairs.

    events, effort   (stations, 2)
    """
    x, e = _paired(events, effort, 2)
    total = _totals(x)
    if 0 in total:
        return Change(len(x), total, "no event in a season")
    if len(x) < 2:
        return Change(len(x), total, "fewer than two stations in both seasons")
    times = station_draws(len(x), draws, SEED)
    drawn, note = _log_ratio(times @ x / (times @ e))
    d = float(np.log(total[1] / total[0] * e[:, 0].sum() / e[:, 1].sum()))
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest").tolist()
    finite = drawn[np.isfinite(drawn)]
    return _change(Change(len(x), total, note), d, float(finite.std(ddof=1)), low, high)


def _log_ratio(rates: Floats) -> tuple[Floats, str]:
    """Of rates (draws, 2). Draws without an event in one season are infinite and stay: they widen
    the interval."""
    first, second = rates[(rates > 0).any(axis=1)].T
    with np.errstate(divide="ignore"):
        drawn = np.log(second) - np.log(first)
    empty = 1 - np.isfinite(drawn).sum() / len(rates)
    return drawn, f"{empty:.1%} of the draws have a season without an event" if empty else ""


def over_seasons(events: ArrayLike, effort: ArrayLike, years: ArrayLike) -> Change:
    """Change a year over several seasons: ln E[events] = station + b · year + ln effort.

    Each station has a level of its own, so only change within stations counts; the standard error
    takes stations as clusters. events, effort (stations, seasons)."""
    at = np.asarray(years, np.float64)
    x, e = _paired(events, effort, len(at))
    seen = x.sum(axis=1) > 0  # a station without any event says nothing on change
    total = _totals(x)
    if seen.sum() < 2 or np.ptp(at) == 0:
        return Change(len(x), total, "fewer than two stations with events")
    b = _slope(x[seen], e[seen], at - at.mean())
    if b is None:
        return Change(len(x), total, "all events lie in the first or the last season")
    score, information = _score(b, x[seen], e[seen], at - at.mean())
    n = int(seen.sum())
    se = float(np.sqrt(n / (n - 1) * (score**2).sum()) / information)
    reach = float(student.ppf(0.975, n - 1)) * se
    return _change(Change(len(x), total), b, se, b - reach, b + reach)


def _totals(x: Floats) -> tuple[int, ...]:
    return tuple(int(events) for events in x.sum(axis=0))


def _score(b: float, x: Floats, e: Floats, years: Floats) -> tuple[Floats, float]:
    """Of the likelihood given each station's total: (stations,) score, and the information."""
    share = e * np.exp(b * years)
    share /= share.sum(axis=1, keepdims=True)
    mean = share @ years
    variance = share @ years**2 - mean**2
    return x @ years - x.sum(axis=1) * mean, float(x.sum(axis=1) @ variance)


def _slope(x: Floats, e: Floats, years: Floats) -> float | None:
    """The slope with a score of 0, by Newton's method; None where there is no such slope."""
    b, most = 0.0, float(20 / np.ptp(years))
    for _ in range(100):
        score, information = _score(b, x, e, years)
        step = float(score.sum() / information) if information > 0 else np.inf
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


def _change(known: Change, d: float, se: float, low: float, high: float) -> Change:
    """With the change, from its logarithm and standard error and limits on that scale."""
    percent, bottom, top = (float(100 * np.expm1(x)) for x in (d, low, high))
    visible = float(np.exp(VISIBLE * se))
    return replace(known, percent=percent, low=bottom, high=top, smallest_visible=visible)
