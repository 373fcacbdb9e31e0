"""Occupancy of each species of a study: from the labels as they stand, and from what people
confirmed, side by side.

A cell is a station in an occasion. The machine's false alarms make occupancy too high, so the plain
model is trusted only where every cell with a hit was confirmed or refused by a person; while some
are open, the model with certain and uncertain cells speaks (Miller et al. 2011), and a queue says
which pictures to look at.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import InputError, PopulationError
from pipeline.population.effort.basis import Basis
from pipeline.population.effort.operation import Operation
from pipeline.population.estimates.false_positives import WithErrors, fit_certain
from pipeline.population.estimates.histories import History, detection_history
from pipeline.population.estimates.occupancy import Occupancy, fit
from pipeline.population.study.verify import Progress


@dataclass(frozen=True, slots=True)
class Occupied:
    """One species. `checked`: from confirmed cells alone, once none is open."""

    name: str
    history: History  # 1 where any label stands
    confirmed: History  # 1 confirmed by people, nan where a hit waits for a person
    raw: Occupancy
    checked: Occupancy | None
    partly: WithErrors | None  # some cells confirmed, some open
    cells: Progress


def occupied(basis: Basis) -> list[Occupied]:
    """Each species on the occasions asked for."""
    daily = basis.daily()
    told = np.array([one.method == "human" for one in basis.kept], bool)
    made = []
    for name in basis.names:
        mine = basis.inside & (basis.taxa == name)
        history = _history(basis, daily, basis.station[mine], basis.times[mine])
        sure = mine & told
        certain = _history(basis, daily, basis.station[sure], basis.times[sure])
        made.append(_occupied(name, history, certain))
    return made


def any_history(basis: Basis) -> History:
    """A history without a detection: the stations and occasions that all share."""
    none = np.zeros(0, "datetime64[us]")
    return _history(basis, basis.daily(), none.astype(str), none)


def _history(basis: Basis, daily: Operation, station, times) -> History:
    ask = basis.ask
    return detection_history(
        daily, station, times, ask.occasion_days, ask.day1, least_days=ask.least_days
    )


def _occupied(name: str, history: History, certain: History) -> Occupied:
    hit, sure = history.cells == 1, certain.cells == 1
    waiting = hit & ~sure
    cells = np.where(waiting, np.nan, history.cells)
    raw = _fit(history)
    checked = partly = None
    if not waiting.any():
        checked = raw
    elif sure.any():
        partly = _partly(np.where(sure, 2, history.cells))
    progress = Progress(int(sure.sum()), 0, int(waiting.sum()))
    return Occupied(name, history, replace(history, cells=cells), raw, checked, partly, progress)


def _fit(history: History) -> Occupancy:
    """Effort explains p where it varies enough to be told: a few short weeks at the ends do not."""
    try:
        with_effort = fit(history.cells, p_covariates={"effort": history.effort})
        if "p:effort" not in with_effort.reason:
            return with_effort
        return replace(fit(history.cells), left_out=("effort",))
    except (PopulationError, InputError) as why:
        return Occupancy("refused", str(why), 0, history.cells.shape[1], 0, 0)


def _partly(cells) -> WithErrors | None:
    try:
        return fit_certain(cells)
    except PopulationError:
        return None
