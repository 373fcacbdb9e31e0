"""Occupancy of each species of a study: from the labels as they stand, and from what people
confirmed.

A cell is a station in an occasion. False detections make occupancy too high, so the plain model is
used only where people confirmed or refused every cell with a detection, or with a visit that the
model named by a wider name (Mammalia, for a fox). While cells are open, the
model with certain and uncertain cells is used (Miller et al. 2011), and a queue says which visits
to review.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError, PopulationError
from pipeline.population.effort.basis import Basis
from pipeline.population.effort.operation import Operation
from pipeline.population.estimates.false_positives import WithErrors, fit_certain
from pipeline.population.estimates.histories import History, detection_history, with_unknown
from pipeline.population.estimates.occupancy import Occupancy, fit


@dataclass(frozen=True, slots=True)
class Occupied:
    """One species. `checked`: from confirmed cells alone, once none is open."""

    name: str
    history: History  # 1 with any label
    confirmed: History  # 1 confirmed by people, nan where a detection waits for a review
    raw: Occupancy
    checked: Occupancy | None
    partly: WithErrors | None  # some cells confirmed, some open
    cells_confirmed: int
    cells_open: int


def occupied(basis: Basis) -> list[Occupied]:
    """Each species on the requested occasions. An event counts on the day it began, as in rates."""
    daily, by_people = basis.daily(), basis.by_people
    made = []
    for name in basis.names:
        mine = basis.in_effort & (basis.events.species == name)
        spans, vague = basis.untimed.spans.get(name, {}), _vague(basis, daily, name)
        seen = (_history(basis, daily, events) for events in (mine, mine & by_people))
        made.append(_occupied(name, *(with_unknown(grid, spans) for grid in (*seen, vague))))
    return made


def any_history(basis: Basis) -> History:
    """A history without a detection: the stations and occasions that all species share."""
    return _history(basis, basis.daily(), np.zeros(len(basis.events), bool))


def _history(basis: Basis, daily: Operation, chosen: NDArray[np.bool_]) -> History:
    request, events = basis.request, basis.events
    return detection_history(
        daily,
        events.station[chosen],
        events.started_at[chosen],
        request.occasion_days,
        request.day1,
        request.least_days,
    )


def _vague(basis: Basis, daily: Operation, name: str) -> History:
    """1 where the model named a visit so widely that it may be this species."""
    wider, request = basis.wider_than(name), basis.request
    here = [sighting for sighting in basis.vague if sighting.name in wider]
    return detection_history(
        daily,
        np.array([basis.stays[sighting.deployment].station for sighting in here], str),
        np.array([sighting.started_at for sighting in here], "datetime64[us]"),
        request.occasion_days,
        request.day1,
        request.least_days,
    )


def _occupied(name: str, history: History, certain: History, vague: History) -> Occupied:
    sure = certain.cells == 1
    may_be = (history.cells == 1) | (vague.cells == 1)
    waiting = may_be & ~sure
    raw = _fit(history)
    checked = partly = None
    if not waiting.any():
        checked = raw
    elif sure.any():
        partly = _partly(np.where(sure, 2, np.where(may_be, 1, history.cells)))
    confirmed = replace(history, cells=np.where(waiting, np.nan, history.cells))
    counts = int(sure.sum()), int(waiting.sum())
    return Occupied(name, history, confirmed, raw, checked, partly, *counts)


def _fit(history: History) -> Occupancy:
    """Effort explains p where it varies enough; a few short weeks at the ends are too few."""
    try:
        with_effort = fit(history.cells, p_covariates={"effort": history.effort})
        return fit(history.cells) if "p:effort" in with_effort.reason else with_effort
    except (PopulationError, InputError) as why:
        return Occupancy("refused", str(why), 0, history.cells.shape[1], 0, 0)


def _partly(cells: NDArray[np.float64]) -> WithErrors | None:
    try:
        return fit_certain(cells)
    except PopulationError:
        return None
