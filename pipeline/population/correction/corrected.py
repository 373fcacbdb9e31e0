"""Totals that admit the machine's errors, from a random sample that people reviewed.

The machine spoke about every unit (picture, event or cell: choose one), people looked at a random
sample in each stratum. The machine's sum is put right by what it got wrong in the sample:

    T = sum over strata of  lambda F + N mean(y - lambda f)          (difference estimator)

unbiased whatever the machine is worth; a bad machine only makes the interval wide. lambda says how
far it is believed: 1 classic, 0 not at all, None as the sample tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from pipeline.errors import PopulationError
from pipeline.trust.intervals import share_high, total_high, total_low

Floats = NDArray[np.float64]

SMALL = 30  # reviews a stratum should have
OWN_LAMBDA = 50  # reviews a stratum needs for a lambda of its own: less, and it is biased
FEW_ERRORS = 10  # below it normal limits fail, and 0/1 units are counted


@dataclass(frozen=True, slots=True)
class Stratum:
    """One heap of units and the random sample of it that people reviewed."""

    name: str
    size: int  # units, N
    machine: float  # sum of the machine's values over all of them, F
    y: Floats  # (n,) what people saw: 0/1, or counts
    f: Floats  # (n,) what the machine said of the same units

    @property
    def clean(self) -> bool:
        """No error seen, though not everything was."""
        return len(self.y) < self.size and bool((self.y == self.f).all())

    @property
    def binary(self) -> bool:
        """Units are there or not, not counted."""
        values = np.concatenate([self.y, self.f])
        return bool(np.isin(values, (0, 1)).all()) and self.machine == int(self.machine)

    def residual(self, lam: float) -> Floats:
        """(n,) what the machine leaves to be put right."""
        return self.y - lam * self.f

    def difference(self, lam: float) -> float:
        """Corrected total of this stratum."""
        if not self.size:
            return 0.0
        return float(lam * self.machine + self.size * self.residual(lam).mean())

    def spread(self, lam: float) -> float:
        """Variance of the residuals. None seen is not none there: then the most that the sample
        allows, a share u of units wrong by a whole unit (or by the largest value seen)."""
        if len(self.y) < 2:
            return 0.0
        if (seen := float(self.residual(lam).var(ddof=1))) > 0:
            return seen
        u = share_high(0, len(self.y), 0.95)
        step = max(1.0, float(np.abs(self.y).max()), float(np.abs(self.f).max()))
        return u * (1 - u) * step**2


@dataclass(frozen=True, slots=True)
class Total:
    """Raw and corrected side by side."""

    raw: float  # the machine alone
    value: float
    se: float
    low: float
    high: float
    method: str  # normal, or counted (few errors, or none in a stratum)
    lambdas: tuple[float, ...]  # of each stratum
    units: int
    reviewed: int
    errors: int  # reviewed units of which the machine was wrong
    more: dict[str, int]  # reviews that would halve the width, by stratum
    word: str  # what a reader must know; empty: nothing


def total(strata: Sequence[Stratum], lam: float | None = None, confidence: float = 0.95) -> Total:
    """Corrected total over all strata. `lam` None: tuned, one for all where strata are small."""
    check(strata)
    lambdas = lambdas_of(strata, lam)
    value = sum(s.difference(one) for s, one in zip(strata, lambdas, strict=True))
    spreads = [s.spread(one) for s, one in zip(strata, lambdas, strict=True)]
    variance = variance_of(strata, spreads)
    se = float(np.sqrt(variance))
    errors = int(sum((s.y != s.f).sum() for s in strata))
    few = errors < FEW_ERRORS or any(s.clean for s in strata)
    counted = few and all(s.binary for s in strata)
    if counted:
        low, high = _counted(strata, value, confidence)
    else:
        z = float(norm.ppf((1 + confidence) / 2))
        low, high = value - z * se, value + z * se
    least, most = _possible(strata)
    value = float(np.clip(value, least, most))
    return Total(
        raw=float(sum(s.machine for s in strata)),
        value=value,
        se=se,
        low=float(np.clip(min(low, value), least, most)),
        high=float(np.clip(max(high, value), least, most)),
        method="counted" if counted else "normal",
        lambdas=tuple(lambdas),
        units=sum(s.size for s in strata),
        reviewed=sum(len(s.y) for s in strata),
        errors=errors,
        more=_more(strata, spreads, variance / 4),
        word=_word(strata, errors, counted),
    )


def check(strata: Sequence[Stratum]) -> None:
    """Raises PopulationError where a sample cannot carry a correction."""
    for one in strata:
        if len(one.y) != len(one.f) or len(one.y) > one.size:
            raise PopulationError(f"stratum {one.name}: {len(one.y)} reviews of {one.size} units")
        if len(one.y) < min(2, one.size):
            raise PopulationError(
                f"stratum {one.name}: {len(one.y)} of {one.size} units reviewed; "
                "review at least 2, or join it with its neighbour"
            )
    if not any(one.size for one in strata):
        raise PopulationError("there are no units to correct")


def lambdas_of(strata: Sequence[Stratum], lam: float | None) -> list[float]:
    """How far the machine is believed in each stratum: the values that make T's variance least."""
    if lam is not None:
        return [float(lam)] * len(strata)
    both = np.array([_products(s) for s in strata])  # S_yf, S_ff
    if min((len(s.y) for s in strata if len(s.y) < s.size), default=OWN_LAMBDA) < OWN_LAMBDA:
        weight = [s.size**2 * (1 / max(len(s.y), 1) - 1 / max(s.size, 1)) for s in strata]
        both = np.tile(np.array(weight) @ both, (len(strata), 1))
    return [float(np.clip(yf / ff, 0, 1)) if ff > 0 else 0.0 for yf, ff in both]


def _products(one: Stratum) -> tuple[float, float]:
    if len(one.y) < 2:
        return 0.0, 0.0
    (_, yf), (_, ff) = np.cov(one.y, one.f)
    return float(yf), float(ff)


def variance_of(strata: Sequence[Stratum], spreads: Sequence[float]) -> float:
    """Variance of the total: sum of N^2 (1 - n/N) S^2 / n."""
    return sum(
        s.size**2 * (1 - len(s.y) / s.size) * spread / len(s.y)
        for s, spread in zip(strata, spreads, strict=True)
        if s.size
    )


def _possible(strata: Sequence[Stratum]) -> tuple[float, float]:
    """What was confirmed is there; of 0/1 units, what was refused is not."""
    least = float(sum(s.y.sum() for s in strata))
    if not all(s.binary for s in strata):
        return least, np.inf
    return least, least + sum(s.size - len(s.y) for s in strata)


def _counted(strata: Sequence[Stratum], value: float, confidence: float) -> tuple[float, float]:
    """Limits for few errors. A stratum's units, apart by what the machine said, are heaps of known
    size; the true ones in each have exact limits; the distances to them add as squares do (MOVER,
    Zou and Donner 2008). A heap that nobody looked into may hold anything."""
    below = above = 0.0
    end = (1 + confidence) / 2
    for s in strata:
        for said, size in ((0, s.size - int(s.machine)), (1, int(s.machine))):
            y = s.y[s.f == said]
            size, n, yes = max(size, len(y)), len(y), int(y.sum())
            middle = size * yes / n if n else size * said
            below += (middle - (total_low(size, n, yes, end) if n else 0)) ** 2
            above += ((total_high(size, n, yes, end) if n else size) - middle) ** 2
    return value - float(np.sqrt(below)), value + float(np.sqrt(above))


def _more(strata: Sequence[Stratum], spreads: Sequence[float], target: float) -> dict[str, int]:
    """Further reviews that bring the variance down to `target`, put where they help most."""
    size, n = (np.array(x, float) for x in zip(*((s.size, len(s.y)) for s in strata), strict=True))
    weight = size * np.sqrt(spreads)

    def planned(effort: float) -> Floats:
        return np.clip(effort * weight, n, size)

    low, high = 0.0, 1.0
    while high < 1e12 and _variance_at(size, spreads, planned(high)) > target:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        enough = _variance_at(size, spreads, planned(middle)) <= target
        low, high = (low, middle) if enough else (middle, high)
    more = np.ceil(planned(high) - n - 1e-9).astype(int)
    return {s.name: int(extra) for s, extra in zip(strata, more, strict=True)}


def _variance_at(size: Floats, spreads: Sequence[float], n: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nansum(size**2 * np.array(spreads) * (1 / n - 1 / size)))


def _word(strata: Sequence[Stratum], errors: int, counted: bool) -> str:
    words = []
    if small := [s.name for s in strata if len(s.y) < min(SMALL, s.size)]:
        words.append(f"too few reviews in {', '.join(small)}: {SMALL} are needed in each stratum")
    if errors < FEW_ERRORS:
        limits = "limits by counting, wide" if counted else "the limits may be too narrow"
        words.append(f"only {errors} errors among the reviews: {limits}")
    if clean := [s.name for s in strata if s.clean]:
        words.append(f"no error seen in {', '.join(clean)}: taken as few, not as none")
    return "; ".join(words)
