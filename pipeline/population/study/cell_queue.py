"""Which visits settle the open cells of occupancy: of each cell the surest without a verdict."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from pipeline.population.correction.sample import LabelledVisit
from pipeline.population.effort.basis import Basis
from pipeline.population.estimates.histories import History
from pipeline.population.study.verify import Hit, queue


def open_cells(
    basis: Basis, visits: Sequence[LabelledVisit], grid: History
) -> list[tuple[Hit, LabelledVisit]]:
    """One question a cell of station, occasion and species; `grid`: any history of the study."""
    by_sha = {visit.sha256: visit for visit in visits}
    narrower: dict[str, set[str]] = {}
    for name in basis.names:
        for wide in {name, *basis.wider_than(name)}:
            narrower.setdefault(wide, set()).add(name)
    hits = [hit for visit in visits for hit in _hits(basis, visit, grid, narrower)]
    verdicts = {
        (visit.sha256, name): name in _seen(visit)
        for visit in visits
        if not visit.undecided
        for name in {*(narrower.get(visit.taxon, ()) if _decided(visit) else ()), *_seen(visit)}
    }
    wanted = set(basis.names)
    questions = queue([hit for hit in hits if hit.species in wanted], verdicts)
    return [(hit, by_sha[hit.item]) for hit in questions]


def _seen(visit: LabelledVisit) -> tuple[str, ...]:
    """Taxa that people saw on it, or on single pictures of it."""
    return (*(visit.answer or ()), *visit.in_part)


def _decided(visit: LabelledVisit) -> bool:
    """What people did not see on it is not there: nothing is left of the machine's name."""
    return visit.answer is not None or visit.replaced


def _hits(
    basis: Basis, visit: LabelledVisit, grid: History, narrower: Mapping[str, AbstractSet[str]]
) -> Iterator[Hit]:
    """The model's name, those that it includes, and the names that people gave, in its cell."""
    if visit.kind != "animal" or visit.deployment not in basis.known or visit.undecided:
        return
    station = basis.stays[visit.deployment].station
    if station not in grid.stations:
        return
    row, at = grid.stations.index(station), np.datetime64(visit.started_at, "us")
    if np.isnat(grid.starts[row]) or not basis.edges[0] <= at < basis.edges[1]:
        return
    occasion = int((at - grid.starts[row]) // np.timedelta64(grid.days, "D"))
    if not 0 <= occasion < grid.effort.shape[1] or not grid.effort[row, occasion] > 0:
        return
    seen = _seen(visit)
    for name in {*narrower.get(visit.taxon, ()), *seen}:
        sure = 1.0 if name in seen else visit.probability or 0.0
        if name not in (visit.taxon, *seen):
            sure -= 1.0  # a visit that carries the name itself is asked about first
        yield Hit(station, occasion, name, visit.sha256, sure)
