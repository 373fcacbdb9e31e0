"""Which alerts a channel wants, and when each may be sent."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as Clock
from uuid import UUID
from zoneinfo import ZoneInfo

from pipeline.alerts.channels import SPECIES, Alerting, Channel, Hours
from pipeline.records import Flag, Visit

CLOCK_DRIFT = timedelta(minutes=5)  # a camera may be ahead by so much and still be live
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A visit that somebody may want to hear of."""

    sha256s: tuple[str, ...]  # its pictures; the first one is its name
    deployment_id: str
    started_at: datetime | None  # camera clock
    rules: tuple[str, ...]
    severity: int
    reason: str
    names: frozenset[str] = frozenset()  # of what the models saw, small letters


def sightings(flags: Iterable[Flag], visits: Iterable[Visit] = ()) -> list[Sighting]:
    """Each flag; and each visit with a name, for the channels that list it."""
    named = {visit.sha256s: _names(visit) for visit in visits}
    found = []
    for flag in flags:
        names = named.pop(flag.sha256s, frozenset[str]())
        about = (flag.rules, flag.severity, flag.reason, names)
        found.append(Sighting(flag.sha256s, flag.deployment_id, flag.started_at, *about))
    for visit in visits:
        if animals := named.get(visit.sha256s):
            place = (visit.sha256s, visit.deployment_id, visit.started_at)
            found.append(Sighting(*place, (), 0, "", animals))
    return found


def _names(visit: Visit) -> frozenset[str]:
    others = (name for _, name, _ in visit.others)
    return frozenset(name.lower() for name in (visit.name, *others) if name)


def wanted(channel: Channel, seen: Sighting, station: str | None) -> Sighting | None:
    """What this channel hears of a sighting: its rules, and the animals on its list; None: nothing.

    station   locationID of the sighting's deployment
    """
    listed = sorted(name for name in channel.species if name.lower() in seen.names)
    flagged = seen.severity >= channel.severity and (
        not channel.rules or bool({*channel.rules} & {*seen.rules})
    )
    place = not channel.stations or bool({*channel.stations} & {station, seen.deployment_id})
    in_time = channel.hours is None or (
        seen.started_at is not None and within(seen.started_at.time(), channel.hours)
    )
    if not (place and in_time and (listed or flagged)):
        return None
    animals = f"Seen: {', '.join(listed)}." if listed else ""
    rules = (*seen.rules, *((SPECIES,) if listed else ()))
    reason = " ".join(part for part in (seen.reason, animals) if part)
    severity = max(seen.severity, 2 if listed else 0)
    return Sighting(
        seen.sha256s, seen.deployment_id, seen.started_at, rules, severity, reason, seen.names
    )


def within(at: Clock, hours: Hours) -> bool:
    """Whether a time of day lies between two others, also over midnight; the end is outside."""
    begin, end = hours
    return begin <= at < end if begin <= end else at >= begin or at < end


def age(seen_at: datetime | None, now: datetime, alerting: Alerting) -> str:
    """`live` or `historic`; both in UTC. No time, or one in the future, is historic."""
    if seen_at is None:
        return "historic"
    old = now - seen_at
    return "live" if -CLOCK_DRIFT <= old <= timedelta(hours=alerting.live_hours) else "historic"


def opens_at(
    channel: Channel, alerting: Alerting, old: str, now: datetime, digest: bool = True
) -> datetime:
    """When an alert of this age may go out, from `now` on (UTC).

    Nothing in the channel's quiet hours; historic ones not at night, and where the channel has a
    digest, with the next one.

    digest   False: it waits for no digest, because it has waited
    """
    at = now
    if digest and old == "historic" and channel.digest:
        at = _next(now, alerting.digest_at, alerting)
    for _ in range(2):  # the end of the one may lie within the other
        for hours in _shut(channel, alerting, old):
            if within(local(at, alerting).time(), hours):
                at = _next(at, hours[1], alerting)
    return at


def _shut(channel: Channel, alerting: Alerting, old: str) -> list[Hours]:
    night = [alerting.night_hours] if old == "historic" and not channel.night else []
    return [*night, *([channel.quiet] if channel.quiet else [])]


def _next(now: datetime, at: Clock, alerting: Alerting) -> datetime:
    """The next time that the clock on the wall shows `at`; now, within the same minute."""
    here = local(now, alerting)
    then = here.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if then + STEP <= here:
        then += timedelta(days=1)
    return max(now, then.astimezone(UTC).replace(tzinfo=None))


def local(at: datetime, alerting: Alerting) -> datetime:
    """A time in UTC as the clock on the wall shows it, with its zone."""
    zone = ZoneInfo(alerting.timezone) if alerting.timezone else None
    return at.replace(tzinfo=UTC).astimezone(zone)


def utc(camera_time: datetime, alerting: Alerting) -> datetime:
    """A camera's time whose offset is not known, taken for the time of the channels' zone."""
    zone = ZoneInfo(alerting.timezone) if alerting.timezone else None
    here = camera_time.replace(tzinfo=zone) if zone else camera_time.astimezone()
    return here.astimezone(UTC).replace(tzinfo=None)


def wait(tries: int, retry_after_s: float | None = None) -> timedelta:
    """How long after this many tries: twice as long each time, at least what the receiver asked."""
    own = min(LONGEST_WAIT, FIRST_WAIT * int(2 ** min(tries - 1, 16)))
    return max(own, timedelta(seconds=min(retry_after_s or 0, 86_400)))


def key(sha256: str, channel: str) -> UUID:
    """The same for the same alert, whatever happened between: receivers tell a repetition by it."""
    return UUID(bytes=hashlib.sha256(f"{sha256} {channel}".encode()).digest()[:16], version=4)
