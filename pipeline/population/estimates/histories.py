"""Detection histories: stations by occasions, 1 seen, 0 watched and not seen, nan not watched.

The one promise: nothing that was not watched becomes a 0. In R:

    y <- as.matrix(read.csv("deer.csv", row.names = 1))
    effort <- as.matrix(read.csv("deer_effort.csv", row.names = 1))
    unmarkedFrameOccu(y, obsCovs = list(effort = effort))
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.population.effort.operation import Operation, write_matrix
from pipeline.population.events.independent import coded
from pipeline.population.events.spans import DAY, microseconds

LOST = {
    "untimed": "its time cannot be read",
    "no effort": "its station is in no deployment with a start and an end",
    "before": "before the first day of the history",
    "not watched": "no camera was set up on that day, or the day is not part of the history",
    "occasion left out": "its occasion was not watched long enough, or not at all",
}


@dataclass(frozen=True, slots=True)
class History:
    """Cells are nan wherever effort is, also where something was seen: `lost` says how often."""

    stations: tuple[str, ...]
    cells: NDArray[np.float64]  # (stations, occasions) 0, 1 or a number of records, nan
    effort: NDArray[np.float64]  # (stations, occasions) camera-days, nan
    starts: NDArray[np.datetime64]  # (stations,) where each row's first occasion begins; NaT: none
    days: int  # of an occasion
    lost: Mapping[str, int]  # records that are in no cell, by reason (LOST)

    @property
    def occasions(self) -> list[str]:
        """Names of the columns."""
        return [f"o{i + 1}" for i in range(self.cells.shape[1])]


def detection_history(
    operation: Operation,
    station,
    time,
    days: int,
    day1: str | date = "survey",
    with_effort: bool = True,
    least_days: float | None = None,
    most_days: int | None = None,
    buffer: int = 0,
    counts: bool = False,
) -> History:
    """The history of one species from its records or events (station, time), each (n,).

    days         of an occasion; the last one may be short
    day1         survey: one calendar for all; station: each from its own first day; or a date
    with_effort  False: only whole occasions count, because effort will not be in the model
    least_days   an occasion with less effort is nan
    most_days    of each station, counted from its own setting up
    buffer       first days of each station that are left out
    counts       number of records in place of 1: make them independent first
    """
    if days < 1 or buffer < 0 or (most_days is not None and most_days < 1):
        raise InputError("days and most_days must be 1 or more, buffer 0 or more")
    kept = _kept_days(operation.effort, most_days, buffer)
    first = _first_columns(kept, day1, operation.first)
    shifted = _shifted(kept, first)
    effort = _occasion_effort(shifted, days, with_effort or least_days is not None)
    if least_days is not None:
        effort[~(effort >= least_days)] = np.nan
    row, column, lost = _placed(operation, shifted, first, station, time, days)
    unusable = np.isnan(effort[row, column])
    lost["occasion left out"] = int(unusable.sum())
    cells = np.zeros(effort.shape)
    np.add.at(cells, (row, column), 1)
    starts = (operation.first + first * DAY).astype("datetime64[us]")
    starts[np.isnan(kept).all(axis=1)] = np.datetime64("NaT")
    cells = np.where(np.isnan(effort), np.nan, cells if counts else np.minimum(cells, 1))
    return History(operation.stations, cells, effort, starts, days, lost)


def _kept_days(effort: NDArray, most: int | None, buffer: int) -> NDArray[np.float64]:
    """Daily effort (stations, days); what a station's own first or last day cuts off is nan."""
    day = np.arange(effort.shape[1]) - _first_known(effort)[:, None]  # 0: that of setting up
    cut = (day < buffer) | (day >= (effort.shape[1] if most is None else most))
    return np.where(cut, np.nan, effort)


def _first_known(effort: NDArray) -> NDArray[np.int64]:
    """(stations,) the first column that is not nan; 0 where all are."""
    return np.argmax(~np.isnan(effort), axis=1)


def _first_columns(kept: NDArray, day1: str | date, begins: int) -> NDArray[np.int64]:
    """(stations,) the column at which each row's first occasion begins; may be negative."""
    if np.isnan(kept).all():
        raise InputError("no day is left for a detection history")
    if day1 == "station":
        return _first_known(kept)
    if day1 == "survey":
        column = int(_first_known(np.where(np.isnan(kept).all(axis=0), np.nan, 1.0)[None])[0])
    elif isinstance(day1, date):
        day = int(microseconds(day1)) // DAY
        column = day - begins // DAY
    else:
        raise InputError(f"day1 must be survey, station or a date, not {day1}")
    if column >= kept.shape[1]:
        raise InputError(f"day1 {day1} is after the last day of every station")
    return np.full(len(kept), column)


def _shifted(kept: NDArray, first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rows moved so that each begins at its first column, up to the last day that any has."""
    columns = np.arange(kept.shape[1] - first.min()) + first[:, None]
    inside = (columns >= 0) & (columns < kept.shape[1])
    rows = np.arange(len(kept))[:, None]
    moved = np.where(inside, kept[rows, np.where(inside, columns, 0)], np.nan)
    known = np.flatnonzero(~np.isnan(moved).all(axis=0))
    if not len(known):
        raise InputError("no day is left for a detection history")
    return moved[:, : known[-1] + 1]


def _occasion_effort(daily: NDArray, days: int, with_effort: bool) -> NDArray[np.float64]:
    """(stations, occasions) camera-days; nan where no day was watched, or not all were."""
    short = -daily.shape[1] % days
    padded = np.pad(daily, ((0, 0), (0, short)), constant_values=np.nan)
    by_day = padded.reshape(len(daily), -1, days)
    effort = np.nansum(by_day, axis=2)
    watched = by_day > 0  # nan is not
    missing = ~(watched.any(axis=2) if with_effort else watched.all(axis=2))
    return np.where(missing, np.nan, effort)


def _placed(operation: Operation, daily, first, station, time, days: int):
    """Row and occasion of each record that lies on a day of the history, and why others do not.

    A record on the border between two occasions belongs to the later one."""
    time = np.asarray(time, "datetime64[us]")
    timed = ~np.isnat(time)
    number = {name: i for i, name in enumerate(operation.stations)}
    names, code = coded(station)
    rows = np.array([number.get(name, -1) for name in names], np.int64)[code]
    known = timed & (rows >= 0)
    rows, at = rows[known], microseconds(time[known])
    day = (at - operation.first) // DAY - first[rows]
    reach = (day >= 0) & (day < daily.shape[1])
    on = np.zeros(len(day), bool)
    on[reach] = ~np.isnan(daily[rows[reach], day[reach]])
    lost = {
        "untimed": int((~timed).sum()),
        "no effort": int((timed & ~known).sum()),
        "before": int((day < 0).sum()),
        "not watched": int(((day >= 0) & ~on).sum()),
    }
    return rows[on], day[on] // days, lost


def scaled_effort(history: History) -> tuple[NDArray[np.float64], float, float]:
    """Effort as a covariate: (scaled, centre, standard deviation); keep the two for prediction."""
    known = history.effort[~np.isnan(history.effort)]
    spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    if spread < 1e-9:
        raise InputError("effort is the same in every occasion: it explains nothing, leave it out")
    centre = float(known.mean())
    return (history.effort - centre) / spread, centre, spread


def seasons(histories: Sequence[History]) -> tuple[tuple[str, ...], NDArray, NDArray]:
    """(stations, cells, effort) of several seasons side by side, as unmarkedMultFrame wants them.

    Rows are all stations of any season; shorter seasons are filled up with nan."""
    stations = tuple(sorted({name for one in histories for name in one.stations}))
    widest = max(one.cells.shape[1] for one in histories)
    blocks = []
    for one in histories:
        block = np.full((2, len(stations), widest), np.nan)
        rows = [stations.index(name) for name in one.stations]
        block[0, rows, : one.cells.shape[1]] = one.cells
        block[1, rows, : one.cells.shape[1]] = one.effort
        blocks.append(block)
    cells, effort = np.concatenate(blocks, axis=2)
    return stations, cells, effort


def write_history(path: Path, history: History) -> Path:
    """Cells to `path`, effort beside it as NAME_effort.csv (returned): both with NA for nan."""
    path = Path(path)
    beside = path.with_name(f"{path.stem}_effort{path.suffix}")
    write_matrix(path, history.stations, history.occasions, history.cells)
    write_matrix(beside, history.stations, history.occasions, history.effort)
    return beside
