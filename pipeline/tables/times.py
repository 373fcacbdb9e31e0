"""Parses every time and day that a person types or a spreadsheet writes.

05/04/2009 is April in one country and May in another: alone it is no time. Where dates stand in a
column, one like 25/04/2009 tells the order of all; points part dates with the day first wherever
they are used. What a camera writes is read by pipeline.card.clock.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal

from pipeline.errors import InputError, SettingsError

Order = Literal["", "day", "month", "mixed"]  # what comes first in dates with the year last

YEARS = range(1900, 2300)  # all others are slips, or open ends: 1026, 4999, 9999
FIRST_OFFSET, LAST_OFFSET = timedelta(hours=-12), timedelta(hours=14)  # of all zones on earth

_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)(?!\d)", re.ASCII)
_TYPED = re.compile(
    r"(?:(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<last>\d{4}))"
    r"(?:(?:[Tt]|,?\s+)(?P<hours>\d.*))?",
    re.ASCII,
)
_HOURS = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])[.]?[Mm][.]?)?(?:\s*(?P<offset>[Zz]|[-+]\d\d:?\d\d))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A time as it was typed."""

    at: datetime  # with an offset where one was typed
    whole_day: bool  # no time of day was typed: `at` is where the day begins


def order_of(texts: Iterable[str]) -> Order:
    """What comes first in a column's dates, by those of which one number is no month."""
    firsts = set()
    for text in texts:
        if found := _YEAR_LAST.match(text.strip()):
            day_first, month_first = int(found[1]) > 12, int(found[3]) > 12
            if day_first != month_first:
                firsts.add("day" if day_first else "month")
    if len(firsts) == 2:
        return "mixed"
    return "day" if "day" in firsts else "month" if firsts else ""


def typed_time(text: str, order: Order = "") -> Typed | None:
    """A time or a day alone; None: none such, or one that may be two. `order`: its column's."""
    found = _TYPED.fullmatch(text.strip())
    day = _day(found, order) if found else None
    if not found or day is None:
        return None
    if found["hours"] is None:
        return Typed(datetime(day.year, day.month, day.day), whole_day=True)
    hours = _time_of_day(found["hours"])
    return None if hours is None else Typed(datetime.combine(day, hours), whole_day=False)


def typed_hour(text: str) -> time | None:
    """A time of day without an offset: 8:00, 20:30:15, 8:00 pm."""
    at = _time_of_day(text.strip())
    return None if at is None or at.tzinfo else at


def how_to_write(text: str) -> str:
    """The hint for a date that may be two, or whose year cannot be or lacks its half; else ''."""
    year_given = re.search(r"(?<!\d)\d{4}(?!\d)", text, re.ASCII)
    if year_given and int(year_given[0]) not in YEARS:
        return f"; its year must lie from {YEARS[0]} to {YEARS[-1]}"
    found = _YEAR_LAST.match(text.strip())
    if not found:
        return ""
    first, second = int(found[1]), int(found[3])
    year = found[4] if len(found[4]) == 4 else f"20{found[4]}"
    both = dict.fromkeys([(second, first), (first, second)])
    ways = [f"{year}-{month:02}-{day:02}" for month, day in both if _date(year, month, day)]
    return f"; write the year first: {' or '.join(ways)}" if ways else ""


def option_time(option: str, text: str) -> datetime:
    """A time of the camera's clock as it is typed; InputError says how to write it."""
    return option_typed(option, text).at


def option_typed(option: str, text: str) -> Typed:
    """The same, with the word whether it is a day alone."""
    typed = typed_time(text, order_of([text]))
    if typed is None or typed.at.tzinfo is not None:
        hint = how_to_write(text)
        raise InputError(
            f"{option} {text}: write it as 2026-05-01T09:30:00, without an offset{hint}"
        )
    return typed


def option_day(option: str, text: str) -> date:
    """A day as it is typed; SettingsError says how to write it."""
    typed = typed_time(text, order_of([text]))
    if typed is None or not typed.whole_day:
        raise SettingsError(f"{option} {text}: write it as 2026-11-21{how_to_write(text)}")
    return typed.at.date()


def _day(found: re.Match[str], order: Order) -> date | None:
    if found["year"]:
        return _date(found["year"], found["month"], found["day"])
    first, second, year = found["first"], found["second"], found["last"]
    if order == "mixed":
        return None
    if order == "month":
        return _date(year, first, second)
    if order == "day" or found["mark"] == "." or int(first) == int(second):
        return _date(year, second, first)
    return None


def _date(year: str | int, month: str | int, day: str | int) -> date | None:
    try:
        return date(int(year), int(month), int(day)) if int(year) in YEARS else None
    except ValueError:
        return None


def _time_of_day(text: str) -> time | None:
    found = _HOURS.fullmatch(text)
    if not found:
        return None
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    micro = int((found["fraction"] or "")[:6].ljust(6, "0"))
    try:
        at = time(hour, int(found["minute"]), int(found["second"] or 0), micro)
    except ValueError:
        return None
    if found["offset"] is None:
        return at
    zone = _zone(found["offset"])
    return None if zone is None else at.replace(tzinfo=zone)


def _zone(text: str) -> tzinfo | None:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if text[0] == "-" else 1)
    return timezone(offset) if minutes < 60 and FIRST_OFFSET <= offset <= LAST_OFFSET else None
