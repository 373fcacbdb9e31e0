"""Repairs of a camera's clock: what a picture's time becomes. What the camera wrote is kept.

A clock is a counter that was set wrong, runs fast or slow, or writes its hours wrong. So a repair
is a plain number of seconds, a straight line through two known points, or half a day. Zones and
summer time play no part, because cameras do not change to summer time by themselves.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from pipeline.card.clock import offset_minutes
from pipeline.counted import counted
from pipeline.errors import InputError
from pipeline.records import ClockRepair, RepairParameters
from pipeline.tables.times import option_time

KINDS = {
    "shift": "all times moved by the same",
    "year": "set in a wrong year: moved by whole days",
    "zone": "ran in another zone: moved by the difference of the offsets",
    "am_pm": "morning and afternoon exchanged, the day kept",
    "drift": "runs fast or slow: the line through two known points",
    "set": "times entered for pictures that have none, or a day alone",
}
MOST_DRIFT = (
    0.01  # of the time that went by, 14 minutes a day; more are two clocks, not one that drifts
)

OLDEST_YEAR = 1990  # no camera trap wrote its time into a file before


def refuse_years(repair: ClockRepair, times: Iterable[datetime], now: datetime) -> None:
    """InputError where a repair brings pictures into impossible years: `--year 09`."""
    last = now.year + 1
    can_be = f"years from {OLDEST_YEAR} to {last} can be true"
    if repair.kind == "year" and not OLDEST_YEAR <= (year := repair.parameters["year"]) <= last:
        raise InputError(f"--year {year}: {can_be}; write it with four digits")
    for at in times:
        if OLDEST_YEAR <= at.year <= last and not OLDEST_YEAR <= repair.repaired(at).year <= last:
            raise InputError(f"{at} would become {repair.repaired(at)}: {can_be}")


def drift(points: list[tuple[datetime, datetime]]) -> RepairParameters:
    """Parameters of the line through two points (camera time, true time).

    InputError where they give none, or a clock that is more than fast or slow.
    """
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


# --- what a person types, and how a repair is described


_PARTS = re.compile(r"(\d+)(d|h|min|m|s)")
_UNITS = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}


def seconds_of(text: str) -> int:
    """`+1h30m`, `-365d`, `12:00:00`: how far a clock is moved."""
    plain = text.strip().replace(" ", "")
    sign, rest = (-1 if plain[:1] == "-" else 1), plain.lstrip("+-")
    if found := re.fullmatch(r"(\d+):(\d\d)(?::(\d\d))?", rest):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        total = hours * 3600 + minutes * 60 + seconds
    elif rest and not _PARTS.sub("", rest):
        total = sum(int(number) * _UNITS[unit] for number, unit in _PARTS.findall(rest))
    else:
        raise InputError(f"--by {text}: write it as +1h30m, -365d or 12:00:00")
    if not total:
        raise InputError(f"--by {text}: moves nothing")
    return sign * total


def point_of(text: str) -> tuple[datetime, datetime]:
    """`CAMERA=TRUE`: what the clock showed, and what it should have shown."""
    camera, is_, true = text.partition("=")
    if not is_:
        raise InputError(f"--drift {text}: write CAMERA=TRUE, the camera's time and the true one")
    return option_time("--drift", camera), option_time("--drift", true)


def year_shift(first: datetime, year: int) -> int:
    """Seconds that bring a stretch's first picture into a year.

    All others move by the same, because a clock counts days and cannot know of a leap day that its
    wrong year lacks.
    """
    try:
        true = first.replace(year=year)
    except ValueError:  # 29 February
        if not 1 <= year <= 9999:
            raise InputError(f"--year {year}: no such year") from None
        true = first.replace(year=year, month=3, day=1)
    if true == first:
        raise InputError(f"--year {year}: the first picture, {first}, is of that year already")
    return int((true - first).total_seconds())


def zone_shift(ran_at: str, offset_min: int | None, deployment_id: str) -> RepairParameters:
    """Parameters for a clock that ran at another fixed offset than its deployment's."""
    minutes = offset_minutes(ran_at)
    if minutes is None:
        raise InputError(f"--zone {ran_at}: write it as +02:00")
    if offset_min is None:
        raise InputError(
            f"{deployment_id} has no offset: camtriage deployments edit {deployment_id} "
            "--offset +03:00, then give the repair"
        )
    if minutes == offset_min:
        raise InputError(f"--zone {ran_at}: that is the deployment's own offset, nothing moves")
    return {"seconds": (offset_min - minutes) * 60, "ran_at_min": minutes}


def described(repair: ClockRepair) -> str:
    """The repair in words."""
    if repair.kind == "am_pm":
        return KINDS["am_pm"]
    if repair.kind == "drift":
        pairs = (f"{camera} was {true}" for camera, true in repair.parameters["points"])
        return "drift: " + ", ".join(pairs)
    if repair.kind == "set":
        times = sorted(repair.parameters["times"].values())
        return f"set: {counted(len(times), 'time')} entered, {times[0]} to {times[-1]}"
    return f"{repair.kind}: moved by {moved(repair.parameters['seconds'])}"


def moved(seconds: int) -> str:
    """-3725 as -1 h 2 min 5 s."""
    left, parts = abs(int(seconds)), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return ("-" if seconds < 0 else "+") + (" ".join(parts) or "0 s")


def stretch_described(repair: ClockRepair) -> str:
    """The stretch in words; '' is the whole deployment."""
    words = [f"card {repair.batch}"] if repair.batch else []
    for what, first, last in (
        ("camera time", repair.first_at, repair.last_at),
        ("files", repair.first_path, repair.last_path),
    ):
        if first or last:
            words.append(f"{what} {first or '...'} to {last or '...'}")
    return ", ".join(words)
