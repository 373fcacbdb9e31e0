"""Rates and species mix that admit the machine's errors, from the same reviewed sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm, t

from pipeline.errors import PopulationError
from pipeline.population.correction.corrected import (
    Floats,
    Stratum,
    check,
    lambdas_of,
    total,
    variance_of,
)


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
        spreads = []
        for a, la, b, lb in zip(own, part.lambdas, every, together.lambdas, strict=True):
            apart = a.residual(la) - share * b.residual(lb)
            spreads.append(Stratum(a.name, a.size, 0, apart, np.zeros(len(apart))).spread(0))
        se = float(np.sqrt(variance_of(own, spreads))) / together.value
        others = max(together.value - part.value, 0)
        limits = np.array([end / max(end + others, 1e-12) for end in (part.low, part.high)])
        if 0 < share < 1:
            ratio = expit(logit(share) + np.array([-z, z]) * se / (share * (1 - share)))
            few = part.method == "counted"  # few errors tell a spread badly: the wider of the two
            limits = [min(limits[0], ratio[0]), max(limits[1], ratio[1])] if few else ratio
        low, high = limits
        shares[name] = (share, float(low), float(high))
    return shares


def rate(
    strata: Sequence[Stratum],
    sizes: NDArray[np.integer],
    machine: Floats,
    reviewed_at: Sequence[NDArray[np.integer]],
    effort_days: Floats,
    confidence: float = 0.95,
) -> Rate:
    """Corrected events per 100 camera-days; the stations' differences are in the interval.

    sizes, machine   (stations, strata): units, and the sum of the machine's values, at each station
    reviewed_at      a list per stratum: station (row) of every reviewed unit
    effort_days      (stations,); a station without effort leaves with its units and reviews

    A station counts with its machine's events, the mean correction of its units, and its own
    reviews' distance from that mean, so stations with more misses than others are seen as such.
    """
    works = np.asarray(effort_days, float) > 0
    if works.sum() < 2:
        raise PopulationError("fewer than 2 stations with effort: no interval between stations")
    kept, at = _at_work(strata, sizes[works], machine[works], reviewed_at, works)
    check(kept)
    lambdas = lambdas_of(kept, None)
    x = _at_stations(kept, lambdas, sizes[works], machine[works], at)
    effort, n = effort_days[works], int(works.sum())
    days = float(effort.sum())
    value = max(float(100 * x.sum() / days), 0.0)
    se = float(np.sqrt(n / (n - 1) * ((100 * x - value * effort) ** 2).sum()) / days)
    spreads = [s.spread(one) for s, one in zip(kept, lambdas, strict=True)]
    review = float(100 * np.sqrt(variance_of(kept, spreads)) / days)
    se = max(se, review)
    if value > 0:
        wide = float(t.ppf((1 + confidence) / 2, n - 1)) * se / value
        low, high = value * np.exp(-wide), value * np.exp(wide)
    else:
        low, high = 0.0, 100 * total(kept, confidence=confidence).high / days
    raw = float(100 * machine[works].sum() / days)
    between = float(np.sqrt(se**2 - review**2))
    return Rate(raw, value, se, float(low), float(high), between, review, n, days)


def _at_work(strata, sizes, machine, reviewed_at, works):
    """The strata without the units and reviews of stations without effort; rows counted anew."""
    row = np.where(works, np.cumsum(works) - 1, -1)
    kept, places = [], []
    for h, (s, at) in enumerate(zip(strata, reviewed_at, strict=True)):
        here = row[np.asarray(at, int)]
        size, said = int(sizes[:, h].sum()), float(machine[:, h].sum())
        kept.append(Stratum(s.name, size, said, s.y[here >= 0], s.f[here >= 0]))
        places.append(here[here >= 0])
    return kept, places


def _at_stations(strata, lambdas, sizes, machine, at) -> Floats:
    """(stations,) corrected events; their sum is the corrected total."""
    events = machine @ np.array(lambdas)
    for h, (s, lam) in enumerate(zip(strata, lambdas, strict=True)):
        if len(s.y):
            wrong = s.residual(lam)
            events = events + sizes[:, h] * wrong.mean()
            np.add.at(events, at[h], s.size / len(wrong) * (wrong - wrong.mean()))
    return events
