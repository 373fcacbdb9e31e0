"""Totals corrected by a random sample that people reviewed.

The model gave a result for every unit (picture, event or cell: choose one). People reviewed a
random sample of each stratum. The sample's errors correct the sum of the model's results:

    T = sum over strata of  lambda F + N mean(y - lambda f)          (difference estimator)

It is unbiased whatever the quality of the model; a poor model only makes the interval wide. lambda
is the weight of the model: 1 classic, 0 none, None tuned from the sample (PPI++, Angelopoulos et
al. 2023, arXiv 2311.01453).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from pipeline.errors import PopulationError
from pipeline.trust.intervals import share_high, total_high, total_low

Floats: TypeAlias = NDArray[np.float64]

SMALL = 30  # reviews a stratum should have
OWN_LAMBDA = 50  # reviews a stratum needs for its own lambda: with fewer it is biased
FEW_ERRORS = 10  # with fewer, normal limits fail; 0/1 units get exact ones


@dataclass(frozen=True, slots=True)
class Stratum:
    """Units of one stratum and the random sample of them that people reviewed."""

    name: str
    size: int  # units, N
    model: float  # sum of the model's values over all of them, F
    y: Floats  # (n,) what people saw: 0/1, or counts
    f: Floats  # (n,) the model's values of the same units

    @property
    def clean(self) -> bool:
        """No error among the reviews, though not every unit was reviewed."""
        return len(self.y) < self.size and bool((self.y == self.f).all())

    @property
    def binary(self) -> bool:
        """The values are 0 or 1, not counts."""
        values = np.concatenate([self.y, self.f])
        return bool(np.isin(values, (0, 1)).all()) and self.model == int(self.model)

    def residual(self, lam: float) -> Floats:
        """(n,) what the model leaves to be corrected."""
        return self.y - lam * self.f

    def difference(self, lam: float) -> float:
        """Corrected total of this stratum."""
        if not self.size:
            return 0.0
        return float(lam * self.model + self.size * self.residual(lam).mean())

    def spread(self, lam: float) -> float:
        """Variance of the residuals. Where no error was seen: the largest that the sample allows, a
        share u of units wrong by a whole unit (or by the largest value seen)."""
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

    raw: float  # of the model alone
    value: float
    se: float
    low: float
    high: float
    method: str  # normal, or counted (few errors, or none in a stratum)
    lambdas: tuple[float, ...]  # of each stratum
    reviewed: int  # units
    errors: int  # reviewed units in which the model was wrong
    more: dict[str, int]  # reviews that would halve the width, by stratum
    note: str  # what a reader must know; empty: nothing


def total(strata: Sequence[Stratum], lam: float | None = None, confidence: float = 0.95) -> Total:
    """Corrected total over all strata. `lam` None: tuned, one for all where strata are small."""
    check(strata)
    lambdas = lambdas_of(strata, lam)
    value = sum(s.difference(weight) for s, weight in zip(strata, lambdas, strict=True))
    spreads = [s.spread(weight) for s, weight in zip(strata, lambdas, strict=True)]
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
        raw=float(sum(s.model for s in strata)),
        value=value,
        se=se,
        low=float(np.clip(min(low, value), least, most)),
        high=float(np.clip(max(high, value), least, most)),
        method="counted" if counted else "normal",
        lambdas=tuple(lambdas),
        reviewed=sum(len(s.y) for s in strata),
        errors=errors,
        more=_more(strata, spreads, variance / 4),
        note=_note(strata, errors, counted),
    )


def check(strata: Sequence[Stratum]) -> None:
    """Raises PopulationError where a sample cannot carry a correction."""
    for s in strata:
        if len(s.y) != len(s.f) or len(s.y) > s.size:
            raise PopulationError(f"stratum {s.name}: {len(s.y)} reviews of {s.size} units")
        if len(s.y) < min(2, s.size):
            raise PopulationError(
                f"stratum {s.name}: {len(s.y)} of {s.size} units reviewed; "
                "review at least 2, or join it with another stratum"
            )
    if not any(s.size for s in strata):
        raise PopulationError("there are no units to correct")


def lambdas_of(strata: Sequence[Stratum], lam: float | None) -> list[float]:
    """The weight of the model in each stratum: the values that make T's variance least."""
    if lam is not None:
        return [float(lam)] * len(strata)
    both = np.array([_products(s) for s in strata])  # S_yf, S_ff
    if min((len(s.y) for s in strata if len(s.y) < s.size), default=OWN_LAMBDA) < OWN_LAMBDA:
        weight = [s.size**2 * (1 / max(len(s.y), 1) - 1 / max(s.size, 1)) for s in strata]
        both = np.tile(np.array(weight) @ both, (len(strata), 1))
    return [float(np.clip(yf / ff, 0, 1)) if ff > 0 else 0.0 for yf, ff in both]


def _products(stratum: Stratum) -> tuple[float, float]:
    if len(stratum.y) < 2:
        return 0.0, 0.0
    (_, yf), (_, ff) = np.cov(stratum.y, stratum.f)
    return float(yf), float(ff)


def variance_of(strata: Sequence[Stratum], spreads: Sequence[float]) -> float:
    """Variance of the total: sum of N^2 (1 - n/N) S^2 / n."""
    return sum(
        s.size**2 * (1 - len(s.y) / s.size) * spread / len(s.y)
        for s, spread in zip(strata, spreads, strict=True)
        if s.size
    )


def _possible(strata: Sequence[Stratum]) -> tuple[float, float]:
    """Least and most: confirmed units count; of 0/1 units, refused ones do not."""
    least = float(sum(s.y.sum() for s in strata))
    if not all(s.binary for s in strata):
        return least, np.inf
    return least, least + sum(s.size - len(s.y) for s in strata)


def _counted(strata: Sequence[Stratum], value: float, confidence: float) -> tuple[float, float]:
    """Limits for few errors. A stratum's units form two groups of known size by the model's value;
    the true ones in each have exact limits; the squared distances to them add up (MOVER, Zou and
    Donner 2008). A group without a review may hold anything."""
    below = above = 0.0
    end = (1 + confidence) / 2
    for s in strata:
        for value_of_model, size in ((0, s.size - int(s.model)), (1, int(s.model))):
            y = s.y[s.f == value_of_model]
            size, n, yes = max(size, len(y)), len(y), int(y.sum())
            middle = size * yes / n if n else size * value_of_model
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


def _note(strata: Sequence[Stratum], errors: int, counted: bool) -> str:
    notes = []
    if small := [s.name for s in strata if len(s.y) < min(SMALL, s.size)]:
        notes.append(f"too few reviews in {', '.join(small)}: {SMALL} are needed in each stratum")
    if errors < FEW_ERRORS:
        limits = "exact limits, wide" if counted else "the limits may be too narrow"
        notes.append(f"only {errors} errors among the reviews: {limits}")
    if clean := [s.name for s in strata if s.clean]:
        notes.append(f"no error seen in {', '.join(clean)}: there may still be a few")
    return "; ".join(notes)
