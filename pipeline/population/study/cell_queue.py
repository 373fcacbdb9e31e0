"""Which visits settle the open cells of occupancy: of each the surest that nobody has judged."""

from collections.abc import Sequence

import numpy as np

from pipeline.population.correction.sample import Call
from pipeline.population.effort.basis import Basis
from pipeline.population.estimates.histories import History
from pipeline.population.study.verify import Hit, queue


def open_cells(basis: Basis, calls: Sequence[Call], grid: History) -> list[tuple[Hit, Call]]:
    """One question a cell of station, occasion and species; `grid`: any history of the study."""
    by_sha = {call.sha256: call for call in calls}
    hits = [hit for call in calls for hit in _hits(basis, call, grid)]
    verdicts = {
        (call.sha256, name): name in call.said
        for call in calls
        if call.said is not None and not call.undecided
        for name in {call.taxon, *call.said}
    }
    wanted = set(basis.names)
    asked = queue([hit for hit in hits if hit.species in wanted], verdicts)
    return [(hit, by_sha[hit.item]) for hit in asked]


def _hits(basis: Basis, call: Call, grid: History):
    """The machine's name, and those that people gave it, in the cell of the visit."""
    if call.kind != "animal" or call.deployment not in basis.known or call.undecided:
        return
    station = basis.stays[call.deployment].station
    if station not in grid.stations:
        return
    row, at = grid.stations.index(station), np.datetime64(call.started_at, "us")
    if np.isnat(grid.starts[row]) or not basis.edges[0] <= at < basis.edges[1]:
        return
    occasion = int((at - grid.starts[row]) // np.timedelta64(grid.days, "D"))
    if not 0 <= occasion < grid.effort.shape[1] or not grid.effort[row, occasion] > 0:
        return
    for name in {call.taxon, *(call.said or ())}:
        sure = 1.0 if name in (call.said or ()) else call.probability or 0.0
        yield Hit(station, occasion, name, call.sha256, sure)
