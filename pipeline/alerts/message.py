"""What an alert says: to a person in words, to a program as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.alerts.channels import Alerting, Channel
from pipeline.alerts.choose import key, local
from pipeline.counted import counted

DECIMALS = 2  # of degrees, about a kilometre, where places are not told exactly
NAME_LETTERS = 12  # as `camtriage flags list` prints them
LISTED = 60  # alerts in a digest; the page of the day has all
PRIORITY = {1: 100, 2: 200, 3: 300}  # EarthRanger's green, amber, red
URGENCY = {1: "when there is time", 2: "today", 3: "now"}


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is about to be sent."""

    flag_id: str  # sha-256 of the first picture
    deployment_id: str
    place: str | None  # in words
    latitude: float | None
    longitude: float | None
    camera_time: datetime | None  # the camera's own clock
    seen_at: datetime | None  # UTC
    severity: int
    rules: tuple[str, ...]
    reason: str
    age: str  # live, historic
    pictures: int
    picture: bytes | None = None  # JPEG
    page: str = ""  # of the review screen, as /flags/3f9a...; empty: none


def told(alert: Alert, channel: Channel) -> Alert:
    """The same, with the place as this channel may hear it."""
    if channel.exact or alert.latitude is None or alert.longitude is None:
        return alert
    latitude, longitude = (round(part, DECIMALS) for part in (alert.latitude, alert.longitude))
    return replace(alert, latitude=latitude, longitude=longitude)


def title(alert: Alert) -> str:
    """A line for a subject or a list: `Suspected at Kopje 3: ... [3f9a12c4d5e6]`."""
    word = alert.reason.partition(":")[0]  # Suspected, Confirmed, Seen
    old = "" if alert.age == "live" else " (historic)"
    where = alert.place or alert.deployment_id
    line = f"{word} at {where}{old} [{alert.flag_id[:NAME_LETTERS]}]"
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def text(alert: Alert, alerting: Alerting, now: datetime) -> str:
    """What a ranger needs, line by line."""
    lines = [title(alert), *(line.strip() for line in alert.reason.splitlines() if line.strip())]
    lines.append(f"when: {_when(alert, alerting, now)}")
    where = alert.place or alert.deployment_id
    if alert.latitude is not None and alert.longitude is not None:
        where += f", {alert.latitude:.5g}, {alert.longitude:.5g}"
    lines.append(f"where: {where} (camera {alert.deployment_id})")
    lines.append(f"look: {URGENCY[max(1, alert.severity)]}; {counted(alert.pictures, 'picture')}")
    if link := link_to(alert, alerting):
        lines.append(f"see and judge it: {link}")
    lines.append(f"quiet it: camtriage alerts ack {alert.flag_id[:NAME_LETTERS]}")
    return "\n".join(lines)


def digest(alerts: Sequence[Alert], alerting: Alerting) -> tuple[str, str]:
    """Title and text of one message about alerts that came too late to meet anyone."""
    head = f"{counted(len(alerts), 'historic alert')}, the gravest first"
    ranked = sorted(alerts, key=lambda one: (-one.severity, one.seen_at or datetime.max))
    lines = [f"{_wall(one, alerting)}  {title(one)}" for one in ranked[:LISTED]]
    if more := len(alerts) - LISTED:
        lines += [f"and {more} more: camtriage alerts list"] if more > 0 else []
    if alerting.review_url:
        lines.append(f"see and judge them: {alerting.review_url.rstrip('/')}/flags")
    return head, "\n".join([head, *lines])


def link_to(alert: Alert, alerting: Alerting) -> str | None:
    """Where the review screen shows it; None: nobody said where that is, or it shows nothing."""
    if not (alerting.review_url and alert.page):
        return None
    return f"{alerting.review_url.rstrip('/')}{alert.page}"


def payload(alert: Alert, channel: Channel, alerting: Alerting) -> dict[str, Any]:
    """The same for programs; the picture goes beside it."""
    return {
        "id": str(key(alert.flag_id, channel.name)),
        "flag": alert.flag_id[:NAME_LETTERS],
        "title": title(alert),
        "reason": alert.reason,
        "rules": list(alert.rules),
        "severity": alert.severity,
        "age": alert.age,
        "deployment": alert.deployment_id,
        "place": alert.place,
        "latitude": alert.latitude,
        "longitude": alert.longitude,
        "time": moment(alert, alerting),
        "pictures": alert.pictures,
        "link": link_to(alert, alerting),
    }


def moment(alert: Alert, alerting: Alerting) -> str | None:
    """When it was seen, ISO 8601 with an offset; None: the camera knew no time."""
    if alert.seen_at is None:
        return None
    return local(alert.seen_at, alerting).isoformat(timespec="seconds")


def _when(alert: Alert, alerting: Alerting, now: datetime) -> str:
    if alert.seen_at is None:
        return "not known"
    return f"{_wall(alert, alerting)} ({ago(now - alert.seen_at)})"


def _wall(alert: Alert, alerting: Alerting) -> str:
    if alert.seen_at is None:
        return "time not known"
    return local(alert.seen_at, alerting).strftime("%Y-%m-%d %H:%M")


def ago(past: timedelta) -> str:
    """`14 min ago`, `19 days ago`."""
    minutes = int(past.total_seconds() // 60)
    if minutes < 0:
        return "in the future by its clock"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"
