"""How many species: accumulation, rarefaction, Chao's lower bounds, diversity.

Tables are (stations, species) counts of independent events. Give confirmed species only: one false
name looks like a species seen once, and all these estimates depend on the species seen once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import norm

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Chao:
    """A lower bound on the number of species, with log-normal limits (Chao 1987)."""

    value: float
    se: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Diversity:
    """Of events among species. None without events."""

    shannon: float  # natural logarithm
    simpson: float  # 1 - D: chance that two events are of different species
    inverse_simpson: float  # 1 / D: as many equally common species


def countable(ranks: Mapping[str, str]) -> list[str]:
    """Names that count as species, sorted, from {name: rank}. A genus counts only if none of its
    species is there; a family or a higher rank never does."""
    species = {name for name, rank in ranks.items() if rank in ("species", "subspecies")}
    known = {name.split()[0] for name in species}
    genera = {name for name, rank in ranks.items() if rank == "genus" and name not in known}
    return sorted(species | genera)


def accumulation(table: Counts) -> tuple[Floats, Floats]:
    """(expected species, SD) after 1, 2, ... n stations in any order, exact: each (n,)."""
    seen = table > 0
    seen = seen[:, seen.any(0)]
    n, species = seen.shape
    if not species:
        return np.zeros(n), np.zeros(n)
    at = seen.sum(0)  # stations of each species
    missed = np.array([_none_drawn(n, at, k) for k in range(1, n + 1)])  # (n, species)
    spread = np.sqrt(missed * (1 - missed))
    correlation = _correlation(seen)
    variance = np.einsum("ks,st,kt->k", spread, correlation, spread)
    return (1 - missed).sum(1), np.sqrt(np.maximum(variance, 0))


def rarefaction(counts: Counts, sizes: Iterable[int]) -> Floats:
    """Expected species among so many events drawn at random; nan for more than there are."""
    counts = counts[counts > 0]
    total = int(counts.sum())
    return np.array(
        [
            (1 - _none_drawn(total, counts, size)).sum() if 0 <= size <= total else np.nan
            for size in sizes
        ],
        float,
    )


def chao2(table: Counts, confidence: float = 0.95) -> Chao:
    """From species at one and at two stations: the one to prefer, stations are independent."""
    at = (table > 0).sum(0)
    n = len(table)
    observed, once, twice = int((at > 0).sum()), int((at == 1).sum()), int((at == 2).sum())
    scale = (n - 1) / n if n else 0.0
    if twice:
        ratio = once / twice
        more = scale * once * ratio / 2
        variance = once * scale * ratio * (0.5 + scale * ratio * (1 + ratio / 4))
    else:
        more = scale * once * (once - 1) / 2
        variance = scale * (scale * _rare(once, observed + more) + once * (once - 1) / 2)
    return _bounded(observed, more, variance, confidence)


def chao1(counts: Counts, confidence: float = 0.95) -> Chao:
    """From species with one and with two events, bias-corrected: S + f1 (f1 - 1) / (2 (f2 + 1))."""
    observed, once, twice = (int((counts > 0).sum()), *(int((counts == k).sum()) for k in (1, 2)))
    pairs, room = once * (once - 1), twice + 1
    more = pairs / (2 * room)
    if twice:
        variance = (
            pairs / (2 * room)
            + once * (2 * once - 1) ** 2 / (4 * room**2)
            + once**2 * twice * (once - 1) ** 2 / (4 * room**4)
        )
    else:
        variance = pairs / 2 + _rare(once, observed + more)
    return _bounded(observed, more, variance, confidence)


def diversity(counts: Counts) -> Diversity | None:
    """Shannon and Simpson of the events; None without any."""
    if not counts.sum():
        return None
    share = counts[counts > 0] / counts.sum()
    same = float((share**2).sum())
    return Diversity(float(-(share * np.log(share)).sum()) + 0.0, 1 - same, 1 / same)


def _none_drawn(total: int, counts: Counts, size: int) -> Floats:
    """C(total - count, size) / C(total, size): chance that none of a species is among `size`."""
    left = total - np.asarray(counts, float)
    possible = left >= size
    left = np.where(possible, left, size)
    chance = _log_choose(left, size) - _log_choose(float(total), size)
    return np.where(possible, np.exp(chance), 0.0)


def _log_choose(n: Floats | float, k: int) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(np.asarray(n) - k + 1))


def _correlation(seen: NDArray[np.bool_]) -> Floats:
    """Of species over stations; 0 for a species that is at every station."""
    if len(seen) < 2:
        return np.zeros((seen.shape[1], seen.shape[1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.atleast_2d(np.corrcoef(seen.astype(float), rowvar=False))
        return np.asarray(np.nan_to_num(both))


def _rare(once: int, estimate: float) -> float:
    return once * (2 * once - 1) ** 2 / 4 - once**4 / (4 * estimate) if once else 0.0


def _bounded(observed: int, more: float, variance: float, confidence: float) -> Chao:
    """Limits that never go below the number of species seen."""
    se, z = float(np.sqrt(max(variance, 0.0))), float(norm.ppf((1 + confidence) / 2))
    if more <= 0:  # it has no logarithm
        return Chao(float(observed), se, float(observed), observed + z * se)
    factor = float(np.exp(z * np.sqrt(np.log1p(variance / more**2))))
    return Chao(observed + more, se, observed + more / factor, observed + more * factor)
