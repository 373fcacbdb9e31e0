"""Corrected numbers of a study: what the reviewed random sample shows of each species.

Visits are drawn and answered; what is counted are the independent events that they open
(openings.py), so that corrected and raw rates are of the same unit. Pictures that the model
called blank make no visit, so the numbers are about kept pictures; the audit covers the blanks.

A month or a station has numbers of its own where enough of the answers lie in it: the same
estimator with everything else counted as 0 (a domain of the sample, Särndal et al. 1992, 10.3).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PopulationError
from pipeline.population.correction.corrected import SMALL, Stratum, Total, total
from pipeline.population.correction.corrected_rates import (
    CorrectedRate,
    LabelledStratum,
    mix,
    rate,
)
from pipeline.population.correction.means import ppi_mean
from pipeline.population.correction.openings import Opening, because_drawn, openings
from pipeline.population.correction.sample import LabelledVisit, Sample, answered, stratum_of
from pipeline.population.effort.basis import Basis
from pipeline.population.effort.effort import days_between, stretches
from pipeline.population.events.independent import Names
from pipeline.population.events.sightings import StudyRequest, days_alone

BLANK = "blank"
ALL_TOLD = "people told of every visit, so no error of the model is left to correct"
NEARLY = 0.9  # share of the visits of a name's strata that people told of: nearly a full count


@dataclass(frozen=True, slots=True)
class CorrectedSpecies:
    """One species, raw and corrected. `None`: the sample does not tell."""

    name: str
    total: Total
    rate: CorrectedRate | None
    raw_share: float
    share: tuple[float, float, float] | None  # of all events of the requested species; low, high
    ppi: tuple[float, float, float]  # the same total by prediction-powered means
    capped: bool = False  # the rate's upper limit is that of every visit: stations set none


@dataclass(frozen=True, slots=True)
class CorrectedPart:
    """Events of one species per 100 camera-days in one month, or at one station."""

    part: str  # 2026-05, or the station
    name: str
    answers: int  # of visits in it
    raw: float | None
    value: float | None  # None: too few answers
    low: float | None
    high: float | None
    effort_days: float
    capped: bool = False  # the upper limit is that of every visit there


@dataclass(frozen=True, slots=True)
class Corrected:
    """The result of the sample. `why`: no number can be given, and what would help."""

    why: str
    rows: tuple[CorrectedSpecies, ...] = ()
    months: tuple[CorrectedPart, ...] = ()  # with effort
    stations: tuple[CorrectedPart, ...] = ()  # with effort
    visits: int = 0  # that the sample was drawn from
    drawn: int = 0
    answers: int = 0  # that count: drawn, in the order of the queue, decided
    waiting: int = 0  # drawn, not answered, or behind one that is not
    undecided: int = 0
    guessed: int = 0  # answers whose events rest on the model's names of visits before them
    later: int = 0  # visits of cards that were added after the draw: not covered
    strata: tuple[tuple[str, int, int], ...] = ()  # name, visits, answers
    all_told: bool = False  # people told of every visit: there is nothing to correct
    in_part: int = 0  # of these visits, those that they told of by single pictures alone

    @property
    def left(self) -> int:
        """Visits without an answer that counts."""
        return self.visits - self.answers - self.undecided


@dataclass(frozen=True, slots=True)
class _Units:
    """Visits within the dates and the effort: parallel columns."""

    opening: list[Opening]
    said: Names  # of the events that they open by the model; BLANK: none
    station: NDArray[np.int64]  # row
    month: NDArray[np.datetime64]

    def where(self, chosen: Sequence[int]) -> "_Units":
        some = np.asarray(chosen, np.int64)
        opening = [self.opening[i] for i in chosen]
        return _Units(opening, self.said[some], self.station[some], self.month[some])

    def inside(self, month: np.datetime64 | None, station: int | None) -> NDArray[np.float64]:
        """(n,) 1 for a visit of the month and the station, 0 for another; None: any."""
        inside = np.ones(len(self.opening))
        if month is not None:
            inside *= self.month == month
        if station is not None:
            inside *= self.station == station
        return inside


@dataclass(frozen=True, slots=True)
class _StudyStratum:
    """One stratum within the dates and the effort."""

    name: str
    units: _Units
    sample: _Units

    @property
    def size(self) -> int:
        return len(self.units.opening)

    @property
    def events(self) -> Counter[str]:
        """By the model's names; visits that go on with an event are blanks here."""
        return Counter(self.units.said.tolist())

    def inside(self, month: np.datetime64 | None, station: int | None = None) -> int:
        """Visits of a month and a station."""
        return int(self.units.inside(month, station).sum())

    def of(
        self, name: str, month: np.datetime64 | None = None, station: int | None = None
    ) -> Stratum:
        """Whether each visit opens an event of a species, in one month or at one station."""
        there = self.sample.inside(month, station)
        seen = np.array([name in opening.seen for opening in self.sample.opening], np.float64)
        model = self.units.inside(month, station) @ (self.units.said == name)
        f = there * (self.sample.said == name)
        return Stratum(self.name, self.size, float(model), there * seen, f)


def corrected(basis: Basis, sample: Sample | None) -> Corrected:
    """Totals, rates and mix of species, from the draw in force."""
    units = _in_study(basis, sample) if sample else None
    if units and (whole := _all_told([opening.visit for opening in units.opening])):
        return whole
    if sample is None or units is None or not sample.strata:
        return Corrected("no random sample has been drawn yet")
    if basis.request.rule != "lastRecord":
        return Corrected("the sample corrects events of the rule lastRecord only")
    by_stratum: dict[str, list[int]] = {name: [] for name in sample.strata}
    later = 0
    for i, visit in enumerate(opening.visit for opening in units.opening):
        name = stratum_of(visit, sample.strata) if visit.batch in sample.batches else None
        if name is None:
            later += 1
        else:
            by_stratum.setdefault(name, []).append(i)
    strata, waiting, undecided = [], 0, 0
    for name, members in by_stratum.items():
        if members:
            inside = units.where(members)
            queue = [opening.visit for opening in inside.opening]
            reviewed = {visit.sha256 for visit in answered(queue, sample.drawn, sample.seed)}
            waiting += sum(visit.sha256 in sample.drawn for visit in queue) - len(reviewed)
            undecided += sum(v.undecided for v in queue if v.sha256 in reviewed)
            strata.append(_StudyStratum(name, inside, _decided(inside, reviewed)))
    found = Corrected(
        "",
        visits=sum(stratum.size for stratum in strata),
        drawn=sum(opening.visit.sha256 in sample.drawn for opening in units.opening),
        answers=sum(len(stratum.sample.opening) for stratum in strata),
        waiting=waiting,
        undecided=undecided,
        guessed=sum(opening.guessed for s in strata for opening in s.sample.opening),
        later=later,
        strata=tuple((s.name, s.size, len(s.sample.opening)) for s in strata),
    )
    try:
        rows = tuple(_rows(basis, strata))
    except PopulationError as why:
        return replace(found, why=str(why))
    names = [row.name for row in rows]
    months, stations = _by_month(basis, strata, names), _by_station(basis, strata, names)
    return replace(found, rows=rows, months=tuple(months), stations=tuple(stations))


def _all_told(visits: Sequence[LabelledVisit]) -> Corrected | None:
    """The result where people told of every visit of the study; None: they did not."""
    if not visits or not all(visit.told for visit in visits):
        return None
    undecided = sum(visit.undecided for visit in visits)
    in_part = sum(visit.answer is None for visit in visits)
    found = Corrected(ALL_TOLD, visits=len(visits), all_told=True)
    answers = len(visits) - undecided - in_part
    return replace(found, answers=answers, undecided=undecided, in_part=in_part)


def only_sampled(basis: Basis, sample: Sample | None) -> AbstractSet[str]:
    """Names that people gave in a study only to visits that they were asked about because of a
    draw, and the model to none. They are in corrected numbers; a raw rate would count these visits
    as if they were all, which they nearly are once people told of most visits of its strata."""
    if sample is None or not sample.strata:
        return frozenset()
    station = [basis.stays[visit.deployment].station for visit in sample.visits]
    found = openings(sample.visits, station, StudyRequest().gap_s)
    asked = because_drawn(found, sample.by_draws)
    sizes, told = Counter[str | None](), Counter[str | None]()
    places: dict[str, set[str | None]] = {}
    elsewhere: set[str] = set()
    for visit in (opening.visit for opening in _in_study(basis, sample).opening):
        stratum = stratum_of(visit, sample.strata)
        sizes[stratum] += 1
        told[stratum] += visit.told
        elsewhere |= {visit.taxon, *visit.in_part}
        for name in visit.answer or ():
            if visit.sha256 in asked:
                places.setdefault(name, set()).add(stratum)
            else:
                elsewhere.add(name)
    return {
        name
        for name, strata in places.items()
        if name not in elsewhere
        and sum(told[h] for h in strata) < NEARLY * sum(sizes[h] for h in strata)
    }


def _in_study(basis: Basis, sample: Sample) -> _Units:
    """The sample's population within the dates and in effort. What lies before the dates still
    tells whether an event had begun."""
    visits = [visit for visit in sample.visits if visit.deployment in basis.known]
    station = np.array([basis.stays[visit.deployment].station for visit in visits], str)
    times = np.array([visit.started_at for visit in visits], "datetime64[us]")
    alone = days_alone(visit.started_at for visit in visits)
    within = stretches(basis.watched, station, times, alone)
    on = np.flatnonzero(within >= 0).tolist()
    limits = list(zip(station[on].tolist(), within[on].tolist(), alone[on].tolist(), strict=True))
    found = openings([visits[i] for i in on], limits, basis.request.gap_s)
    row = {name: i for i, name in enumerate(basis.stations)}
    dated = (times[on] >= basis.edges[0]) & (times[on] < basis.edges[1])
    rows = [row[name] for name, *_ in limits]
    said = np.array([opening.said or BLANK for opening in found], str)
    units = _Units(found, said, np.array(rows, np.int64), times[on].astype("datetime64[M]"))
    return units.where(np.flatnonzero(dated).tolist())


def _decided(units: _Units, reviewed: AbstractSet[str]) -> _Units:
    """Those with an answer that counts and decides."""
    visits = [opening.visit for opening in units.opening]
    return units.where(
        [i for i, v in enumerate(visits) if v.sha256 in reviewed and not v.undecided]
    )


def _rows(basis: Basis, strata: Sequence[_StudyStratum]) -> Iterator[CorrectedSpecies]:
    if not strata or not any(stratum.sample.opening for stratum in strata):
        raise PopulationError("nobody has answered the sample yet")
    if short := [s for s in strata if len(s.sample.opening) < min(2, s.size)]:
        raise PopulationError(
            f"{len(short)} of {len(strata)} strata have fewer than 2 answers "
            f"({', '.join(s.name for s in short[:4])}{', …' if len(short) > 4 else ''})"
        )
    names = _names(basis, strata)
    shares = _shares(strata, names)
    events = [stratum.events for stratum in strata]
    whole = sum(said[name] for said in events for name in names) or 1
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
    seen = {n for s in strata for opening in s.sample.opening for n in opening.visit.answer or ()}
    people = {"human", "vehicle", "unknown", "Homo sapiens"} - requested
    return sorted(set(basis.names) | (seen & requested if requested else seen - people))


def _shares(
    strata: Sequence[_StudyStratum], names: Sequence[str]
) -> Mapping[str, tuple[float, float, float]]:
    labelled = [
        LabelledStratum(
            stratum.name,
            stratum.events,
            [opening.seen[0] if opening.seen else BLANK for opening in stratum.sample.opening],
            stratum.sample.said.tolist(),
        )
        for stratum in strata
    ]
    return mix(labelled, names)


def _rate(
    basis: Basis, strata: Sequence[_StudyStratum], own: Sequence[Stratum], name: str
) -> tuple[CorrectedRate | None, bool]:
    """Events per 100 camera-days, None where stations do not tell; and whether the upper limit is
    only that of every visit."""
    try:
        found = _rate_of(basis, strata, own, name, np.nan_to_num(basis.effort))
    except PopulationError:
        return None, False
    most = 100 * sum(stratum.size for stratum in strata) / found.effort_days
    return replace(found, high=min(found.high, most)), found.high > most


def _rate_of(
    basis: Basis,
    strata: Sequence[_StudyStratum],
    own: Sequence[Stratum],
    name: str,
    effort: NDArray[np.float64],
    month: np.datetime64 | None = None,
) -> CorrectedRate:
    """PopulationError where fewer than two stations have effort."""
    shape = (len(basis.stations), len(strata))
    sizes, model = np.zeros(shape, np.int64), np.zeros(shape)
    for h, stratum in enumerate(strata):
        units = stratum.units
        sizes[:, h] = np.bincount(units.station, minlength=shape[0])
        here = units.inside(month, None) * (units.said == name)
        model[:, h] = np.bincount(units.station, here, minlength=shape[0])
    return rate(own, sizes, model, [stratum.sample.station for stratum in strata], effort)


def _by_month(
    basis: Basis, strata: Sequence[_StudyStratum], names: Sequence[str]
) -> Iterator[CorrectedPart]:
    """Each month with effort; numbers where SMALL answers or more lie in it."""
    begin, end = basis.edges
    first, last = begin.astype("datetime64[M]"), (end - 1).astype("datetime64[M]")
    months = np.arange(first, last + 2)
    days = days_between(basis.watched, np.clip(months.astype("datetime64[us]"), begin, end))
    without = np.zeros(len(basis.stations) - len(days))
    for month, effort in zip(months[:-1], days.T, strict=True):
        answers = int(sum(stratum.sample.inside(month, None).sum() for stratum in strata))
        if not effort.any():
            continue
        about = (answers, None, None, None, None, float(effort.sum()))
        most = sum(stratum.inside(month) for stratum in strata)
        for name in names:
            part = CorrectedPart(str(month), name, *about)
            if answers >= SMALL and (effort > 0).sum() > 1:
                own = [stratum.of(name, month) for stratum in strata]
                every = np.append(effort, without)
                found = _rate_of(basis, strata, own, name, every, month)
                part = _part(part, most, found.raw, found.value, found.low, found.high)
            yield part


def _by_station(
    basis: Basis, strata: Sequence[_StudyStratum], names: Sequence[str]
) -> Iterator[CorrectedPart]:
    """Each station with effort; numbers where SMALL answers or more lie in it. The limits are of
    the sample alone: a station does not tell how much stations differ."""
    for row, station in enumerate(basis.stations):
        days = float(basis.effort[row])
        if not days > 0:
            continue
        answers = int(sum(stratum.sample.inside(None, row).sum() for stratum in strata))
        most = sum(stratum.inside(None, row) for stratum in strata)
        for name in names:
            part = CorrectedPart(station, name, answers, None, None, None, None, days)
            if answers >= SMALL:
                found = total([stratum.of(name, None, row) for stratum in strata])
                totals = (found.raw, found.value, found.low, found.high)
                part = _part(part, most, *(100 * number / days for number in totals))
            yield part


def _part(
    part: CorrectedPart, visits: int, raw: float, value: float, low: float, high: float
) -> CorrectedPart:
    """The part with its numbers; none is higher than that of so many visits, of which each would
    open an event."""
    most = 100 * visits / part.effort_days
    low, value, end = (min(number, most) for number in (low, value, high))
    return replace(part, raw=raw, value=value, low=low, high=end, capped=high > most)


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
