"""Camera operation by day, in camtrapR's shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.population.effort.effort import Watch, days_between
from pipeline.population.events.spans import DAY, Spans
from pipeline.tables.writer import write_table

LONGEST = 36_600  # days: no survey lasts a hundred years, a wrong year does


@dataclass(frozen=True, slots=True)
class Operation:
    """Days worked in each cell of a day. nan: not set up; 0: set up, but not working."""

    stations: tuple[str, ...]
    first: int  # midnight at which the first cell begins, microseconds since 1970
    effort: NDArray[np.float64]  # (stations, days)


def operation(watched: Sequence[Watch]) -> Operation:
    """The camera operation matrix, one cell a day of the camera's clock."""
    if not watched:
        raise InputError("no deployment with a start and an end: there is no effort to show")
    cells = [days_of(watch.set_up) for watch in watched]
    first, last = min(c.min() for c in cells), max(c.max() for c in cells)
    if last - first > LONGEST:
        ends = np.array([first, last], "datetime64[D]").tolist()
        raise InputError(f"deployments from {ends[0]} to {ends[1]}: is the year of one wrong?")
    edges = (np.arange(first, last + 2) * DAY).astype("datetime64[us]")
    effort = days_between(watched, edges)
    for row, spans in zip(effort, cells, strict=True):
        there = np.zeros(len(row), bool)
        for a, b in spans.tolist():
            there[a - first : b - first + 1] = True
        row[~there] = np.nan
    return Operation(tuple(watch.station for watch in watched), int(first * DAY), effort)


def days_of(spans: Spans) -> NDArray[np.int64]:
    """(k, 2) number of the first and the last day of which each span holds an instant. A span does
    not hold its end, but for one without length."""
    last = np.maximum(spans[:, 0], spans[:, 1] - 1)
    return np.stack([spans[:, 0], last], axis=1) // DAY


def write_matrix(
    path: Path, stations: Sequence[str], names: Sequence[str], cells: NDArray[np.float64]
) -> None:
    """A matrix as R reads it: read.csv(path, row.names = 1, check.names = FALSE)."""
    rows = (
        [station, *("NA" if x != x else f"{x:.10g}" for x in row)]
        for station, row in zip(stations, cells.tolist(), strict=True)
    )
    write_table(path, ["station", *names], rows)
