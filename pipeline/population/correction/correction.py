"""Corrected numbers of a study: what the reviewed random sample says of each species.

The unit is the visit, because a visit has one answer. What the machine called blank is no visit, so
the numbers are about what was kept; the audit of the blanks speaks for the rest.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PopulationError
from pipeline.population.correction.corrected import Stratum, Total, total
from pipeline.population.correction.corrected_rates import Labelled, Rate, mix, rate
from pipeline.population.correction.means import ppi_mean
from pipeline.population.correction.sample import Call, Sample, answered, stratum_of
from pipeline.population.effort.basis import Basis
from pipeline.population.effort.effort import stretches

BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Right:
    """One species, raw and corrected. `None`: the sample cannot say."""

    name: str
    total: Total
    rate: Rate | None
    raw_share: float
    share: tuple[float, float, float] | None  # of all visits of the species asked for; low, high
    ppi: tuple[float, float, float] | None  # the same total by prediction-powered means
    capped: bool = False  # the rate's upper limit is that of every visit: stations set none


@dataclass(frozen=True, slots=True)
class Corrected:
    """What the sample gives. `why`: no number can be given, and what would help."""

    why: str
    rows: tuple[Right, ...] = ()
    visits: int = 0  # that the sample speaks for
    drawn: int = 0
    answers: int = 0  # that count: drawn, in the order of the queue, decided
    waiting: int = 0  # drawn, not answered, or behind one that is not
    undecided: int = 0
    later: int = 0  # visits of cards that came after the draw: not covered
    strata: tuple[tuple[str, int, int], ...] = ()  # name, visits, answers

    @property
    def left(self) -> int:
        """Visits that nobody has looked at."""
        return self.visits - self.answers - self.undecided


@dataclass(frozen=True, slots=True)
class _Heap:
    """One stratum within the dates and the effort."""

    name: str
    station: NDArray[np.int64]  # row of each visit
    taxa: Counter  # visits by the machine's name
    places: Counter  # visits by (row, the machine's name)
    sample: list[Call]
    sample_station: list[int]

    @property
    def size(self) -> int:
        return len(self.station)

    def of(self, name: str) -> Stratum:
        y = np.array([name in call.said for call in self.sample], float)
        f = np.array([call.taxon == name for call in self.sample], float)
        return Stratum(self.name, self.size, float(self.taxa[name]), y, f)


def corrected(basis: Basis, sample: Sample | None) -> Corrected:
    """Totals, rates and mix of species, from the draw in force."""
    if sample is None:
        return Corrected("no random sample has been drawn yet")
    row = {name: i for i, name in enumerate(basis.stations)}
    calls, stations = _in_study(basis, sample.calls, row)
    covered = [call.batch in sample.batches for call in calls]
    heaps, waiting, undecided, uncovered = _heaps(calls, stations, covered, sample)
    facts = {
        "visits": sum(heap.size for heap in heaps),
        "drawn": sum(call.sha256 in sample.drawn for call in calls),
        "answers": sum(len(heap.sample) for heap in heaps),
        "waiting": waiting,
        "undecided": undecided,
        "later": covered.count(False) + uncovered,
        "strata": tuple((heap.name, heap.size, len(heap.sample)) for heap in heaps),
    }
    try:
        return Corrected("", tuple(_rows(basis, heaps)), **facts)
    except PopulationError as why:
        return Corrected(str(why), **facts)


def _in_study(basis: Basis, calls: Sequence[Call], row) -> tuple[list[Call], list[int]]:
    """Those within the dates and in effort, and the row of their stations."""
    station = np.array([basis.stays[call.deployment].station for call in calls], str)
    times = np.array([call.started_at for call in calls], "datetime64[us]")
    inside = (times >= basis.edges[0]) & (times < basis.edges[1])
    inside &= np.array([call.deployment in basis.known for call in calls], bool)
    inside &= stretches(basis.watched, station, times) >= 0
    on = np.flatnonzero(inside).tolist()
    return [calls[i] for i in on], [row[one] for one in station[on].tolist()]


def _heaps(calls, stations, covered, sample: Sample):
    """(strata, drawn but not to be used, undecided, visits without a stratum)."""
    by: dict[str | None, list[int]] = {name: [] for name in sample.strata}
    for i, call in enumerate(calls):
        if covered[i]:
            by.setdefault(stratum_of(call, sample.strata), []).append(i)
    uncovered, heaps, waiting, undecided = len(by.pop(None, ())), [], 0, 0
    at = {call.sha256: place for call, place in zip(calls, stations, strict=True)}
    for name, members in by.items():
        if not members:
            continue
        some = [calls[i] for i in members]
        told = answered(some, sample.drawn, sample.seed)
        waiting += sum(call.sha256 in sample.drawn for call in some) - len(told)
        sure = [call for call in told if not call.undecided]
        undecided += len(told) - len(sure)
        places = [at[call.sha256] for call in sure]
        rows, taxa = [stations[i] for i in members], [call.taxon for call in some]
        both = Counter(zip(rows, taxa, strict=True))
        heaps.append(_Heap(name, np.array(rows), Counter(taxa), both, sure, places))
    return heaps, waiting, undecided, uncovered


def _rows(basis: Basis, heaps: list[_Heap]):
    if not heaps or not any(heap.sample for heap in heaps):
        raise PopulationError("nobody has answered the sample yet")
    if short := [heap for heap in heaps if len(heap.sample) < min(2, heap.size)]:
        raise PopulationError(
            f"{len(short)} of {len(heaps)} strata have fewer than 2 answers "
            f"({', '.join(heap.name for heap in short[:4])}{', …' if len(short) > 4 else ''})"
        )
    names = _names(basis, heaps)
    shares = _shares(heaps, names)
    whole = sum(heap.taxa[name] for heap in heaps for name in names) or 1
    for name in names:
        strata = [heap.of(name) for heap in heaps]
        raw, (own, capped) = sum(one.machine for one in strata), _rate(basis, heaps, strata, name)
        yield Right(
            name, total(strata), own, raw / whole, shares.get(name), _ppi(strata), capped
        )  # fmt: skip


def _names(basis: Basis, heaps: list[_Heap]) -> list[str]:
    """Those of the study, and those that people found in it."""
    asked = basis.ask.species
    said = {name for heap in heaps for call in heap.sample for name in call.said}
    people = {"human", "vehicle", "unknown", "Homo sapiens"} - set(asked)
    return sorted(set(basis.names) | ({*said} & {*asked} if asked else said - people))


def _shares(heaps: list[_Heap], names: list[str]) -> dict[str, tuple[float, float, float]]:
    labelled = [
        Labelled(
            heap.name,
            heap.taxa,
            [call.said[0] if call.said else BLANK for call in heap.sample],
            [call.taxon for call in heap.sample],
        )
        for heap in heaps
    ]
    return mix(labelled, names)


def _rate(
    basis: Basis, heaps: list[_Heap], strata: list[Stratum], name: str
) -> tuple[Rate | None, bool]:
    """Visits per 100 camera-days, None where stations cannot tell; and whether the upper limit is
    only that of every visit."""
    shape = (len(basis.stations), len(heaps))
    sizes, machine = np.zeros(shape, np.int64), np.zeros(shape)
    for h, heap in enumerate(heaps):
        sizes[:, h] = np.bincount(heap.station, minlength=shape[0])
        machine[:, h] = [heap.places[row, name] for row in range(shape[0])]
    at = [np.array(heap.sample_station, np.int64) for heap in heaps]
    try:
        found = rate(strata, sizes, machine, at, np.nan_to_num(basis.effort))
    except PopulationError:
        return None, False
    most = 100 * float(sizes.sum()) / found.effort_days  # every visit would be one
    return replace(found, high=min(found.high, most)), found.high > most


def _ppi(strata: Sequence[Stratum]) -> tuple[float, float, float] | None:
    """Stratum by stratum the PPI++ mean with its tuned lambda, added up; the finite heap is taken
    for an endless one, so it is a little wider."""
    value = variance = 0.0
    for one in strata:
        rest, left = one.size - len(one.y), one.machine - one.f.sum()
        if rest == 0:
            value += one.y.sum()
            continue
        others = np.repeat([1.0, 0.0], [max(int(left), 0), max(rest - int(left), 0)])
        got = ppi_mean(one.y, one.f, others)
        value += one.size * got.value
        variance += (one.size * got.se) ** 2
    reach = 1.959964 * float(np.sqrt(variance))
    return float(value), max(float(value) - reach, 0.0), float(value) + reach
