"""Visits of a data set: its own events where it has them, else pictures a minute apart.

A data set may say what a picture shows, or an event, or both. Beside the pictures that name an
event those of its deployment that were taken meanwhile are its own, if they name no other; where
there are none, one picture stands for it.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from pipeline.exchange.incoming.dataset import DataSet, Seen
from pipeline.records import DayAlone, NamedPicture

Key: TypeAlias = tuple[str, object]  # deployment, and its own name of the event or its times


@dataclass(slots=True)
class Group:
    """A visit of a data set."""

    deployment_id: str
    pictures: list[NamedPicture] = field(default_factory=list)  # by time
    seen: list[Seen] = field(default_factory=list)  # of the whole
    event: str | None = None  # its own name

    @property
    def started_at(self) -> datetime | None:
        """By its pictures, else as the data set says."""
        return min((at for at in self._times(0)), default=None)

    @property
    def ended_at(self) -> datetime | None:
        """The same of its end."""
        return max((at for at in self._times(1)), default=None)

    def told_between(self) -> tuple[datetime | None, datetime | None]:
        """Its begin and end as the data set says."""
        return min(self._told(0), default=None), max(self._told(1), default=None)

    def _told(self, end: int) -> list[datetime]:
        told = [(seen.started_at, seen.ended_at or seen.started_at)[end] for seen in self.seen]
        return [at for at in told if at is not None]

    def _times(self, end: int) -> Iterator[datetime]:
        real = [picture for picture in self.pictures if not picture.stands_for_event]
        taken = [picture.taken_at for picture in real]
        yield from [at for at in taken if at is not None] or self._told(end)


def grouped(data: DataSet, gap_s: float) -> list[Group]:
    """Every picture of which something is said in one visit, by deployment and time.

    gap_s  seconds between pictures of one visit, where the data set has no events
    """
    event_of = _events_of_pictures(data)
    groups: dict[Key, Group] = {}
    for seen in data.seen:
        if seen.picture is None and seen.started_at is not None:
            group = groups.setdefault(_key(seen), Group(seen.deployment_id, event=seen.event))
            group.seen.append(seen)
    rest: defaultdict[str, list[NamedPicture]] = defaultdict(list)
    for picture in data.pictures:
        event = event_of.get(picture.source_id)
        if event is None:
            rest[picture.deployment_id].append(picture)
            continue
        key = picture.deployment_id, event
        group = groups.setdefault(key, Group(picture.deployment_id, event=event))
        group.pictures.append(picture)
    of_events = [group for group in groups.values() if group.seen]
    _fill_by_time([group for group in of_events if not group.pictures], rest)
    _fill_by_time([group for group in of_events if group.pictures], rest)
    told = {seen.picture for seen in data.seen if seen.picture is not None}
    lone = [picture for left in rest.values() for picture in left if picture.source_id in told]
    found = [*groups.values(), *_by_gap(lone, gap_s)]
    for group in found:
        group.pictures.sort(key=_order)
        if not group.pictures:
            group.pictures.append(standing_for(group))
    return sorted(found, key=lambda group: (group.deployment_id, _order(group.pictures[0])))


def _key(seen: Seen) -> Key:
    return seen.deployment_id, seen.event or (seen.started_at, seen.ended_at)


def _events_of_pictures(data: DataSet) -> dict[str, str]:
    """The event of each picture, as its own row or an observation of it says."""
    found = {picture.source_id: picture.event for picture in data.pictures if picture.event}
    for seen in data.seen:
        if seen.picture is not None and seen.event:
            found.setdefault(seen.picture, seen.event)
    return found


def _fill_by_time(groups: Iterable[Group], rest: dict[str, list[NamedPicture]]) -> None:
    """Pictures that were taken between begin and end of an event are its own; each in one. Time
    lapse is none of an event whose own pictures are not."""
    timed: dict[str, tuple[list[datetime], list[NamedPicture]]] = {}
    used: set[str] = set()
    for group in groups:
        home = group.deployment_id
        if home not in timed:
            own = [one for one in rest.get(home, ()) if _has_hour(one)]
            own.sort(key=_order)
            timed[home] = [one.taken_at for one in own if one.taken_at], own
        times, pictures = timed[home]
        start, end = group.told_between()
        if start is None or end is None or isinstance(start, DayAlone):
            continue
        methods = {one.capture_method for one in group.pictures}
        inside = [
            one
            for one in pictures[bisect_left(times, start) : bisect_right(times, end)]
            if one.source_id not in used and (not methods or one.capture_method in methods)
        ]
        group.pictures += inside
        used |= {one.source_id for one in inside}
    for home, left in rest.items():
        rest[home] = [one for one in left if one.source_id not in used]


def _by_gap(pictures: Sequence[NamedPicture], gap_s: float) -> Iterator[Group]:
    """Pictures of one deployment and capture method, cut where more than gap_s lie between."""
    lanes: defaultdict[tuple[str, str], list[NamedPicture]] = defaultdict(list)
    for picture in pictures:
        if _has_hour(picture):
            lanes[picture.deployment_id, picture.capture_method or ""].append(picture)
        else:
            yield Group(picture.deployment_id, [picture])
    for lane in lanes.values():
        group: Group | None = None
        last = None
        for picture in sorted(lane, key=_order):
            at = picture.taken_at
            if group and last and at and at - last <= timedelta(seconds=gap_s):
                group.pictures.append(picture)
            else:
                if group:
                    yield group
                group = Group(picture.deployment_id, [picture])
            last = at
        if group:
            yield group


def _has_hour(picture: NamedPicture) -> bool:
    return picture.taken_at is not None and not isinstance(picture.taken_at, DayAlone)


def standing_for(group: Group) -> NamedPicture:
    """A picture in place of those that nobody named."""
    name = group.event or f"{group.deployment_id} {group.started_at} {group.ended_at}"
    return NamedPicture(
        source_id=f"event {group.deployment_id} {name}" if group.event else f"event {name}",
        deployment_id=group.deployment_id,
        path=f"event {name}",
        file_name="",
        taken_at=group.started_at,
        mediatype="none",
        event=group.event,
        stands_for_event=True,
    )


def _order(picture: NamedPicture) -> tuple[bool, str, str, str]:
    at = picture.taken_at
    return at is None, at.isoformat() if at else "", picture.path, picture.source_id
