"""Rates and species mix, corrected by the same reviewed sample."""

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
class CorrectedRate:
    """Events per 100 camera-days, by the model and corrected."""

    raw: float
    value: float
    se: float
    low: float
    high: float
    stations: int
    effort_days: float


@dataclass(frozen=True, slots=True)
class LabelledStratum:
    """A stratum by names: the model's names of all its units, and the reviewed units."""

    name: str
    model: Mapping[str, int]  # units by the model's name; their sum is the stratum
    truth: Sequence[str]  # (n,) reviewed names
    named: Sequence[str]  # (n,) the model's names of the same units

    def of(self, *species: str) -> Stratum:
        """The same as 0/1: is it one of these species?"""
        y, f = (np.isin(np.array(x, str), species).astype(float) for x in (self.truth, self.named))
        model = sum(self.model.get(name, 0) for name in species)
        return Stratum(self.name, sum(self.model.values()), model, y, f)


def mix(
    strata: Sequence[LabelledStratum], species: Sequence[str], confidence: float = 0.95
) -> dict[str, tuple[float, float, float]]:
    """Corrected share of each species among all of them: (share, low, high)."""
    every = [stratum.of(*species) for stratum in strata]
    together = total(every, confidence=confidence)
    if together.value <= 0:
        return {}
    z, shares = float(norm.ppf((1 + confidence) / 2)), {}
    for name in species:
        own = [stratum.of(name) for stratum in strata]
        part = total(own, confidence=confidence)
        share = min(part.value / together.value, 1.0)
        spreads = []
        for a, la, b, lb in zip(own, part.lambdas, every, together.lambdas, strict=True):
            apart = a.residual(la) - share * b.residual(lb)
            spreads.append(Stratum(a.name, a.size, 0, apart, np.zeros(len(apart))).spread(0))
        se = float(np.sqrt(variance_of(own, spreads))) / together.value
        others = max(together.value - part.value, 0)
        low, high = (end / max(end + others, 1e-12) for end in (part.low, part.high))
        if 0 < share < 1:
            reach = z * se / (share * (1 - share))
            near, far = (float(expit(logit(share) + end)) for end in (-reach, reach))
            few = part.method == "counted"  # few errors measure a spread badly: the wider of both
            low, high = (min(low, near), max(high, far)) if few else (near, far)
        shares[name] = (share, low, high)
    return shares


def rate(
    strata: Sequence[Stratum],
    sizes: NDArray[np.int64],
    model: Floats,
    reviewed_at: Sequence[NDArray[np.int64]],
    effort_days: Floats,
    confidence: float = 0.95,
) -> CorrectedRate:
    """Corrected events per 100 camera-days; the interval includes how much stations differ.

    sizes, model   (stations, strata): units, and the sum of the model's values, at each station
    reviewed_at    for each stratum: station (row) of every reviewed unit
    effort_days    (stations,); a station without effort is left out, with its units and reviews

    A station's events are the model's there, plus the mean correction of its units, plus the
    deviation of its own reviews from that mean: so a station with many errors counts as such.
    """
    works = effort_days > 0
    if works.sum() < 2:
        raise PopulationError("fewer than 2 stations with effort: no interval between stations")
    kept, at = _with_effort(strata, sizes, model, reviewed_at, works)
    check(kept)
    lambdas = lambdas_of(kept, None)
    x = _at_stations(kept, lambdas, sizes[works], model[works], at)
    effort, n = effort_days[works], int(works.sum())
    days = float(effort.sum())
    value = max(float(100 * x.sum() / days), 0.0)
    between = float(np.sqrt(n / (n - 1) * ((100 * x - value * effort) ** 2).sum()) / days)
    spreads = [s.spread(weight) for s, weight in zip(kept, lambdas, strict=True)]
    review = float(100 * np.sqrt(variance_of(kept, spreads)) / days)
    se = max(between, review)
    if value > 0:
        wide = float(t.ppf((1 + confidence) / 2, n - 1)) * se / value
        low, high = float(value * np.exp(-wide)), float(value * np.exp(wide))
    else:
        low, high = 0.0, 100 * total(kept, confidence=confidence).high / days
    return CorrectedRate(float(100 * model[works].sum() / days), value, se, low, high, n, days)


def _with_effort(
    strata: Sequence[Stratum],
    sizes: NDArray[np.int64],
    model: Floats,
    reviewed_at: Sequence[NDArray[np.int64]],
    works: NDArray[np.bool_],
) -> tuple[list[Stratum], list[NDArray[np.int64]]]:
    """The strata, and the rows of their reviews, of the stations that have effort."""
    row = np.where(works, np.cumsum(works) - 1, -1)
    kept, places = [], []
    for h, (s, at) in enumerate(zip(strata, reviewed_at, strict=True)):
        here = row[at]
        size, by_model = int(sizes[works, h].sum()), float(model[works, h].sum())
        kept.append(Stratum(s.name, size, by_model, s.y[here >= 0], s.f[here >= 0]))
        places.append(here[here >= 0])
    return kept, places


def _at_stations(
    strata: Sequence[Stratum],
    lambdas: Sequence[float],
    sizes: NDArray[np.int64],
    model: Floats,
    at: Sequence[NDArray[np.int64]],
) -> Floats:
    """(stations,) corrected events; their sum is the corrected total."""
    events: Floats = model @ np.array(lambdas)
    for h, (s, weight) in enumerate(zip(strata, lambdas, strict=True)):
        if len(s.y):
            wrong = s.residual(weight)
            events = events + sizes[:, h] * wrong.mean()
            np.add.at(events, at[h], s.size / len(wrong) * (wrong - wrong.mean()))
    return events
