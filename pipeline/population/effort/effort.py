"""How long cameras watched: intervals without their outages, and days made of them.

The rule that turns set-up and retrieval into days is chosen by name and stands beside every number:
the same survey of 20 cameras for a year has 7013 days by one rule and 7033 by another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError
from pipeline.population.events.independent import coded
from pipeline.population.events.spans import (
    DAY,
    Moments,
    Spans,
    covered_before,
    microseconds,
    minus,
    union,
)
from pipeline.records import Deployment

RULES = {
    "noon": "from noon of the first day to noon of the last, without outages",
    "exact": "from the instant of setting up to that of taking down, without outages",
    "inclusive": "distinct days from the first to the last, both whole, without days of outage",
    "duration": "end minus start of each deployment, nothing subtracted",
}


@dataclass(frozen=True, slots=True)
class Stay:
    """When a deployment watched. Camera clock; a plain date where the time is not known."""

    station: str
    camera: str
    start: date | None
    end: date | None  # None: not known, so its effort is not known; it is not zero
    outages: tuple[tuple[date, date | None], ...] = ()  # from, to; a date: the whole day; None: end


@dataclass(frozen=True, slots=True)
class Watch:
    """One station: when cameras stood there, and when at least one of them worked."""

    station: str
    set_up: Spans  # when a camera stood there: a day of which it holds an instant is not NA
    admits: Spans  # in which records belong to this effort; both ends belong to it, see `stretches`
    worked: tuple[Spans, ...]  # one; by the rule "duration" one of each deployment

    @property
    def days(self) -> float:
        """Camera-days."""
        return float(sum((spans[:, 1] - spans[:, 0]).sum() for spans in self.worked)) / DAY


def stay_of(deployment: Deployment, outages: Sequence[tuple[date, date | None]] = ()) -> Stay:
    """Where no station or camera is named, the deployment counts as its own."""
    return Stay(
        deployment.location_id or deployment.deployment_id,
        deployment.camera_id or deployment.deployment_id,
        deployment.started_at,
        deployment.ended_at,
        tuple(outages),
    )


def watches(stays: Iterable[Stay], rule: str) -> list[Watch]:
    """Effort by station, in order of their names, under one of RULES.

    Deployments without start or end are left out. A station watches while any of its cameras
    works."""
    if rule not in RULES:
        raise InputError(f"unknown effort rule: {rule}; known: {', '.join(RULES)}")
    known = [stay for stay in stays if stay.start is not None and stay.end is not None]
    by_station = groupby(sorted(known, key=lambda s: s.station), key=lambda s: s.station)
    return [_watch(station, list(there), rule) for station, there in by_station]


def _watch(station: str, stays: Sequence[Stay], rule: str) -> Watch:
    spans = [_span(stay, rule) for stay in stays]
    worked = admits = _worked(stays, spans, rule)
    if rule == "noon":  # days are all it knows
        days = [(a - a % DAY, b - b % DAY + DAY) for a, b in spans]
        admits = _worked(stays, days, rule)
    return Watch(station, _with_instants(spans), union(np.concatenate(admits)), worked)


def _ends(stay: Stay) -> tuple[int, int]:
    start, end = microseconds([stay.start, stay.end]).tolist()
    return start, end


def _with_instants(spans: Iterable[tuple[int, int]]) -> Spans:
    """Union of spans in which one without length is not lost: its two ends are the same."""
    longer = union([(a, b + 1) for a, b in spans])
    longer[:, 1] -= 1
    return longer


def _span(stay: Stay, rule: str) -> tuple[int, int]:
    """From and to, in microseconds, as the rule reads set-up and retrieval."""
    start, end = _ends(stay)
    if end < start:
        raise InputError(f"{stay.station}: taken down ({stay.end}) before set up ({stay.start})")
    if rule in ("exact", "duration"):
        for moment in (stay.start, stay.end):
            if not isinstance(moment, datetime):
                raise InputError(
                    f"{stay.station}: the {rule} rule needs a time of day with {moment}; "
                    "with dates use noon or inclusive"
                )
        return start, end
    if isinstance(stay.end, datetime):
        end = max(start, end - 1)  # a period does not hold its end: midnight ends the day before
    first, last = start - start % DAY, end - end % DAY
    return (first + DAY // 2, last + DAY // 2) if rule == "noon" else (first, last + DAY)


def _worked(
    stays: Sequence[Stay], spans: Sequence[tuple[int, int]], rule: str
) -> tuple[Spans, ...]:
    if rule == "duration":
        return tuple(union([span]) for span in spans)
    work = [
        minus(union([span]), _outages(stay, span, rule))
        for stay, span in zip(stays, spans, strict=True)
    ]
    return (union(np.concatenate(work)),)


def _outages(stay: Stay, span: tuple[int, int], rule: str) -> Spans:
    """Union of the outages within the stay: two that overlap count once."""
    start, end = span
    holes = []
    for begin, to in stay.outages:
        if to is not None and microseconds(to) < microseconds(begin):
            raise InputError(f"{stay.station}: an outage ends ({to}) before it begins ({begin})")
        holes.append((_begin(begin, rule), end if to is None else _end(to, rule)))
    return union(np.clip(np.array(holes, np.int64).reshape(-1, 2), start, end))


def _begin(at: date, rule: str) -> int:
    """A day on which the camera still worked in the morning is a day of the inclusive rule."""
    instant = int(microseconds(at))
    return -(-instant // DAY) * DAY if rule == "inclusive" else instant


def _end(at: date, rule: str) -> int:
    instant = int(microseconds(at))
    if not isinstance(at, datetime):
        return instant + DAY
    return instant // DAY * DAY if rule == "inclusive" else instant


def days_between(watched: Sequence[Watch], edges: Moments) -> NDArray[np.float64]:
    """(stations, k) camera-days between the k + 1 instants of `edges`: months, seasons, weeks."""
    at = microseconds(edges)
    if (np.diff(at) < 0).any():
        raise InputError("the borders between periods must be in order of time")
    rows = [
        sum((np.diff(covered_before(spans, at)) for spans in watch.worked), np.zeros(len(at) - 1))
        for watch in watched
    ]
    return np.array(rows, np.float64).reshape(len(watched), len(at) - 1) / DAY


def stretches(
    watched: Sequence[Watch], station: ArrayLike, time: Moments, day_alone: ArrayLike = False
) -> NDArray[np.int64]:
    """(n,) number of the outage-free stretch in which each record lies; -1: outside all effort.

    A record counts while a camera of its station worked, and never on a day without effort: so
    rates by day, month and season add up to the whole. A record at the very instant at which a
    stretch ends belongs to it: the last picture often is what people enter as the end. At midnight
    it does not: the next day has begun. Where `day_alone` (n,) says that the hour is not known, the
    first stretch of that day counts. Given to independent_events as `within`, it keeps events
    from running over a gap in effort."""
    by_station, at = {watch.station: watch for watch in watched}, microseconds(time)
    alone = np.broadcast_to(np.asarray(day_alone, bool), at.shape)
    names, code = coded(station)
    order = np.argsort(code, kind="stable")
    found = np.full(len(at), -1, np.int64)
    if not names:
        return found
    for name, here in zip(names, np.split(order, np.cumsum(np.bincount(code))[:-1]), strict=True):
        if name in by_station:
            watch = by_station[name]
            first = _first_watched(watch, at[here])
            found[here] = _stretch(watch, np.where(alone[here], first, at[here]))
    return found


def _first_watched(watch: Watch, days: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first instant of each day at which a camera worked; of a day without any its midnight."""
    if not len(watch.admits):
        return days
    after = np.searchsorted(watch.admits[:, 1], days, "right")
    begins = watch.admits[np.minimum(after, len(watch.admits) - 1), 0]
    there = (after < len(watch.admits)) & (begins < days + DAY)
    return np.where(there, np.maximum(begins, days), days)


def _stretch(watch: Watch, at: NDArray[np.int64]) -> NDArray[np.int64]:
    worked = union(np.concatenate(watch.worked))
    if not len(worked):
        return np.full(len(at), -1, np.int64)
    begun = np.searchsorted(watch.admits[:, 0], at, "right")
    end = watch.admits[np.maximum(begun - 1, 0), 1]
    inside = (begun > 0) & ((at < end) | ((at == end) & (end % DAY > 0)))
    day = np.where(inside, at, 0) // DAY * DAY
    inside &= covered_before(worked, day + DAY) > covered_before(worked, day)
    return np.where(inside, np.maximum(np.searchsorted(worked[:, 0], at, "right") - 1, 0), -1)
