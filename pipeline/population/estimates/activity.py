"""When in the day: circular kernel density, overlap of two species, share of the day spent active.

    curve(times)          times (n,) in radians, 0 and 2 pi at midnight: radians_of(datetimes)
    overlap(a, b)         0 never out together ... 1 the same hours

Times are the first records of independent events. Clock or sun time: pipeline.population.sun turns
one into the other. The bandwidth is Taylor's (2008): a concentration, larger means less smoothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, ive, logit

from pipeline.errors import PopulationError

Floats = NDArray[np.float64]

TURN = 2 * np.pi
FEWEST = 10  # events for a curve; below it, only dots
LARGE = 50  # Dhat4 from here on for the smaller sample, else Dhat1
GRID = 128  # points of the overlap's grid, both midnights among them
FINE = 513  # points on which the peak of a curve is looked for
POINTS = 145  # of a curve: every 10 minutes, both midnights
ROUNDS = 999  # of the bootstrap
_KAPPAS = (1e-4, 345.0)  # where the concentration is looked for
_EDGE = 1e-6  # keeps logits finite
_TINY = np.finfo(float).tiny  # keeps ratios finite


@dataclass(frozen=True, slots=True)
class Curve:
    """Density per hour over the day, with a pointwise band."""

    n: int
    bandwidth: float
    hours: Floats  # (k,) 0-24
    density: Floats  # (k,) per hour: sums to 1 over the day
    low: Floats  # (k,)
    high: Floats  # (k,)
    level: float  # share of the day spent active
    level_limits: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far two species are out at the same hours."""

    value: float
    low: float
    high: float
    estimator: str  # Dhat1 or Dhat4
    dhat1: float
    dhat4: float
    n: tuple[int, int]
    resampled: str  # times, or stations


def radians_of(times: Iterable[datetime]) -> Floats:
    """Clock times to radians; the date does not matter."""
    seconds = [t.hour * 3600 + t.minute * 60 + t.second + t.microsecond / 1e6 for t in times]
    return TURN * np.array(seconds, float) / 86400


def bandwidth(times: Floats) -> float | None:
    """Concentration of the kernel. None: no concentration fits (all at one time, or too even)."""
    times = np.asarray(times, float)
    if not len(times):
        return None
    turns = np.exp(1j * (times - np.angle(np.exp(1j * times).mean())))
    kappa = max(_concentration(k, float(abs((turns**k).mean()))) for k in (1, 2, 3))
    if kappa == 0:
        return None
    spread = ive(2, 2 * kappa) / (4 * np.sqrt(np.pi) * ive(0, kappa) ** 2)  # both scaled by e^2k
    return float((3 * len(times) * kappa**2 * spread) ** 0.4)


def density(times: Floats, at: Floats, width: float) -> Floats:
    """(k,) density per radian at `at` (k,), from von Mises kernels of concentration `width`."""
    bumps = np.exp(width * (np.cos(at[:, None] - times[None, :]) - 1))
    return bumps.mean(1) / (TURN * ive(0, width))


def activity_level(times: Floats) -> float | None:
    """Share of the day spent active: 1 / (2 pi times the peak of the density)."""
    width = bandwidth(times)
    if width is None:
        return None
    return float(1 / (TURN * density(times, np.linspace(0, TURN, FINE), width).max()))


def dhat1(a: Floats, b: Floats) -> float:
    """Overlap for small samples: the area under both curves on a grid, smoothed a little less."""
    grid = np.linspace(0, TURN, GRID)[1:]
    tops = [density(times, grid, _width(times) / 0.8) for times in (a, b)]
    return float(np.minimum(*(top / top.sum() for top in tops)).sum())


def dhat4(a: Floats, b: Floats) -> float:
    """Overlap for larger samples: how far one curve reaches under the other, where it was seen."""
    of_a, of_b = (_evaluated(times, len(a) + len(b)) for times in (a, b))
    under_a = np.minimum(1, of_b(a) / np.maximum(of_a(a), _TINY)).mean()
    under_b = np.minimum(1, of_a(b) / np.maximum(of_b(b), _TINY)).mean()
    return float((under_a + under_b) / 2)


def curve(
    times: Floats, rounds: int = ROUNDS, seed: int = 0, confidence: float = 0.95
) -> Curve | None:
    """The day's curve with a band from a smoothed bootstrap. None below 10 events: show dots."""
    times = np.asarray(times, float)
    width = bandwidth(times) if len(times) >= FEWEST else None
    if width is None:
        return None
    hours, per_hour = np.linspace(0, 24, POINTS), TURN / 24
    at = hours * per_hour
    rng = np.random.default_rng(seed)
    drawn = [one for one in _smoothed(times, width, rounds, rng) if bandwidth(one)]
    tops = np.array([density(one, at, bandwidth(one)) for one in drawn])
    line = density(times, at, width)
    too_smooth = np.maximum(tops.mean(0), _TINY) / np.maximum(line, _TINY)
    low, high = np.quantile(tops, _tails(confidence), axis=0) / too_smooth
    level = activity_level(times)
    limits = _limits(level, 1 / (TURN * tops.max(1)), confidence)
    band = (line * per_hour, low * per_hour, high * per_hour)
    return Curve(len(times), width, hours, *band, level, limits)


def overlap(
    a: Floats,
    b: Floats,
    stations: tuple[Sequence, Sequence] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    confidence: float = 0.95,
) -> Overlap | None:
    """Overlap with an interval; None when a sample is below 10 events.

    The interval is a smoothed bootstrap's. `stations`, the station of every time: whole stations
    are drawn instead, for both species together; wider, and right when few give most events.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if min(len(a), len(b)) < FEWEST or not (bandwidth(a) and bandwidth(b)):
        return None
    measure, name = (dhat4, "Dhat4") if min(len(a), len(b)) >= LARGE else (dhat1, "Dhat1")
    rng = np.random.default_rng(seed)
    if stations is None:
        pairs = zip(*(_smoothed(t, _width(t), rounds, rng) for t in (a, b)), strict=True)
    else:
        pairs = _stations_drawn((a, b), stations, rounds, rng)
    drawn = np.array([measure(*pair) for pair in pairs if all(bandwidth(t) for t in pair)])
    low, high = _limits(measure(a, b), drawn, confidence)
    how = "times" if stations is None else "stations"
    return Overlap(measure(a, b), low, high, name, dhat1(a, b), dhat4(a, b), (len(a), len(b)), how)


def _concentration(k: int, moment: float) -> float:
    """kappa with I_k(kappa) / I_0(kappa) = moment, or 0 where there is none."""
    kappas, moments = _moments(k)
    place = int(np.searchsorted(moments, moment))
    if place in (0, len(kappas)):
        return 0.0
    between = kappas[place - 1], kappas[place]
    return brentq(lambda kappa: ive(k, kappa) / ive(0, kappa) - moment, *between)


@cache
def _moments(k: int) -> tuple[Floats, Floats]:
    """(kappas, moments), both rising: where to look, so that a bootstrap is quick."""
    kappas = np.geomspace(*_KAPPAS, 2000)
    return kappas, ive(k, kappas) / ive(0, kappas)


def _width(times: Floats) -> float:
    """The bandwidth, of times that have one."""
    if (width := bandwidth(times)) is None:
        raise PopulationError(f"{len(times)} times have no bandwidth: all at one time, or too even")
    return width


def _evaluated(times: Floats, both: int):
    """The density as a function; between grid points when there are many, as the original does."""
    width = _width(times)
    if both <= 1.1 * GRID:
        return lambda at: density(times, at, width)
    grid = np.linspace(0, TURN, GRID)
    on_grid = density(times, grid, width)
    return lambda at: np.interp(at, grid, on_grid)


def _smoothed(times: Floats, width: float, rounds: int, rng: np.random.Generator) -> Floats:
    """(rounds, n) draws from the fitted density: a time seen, moved by its kernel."""
    seen = rng.choice(times, (rounds, len(times)))
    return (seen + rng.vonmises(0, width, seen.shape)) % TURN


def _stations_drawn(
    times: tuple[Floats, Floats],
    stations: tuple[Sequence, Sequence],
    rounds: int,
    rng: np.random.Generator,
) -> Iterator[list[Floats]]:
    """Both species' times at stations drawn with replacement."""
    names = [np.asarray(one) for one in stations]
    every = np.unique(np.concatenate(names))
    heaps = [[t[n == name] for name in every] for t, n in zip(times, names, strict=True)]
    for _ in range(rounds):
        picked = rng.integers(0, len(every), len(every))
        yield [np.concatenate([heap[place] for place in picked]) for heap in heaps]


def _tails(confidence: float) -> list[float]:
    return [(1 - confidence) / 2, (1 + confidence) / 2]


def _limits(value: float, drawn: Floats, confidence: float) -> tuple[float, float]:
    """`basic0`: percentiles less the mean bias, on the logit scale so that they stay in 0-1."""
    centre, draws = (logit(np.clip(one, _EDGE, 1 - _EDGE)) for one in (value, drawn))
    low, high = expit(np.quantile(draws, _tails(confidence)) - (draws.mean() - centre))
    return float(low), float(high)
