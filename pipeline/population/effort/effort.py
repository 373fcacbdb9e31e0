"""How long cameras watched: intervals without their outages, and days made of them.

The rule that turns set-up and retrieval into days is chosen by name and stands beside every number:
one survey of 20 cameras for a year has 7013 days by one of them and 7033 by another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.population.events.independent import coded
from pipeline.population.events.spans import DAY, Spans, covered_before, microseconds, minus, union
from pipeline.records import Deployment

SECOND = 1_000_000  # microseconds
RULES = {
    "noon": "from noon of the first day to noon of the last, outages taken out",
    "exact": "from the instant of setting up to that of taking down (23:59:59: the day's end), "
    "outages taken out",
    "inclusive": "distinct days from the first to the last, both whole, days of outage taken out",
    "duration": "end minus start of each deployment, nothing taken out",
}
CAMERAS = {
    "any": "a station watches while any of its cameras works",
    "sum": "its cameras are independent: their days are added",
    "all": "a station watches while none of the cameras that stand there is out",
}


@dataclass(frozen=True, slots=True)
class Stay:
    """A deployment as effort sees it. Camera clock; a plain date where the time is not known."""

    station: str
    camera: str
    start: date | None
    end: date | None  # None: not known, so its effort is unknown, not zero
    outages: tuple[tuple[date, date | None], ...] = ()  # from, to; a date: the whole day; None: end


@dataclass(frozen=True, slots=True)
class Watch:
    """One station: when cameras stood there, and when they worked."""

    station: str
    cameras: int
    set_up: Spans  # both ends belong to it: a cell of time that touches it is not NA
    admits: Spans  # in which records belong to this effort; both ends belong to it, see `stretches`
    worked: tuple[Spans, ...]  # one a camera where cameras count each for itself, else one

    @property
    def days(self) -> float:
        """Camera-days."""
        return float(sum((spans[:, 1] - spans[:, 0]).sum() for spans in self.worked)) / DAY


def stay_of(deployment: Deployment, outages: Sequence[tuple[date, date | None]] = ()) -> Stay:
    """Where no station or camera is named, the deployment is one of its own."""
    return Stay(
        deployment.location_id or deployment.deployment_id,
        deployment.camera_id or deployment.deployment_id,
        deployment.started_at,
        deployment.ended_at,
        tuple(outages),
    )


def unknown(stays: Iterable[Stay]) -> list[Stay]:
    """Those without start or end: left out of effort, and their records with them. Name them."""
    return [stay for stay in stays if stay.start is None or stay.end is None]


def watches(stays: Iterable[Stay], rule: str, cameras: str = "any") -> list[Watch]:
    """Effort by station, in order of their names, under one of RULES and one of CAMERAS."""
    _known(rule, RULES, "effort rule")
    _known(cameras, CAMERAS, "way to count cameras")
    known = [stay for stay in stays if stay.start is not None and stay.end is not None]
    by_station = groupby(sorted(known, key=lambda s: s.station), key=lambda s: s.station)
    return [_watch(station, list(there), rule, cameras) for station, there in by_station]


def _known(name: str, names: Iterable[str], what: str) -> None:
    if name not in names:
        raise InputError(f"unknown {what}: {name}; known: {', '.join(names)}")


def _watch(station: str, stays: list[Stay], rule: str, cameras: str) -> Watch:
    spans = [_span(stay, rule) for stay in stays]
    last = 1 if rule == "inclusive" else 0  # midnight after the last day is the next day's
    stood = [(a, b - last) for a, b in spans]
    if rule in ("exact", "duration"):
        stood = [tuple(microseconds([stay.start, stay.end]).tolist()) for stay in stays]
    worked = admits = _worked(stays, spans, rule, cameras)
    if rule == "noon":  # days are all it knows
        days = [(a - a % DAY, b - b % DAY + DAY) for a, b in spans]
        admits = _worked(stays, days, rule, cameras)
    return Watch(
        station,
        len({stay.camera for stay in stays}),
        _closed(stood),
        union(np.concatenate(admits)),
        worked,
    )


def _closed(spans: Iterable[tuple[int, int]]) -> Spans:
    """Union of spans to which their ends belong, so that not even an instant is lost."""
    return union((a, b + 1) for a, b in spans) - np.array([0, 1])


def _span(stay: Stay, rule: str) -> tuple[int, int]:
    """From and to, in microseconds, as the rule reads set-up and retrieval."""
    start, end = (int(one) for one in microseconds([stay.start, stay.end]))
    if end < start:
        raise InputError(f"{stay.station}: taken down ({stay.end}) before set up ({stay.start})")
    if rule in ("exact", "duration"):
        for one in (stay.start, stay.end):
            if not isinstance(one, datetime):
                raise InputError(
                    f"{stay.station}: the {rule} rule needs a time of day with {one}; "
                    "with dates use noon or inclusive"
                )
        return start, _day_end(end)
    first, last = start - start % DAY, end - end % DAY
    return (first + DAY // 2, last + DAY // 2) if rule == "noon" else (first, last + DAY)


def _worked(stays: list[Stay], spans: list, rule: str, cameras: str) -> tuple[Spans, ...]:
    if rule == "duration":
        return tuple(union([span]) for span in spans)
    out = [_outages(stay, span, rule) for stay, span in zip(stays, spans, strict=True)]
    work = [minus(union([span]), holes) for span, holes in zip(spans, out, strict=True)]
    if cameras == "sum":
        names = sorted({stay.camera for stay in stays})
        return tuple(
            union(np.concatenate([w for w, s in zip(work, stays, strict=True) if s.camera == name]))
            for name in names
        )
    together = union(np.concatenate(work))
    return (minus(together, union(np.concatenate(out))) if cameras == "all" else together,)


def _outages(stay: Stay, span: tuple[int, int], rule: str) -> Spans:
    """Union of the outages within the stay: two that overlap are not taken out twice."""
    start, end = span
    holes = [(_begin(one, rule), end if to is None else _end(to, rule)) for one, to in stay.outages]
    for one, to in stay.outages:
        if to is not None and microseconds(to) < microseconds(one):
            raise InputError(f"{stay.station}: an outage ends ({to}) before it begins ({one})")
    return union(np.clip(np.array(holes, np.int64).reshape(-1, 2), start, end))


def _begin(at: date, rule: str) -> int:
    """A day on which the camera still worked in the morning is a day of the inclusive rule."""
    instant = int(microseconds(at))
    return -(-instant // DAY) * DAY if rule == "inclusive" else instant


def _end(at: date, rule: str) -> int:
    instant = _day_end(int(microseconds(at)))
    if not isinstance(at, datetime):
        return instant + DAY
    return instant // DAY * DAY if rule == "inclusive" else instant


def _day_end(instant: int) -> int:
    """The last second of a day is how a day alone is stored: the day is whole."""
    return instant + SECOND if instant % DAY == DAY - SECOND else instant


def days_between(watched: Sequence[Watch], edges) -> NDArray[np.float64]:
    """(stations, k) camera-days between the k + 1 instants of `edges`: months, seasons, weeks."""
    at = microseconds(edges)
    if (np.diff(at) < 0).any():
        raise InputError("the borders between periods must be in order of time")
    rows = [
        sum((np.diff(covered_before(spans, at)) for spans in one.worked), np.zeros(len(at) - 1))
        for one in watched
    ]
    return np.array(rows, np.float64).reshape(len(watched), len(at) - 1) / DAY


def stretches(watched: Sequence[Watch], station, time) -> NDArray[np.int64]:
    """(n,) number of the outage-free stretch in which each record lies; -1: outside all effort.

    A record counts while a camera of its station worked, the first and the last instant included
    (but for midnight), and never on a day without effort: so rates by day, month and season add up
    to the whole. An event never runs over a gap in effort: give this as `within` to
    independent_events."""
    of, at = {one.station: one for one in watched}, microseconds(time)
    names, code = coded(station)
    order = np.argsort(code, kind="stable")
    found = np.full(len(at), -1, np.int64)
    if not names:
        return found
    for name, here in zip(names, np.split(order, np.cumsum(np.bincount(code))[:-1]), strict=True):
        if name in of:
            found[here] = _stretch(of[name], at[here])
    return found


def _stretch(watch: Watch, at: NDArray[np.int64]) -> NDArray[np.int64]:
    worked = union(np.concatenate(watch.worked))
    if not len(worked):
        return np.full(len(at), -1, np.int64)
    begun = np.searchsorted(watch.admits[:, 0], at, "right")
    end = watch.admits[np.maximum(begun - 1, 0), 1]
    inside = (begun > 0) & ((at < end) | ((at == end) & (end % DAY > 0)))  # midnight is another day
    day = np.where(inside, at, 0) // DAY * DAY
    inside &= covered_before(worked, day + DAY) > covered_before(worked, day)
    return np.where(inside, np.maximum(np.searchsorted(worked[:, 0], at, "right") - 1, 0), -1)
