"""Activity of many species at once: curves, bands and overlaps from times of the day.

The definitions are those of pipeline.population.activity; times are put into bins of five minutes,
so that a thousand draws of stations cost as much for a million events as for a hundred. All species
share the draws: a station that few animals visit is drawn for all of them or for none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive

from pipeline.population.estimates import activity
from pipeline.population.estimates.activity import (
    FEWEST,
    LARGE,
    POINTS,
    TURN,
    Curve,
    Floats,
    Overlap,
)
from pipeline.population.estimates.rates import SEED, station_draws

BINS = 288  # of the day: five minutes are less than any curve is smoothed by
DRAWS = 999
EXACT = 2000  # events up to which the line itself is not binned
FEW = 3  # stations below which drawing stations says nothing: times are drawn instead
_AT = TURN * (np.arange(BINS) + 0.5) / BINS
_TINY = np.finfo(float).tiny


@dataclass(frozen=True, slots=True)
class Times:
    """When one species was seen: the first moments of its events, as angles, and where."""

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
    bin_ = np.minimum((angle / TURN * BINS).astype(np.int64), BINS - 1)
    bins = np.bincount(station * BINS + bin_, minlength=stations * BINS)
    return Times(angle, station, bins.reshape(stations, BINS).astype(np.float64))


def curves(seen: Mapping[str, Times], draws: int = DRAWS) -> dict[str, Curve]:
    """The day's curve of each species with 10 events or more; below that, only dots are honest."""
    return {name: made for name, one in seen.items() if (made := _curve(one, draws))}


def overlaps(seen: Mapping[str, Times], draws: int = DRAWS) -> list[tuple[str, str, Overlap]]:
    """Each pair of species that have a curve, and how far they are out at the same hours."""
    able = {n: t for n, t in seen.items() if t.n >= FEWEST and activity.bandwidth(t.angle)}
    if len(able) < 2:
        return []
    times = _station_times(len(next(iter(able.values())).bins), draws)
    drawn = {name: _Drawn.of(times @ one.bins) for name, one in able.items()}
    return [
        (a, b, _overlap(able[a], able[b], drawn[a], drawn[b])) for a, b in combinations(able, 2)
    ]


def between(at: NDArray[np.datetime64]) -> Floats:
    """(n,) clock times as angles."""
    return TURN * ((at - at.astype("datetime64[D]")) / np.timedelta64(86_400_000_000, "us"))


def _station_times(stations: int, draws: int) -> Floats:
    return station_draws(np.zeros(stations), draws, SEED).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Counts by bin (k, 288) and what follows from them, row by row."""

    counts: Floats
    density: Floats  # (k, 288) per radian; nan rows where there is no concentration
    even: Floats  # (k, 288) shares of a curve smoothed a little less, as Dhat1 takes it

    @classmethod
    def of(cls, counts: Floats) -> "_Drawn":
        width = _widths(counts)
        less = _densities(counts, width / 0.8)
        return cls(counts, _densities(counts, width), less / less.sum(1, keepdims=True))


def _densities(counts: Floats, width: Floats) -> Floats:
    kernel = np.exp(width[:, None] * (np.cos(TURN * np.arange(BINS) / BINS) - 1))
    kernel /= TURN * ive(0, width[:, None]) * np.maximum(counts.sum(1, keepdims=True), 1)
    made = np.fft.irfft(np.fft.rfft(counts) * np.fft.rfft(kernel), BINS)
    return np.maximum(made, 0)


def _widths(counts: Floats) -> Floats:
    """(k,) the bandwidth of pipeline.population.activity, of each row of counts."""
    n = counts.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        moments = np.abs(np.fft.rfft(counts)[:, 1:4]) / n[:, None]
        kappa = np.zeros(len(counts))
        for k in (1, 2, 3):
            kappas, known = activity._moments(k)
            found = np.interp(moments[:, k - 1], known, kappas, left=0, right=0)
            kappa = np.fmax(kappa, found)
        spread = ive(2, 2 * kappa) / (4 * np.sqrt(np.pi) * ive(0, kappa) ** 2)
        width = (3 * n * kappa**2 * spread) ** 0.4
    return np.where((kappa > 0) & (n >= 2), width, np.nan)


def _curve(one: Times, draws: int) -> Curve | None:
    width = activity.bandwidth(one.angle) if one.n >= FEWEST else None
    if width is None:
        return None
    hours = np.linspace(0, 24, POINTS)
    if one.stations >= FEW:
        drawn = _Drawn.of(_station_times(len(one.bins), draws) @ one.bins)
    else:
        line = _Drawn.of(one.bins.sum(0, keepdims=True)).density[0]
        random = np.random.default_rng(SEED)
        drawn = _Drawn.of(random.multinomial(one.n, line / line.sum(), draws).astype(float))
    tops = drawn.density
    tops = tops[np.isfinite(tops).all(1)]
    if one.n <= EXACT:
        line = activity.density(one.angle, hours * TURN / 24, width)
        level = activity.activity_level(one.angle)
    else:
        fine = _Drawn.of(one.bins.sum(0, keepdims=True)).density[0]
        line, level = _on(hours, fine), float(1 / (TURN * fine.max()))
    low, high = (_on(hours, row) for row in np.quantile(tops, (0.025, 0.975), axis=0))
    limits = activity._limits(level, 1 / (TURN * tops.max(1)), 0.95)
    per_hour = TURN / 24
    low, high = np.minimum(low, line), np.maximum(high, line)
    band = (line * per_hour, low * per_hour, high * per_hour)
    return Curve(one.n, width, hours, *band, level, limits)


def _on(hours: Floats, density: Floats) -> Floats:
    """A density by bin, at hours."""
    return np.interp(hours, _AT * 24 / TURN, density, period=24)


def _overlap(a: Times, b: Times, drawn_a: _Drawn, drawn_b: _Drawn) -> Overlap:
    large = min(a.n, b.n) >= LARGE
    drawn = (_dhat4 if large else _dhat1)(drawn_a, drawn_b)
    if a.n + b.n <= 2 * EXACT:
        one, four = activity.dhat1(a.angle, b.angle), activity.dhat4(a.angle, b.angle)
    else:
        whole = [_Drawn.of(t.bins.sum(0, keepdims=True)) for t in (a, b)]
        one, four = float(_dhat1(*whole)[0]), float(_dhat4(*whole)[0])
    value = four if large else one
    low, high = activity._limits(value, drawn[np.isfinite(drawn)], 0.95)
    name = "Dhat4" if large else "Dhat1"
    return Overlap(
        value, min(low, value), max(high, value), name, one, four, (a.n, b.n), "stations"
    )


def _dhat1(a: _Drawn, b: _Drawn) -> Floats:
    return np.minimum(a.even, b.even).sum(1)


def _dhat4(a: _Drawn, b: _Drawn) -> Floats:
    ratio = np.maximum(a.density, _TINY) / np.maximum(b.density, _TINY)
    with np.errstate(invalid="ignore", divide="ignore"):
        under_a = (a.counts * np.minimum(1, 1 / ratio)).sum(1) / a.counts.sum(1)
        under_b = (b.counts * np.minimum(1, ratio)).sum(1) / b.counts.sum(1)
    return (under_a + under_b) / 2
