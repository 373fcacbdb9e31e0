"""Change of a rate between seasons: same stations, same months, same gap, same model version.

An effect and its interval, and the smallest change that could have been seen; no verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from pipeline.errors import InputError
from pipeline.population.estimates.rates import DRAWS, SEED, station_draws

VISIBLE = 2.8  # standard errors: seen in 80 % of such surveys at 5 %


@dataclass(frozen=True, slots=True)
class Change:
    """Of the rate from one season to the next, or a year. None: cannot be said."""

    percent: float | None
    low: float | None  # 95 %
    high: float | None
    log_change: float | None
    log_se: float | None
    smallest_visible: float | None  # times up or down that would have been seen in 80 % of surveys
    stations: int  # watched in every season: the others are left out
    events: tuple[int, ...]  # at these stations, by season
    note: str = ""


def between_two(events, effort, strata=None, draws: int = DRAWS, seed: int = SEED) -> Change:
    """Season 2 against season 1: log ratio of pooled rates, stations drawn as pairs.

    events, effort   (stations, 2)
    """
    x, e, group = _paired(events, effort, 2, strata)
    total = tuple(int(one) for one in x.sum(axis=0))
    if len(x) < 2 or 0 in total:
        note = "no event in a season" if 0 in total else "fewer than two stations in both seasons"
        return Change(*[None] * 6, len(x), total, note)
    times = station_draws(group, draws, seed)
    drawn, note = _log_ratio(times @ x / (times @ e))
    d = float(np.log(total[1] / total[0] * e[:, 0].sum() / e[:, 1].sum()))
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest").tolist()
    finite = drawn[np.isfinite(drawn)]
    return _change(d, float(finite.std(ddof=1)), low, high, len(x), total, note)


def _log_ratio(rates: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Of rates (draws, 2). Draws without an event in one season are infinite and stay: they widen
    the interval."""
    first, second = rates[(rates > 0).any(axis=1)].T
    with np.errstate(divide="ignore"):
        drawn = np.log(second) - np.log(first)
    empty = 1 - np.isfinite(drawn).sum() / len(rates)
    return drawn, f"{empty:.1%} of the draws have a season without an event" if empty else ""


def over_seasons(events, effort, years: Sequence[float], strata=None) -> Change:
    """Change a year over several seasons: ln E[events] = station + b · year + ln effort.

    Each station has a level of its own, so only change within stations counts; the standard error
    takes stations as clusters. events, effort (stations, seasons)."""
    years = np.asarray(years, np.float64)
    x, e, _ = _paired(events, effort, len(years), strata)
    seen = x.sum(axis=1) > 0  # a station without any event says nothing on change
    total = tuple(int(one) for one in x.sum(axis=0))
    if seen.sum() < 2 or np.ptp(years) == 0:
        return Change(*[None] * 6, len(x), total, "fewer than two stations with events")
    b = _slope(x[seen], e[seen], years - years.mean())
    if b is None:
        return Change(*[None] * 6, len(x), total, "all events lie in the first or the last season")
    score, information = _score(b, x[seen], e[seen], years - years.mean())
    n = int(seen.sum())
    se = float(np.sqrt(n / (n - 1) * (score**2).sum()) / information)
    reach = float(student.ppf(0.975, n - 1)) * se
    return _change(b, se, b - reach, b + reach, len(x), total, "")


def _score(b: float, x: NDArray, e: NDArray, years: NDArray) -> tuple[NDArray, float]:
    """Of the likelihood given each station's total: (stations,) score, and the information."""
    share = e * np.exp(b * years)
    share /= share.sum(axis=1, keepdims=True)
    mean = share @ years
    variance = share @ years**2 - mean**2
    return x @ years - x.sum(axis=1) * mean, float(x.sum(axis=1) @ variance)


def _slope(x: NDArray, e: NDArray, years: NDArray) -> float | None:
    """Newton's way to a score of 0; None where it runs off because there is no such point."""
    b, most = 0.0, 20 / np.ptp(years)
    for _ in range(100):
        score, information = _score(b, x, e, years)
        step = float(score.sum() / information) if information > 0 else np.inf
        b += float(np.clip(step, -0.5 * most, 0.5 * most))
        if abs(b) > most:
            return None
        if abs(step) < 1e-12 * max(1.0, abs(b)):
            break
    return b


def _paired(events, effort, count: int, strata) -> tuple[NDArray, NDArray, NDArray]:
    """Stations that were watched in every season."""
    x, e = np.asarray(events, np.float64), np.asarray(effort, np.float64)
    if x.shape != e.shape or x.ndim != 2 or x.shape[1] != count:
        raise InputError(
            f"events {x.shape} and effort {e.shape} must be stations × {count} seasons"
        )
    both = (e > 0).all(axis=1)
    group = np.zeros(len(x)) if strata is None else np.asarray(strata)
    return x[both], e[both], group[both]


def _change(d, se, low, high, stations, total, note) -> Change:
    percent, bottom, top = (float(100 * np.expm1(one)) for one in (d, low, high))
    visible = float(np.exp(VISIBLE * se))
    return Change(percent, bottom, top, d, se, visible, stations, total, note)


def false_discovery(p_values) -> NDArray[np.float64]:
    """(n,) Benjamini-Hochberg adjusted p-values, for many species looked at together."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(-p, kind="stable")
    rank = np.arange(len(p), 0, -1)
    adjusted = np.minimum.accumulate(np.minimum(p[order] * len(p) / rank, 1.0))
    return adjusted[np.argsort(order)]
