"""Numbers that admit the machine's errors: totals, rates and species mix from a reviewed sample.

The machine spoke about every unit (picture, event or cell: choose one), people looked at a random
sample in each stratum. The machine's sum is put right by what it got wrong in the sample:

    T = sum over strata of  lambda F + N mean(y - lambda f)          (difference estimator)

unbiased whatever the machine is worth; a bad machine only makes the interval wide. lambda says how
far it is believed: 1 classic, 0 not at all, None as the sample tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm, t

from pipeline.errors import PopulationError
from pipeline.trust import audit
from pipeline.trust.intervals import share_high

Floats = NDArray[np.float64]

SMALL = 30  # reviews a stratum should have
OWN_LAMBDA = 50  # reviews a stratum needs for a lambda of its own: less, and it is biased
FEW_ERRORS = 10  # below it normal limits fail, and 0/1 units are counted exactly
ROUNDS = 2000  # of the station bootstrap


@dataclass(frozen=True, slots=True)
class Stratum:
    """One heap of units and the random sample of it that people reviewed."""

    name: str
    size: int  # units, N
    machine: float  # sum of the machine's values over all of them, F
    y: Floats  # (n,) what people saw: 0/1, or counts
    f: Floats  # (n,) what the machine said of the same units


@dataclass(frozen=True, slots=True)
class Total:
    """Raw and corrected side by side."""

    raw: float  # the machine alone
    value: float
    se: float
    low: float
    high: float
    method: str  # normal, or exact (few errors)
    lambdas: tuple[float, ...]  # of each stratum
    units: int
    reviewed: int
    errors: int  # reviewed units of which the machine was wrong
    more: dict[str, int]  # reviews that would halve the width, by stratum
    word: str  # what a reader must know; empty: nothing


@dataclass(frozen=True, slots=True)
class Rate:
    """Corrected events per 100 camera-days."""

    raw: float
    value: float
    se: float
    low: float
    high: float
    se_stations: float  # of it: stations differ
    se_review: float  # of it: only a sample was reviewed
    stations: int
    effort_days: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """A stratum by names: what the machine called all its units, and the reviewed ones."""

    name: str
    machine: Mapping[str, int]  # units by the machine's name; their sum is the stratum
    truth: Sequence[str]  # (n,)
    said: Sequence[str]  # (n,)

    def of(self, *species: str) -> Stratum:
        """The same as 0/1: is it one of these species?"""
        y, f = (np.isin(np.asarray(one, str), species) for one in (self.truth, self.said))
        machine = sum(self.machine.get(one, 0) for one in species)
        return Stratum(self.name, sum(self.machine.values()), machine, y * 1.0, f * 1.0)


def total(strata: Sequence[Stratum], lam: float | None = None, confidence: float = 0.95) -> Total:
    """Corrected total over all strata. `lam` None: tuned, one for all where strata are small."""
    _check(strata)
    lambdas = _lambdas(strata, lam)
    value = sum(_difference(s, one) for s, one in zip(strata, lambdas, strict=True))
    spreads = [_variance(s, one) for s, one in zip(strata, lambdas, strict=True)]
    variance = _summed(strata, spreads)
    se = float(np.sqrt(variance))
    errors = int(sum((s.y != s.f).sum() for s in strata))
    exact = errors < FEW_ERRORS and all(_is_binary(s) for s in strata)
    if exact:
        low, high = _counted(strata, confidence)
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
        method="exact" if exact else "normal",
        lambdas=tuple(lambdas),
        units=sum(s.size for s in strata),
        reviewed=sum(len(s.y) for s in strata),
        errors=errors,
        more=_more(strata, spreads, variance / 4),
        word=_word(strata, errors, exact),
    )


def mix(
    strata: Sequence[Labelled], species: Sequence[str], confidence: float = 0.95
) -> dict[str, tuple[float, float, float]]:
    """Corrected share of each species among all of them: (share, low, high)."""
    every = [one.of(*species) for one in strata]
    together = total(every, confidence=confidence)
    if together.value <= 0:
        return {}
    z, shares = float(norm.ppf((1 + confidence) / 2)), {}
    for name in species:
        own = [one.of(name) for one in strata]
        part = total(own, confidence=confidence)
        share = min(part.value / together.value, 1.0)
        apart = [
            _residual(a, la) - share * _residual(b, lb)
            for a, la, b, lb in zip(own, part.lambdas, every, together.lambdas, strict=True)
        ]
        spreads = [float(one.var(ddof=1)) for one in apart]
        se = float(np.sqrt(_summed(own, spreads))) / together.value
        if part.method == "exact" or not 0 < share < 1 or se == 0:
            others = max(together.value - part.value, 0)
            low, high = (end / max(end + others, 1e-12) for end in (part.low, part.high))
        else:
            low, high = expit(logit(share) + np.array([-z, z]) * se / (share * (1 - share)))
        shares[name] = (share, float(low), float(high))
    return shares


def rate(
    strata: Sequence[Stratum],
    sizes: NDArray[np.integer],
    machine: Floats,
    effort_days: Floats,
    reviewed_at: Sequence[NDArray[np.integer]] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Rate:
    """Corrected events per 100 camera-days, with the stations' differences in the interval.

    sizes, machine   (stations, strata): units, and the sum of the machine's values, at each station
    effort_days      (stations,); a station without effort leaves with its units
    reviewed_at      station (row) of every reviewed unit, a list per stratum: given, the interval
                     is a bootstrap of whole stations with their reviewed units
    """
    _check(strata)
    works = np.asarray(effort_days, float) > 0
    if works.sum() < 2:
        raise PopulationError("fewer than 2 stations with effort: no interval between stations")
    effort, sizes, machine = effort_days[works], sizes[works], machine[works]
    lambdas = _lambdas(strata, None)
    x = _at_stations(strata, lambdas, sizes, machine)
    days, n = float(effort.sum()), len(effort)
    value = float(100 * x.sum() / days)
    between = float(np.sqrt(n / (n - 1) * ((100 * x - value * effort) ** 2).sum()) / days)
    spreads = [_variance(s, one) for s, one in zip(strata, lambdas, strict=True)]
    review = float(100 * np.sqrt(_summed(strata, spreads)) / days)
    se = float(np.hypot(between, review))
    if reviewed_at is not None:
        places = np.cumsum(works) - 1  # row among the stations that work
        at = [np.where(works[one], places[one], -1) for one in reviewed_at]
        low, high = _bootstrap(strata, sizes, machine, effort, at, confidence, seed)
    elif value > 0:
        wide = float(t.ppf((1 + confidence) / 2, n - 1)) * se / value
        low, high = value * np.exp(-wide), value * np.exp(wide)
    else:
        low, high = 0.0, 100 * total(strata, confidence=confidence).high / days
    raw = float(100 * machine.sum() / days)
    return Rate(raw, value, se, float(low), float(high), between, review, n, days)


def _check(strata: Sequence[Stratum]) -> None:
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


def _lambdas(strata: Sequence[Stratum], lam: float | None) -> list[float]:
    """How far the machine is believed in each stratum: the values that make T's variance least."""
    if lam is not None:
        return [float(lam)] * len(strata)
    both = np.array([_products(s) for s in strata])  # S_yf, S_ff
    if min(len(s.y) for s in strata) < OWN_LAMBDA:
        weight = [s.size**2 * (1 / max(len(s.y), 1) - 1 / max(s.size, 1)) for s in strata]
        both = np.tile(np.array(weight) @ both, (len(strata), 1))
    return [float(np.clip(yf / ff, 0, 1)) if ff > 0 else 0.0 for yf, ff in both]


def _products(one: Stratum) -> tuple[float, float]:
    if len(one.y) < 2:
        return 0.0, 0.0
    (_, yf), (_, ff) = np.cov(one.y, one.f)
    return float(yf), float(ff)


def _residual(one: Stratum, lam: float) -> Floats:
    return one.y - lam * one.f


def _difference(one: Stratum, lam: float) -> float:
    if not one.size:
        return 0.0
    return float(lam * one.machine + one.size * _residual(one, lam).mean())


def _variance(one: Stratum, lam: float) -> float:
    """S^2 of the residuals. No difference seen is not none there: then the most that the sample
    allows, a share u of units wrong by a whole unit (or by the largest value seen)."""
    if len(one.y) < 2:
        return 0.0
    spread = float(_residual(one, lam).var(ddof=1))
    if spread > 0:
        return spread
    u = share_high(0, len(one.y), 0.95)
    step = max(1.0, float(np.abs(one.y).max()), float(np.abs(one.f).max()))
    return u * (1 - u) * step**2


def _summed(strata: Sequence[Stratum], spreads: Sequence[float]) -> float:
    """Variance of the total: sum of N^2 (1 - n/N) S^2 / n."""
    return sum(
        s.size**2 * (1 - len(s.y) / s.size) * spread / len(s.y)
        for s, spread in zip(strata, spreads, strict=True)
        if s.size
    )


def _is_binary(one: Stratum) -> bool:
    return bool(np.isin(one.y, (0, 1)).all() and np.isin(one.f, (0, 1)).all()) and (
        one.machine == int(one.machine) <= one.size
    )


def _possible(strata: Sequence[Stratum]) -> tuple[float, float]:
    """What was confirmed is there; of 0/1 units, what was refused is not."""
    least = float(sum(s.y.sum() for s in strata))
    if not all(_is_binary(s) for s in strata):
        return least, np.inf
    return least, least + sum(s.size - len(s.y) for s in strata)


def _counted(strata: Sequence[Stratum], confidence: float) -> tuple[float, float]:
    """Exact limits, as in the audit of blanks: a stratum's units, apart by what the machine said,
    are heaps of known size, and the sample of each holds so many."""
    heaps = []
    for s in strata:
        for said, size in ((0, s.size - int(s.machine)), (1, int(s.machine))):
            y = s.y[s.f == said]
            size, yes = max(size, len(y)), int(y.sum())
            heaps.append(audit.Stratum("", s.name, size, len(y), yes, len(y) - yes))
    found = audit.estimate([heap for heap in heaps if heap.size], 0, 0, confidence)
    return found.missed_low, found.missed_high


def _more(strata: Sequence[Stratum], spreads: Sequence[float], target: float) -> dict[str, int]:
    """Further reviews that bring the variance down to `target`, put where they help most."""
    size, n = (np.array(x, float) for x in zip(*((s.size, len(s.y)) for s in strata), strict=True))
    weight = size * np.sqrt(spreads)

    def planned(effort: float) -> Floats:
        return np.clip(effort * weight, n, size)

    low, high = 0.0, 1.0
    while high < 1e12 and _summed_at(size, spreads, planned(high)) > target:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        enough = _summed_at(size, spreads, planned(middle)) <= target
        low, high = (low, middle) if enough else (middle, high)
    more = np.ceil(planned(high) - n - 1e-9).astype(int)
    return {s.name: int(extra) for s, extra in zip(strata, more, strict=True)}


def _summed_at(size: Floats, spreads: Sequence[float], n: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nansum(size**2 * np.array(spreads) * (1 / n - 1 / size)))


def _word(strata: Sequence[Stratum], errors: int, exact: bool) -> str:
    words = []
    if small := [s.name for s in strata if len(s.y) < min(SMALL, s.size)]:
        words.append(f"too few reviews in {', '.join(small)}: {SMALL} are needed in each stratum")
    if exact:
        words.append(f"only {errors} errors among the reviews: exact limits, wide and honest")
    elif errors < FEW_ERRORS:
        words.append(f"only {errors} errors among the reviews: the limits may be too narrow")
    clean = [s.name for s in strata if s.size > len(s.y) and (s.y == s.f).all()]
    if clean and not exact:
        words.append(f"no error seen in {', '.join(clean)}: taken as few, not as none")
    return "; ".join(words)


def _at_stations(strata, lambdas, sizes, machine) -> Floats:
    """(stations,) corrected events, the sample's mean correction spread over a stratum's units."""
    means = np.array(
        [
            _residual(s, one).mean() if len(s.y) else 0.0
            for s, one in zip(strata, lambdas, strict=True)
        ]
    )
    return machine @ np.array(lambdas) + sizes @ means


def _bootstrap(strata, sizes, machine, effort, at, confidence, seed) -> tuple[float, float]:
    """Percentiles over whole stations drawn again, each with its units and its reviews."""
    n, lambdas = len(effort), np.array(_lambdas(strata, None))
    wrong, seen = np.zeros(sizes.shape), np.zeros(sizes.shape)
    for h, (s, places) in enumerate(zip(strata, at, strict=True)):
        inside = places >= 0
        np.add.at(wrong[:, h], places[inside], _residual(s, lambdas[h])[inside])
        np.add.at(seen[:, h], places[inside], 1)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), ROUNDS)  # (rounds, n)
    with np.errstate(invalid="ignore"):
        means = np.nan_to_num((times @ wrong) / (times @ seen))
    x = (times @ machine) @ lambdas + ((times @ sizes) * means).sum(1)
    rates = np.maximum(100 * x / (times @ effort), 0)
    low, high = np.quantile(rates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
