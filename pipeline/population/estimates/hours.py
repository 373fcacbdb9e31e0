"""Activity of many species at once: curves, bands and overlaps from times of the day.

The definitions are those of pipeline.population.estimates.activity. Times are counted in bins of
five minutes, so that a thousand draws of stations take as long for a million events as for a
hundred. All species share the draws: a station is drawn for all of them or for none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ive, logit

from pipeline.population.estimates import activity
from pipeline.population.estimates.activity import (
    FEWEST,
    LARGE,
    POINTS,
    TINY,
    TURN,
    Curve,
    Floats,
    Overlap,
)
from pipeline.population.estimates.rates import SEED, station_draws

Measure: TypeAlias = "Callable[[Drawn, Drawn], Floats]"

BINS = 288  # of the day: five minutes are less than any curve is smoothed by
DRAWS = 999
EXACT = 2000  # events up to which the line itself is not binned
FEW = 3  # stations: with fewer, events are drawn instead of stations
MIXES = (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)  # 0: the curves as seen, 1: one for both
MIXED_DRAWS = 199  # of each mix
LEVEL = 1.96  # standard errors of a 95 % interval
CENTRES = TURN * (np.arange(BINS) + 0.5) / BINS


@dataclass(frozen=True, slots=True)
class Times:
    """The events of one species: when each began, as an angle, and at which station."""

    angle: Floats  # (n,) radians, midnight 0
    station: NDArray[np.int64]  # (n,) number of the station
    bins: Floats  # (stations, 288) events

    @property
    def n(self) -> int:
        return len(self.angle)

    @property
    def stations(self) -> int:
        return len(np.unique(self.station))


def times_of(angle: Floats, station: NDArray[np.int64], stations: int) -> Times:
    """Angles that are nan (no sunrise, no clock) are left out."""
    known = np.isfinite(angle)
    angle, station = angle[known] % TURN, station[known]
    number = np.minimum((angle / TURN * BINS).astype(np.int64), BINS - 1)
    bins = np.bincount(station * BINS + number, minlength=stations * BINS)
    return Times(angle, station, bins.reshape(stations, BINS).astype(np.float64))


def curves(seen: Mapping[str, Times], draws: int = DRAWS) -> dict[str, Curve]:
    """The day's curve of each species with 10 events or more."""
    return {name: made for name, times in seen.items() if (made := _curve(times, draws))}


def overlaps(seen: Mapping[str, Times], draws: int = DRAWS) -> list[tuple[str, str, Overlap]]:
    """Each pair of species that have a curve, and how far they are active at the same hours."""
    able = {n: t for n, t in seen.items() if t.n >= FEWEST and activity.bandwidth(t.angle)}
    if len(able) < 2:
        return []
    how_often = _station_draws(len(next(iter(able.values())).bins), draws)
    drawn = {name: Drawn.of(how_often @ times.bins) for name, times in able.items()}
    return [
        (a, b, _overlap(able[a], able[b], drawn[a], drawn[b])) for a, b in combinations(able, 2)
    ]


def angles(at: NDArray[np.datetime64]) -> Floats:
    """(n,) clock times as angles."""
    return np.asarray(
        TURN * ((at - at.astype("datetime64[D]")) / np.timedelta64(86_400_000_000, "us"))
    )


def _station_draws(stations: int, draws: int) -> Floats:
    return station_draws(stations, draws, SEED).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Counts by bin (k, 288) and their densities, one row a draw."""

    counts: Floats
    density: Floats  # (k, 288) per radian; nan rows where there is no concentration
    even: Floats  # (k, 288) shares of a curve smoothed a little less, as Dhat1 uses it

    @classmethod
    def of(cls, counts: Floats) -> "Drawn":
        width = _widths(counts)
        less = _densities(counts, width / 0.8)
        return cls(counts, _densities(counts, width), less / less.sum(1, keepdims=True))


def _densities(counts: Floats, width: Floats) -> Floats:
    kernel = np.exp(width[:, None] * (np.cos(TURN * np.arange(BINS) / BINS) - 1))
    kernel /= TURN * ive(0, width[:, None]) * np.maximum(counts.sum(1, keepdims=True), 1)
    densities = np.fft.irfft(np.fft.rfft(counts) * np.fft.rfft(kernel), BINS)
    return np.maximum(densities, 0)


def _widths(counts: Floats) -> Floats:
    """(k,) activity.bandwidth of each row of counts."""
    n = counts.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        moments = np.abs(np.fft.rfft(counts)[:, 1:4]) / n[:, None]
        kappa = np.zeros(len(counts))
        for k in (1, 2, 3):
            kappas, known = activity.moments(k)
            found = np.interp(moments[:, k - 1], known, kappas, left=0, right=0)
            kappa = np.fmax(kappa, found)
        spread = ive(2, 2 * kappa) / (4 * np.sqrt(np.pi) * ive(0, kappa) ** 2)
        width = (3 * n * kappa**2 * spread) ** 0.4
    return np.where((kappa > 0) & (n >= 2), width, np.nan)


def _curve(times: Times, draws: int) -> Curve | None:
    width = activity.bandwidth(times.angle) if times.n >= FEWEST else None
    if width is None:
        return None
    hours, per_hour = np.linspace(0, 24, POINTS), TURN / 24
    whole = Drawn.of(times.bins.sum(0, keepdims=True)).density[0]
    tops = _drawn(times, whole, draws).density
    tops = tops[np.isfinite(tops).all(1)]
    if times.n <= EXACT:
        line = activity.density(times.angle, hours * per_hour, width)
        level = activity.activity_level(times.angle, width)
    else:
        line, level = _on(hours, whole), float(1 / (TURN * whole.max()))
    low, high = (_on(hours, row) for row in np.quantile(tops, (0.025, 0.975), axis=0))
    return Curve(
        times.n,
        width,
        hours,
        line * per_hour,
        np.minimum(low, line) * per_hour,
        np.maximum(high, line) * per_hour,
        level,
        activity.limits(level, 1 / (TURN * tops.max(1))),
    )


def _drawn(times: Times, line: Floats, draws: int) -> Drawn:
    """Bootstrap draws: of stations, or of events from `line` where stations are few."""
    if times.stations >= FEW:
        return Drawn.of(_station_draws(len(times.bins), draws) @ times.bins)
    random = np.random.default_rng(SEED)
    return Drawn.of(random.multinomial(times.n, line / line.sum(), draws).astype(float))


def _on(hours: Floats, density: Floats) -> Floats:
    """A density by bin, at hours."""
    return np.asarray(np.interp(hours, CENTRES * 24 / TURN, density, period=24))


def _overlap(a: Times, b: Times, drawn_a: Drawn, drawn_b: Drawn) -> Overlap:
    large = min(a.n, b.n) >= LARGE
    exact, binned = (activity.dhat4, _dhat4) if large else (activity.dhat1, _dhat1)
    if a.n + b.n <= 2 * EXACT:
        value = exact(a.angle, b.angle)
    else:
        whole_a, whole_b = (Drawn.of(t.bins.sum(0, keepdims=True)) for t in (a, b))
        value = float(binned(whole_a, whole_b)[0])
    drawn = binned(drawn_a, drawn_b)
    low, high = _limits(a, b, value, drawn[np.isfinite(drawn)], binned)
    name = "Dhat4" if large else "Dhat1"
    return Overlap(value, min(low, value), max(high, value), name, (a.n, b.n))


def _limits(
    a: Times, b: Times, value: float, by_station: Floats, measure: Measure
) -> tuple[float, float]:
    """The true overlaps under which the estimate is no surprise: a bootstrap test turned round.

    An estimate is too high where curves are smoothed and far apart, and too low where they are
    alike and events few. So events are drawn from pairs of curves with known overlaps, the curves
    as seen moved towards each other or apart, and each says where its estimates fall (on the logit
    scale). Where stations drawn again (`by_station`) vary more than events do, their spread counts.
    """
    whole = [Drawn.of(times.bins.sum(0, keepdims=True)).density[0] for times in (a, b)]
    f, g = (density / density.sum() for density in whole)
    random, middle = np.random.default_rng(SEED), (f + g) / 2
    true, means, spreads = [], [], []
    for mix in MIXES:
        pair = [np.maximum((1 - mix) * curve + mix * middle, 0) for curve in (f, g)]
        p, q = (curve / curve.sum() for curve in pair)
        drawn = [
            Drawn.of(random.multinomial(times.n, curve, MIXED_DRAWS).astype(float))
            for times, curve in ((a, p), (b, q))
        ]
        found = measure(*drawn)
        known = _logit(found[np.isfinite(found)])
        true.append(np.minimum(p, q).sum())
        means.append(known.mean())
        spreads.append(known.std())
    spread = np.array(spreads)
    if len(by_station):
        spread *= max(1.0, float(_logit(by_station).std()) / spread[MIXES.index(0.0)])
    return _turned_round(float(_logit(np.array(value))), np.array(true), np.array(means), spread)


def _turned_round(seen: float, true: Floats, means: Floats, spread: Floats) -> tuple[float, float]:
    """The lowest and highest true overlap whose estimates reach `seen`, a logit.

    true           (k,) overlaps, rising
    means, spread  (k,) of their estimates, logits
    """
    fine, places = np.linspace(0, 1, 401), np.linspace(0, 1, len(true))
    at, mean, width = (np.interp(fine, places, row) for row in (true, means, spread))
    mean = np.maximum.accumulate(mean)
    up, down = mean + LEVEL * width >= seen, mean - LEVEL * width <= seen
    low = at[np.flatnonzero(up)[0]] if up.any() else at[-1]
    high = at[np.flatnonzero(down)[-1]] if down.any() else at[0]
    if up[0]:  # lower than any of them: as far below the estimate as the lowest one is
        below = seen - LEVEL * width[0] - (mean[0] - float(_logit(at[0])))
        low = min(float(low), float(expit(below)))
    return float(low), float(high)


def _logit(share: Floats) -> Floats:
    return np.asarray(logit(np.clip(share, 1e-6, 1 - 1e-6)))


def _dhat1(a: Drawn, b: Drawn) -> Floats:
    return np.asarray(np.minimum(a.even, b.even).sum(1))


def _dhat4(a: Drawn, b: Drawn) -> Floats:
    ratio = np.maximum(a.density, TINY) / np.maximum(b.density, TINY)
    with np.errstate(invalid="ignore", divide="ignore"):
        under_a = (a.counts * np.minimum(1, 1 / ratio)).sum(1) / a.counts.sum(1)
        under_b = (b.counts * np.minimum(1, ratio)).sum(1) / b.counts.sum(1)
    return np.asarray((under_a + under_b) / 2)
