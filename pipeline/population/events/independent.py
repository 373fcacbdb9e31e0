"""Independent events from records, under a rule and a gap that stay with the result.

A record is one row of a frame and species; or a visit and species, from its first frame to its
last. A record at exactly the gap opens an event. No row is dropped for a tie.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError
from pipeline.population.events.spans import Moments, microseconds

Names: TypeAlias = NDArray[np.str_]  # of stations or species, one a row
Column: TypeAlias = NDArray[np.generic]  # of numbers or text, one value a row

RULES = {
    "lastRecord": "begins when the gap has passed since the last record; it can last without limit",
    "lastIndependentRecord": "begins when the gap has passed since the event's first record",
}


@dataclass(frozen=True, slots=True)
class Records:
    """Parallel arrays (n,). Two rows with the same frame are of the same picture."""

    station: Names
    species: Names
    time: NDArray[np.datetime64]  # microseconds, camera clock; NaT: not readable
    frame: Column
    count: NDArray[np.float64]  # individuals; nan: not known, counts as at least 1
    until: NDArray[np.datetime64]  # last frame of a visit; of a frame: its time
    day_alone: NDArray[np.bool_]  # the hour is not known: its midnight stands in `time`

    def __len__(self) -> int:
        return len(self.time)

    def where(self, chosen: Column) -> "Records":
        """The rows of a mask or an index."""
        return Records(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Events:
    """Parallel arrays (n,), sorted by station, species and time; and the rule that made them."""

    station: Names
    species: Names
    started_at: NDArray[np.datetime64]  # of its first record: the event's time
    ended_at: NDArray[np.datetime64]  # of its last: long events are chains
    rows: NDArray[np.int64]
    frames: NDArray[np.int64]
    count: NDArray[np.int64]  # individuals: the largest sum of the rows of one frame
    count_known: NDArray[np.bool_]  # False: at least so many
    day_alone: NDArray[np.bool_]  # the hour is not known: one event a day
    within: NDArray[Any]  # camera, deployment or stretch of effort that no event leaves; else 0
    gap_s: float
    rule: str
    untimed: int  # records left out because their time cannot be read

    def __len__(self) -> int:
        return len(self.started_at)

    def where(self, chosen: Column) -> "Events":
        """The events of a mask or an index, by the same rule."""
        arrays = {
            field.name: getattr(self, field.name)[chosen]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(self, **arrays)


def records(
    station: ArrayLike,
    species: ArrayLike,
    time: Moments,
    frame: ArrayLike | None = None,
    count: ArrayLike | None = None,
    until: Moments = None,
    day_alone: ArrayLike = False,
) -> Records:
    """Records from sequences of one length. Without `frame`, rows of one instant are one frame."""
    at = np.asarray(time, "datetime64[us]")
    made = Records(
        np.asarray(station),
        np.asarray(species),
        at,
        at.astype(np.int64) if frame is None else np.asarray(frame),
        np.full(len(at), 1.0) if count is None else np.asarray(count, np.float64),
        at if until is None else np.fmax(at, np.asarray(until, "datetime64[us]")),
        np.broadcast_to(np.asarray(day_alone, bool), at.shape),
    )
    if any(len(getattr(made, field.name)) != len(at) for field in fields(made)):
        raise InputError("records: columns of different length")
    return made


def coded(values: ArrayLike) -> tuple[list[Any], NDArray[np.int64]]:
    """(names in order, (n,) number of each value's name): np.unique, quick also for text."""
    listed = np.asarray(values).tolist()
    names = sorted(set(listed))
    number = {name: i for i, name in enumerate(names)}
    return names, np.fromiter((number[value] for value in listed), np.int64, len(listed))


def combined(*columns: Column) -> NDArray[np.int64]:
    """(n,) number of each row's combination of values, in order of the columns."""
    total = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        names, code = coded(column)
        total = np.unique(total * max(len(names), 1) + code, return_inverse=True)[1]
    return total


def independent_events(
    rows: Records, gap_s: float, rule: str = "lastRecord", within: ArrayLike | None = None
) -> Events:
    """Events of each station and species, and of each value of `within` (n,) where it is given.

    gap_s   at 0 every distinct frame is an event
    """
    if rule not in RULES:
        raise InputError(f"unknown rule for events: {rule}; known: {', '.join(RULES)}")
    if not gap_s >= 0:
        raise InputError(f"the gap between events must be 0 or more seconds, not {gap_s}")
    limits = np.zeros(len(rows), np.int64) if within is None else np.asarray(within)
    timed = np.flatnonzero(~np.isnat(rows.time))
    untimed = len(rows) - len(timed)
    if untimed:
        rows, limits = rows.where(timed), limits[timed]
    key = combined(rows.station, rows.species, limits, rows.day_alone)
    frame = combined(rows.frame)
    order = np.lexsort((frame, rows.time, key))
    rows, limits, key, frame = rows.where(order), limits[order], key[order], frame[order]
    opens = _openings(rows, key, frame, round(gap_s * 1e6), rule)
    first = np.flatnonzero(opens)
    new_frame = opens | _changes(rows.time) | _changes(frame)
    reduce = _reduce(first)
    return Events(
        rows.station[first],
        rows.species[first],
        rows.time[first],
        reduce(np.maximum, rows.until),
        np.diff(np.append(first, len(rows))),
        reduce(np.add, new_frame.astype(np.int64)),
        _counts(rows, first, np.flatnonzero(new_frame)),
        ~reduce(np.logical_or, np.isnan(rows.count)),
        rows.day_alone[first],
        limits[first],
        float(gap_s),
        rule,
        untimed,
    )


def _reduce(first: NDArray[np.int64]) -> Callable[[np.ufunc, NDArray[Any]], NDArray[Any]]:
    """Reduces an array over the events that begin at `first`."""
    return lambda how, values: how.reduceat(values, first) if len(first) else values[:0]


def _changes(values: Column) -> NDArray[np.bool_]:
    """(n,) True where a sorted array has a value other than the one before; also at the start."""
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return changes


def _openings(
    rows: Records, key: NDArray[np.int64], frame: NDArray[np.int64], gap: int, rule: str
) -> NDArray[np.bool_]:
    """(n,) True where an event opens, of rows sorted by key and time; gap in microseconds."""
    time, opens = microseconds(rows.time), _changes(key)
    if gap == 0:
        return opens | _changes(frame) | _changes(time)
    last = _running_last(microseconds(rows.until), np.flatnonzero(opens))
    opens[1:] |= time[1:] - last[:-1] >= gap
    return opens if rule == "lastRecord" else _cut(time, opens, gap)


def _running_last(until: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the latest end so far within each key: of overlapping visits the longer one counts."""
    last = until.copy()
    for start, end in zip(first, np.append(first, len(until))[1:], strict=True):
        np.maximum.accumulate(last[start:end], out=last[start:end])
    return last


def _cut(time: NDArray[np.int64], opens: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Openings of lastIndependentRecord: those of lastRecord, and more within long chains."""
    opened, found = 0, []
    for at, chain_opens in zip(time.tolist(), opens.tolist(), strict=True):
        new = chain_opens or at - opened >= gap
        if new:
            opened = at
        found.append(new)
    return np.array(found, bool)


def _counts(
    rows: Records, first: NDArray[np.int64], frames: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(events,) individuals; a count that is not known is at least 1."""
    if not len(first):
        return np.zeros(0, np.int64)
    known = np.where(np.isnan(rows.count), 1, rows.count).astype(np.int64)
    sums = np.add.reduceat(known, frames)
    return np.maximum.reduceat(sums, np.searchsorted(frames, first))


def tally(
    station: ArrayLike, species: ArrayLike, stations: Sequence[str], names: Sequence[str]
) -> NDArray[np.float64]:
    """(stations, names) events of each station and species, zeros included.

    Rows of a station or species that is not in the lists are not counted."""
    row = {name: i for i, name in enumerate(stations)}
    column = {name: i for i, name in enumerate(names)}
    i = np.fromiter((row.get(name, -1) for name in np.asarray(station).tolist()), np.int64)
    j = np.fromiter((column.get(name, -1) for name in np.asarray(species).tolist()), np.int64)
    listed = (i >= 0) & (j >= 0)
    cell = i[listed] * len(names) + j[listed]
    counted = np.bincount(cell, minlength=len(stations) * len(names)).astype(np.float64)
    return counted.reshape(len(stations), len(names))
