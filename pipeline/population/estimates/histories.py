"""Detection histories: stations by occasions, 1 seen, 0 watched and not seen, nan not watched.

Only what was watched can become a 0. In R:

    y <- as.matrix(read.csv("deer.csv", row.names = 1))
    effort <- as.matrix(read.csv("deer_effort.csv", row.names = 1))
    unmarkedFrameOccu(y, obsCovs = list(effort = effort))
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError
from pipeline.population.effort.operation import Operation, write_matrix
from pipeline.population.estimates.rates import Floats
from pipeline.population.events.independent import coded
from pipeline.population.events.spans import DAY, Moments, Spans, microseconds


@dataclass(frozen=True, slots=True)
class History:
    """Cells are nan wherever effort is, also where something was seen: `lost` counts these."""

    stations: tuple[str, ...]
    cells: NDArray[np.float64]  # (stations, occasions) 0, 1, nan
    effort: NDArray[np.float64]  # (stations, occasions) camera-days, nan
    starts: NDArray[np.datetime64]  # (stations,) where each row's first occasion begins; NaT: none
    days: int  # of an occasion
    lost: Mapping[str, int]  # records that are in no cell, by reason (see `_placed`)

    @property
    def occasions(self) -> list[str]:
        """Names of the columns."""
        return [f"o{i + 1}" for i in range(self.cells.shape[1])]


def detection_history(
    operation: Operation,
    station: ArrayLike,
    time: Moments,
    days: int,
    day1: str | date = "survey",
    least_days: float | None = None,
) -> History:
    """The history of one species from its records or events (station, time), each (n,).

    days         of an occasion; the last one may be short
    day1         survey: one calendar for all; station: each from its own first day; or a date
    least_days   an occasion with less effort is nan
    """
    if days < 1:
        raise InputError(f"an occasion has 1 day or more, not {days}")
    first = _first_columns(operation.effort, day1, operation.first)
    shifted = _shifted(operation.effort, first)
    effort = _occasion_effort(shifted, days)
    if least_days is not None:
        effort[~(effort >= least_days)] = np.nan
    row, column, lost = _placed(operation, shifted, first, station, time, days)
    lost["occasion left out"] = int(np.isnan(effort[row, column]).sum())
    cells = np.zeros(effort.shape)
    cells[row, column] = 1
    starts = (operation.first + first * DAY).astype("datetime64[us]")
    starts[np.isnan(operation.effort).all(axis=1)] = np.datetime64("NaT")
    cells = np.where(np.isnan(effort), np.nan, cells)
    return History(operation.stations, cells, effort, starts, days, lost)


def _first_known(effort: Floats) -> NDArray[np.int64]:
    """(stations,) the first column that is not nan; 0 where all are."""
    return np.asarray(np.argmax(~np.isnan(effort), axis=1))


def _first_columns(daily: Floats, day1: str | date, begins: int) -> NDArray[np.int64]:
    """(stations,) the column at which each row's first occasion begins; may be negative."""
    if np.isnan(daily).all():
        raise InputError("no day is left for a detection history")
    if day1 == "station":
        return _first_known(daily)
    if day1 == "survey":
        column = int(_first_known(np.where(np.isnan(daily).all(axis=0), np.nan, 1.0)[None])[0])
    elif isinstance(day1, date):
        day = int(microseconds(day1)) // DAY
        column = day - begins // DAY
    else:
        raise InputError(f"day1 must be survey, station or a date, not {day1}")
    if column >= daily.shape[1]:
        raise InputError(f"day1 {day1} is after the last day of every station")
    return np.full(len(daily), column)


def _shifted(daily: Floats, first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rows moved so that each begins at its first column, up to the last day that any has."""
    columns = np.arange(daily.shape[1] - first.min()) + first[:, None]
    inside = (columns >= 0) & (columns < daily.shape[1])
    rows = np.arange(len(daily))[:, None]
    moved = np.where(inside, daily[rows, np.where(inside, columns, 0)], np.nan)
    known = np.flatnonzero(~np.isnan(moved).all(axis=0))
    if not len(known):
        raise InputError("no day is left for a detection history")
    return moved[:, : known[-1] + 1]


def _occasion_effort(daily: Floats, days: int) -> NDArray[np.float64]:
    """(stations, occasions) camera-days; nan where no day was watched."""
    short = -daily.shape[1] % days
    padded = np.pad(daily, ((0, 0), (0, short)), constant_values=np.nan)
    by_day = padded.reshape(len(daily), -1, days)
    effort = np.nansum(by_day, axis=2)
    return np.where((by_day > 0).any(axis=2), effort, np.nan)  # nan is not above 0


def _placed(
    operation: Operation,
    daily: Floats,
    first: NDArray[np.int64],
    station: ArrayLike,
    time: Moments,
    days: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, int]]:
    """Row and occasion of each record that lies on a day of the history, and how many others there
    are by reason.

    A record on the border between two occasions belongs to the later one."""
    at = np.asarray(time, "datetime64[us]")
    timed = ~np.isnat(at)
    number = {name: i for i, name in enumerate(operation.stations)}
    names, code = coded(station)
    rows = np.array([number.get(name, -1) for name in names], np.int64)[code]
    known = timed & (rows >= 0)
    rows = rows[known]
    day = (microseconds(at[known]) - operation.first) // DAY - first[rows]
    reach = (day >= 0) & (day < daily.shape[1])
    on = np.zeros(len(day), bool)
    on[reach] = ~np.isnan(daily[rows[reach], day[reach]])
    lost = {
        "untimed": int((~timed).sum()),  # the time cannot be read
        "no effort": int((timed & ~known).sum()),  # no deployment of the station has a period
        "before": int((day < 0).sum()),  # before the first day of the history
        "not watched": int(((day >= 0) & ~on).sum()),  # no camera was set up on that day
    }
    return rows[on], day[on] // days, lost


def with_unknown(history: History, spans: Mapping[str, Spans]) -> History:
    """The same history without a zero in any occasion that a span of its station reaches into: the
    species may have been seen in it, in pictures without a time."""
    cells, effort, size = history.cells.copy(), history.effort.copy(), history.days * DAY
    for row, station in enumerate(history.stations):
        if np.isnat(history.starts[row]):
            continue
        begins = int(microseconds(history.starts[row]))
        for first, last in spans.get(station, np.zeros((0, 2), np.int64)).tolist():
            on = slice(max((first - begins) // size, 0), max((last - 1 - begins) // size + 1, 0))
            gone = np.flatnonzero(cells[row, on] == 0) + on.start
            cells[row, gone] = effort[row, gone] = np.nan
    return replace(history, cells=cells, effort=effort)


def write_history(path: Path, history: History) -> Path:
    """Write cells to `path` and effort to NAME_effort.csv beside it, with NA for nan; gives back
    the path of the effort."""
    beside = path.with_name(f"{path.stem}_effort{path.suffix}")
    write_matrix(path, history.stations, history.occasions, history.cells)
    write_matrix(beside, history.stations, history.occasions, history.effort)
    return beside
