"""When a picture was taken: every form in which cameras write a time, and which source counts.

Times are the camera's own clock, naive. An impossible time counts as none, never as a wrong one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

_WRITTEN = re.compile(
    r"\s*(\d{4})[-:/.](\d{1,2})[-:/.](\d{1,2})"
    r"(?:[T\s]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,](\d{1,9}))?)?\s*([AaPp][Mm])?)?"
    r"\s*(Z|[-+]\d{2}:?\d{2})?\s*$"
)
_IN_NAME = re.compile(  # 2009-04-10__05-07-00, 20131108_141105, 2024-09-17T05_00_30.658, ...
    r"(?<!\d)((?:19[89]|20\d)\d)([-_.]?)(\d\d)\2(\d\d)(?:[T _-]{0,3}|_at_|\.)"
    r"(\d\d)([-_.:h]?)(\d\d)[-_.:m]?(\d\d)(?:[.](\d{1,9}))?(?![\d])"
)
XMP = re.compile(  # the date of taking in a packet of XMP, as attribute or element
    rb"(?:exif:DateTimeOriginal|photoshop:DateCreated|xmp:CreateDate)"
    rb"(?:=[\"']|>)\s*([-\dT:.+Z ]{10,35})"
)
_UPLOAD = re.compile(r"^\d{14}-")  # Agouti puts the time of uploading before the camera's name


@dataclass(frozen=True, slots=True)
class TimeText:
    """The time of taking as one source has it."""

    clock: str  # of records.CLOCKS
    text: str  # as written
    sub_seconds: str = ""  # digits after the point


def believe(sources: Iterable[TimeText]) -> tuple[datetime | None, str, str | None]:
    """(taken_at, clock, text) from the first source that has a time.

    A date without a time of day counts only where no source has more (it becomes midnight). Where
    nothing can be used, the first text is kept for a person to read.
    """
    written = [source for source in sources if source.text.strip(" \0")]
    read = [(_read(source.text, source.sub_seconds), source) for source in written]
    for whole in (True, False):
        for (when, has_hours), source in read:
            if when and (has_hours or not whole):
                return when, source.clock, source.text.strip(" \0")
    return None, "none", written[0].text.strip(" \0") if written else None


def parse(text: str, sub_seconds: str = "") -> datetime | None:
    """A camera's time as written, or None: blank, all zero, or impossible.

    24:00:00 is midnight of the next day; second 60 is the next minute's first.
    """
    return _read(text, sub_seconds)[0]


def _read(text: str, sub_seconds: str) -> tuple[datetime | None, bool]:
    """(time or None, whether it has a time of day)."""
    found = _WRITTEN.match(text.replace("\0", " ").strip())
    if not found:
        return None, False
    year, month, day, hour, minute, second, fraction, half, _ = found.groups()
    hours = int(hour or 0)
    if half and 1 <= hours <= 12:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    when = moment(
        (int(year), int(month), int(day), hours, int(minute or 0), int(second or 0)),
        microseconds(fraction or sub_seconds),
    )
    return when, hour is not None


def moment(parts: tuple[int, int, int, int, int, int], micro: int = 0) -> datetime | None:
    """(year, month, day, hour, minute, second) as a time, or None where it is impossible."""
    year, month, day, hour, minute, second = parts
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    if not 1900 <= year <= 2200:  # no camera writes years outside of these
        return None
    try:
        start = datetime(year, month, day, microsecond=micro)
    except ValueError:
        return None
    return start + timedelta(hours=hour, minutes=minute, seconds=second)


def microseconds(digits: str) -> int:
    """`050` after the point is 0.050 s = 50 000 microseconds."""
    digits = digits.strip(" \0")
    return int(digits[:6].ljust(6, "0")) if digits.isascii() and digits.isdigit() else 0


def offset_minutes(text: str) -> int | None:
    """`+02:00` -> 120. None outside of the offsets in use (-12 to +14 h)."""
    text = text.strip(" \0")
    if text in ("Z", "z"):
        return 0
    found = re.fullmatch(r"([-+])(\d{1,2}):?(\d{2})", text)
    if not found:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    minutes = -minutes if found[1] == "-" else minutes
    return minutes if int(found[3]) < 60 and -720 <= minutes <= 840 else None


def from_name(path: str) -> str:
    """The time in a file's name as `YYYY:MM:DD HH:MM:SS[.ffffff]`, or ''.

    Seconds must be there: `2019-07-12_0002` is a date and a counter.
    """
    name = path.rsplit("/", 1)[-1]
    if _UPLOAD.match(name):
        return ""
    end = 0
    # finditer would leave a string in Python's caches for every name, which keeps memory from being
    # given back (flows/execution/memory.py)
    while found := _IN_NAME.search(name, end):
        end = found.end()
        year, _, month, day, hour, _, minute, second, fraction = found.groups()
        text = f"{year}:{month}:{day} {hour}:{minute}:{second}"
        if parse(text):
            return f"{text}.{fraction}" if fraction else text
    return ""


def from_seconds(since_1970: float) -> str:
    """A file's own date in this computer's local time, or '' where it is impossible."""
    try:
        return f"{datetime.fromtimestamp(since_1970):%Y:%m:%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return ""
