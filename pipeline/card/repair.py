"""Repairs of a camera's clock: what a picture's time becomes. What was written never changes.

A clock is a counter that was set wrong, runs fast or slow, or writes its hours wrong. So a repair
is a plain number of seconds, a straight line through two known points, or half a day; zones and
summer time come into none of it, since cameras do not change to summer time by themselves.
"""

from datetime import datetime, timedelta

from pipeline.errors import InputError
from pipeline.records import ClockRepair

KINDS = {
    "shift": "all times moved by the same",
    "year": "set in a wrong year: moved by whole days",
    "zone": "ran in another zone: moved by the difference of the offsets",
    "am_pm": "morning and afternoon exchanged, the day kept",
    "drift": "runs fast or slow: the line through two known points",
}
MOST_DRIFT = 0.1  # of the time that went by; more are two clocks, not one that drifts


def repaired(one: ClockRepair, at: datetime) -> datetime:
    """The time that stands for what the camera wrote."""
    try:
        if one.kind == "am_pm":
            return at.replace(hour=(at.hour + 12) % 24)
        if one.kind == "drift":
            return _on_line(one.parameters["points"], at)
        return at + timedelta(seconds=one.parameters["seconds"])
    except OverflowError:
        raise InputError(f"{at} cannot be moved so far: no such year") from None


def _on_line(points, at: datetime) -> datetime:
    """Whole microseconds, so that both known points are met exactly and none overtakes another."""
    (a, b), (c, d) = ([datetime.fromisoformat(text) for text in pair] for pair in points)
    micro = timedelta(microseconds=1)
    way, true = (at - a) // micro, (d - b) // micro
    return b + way * true // ((c - a) // micro) * micro


def touches(one: ClockRepair, batch: str, path: str, at: datetime | None) -> bool:
    """Whether a picture lies in the repair's stretch; at: as the camera wrote it."""
    if at is None or one.batch not in (None, batch):
        return False
    return _within(at, one.first_at, one.last_at) and _within(path, one.first_path, one.last_path)


def _within(value, first, last) -> bool:
    return (first is None or first <= value) and (last is None or value <= last)


def drift(points: list[tuple[datetime, datetime]]) -> dict:
    """Parameters of the line through two points (camera time, true time); InputError: none such."""
    if len(points) != 2:
        raise InputError("drift needs two known points: --drift CAMERA=TRUE --drift CAMERA=TRUE")
    (a, b), (c, d) = sorted(points)
    if a == c:
        raise InputError(f"drift: both points are at {a} of the camera: give two far apart")
    rate = (d - b) / (c - a)
    if abs(rate - 1) > MOST_DRIFT:
        raise InputError(
            f"drift: between {a} and {c} of the camera {(d - b)} went by, not {(c - a)}: that is "
            "more than a clock drifts; give each stretch a shift of its own with --from and --to"
        )
    return {"points": [[a.isoformat(), b.isoformat()], [c.isoformat(), d.isoformat()]]}
