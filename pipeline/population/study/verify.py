"""Verify one per cell: a detection history without false detections, for the fewest looks.

A cell is station x occasion x species. It counts as a detection once one picture of it is
confirmed; as none when every hit was refused; until then it is nan, never 0. Cells without a hit
stay 0: misses only lower p, which occupancy estimates, as long as they do not hang on the site.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hit:
    """One picture in which the machine saw a species. Occasions count from 0."""

    station: str
    occasion: int
    species: str
    item: str  # the picture, or the event: what a person is shown
    score: float


Cell = tuple[str, str, int]  # species, station, occasion


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is, in cells."""

    confirmed: int
    refused: int
    open: int

    @property
    def cells(self) -> int:
        return self.confirmed + self.refused + self.open


def by_cell(hits: Iterable[Hit]) -> dict[Cell, list[Hit]]:
    """Each cell's hits, the surest first; cells in the order of species, station, occasion."""
    cells: dict[Cell, list[Hit]] = {}
    for hit in hits:
        cells.setdefault((hit.species, hit.station, hit.occasion), []).append(hit)
    for some in cells.values():
        some.sort(key=lambda hit: (-hit.score, hit.item))
    return dict(sorted(cells.items()))


def state(hits: Sequence[Hit], verdicts: Mapping[tuple[str, str], bool]) -> float:
    """1 confirmed, 0 all refused, nan unfinished. verdicts: (item, species) -> is it there?"""
    said = [verdicts.get((hit.item, hit.species)) for hit in hits]
    if any(said):
        return 1.0
    return 0.0 if None not in said else float("nan")


def queue(hits: Iterable[Hit], verdicts: Mapping[tuple[str, str], bool]) -> list[Hit]:
    """What to look at next: of every unfinished cell its surest hit that nobody has judged."""
    return [
        next(hit for hit in some if verdicts.get((hit.item, hit.species)) is None)
        for some in by_cell(hits).values()
        if np.isnan(state(some, verdicts))
    ]


def progress(hits: Iterable[Hit], verdicts: Mapping[tuple[str, str], bool]) -> Progress:
    """Confirmed, refused and open cells."""
    states = [state(some, verdicts) for some in by_cell(hits).values()]
    confirmed, refused = states.count(1.0), states.count(0.0)
    return Progress(confirmed, refused, len(states) - confirmed - refused)


def history(
    hits: Iterable[Hit],
    verdicts: Mapping[tuple[str, str], bool],
    species: str,
    stations: Sequence[str],
    effort: NDArray[np.floating],
) -> NDArray[np.float64]:
    """(stations, occasions) 1, 0 or nan, in the order of `stations`; effort: same shape, nan or 0
    where the camera did not work: no effort, no cell, whatever was seen."""
    effort = np.asarray(effort, float)
    cells = np.where(effort > 0, 0.0, np.nan)
    rows = {name: row for row, name in enumerate(stations)}
    for (name, station, occasion), some in by_cell(hits).items():
        inside = station in rows and 0 <= occasion < effort.shape[1]
        if name == species and inside and effort[rows[station], occasion] > 0:
            cells[rows[station], occasion] = state(some, verdicts)
    return cells
