"""When in the day: circular kernel density, overlap of two species, share of the day spent active.

Times are those of the first records of independent events, as angles: 0 and 2 pi at midnight, of
the clock or of the sun (pipeline.card.sun). The bandwidth is Taylor's (2008, Computational
Statistics & Data Analysis 52): a concentration, larger means less smoothing. Overlap as Ridout and
Linkie define it (2009, JABES 14; R package overlap), activity as Rowcliffe et al. (2014, Methods in
Ecology and Evolution 5; R package activity).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, ive, logit

from pipeline.errors import PopulationError

Floats: TypeAlias = NDArray[np.float64]

TURN = 2 * np.pi
FEWEST = 10  # events for a curve; with fewer, only dots
LARGE = 50  # Dhat4 from here on for the smaller sample, else Dhat1
GRID = 128  # points of the overlap's grid, both midnights among them
FINE = 513  # points on which the peak of a curve is searched
POINTS = 145  # of a curve: every 10 minutes, both midnights
_KAPPAS = (1e-4, 345.0)  # within which the concentration is searched
_EDGE = 1e-6  # keeps logits finite
TINY = np.finfo(float).tiny  # keeps ratios finite


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
    """How far two species are active at the same hours."""

    value: float
    low: float
    high: float
    estimator: str  # Dhat1 or Dhat4
    n: tuple[int, int]


def bandwidth(times: Floats) -> float | None:
    """Concentration of the kernel; None if none fits (all at the same time, or too even)."""
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
    return np.asarray(bumps.mean(1) / (TURN * ive(0, width)))


def activity_level(times: Floats, width: float) -> float:
    """Share of the day spent active: 1 / (2 pi times the peak of the density)."""
    return float(1 / (TURN * density(times, np.linspace(0, TURN, FINE), width).max()))


def dhat1(a: Floats, b: Floats) -> float:
    """Overlap for small samples: the area under both curves on a grid, smoothed a little less."""
    grid = np.linspace(0, TURN, GRID)[1:]
    tops = [density(times, grid, _width(times) / 0.8) for times in (a, b)]
    return float(np.minimum(*(top / top.sum() for top in tops)).sum())


def dhat4(a: Floats, b: Floats) -> float:
    """Overlap for larger samples: how far the curves lie under each other at the times seen."""
    of_a, of_b = (_evaluated(times, len(a) + len(b)) for times in (a, b))
    under_a = np.minimum(1, of_b(a) / np.maximum(of_a(a), TINY)).mean()
    under_b = np.minimum(1, of_a(b) / np.maximum(of_b(b), TINY)).mean()
    return float((under_a + under_b) / 2)


def _concentration(k: int, moment: float) -> float:
    """kappa with I_k(kappa) / I_0(kappa) = moment, or 0 where there is none."""
    kappas, known = moments(k)
    place = int(np.searchsorted(known, moment))
    if place in (0, len(kappas)):
        return 0.0
    between = kappas[place - 1], kappas[place]
    return float(brentq(lambda kappa: ive(k, kappa) / ive(0, kappa) - moment, *between))


@cache
def moments(k: int) -> tuple[Floats, Floats]:
    """(kappas, moments), both rising: a table of I_k(kappa) / I_0(kappa) for a quick search."""
    kappas = np.geomspace(*_KAPPAS, 2000)
    return kappas, ive(k, kappas) / ive(0, kappas)


def _width(times: Floats) -> float:
    """The bandwidth, of times that have one."""
    if (width := bandwidth(times)) is None:
        raise PopulationError(
            f"{len(times)} times have no bandwidth: all are the same, or too even"
        )
    return width


def _evaluated(times: Floats, both: int) -> Callable[[Floats], Floats]:
    """The density as a function; with many times interpolated on a grid, as R's overlap does."""
    width = _width(times)
    if both <= 1.1 * GRID:
        return lambda at: density(times, at, width)
    grid = np.linspace(0, TURN, GRID)
    on_grid = density(times, grid, width)
    return lambda at: np.asarray(np.interp(at, grid, on_grid))


def limits(value: float, drawn: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """`basic0`: percentiles less the mean bias, on the logit scale so that they stay in 0-1."""
    centre, draws = (logit(np.clip(x, _EDGE, 1 - _EDGE)) for x in (np.array(value), drawn))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = expit(np.quantile(draws, tails) - (draws.mean() - centre))
    return float(low), float(high)
