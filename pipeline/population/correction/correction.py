"""Corrected numbers of a study: what the reviewed random sample shows of each species.

The unit is the visit, because a visit has one answer. Pictures that the model called blank make no
visit, so the numbers are about kept pictures; the audit of the blanks covers the rest.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PopulationError
from pipeline.population.correction.corrected import Stratum, Total, total
from pipeline.population.correction.corrected_rates import (
    CorrectedRate,
    LabelledStratum,
    mix,
    rate,
)
from pipeline.population.correction.means import ppi_mean
from pipeline.population.correction.sample import LabelledVisit, Sample, answered, stratum_of
from pipeline.population.effort.basis import Basis
from pipeline.population.effort.effort import stretches
from pipeline.population.events.sightings import days_alone

BLANK = "blank"


@dataclass(frozen=True, slots=True)
class CorrectedSpecies:
    """One species, raw and corrected. `None`: the sample does not tell."""

    name: str
    total: Total
    rate: CorrectedRate | None
    raw_share: float
    share: tuple[float, float, float] | None  # of all visits of the requested species; low, high
    ppi: tuple[float, float, float]  # the same total by prediction-powered means
    capped: bool = False  # the rate's upper limit is that of every visit: stations set none


@dataclass(frozen=True, slots=True)
class Corrected:
    """The result of the sample. `why`: no number can be given, and what would help."""

    why: str
    rows: tuple[CorrectedSpecies, ...] = ()
    visits: int = 0  # that the sample was drawn from
    drawn: int = 0
    answers: int = 0  # that count: drawn, in the order of the queue, decided
    waiting: int = 0  # drawn, not answered, or behind one that is not
    undecided: int = 0
    later: int = 0  # visits of cards that were added after the draw: not covered
    strata: tuple[tuple[str, int, int], ...] = ()  # name, visits, answers

    @property
    def left(self) -> int:
        """Visits without an answer that counts."""
        return self.visits - self.answers - self.undecided


@dataclass(frozen=True, slots=True)
class _StudyStratum:
    """One stratum within the dates and the effort."""

    name: str
    station: NDArray[np.int64]  # row of each visit
    taxa: Counter[str]  # visits by the model's name
    places: Counter[tuple[int, str]]  # visits by (row, the model's name)
    sample: list[LabelledVisit]
    sample_station: list[int]

    @property
    def size(self) -> int:
        return len(self.station)

    def of(self, name: str) -> Stratum:
        y = np.array([name in (visit.answer or ()) for visit in self.sample], np.float64)
        f = np.array([visit.taxon == name for visit in self.sample], np.float64)
        return Stratum(self.name, self.size, float(self.taxa[name]), y, f)


def corrected(basis: Basis, sample: Sample | None) -> Corrected:
    """Totals, rates and mix of species, from the draw in force."""
    if sample is None:
        return Corrected("no random sample has been drawn yet")
    visits, stations = _in_study(basis, sample.visits)
    covered = [visit.batch in sample.batches for visit in visits]
    by_stratum: dict[str | None, list[int]] = {name: [] for name in sample.strata}
    for i, visit in enumerate(visits):
        if covered[i]:
            by_stratum.setdefault(stratum_of(visit, sample.strata), []).append(i)
    without = len(by_stratum.pop(None, ()))
    strata, waiting, undecided = [], 0, 0
    for name, members in by_stratum.items():
        if members and name is not None:
            inside, rows = [visits[i] for i in members], [stations[i] for i in members]
            reviewed = answered(inside, sample.drawn, sample.seed)
            waiting += sum(visit.sha256 in sample.drawn for visit in inside) - len(reviewed)
            undecided += sum(visit.undecided for visit in reviewed)
            strata.append(_stratum(name, inside, rows, reviewed))
    found = Corrected(
        "",
        visits=sum(stratum.size for stratum in strata),
        drawn=sum(visit.sha256 in sample.drawn for visit in visits),
        answers=sum(len(stratum.sample) for stratum in strata),
        waiting=waiting,
        undecided=undecided,
        later=covered.count(False) + without,
        strata=tuple((stratum.name, stratum.size, len(stratum.sample)) for stratum in strata),
    )
    try:
        return replace(found, rows=tuple(_rows(basis, strata)))
    except PopulationError as why:
        return replace(found, why=str(why))


def _in_study(
    basis: Basis, visits: Sequence[LabelledVisit]
) -> tuple[list[LabelledVisit], list[int]]:
    """Those within the dates and in effort, and the row of their stations."""
    station = np.array([basis.stays[visit.deployment].station for visit in visits], str)
    times = np.array([visit.started_at for visit in visits], "datetime64[us]")
    inside = (times >= basis.edges[0]) & (times < basis.edges[1])
    inside &= np.array([visit.deployment in basis.known for visit in visits], bool)
    alone = days_alone(visit.started_at for visit in visits)
    inside &= stretches(basis.watched, station, times, alone) >= 0
    on = np.flatnonzero(inside).tolist()
    row = {name: i for i, name in enumerate(basis.stations)}
    return [visits[i] for i in on], [row[name] for name in station[on].tolist()]


def _stratum(
    name: str,
    visits: Sequence[LabelledVisit],
    rows: Sequence[int],
    reviewed: Sequence[LabelledVisit],
) -> _StudyStratum:
    row_of = {visit.sha256: row for visit, row in zip(visits, rows, strict=True)}
    taxa = [visit.taxon for visit in visits]
    sure = [visit for visit in reviewed if not visit.undecided]
    places = Counter(zip(rows, taxa, strict=True))
    at = [row_of[visit.sha256] for visit in sure]
    return _StudyStratum(name, np.array(rows), Counter(taxa), places, sure, at)


def _rows(basis: Basis, strata: Sequence[_StudyStratum]) -> Iterator[CorrectedSpecies]:
    if not strata or not any(stratum.sample for stratum in strata):
        raise PopulationError("nobody has answered the sample yet")
    if short := [stratum for stratum in strata if len(stratum.sample) < min(2, stratum.size)]:
        raise PopulationError(
            f"{len(short)} of {len(strata)} strata have fewer than 2 answers "
            f"({', '.join(s.name for s in short[:4])}{', …' if len(short) > 4 else ''})"
        )
    names = _names(basis, strata)
    shares = _shares(strata, names)
    whole = sum(stratum.taxa[name] for stratum in strata for name in names) or 1
    for name in names:
        own = [stratum.of(name) for stratum in strata]
        own_rate, capped = _rate(basis, strata, own, name)
        yield CorrectedSpecies(
            name,
            total(own),
            own_rate,
            sum(stratum.model for stratum in own) / whole,
            shares.get(name),
            _ppi(own),
            capped,
        )


def _names(basis: Basis, strata: Sequence[_StudyStratum]) -> list[str]:
    """Those of the study, and those that people found in it."""
    requested = {*basis.request.species}
    seen = {name for s in strata for visit in s.sample for name in visit.answer or ()}
    people = {"human", "vehicle", "unknown", "Homo sapiens"} - requested
    return sorted(set(basis.names) | (seen & requested if requested else seen - people))


def _shares(
    strata: Sequence[_StudyStratum], names: Sequence[str]
) -> Mapping[str, tuple[float, float, float]]:
    labelled = [
        LabelledStratum(
            stratum.name,
            stratum.taxa,
            [visit.answer[0] if visit.answer else BLANK for visit in stratum.sample],
            [visit.taxon for visit in stratum.sample],
        )
        for stratum in strata
    ]
    return mix(labelled, names)


def _rate(
    basis: Basis, strata: Sequence[_StudyStratum], own: Sequence[Stratum], name: str
) -> tuple[CorrectedRate | None, bool]:
    """Visits per 100 camera-days, None where stations do not tell; and whether the upper limit is
    only that of every visit."""
    shape = (len(basis.stations), len(strata))
    sizes, model = np.zeros(shape, np.int64), np.zeros(shape)
    for h, stratum in enumerate(strata):
        sizes[:, h] = np.bincount(stratum.station, minlength=shape[0])
        model[:, h] = [stratum.places[row, name] for row in range(shape[0])]
    at = [np.array(stratum.sample_station, np.int64) for stratum in strata]
    try:
        found = rate(own, sizes, model, at, np.nan_to_num(basis.effort))
    except PopulationError:
        return None, False
    most = 100 * float(sizes.sum()) / found.effort_days  # if every visit were of this species
    return replace(found, high=min(found.high, most)), found.high > most


def _ppi(strata: Sequence[Stratum]) -> tuple[float, float, float]:
    """Stratum by stratum the PPI++ mean with its tuned lambda, added up. It treats a stratum as an
    endless population, so it is a little wider."""
    value = variance = 0.0
    for stratum in strata:
        rest, left = stratum.size - len(stratum.y), stratum.model - stratum.f.sum()
        if rest == 0:
            value += stratum.y.sum()
            continue
        others = np.repeat([1.0, 0.0], [max(int(left), 0), max(rest - int(left), 0)])
        mean = ppi_mean(stratum.y, stratum.f, others)
        value += stratum.size * mean.value
        variance += (stratum.size * (mean.se or 0.0)) ** 2
    reach = 1.959964 * float(np.sqrt(variance))
    return float(value), max(float(value) - reach, 0.0), float(value) + reach
