"""Camera operation by day, in camtrapR's shape, and the survey report made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.population.effort.effort import Watch, days_between
from pipeline.population.events.spans import DAY
from pipeline.tables.writer import write_table

LONGEST = 36_600  # days: no survey lasts a hundred years, a wrong year does


@dataclass(frozen=True, slots=True)
class Operation:
    """Days worked in each cell of a day. nan: not set up; 0: set up, but not working."""

    stations: tuple[str, ...]
    first: int  # where the first cell begins, microseconds since 1970
    effort: NDArray[np.float64]  # (stations, days)

    @property
    def names(self) -> list[str]:
        """Columns as camtrapR names them: 2026-05-01, or 2026-05-01+12h if days begin at noon."""
        days = np.arange(self.effort.shape[1]) + self.first // DAY
        hour = self.first % DAY // (DAY // 24)
        return [f"{day}+{hour}h" if hour else str(day) for day in days.astype("datetime64[D]")]


@dataclass(frozen=True, slots=True)
class StationReport:
    """What a survey report says of a station. Four different numbers of days."""

    station: str
    set_up: date
    taken_down: date
    first_record: date | None
    last_record: date | None
    cameras: int
    days_set_up: int  # calendar days that are not NA
    days_active: int  # with any effort
    days_silent: int  # without
    effort_days: float


def operation(watched: Sequence[Watch], start_hour: int = 0) -> Operation:
    """The camera operation matrix, one cell a day that begins at `start_hour` of the camera."""
    if not watched:
        raise InputError("no deployment with a start and an end: there is no effort to show")
    shift = start_hour * DAY // 24
    cells = [(one.set_up - shift) // DAY for one in watched]
    first, last = min(c.min() for c in cells), max(c.max() for c in cells)
    if last - first > LONGEST:
        ends = np.array([first, last], "datetime64[D]").tolist()
        raise InputError(f"deployments from {ends[0]} to {ends[1]}: is the year of one wrong?")
    edges = (np.arange(first, last + 2) * DAY + shift).astype("datetime64[us]")
    effort = days_between(watched, edges)
    for row, spans in zip(effort, cells, strict=True):
        there = np.zeros(len(row), bool)
        for a, b in spans.tolist():
            there[a - first : b - first + 1] = True
        row[~there] = np.nan
    return Operation(tuple(one.station for one in watched), int(first * DAY + shift), effort)


def survey_report(watched: Sequence[Watch], station, time) -> list[StationReport]:
    """One row a station; `station` and `time` (n,) are those of the records."""
    cells, station = operation(watched).effort, np.asarray(station)
    day = np.asarray(time, "datetime64[D]")
    rows = []
    for one, row in zip(watched, cells, strict=True):
        seen = day[(station == one.station) & ~np.isnat(day)]
        low, high = (one.set_up.min(), one.set_up.max())
        rows.append(
            StationReport(
                one.station,
                *(np.array([low, high], "datetime64[us]").astype("datetime64[D]").tolist()),
                *((seen.min().item(), seen.max().item()) if len(seen) else (None, None)),
                one.cameras,
                int((~np.isnan(row)).sum()),
                int((row > 0).sum()),
                int((row == 0).sum()),
                one.days,
            )
        )
    return rows


def write_matrix(path: Path, stations: Sequence[str], names: Sequence[str], cells) -> None:
    """A matrix as R reads it: read.csv(path, row.names = 1, check.names = FALSE)."""
    rows = (
        [station, *("NA" if x != x else f"{x:.10g}" for x in row)]
        for station, row in zip(stations, np.asarray(cells).tolist(), strict=True)
    )
    write_table(Path(path), ["station", *names], rows)
