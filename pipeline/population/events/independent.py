"""Independent events from records, under a rule and a gap that stay with the result.

A record is one row of a frame, species and sex or age class; or a visit and species, from its first
frame to its last. A record at exactly the gap opens an event. No row is dropped for a tie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.population.events.spans import microseconds

RULES = {
    "lastRecord": "opens when the gap has passed since the last record; may chain without limit",
    "lastIndependentRecord": "opens when the gap has passed since the event's first record",
}
COUNTS = {
    "frame": "largest sum of the rows of one frame",
    "row": "largest single row; too low where adults and young of a frame are rows of their own",
    "class": "largest row of each sex and age class, summed; an upper figure",
}


@dataclass(frozen=True, slots=True)
class Records:
    """Parallel arrays (n,). Two rows with one frame are of the same picture."""

    station: NDArray
    species: NDArray
    time: NDArray[np.datetime64]  # microseconds, camera clock; NaT: not readable
    frame: NDArray
    count: NDArray[np.float64]  # individuals; nan: not known, counts as at least 1
    until: NDArray[np.datetime64]  # last frame of a visit; of a frame: its time
    kind: NDArray  # sex, age and whatever else tells two rows of a frame apart

    def __len__(self) -> int:
        return len(self.time)

    def where(self, chosen: NDArray) -> "Records":
        """The rows of a mask or an index."""
        return Records(*(getattr(self, one.name)[chosen] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Events:
    """Parallel arrays (n,), sorted by station, species and time; and the rule that made them."""

    station: NDArray
    species: NDArray
    started_at: NDArray[np.datetime64]  # of its first record: the event's time
    ended_at: NDArray[np.datetime64]  # of its last: long events are chains
    rows: NDArray[np.int64]
    frames: NDArray[np.int64]
    count: NDArray[np.int64]  # individuals
    count_known: NDArray[np.bool_]  # False: at least so many
    within: NDArray  # camera, deployment or stretch of effort that no event leaves; 0: none asked
    gap_s: float
    rule: str
    untimed: int  # records left out because their time cannot be read

    def __len__(self) -> int:
        return len(self.started_at)

    def where(self, chosen: NDArray) -> "Events":
        """The events of a mask or an index, by the same rule."""
        arrays = {
            one.name: getattr(self, one.name)[chosen]
            for one in fields(self)
            if isinstance(getattr(self, one.name), np.ndarray)
        }
        return replace(self, **arrays)


def records(station, species, time, frame=None, count=None, until=None, kind=None) -> Records:
    """Records from sequences of one length. Without `frame`, one instant of a station is one."""
    time = np.asarray(time, "datetime64[us]")
    n = len(time)
    made = Records(
        np.asarray(station),
        np.asarray(species),
        time,
        time.astype(np.int64) if frame is None else np.asarray(frame),
        np.full(n, 1.0) if count is None else np.asarray(count, np.float64),
        time if until is None else np.fmax(time, np.asarray(until, "datetime64[us]")),
        np.zeros(n, np.int8) if kind is None else np.asarray(kind),
    )
    if any(len(getattr(made, one.name)) != n for one in fields(made)):
        raise InputError("records: columns of different length")
    return made


def coded(values) -> tuple[list, NDArray[np.int64]]:
    """(names in order, (n,) number of each value's name): np.unique, quick also for text."""
    listed = np.asarray(values).tolist()
    names = sorted(set(listed))
    number = {name: i for i, name in enumerate(names)}
    return names, np.fromiter((number[one] for one in listed), np.int64, len(listed))


def combined(*columns) -> NDArray[np.int64]:
    """(n,) number of each row's combination of values, in order of the columns."""
    total = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        names, code = coded(column)
        total = np.unique(total * max(len(names), 1) + code, return_inverse=True)[1]
    return total


def distinct(rows: Records) -> NDArray[np.int64]:
    """(m,) index of the rows without exact copies: same in everything, kind and frame included."""
    columns = [getattr(rows, one.name) for one in fields(rows)]
    whole = [microseconds(c) if c.dtype.kind == "M" else c for c in columns]
    whole = [np.where(np.isnan(c), -1.0, c) if c.dtype.kind == "f" else c for c in whole]
    return np.sort(np.unique(combined(*whole), return_index=True)[1])


def independent_events(
    rows: Records, gap_s: float, rule: str = "lastRecord", within=None, count: str = "frame"
) -> Events:
    """Events of each station and species, and of each value of `within` (n,) where it is given.

    gap_s   at 0 every distinct frame is an event
    count   one of COUNTS
    """
    if rule not in RULES:
        raise InputError(f"unknown rule for events: {rule}; known: {', '.join(RULES)}")
    if count not in COUNTS:
        raise InputError(f"unknown way to count: {count}; known: {', '.join(COUNTS)}")
    if not gap_s >= 0:
        raise InputError(f"the gap between events must be 0 or more seconds, not {gap_s}")
    within = np.zeros(len(rows), np.int64) if within is None else np.asarray(within)
    timed = np.flatnonzero(~np.isnat(rows.time))
    untimed = len(rows) - len(timed)
    if untimed:
        rows, within = rows.where(timed), within[timed]
    key, frame = combined(rows.station, rows.species, within), combined(rows.frame)
    order = np.lexsort((frame, rows.time, key))
    rows, within, key, frame = rows.where(order), within[order], key[order], frame[order]
    opens = _openings(rows, key, frame, round(gap_s * 1e6), rule)
    first = np.flatnonzero(opens)
    event = np.cumsum(opens) - 1
    new_frame = opens | _changes(rows.time) | _changes(frame)
    reduce = _reduce(first)
    return Events(
        rows.station[first],
        rows.species[first],
        rows.time[first],
        reduce(np.maximum, rows.until),
        np.diff(np.append(first, len(rows))),
        reduce(np.add, new_frame.astype(np.int64)),
        _counts(rows, event, first, np.flatnonzero(new_frame), count),
        ~reduce(np.logical_or, np.isnan(rows.count)),
        within[first],
        float(gap_s),
        rule,
        untimed,
    )


def _reduce(first: NDArray[np.int64]):
    """Reduces an array over the events that begin at `first`."""
    return lambda how, values: how.reduceat(values, first) if len(first) else values[:0]


def _changes(values: NDArray) -> NDArray[np.bool_]:
    """(n,) True where a sorted array has a value other than the one before; also at the start."""
    return np.r_[np.ones(min(len(values), 1), bool), values[1:] != values[:-1]]


def _openings(rows: Records, key, frame, gap: int, rule: str) -> NDArray[np.bool_]:
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


def _counts(rows: Records, event, first, frames, how: str) -> NDArray[np.int64]:
    """(events,) individuals; a count that is not known is at least 1."""
    if not len(first):
        return np.zeros(0, np.int64)
    known = np.where(np.isnan(rows.count), 1, rows.count).astype(np.int64)
    if how == "frame":
        sums = np.add.reduceat(known, frames)
        return np.maximum.reduceat(sums, np.searchsorted(frames, first))
    if how == "row":
        return np.maximum.reduceat(known, first)
    kinds = combined(rows.kind)
    order = np.lexsort((kinds, event))
    event, kinds, known = event[order], kinds[order], known[order]
    group = np.flatnonzero(_changes(event) | _changes(kinds))
    most = np.maximum.reduceat(known, group)
    return np.add.reduceat(most, np.flatnonzero(_changes(event[group])))


def tally(
    station, species, stations: Sequence[str], names: Sequence[str], weights=None
) -> NDArray[np.float64]:
    """(stations, names) events, or sum of weights, of each station and species, zeros included.

    Rows of a station or species that is not asked for are not in it."""
    row = {name: i for i, name in enumerate(stations)}
    column = {name: i for i, name in enumerate(names)}
    i = np.fromiter((row.get(s, -1) for s in np.asarray(station).tolist()), np.int64)
    j = np.fromiter((column.get(s, -1) for s in np.asarray(species).tolist()), np.int64)
    asked = (i >= 0) & (j >= 0)
    cell = i[asked] * len(names) + j[asked]
    given = None if weights is None else np.asarray(weights, np.float64)[asked]
    size = len(stations) * len(names)
    counted = np.bincount(cell, given, size).astype(np.float64)
    return counted.reshape(len(stations), len(names))
