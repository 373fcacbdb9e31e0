"""The visits that settle a detection history with the fewest reviews.

A cell is station x occasion x species. It counts as a detection once one visit of it is confirmed,
as none when every visit was refused; until then it is nan, never 0. Cells without a visit stay 0: a
missed animal only lowers p, which occupancy estimates, if misses do not depend on the site.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Hit:
    """One visit on which a species was named. Occasions count from 0."""

    station: str
    occasion: int
    species: str
    item: str  # sha256 of the visit's first picture
    score: float


Cell: TypeAlias = tuple[str, str, int]  # species, station, occasion
Verdicts: TypeAlias = Mapping[tuple[str, str], bool]  # (item, species) -> is it there?


def by_cell(hits: Iterable[Hit]) -> dict[Cell, list[Hit]]:
    """Each cell's hits, the surest first; cells in the order of species, station, occasion."""
    cells: dict[Cell, list[Hit]] = {}
    for hit in hits:
        cells.setdefault((hit.species, hit.station, hit.occasion), []).append(hit)
    for members in cells.values():
        members.sort(key=lambda hit: (-hit.score, hit.item))
    return dict(sorted(cells.items()))


def queue(hits: Iterable[Hit], verdicts: Verdicts) -> list[Hit]:
    """What to review next: of every unfinished cell its surest hit without a verdict."""
    return [
        _next(members, verdicts) for members in by_cell(hits).values() if _open(members, verdicts)
    ]


def _open(hits: Sequence[Hit], verdicts: Verdicts) -> bool:
    """Whether a cell is neither confirmed nor refused."""
    given = [verdicts.get((hit.item, hit.species)) for hit in hits]
    return None in given and not any(given)


def _next(hits: Sequence[Hit], verdicts: Verdicts) -> Hit:
    return next(hit for hit in hits if (hit.item, hit.species) not in verdicts)
