"""When a picture was taken: every form in which cameras write a time, and which source counts.

Times are the camera's own clock, naive. An impossible time counts as none, never as a wrong one.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from pipeline.card.packed import Packed
from pipeline.records import DayAlone, Media

FEWEST_MIDNIGHTS = 3  # pictures of one camera: no chance brings all of them to 00:00:00

_WRITTEN = re.compile(  # also a day whose hours are blank: 2026:05:04   :  :
    r"\s*(\d{4})[-:/.](\d{1,2})[-:/.](\d{1,2})"
    r"(?:[T\s]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,](\d{1,9}))?)?\s*([AaPp][Mm])?"
    r"|[T\s][\s:._-]*)?"
    r"\s*(Z|[-+]\d{2}:?\d{2})?\s*$"
)
_IN_NAME = re.compile(  # 2009-04-10__05-07-00, 20131108_141105, 2024-09-17T05_00_30.658, ...
    r"(?<!\d)((?:19[89]|20\d)\d)([-_.]?)(\d\d)\2(\d\d)(?:[T _-]{0,3}|_at_| at |\.)"
    r"(\d\d)([-_.:h]?)(\d\d)[-_.:m]?(\d\d)(?:[.](\d{1,9})|(\d{3}))?(?![\d])"
)
_DAY_IN_NAME = re.compile(r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")  # IMG-20260501-WA0007
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

    A day without an hour counts only where no source has more, and a file's own date (often the
    day of copying) is more only on that day. Where nothing can be used, the first text is kept for
    a person to read.
    """
    written = [source for source in sources if source.text.strip(" \0")]
    read = [(parse(source.text, source.sub_seconds), source) for source in written]
    days = [when for when, _ in read if isinstance(when, DayAlone)]
    for when, source in read:
        copied = source.clock == "file_date" and days and when and when.date() != days[0].date()
        if when and not isinstance(when, DayAlone) and not copied:
            return when, source.clock, source.text.strip(" \0")
    for when, source in read:
        if isinstance(when, DayAlone):
            return when, source.clock, source.text.strip(" \0")
    return None, "none", written[0].text.strip(" \0") if written else None


def days_for_midnights(media: Packed[Media]) -> Packed[Media]:
    """The same pictures; where a camera wrote 00:00:00 into all of a folder's, it has no hours, and
    they get days alone."""
    midnight: dict[tuple[str, str | None], bool] = {}
    pictures: Counter[tuple[str, str | None]] = Counter()
    for picture in media:
        if (at := picture.taken_at) is not None:
            camera = picture.path.rpartition("/")[0], picture.serial
            pictures[camera] += 1
            midnight[camera] = midnight.get(camera, True) and at.time() == time()
    found = {camera for camera, n in pictures.items() if midnight[camera] and n >= FEWEST_MIDNIGHTS}
    if not found:
        return media
    return Packed(Media, (_with_day(picture, found) for picture in media))


def _with_day(picture: Media, cameras: Collection[tuple[str, str | None]]) -> Media:
    at = picture.taken_at
    if at is None or (picture.path.rpartition("/")[0], picture.serial) not in cameras:
        return picture
    return replace(picture, taken_at=DayAlone(at.year, at.month, at.day))


def parse(text: str, sub_seconds: str = "") -> datetime | None:
    """A camera's time as written, a DayAlone where it has no hour, or None: blank, all zero, or
    impossible.

    24:00:00 is midnight of the next day; second 60 is the next minute's first.
    """
    found = _WRITTEN.match(text.replace("\0", " ").strip())
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, half, _ = found.groups()
    hours = int(hour or 0)
    if half and 1 <= hours <= 12:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    when = moment(
        (int(year), int(month), int(day), hours, int(minute or 0), int(second or 0)),
        microseconds(fraction or sub_seconds),
    )
    return when if hour or not when else DayAlone(when.year, when.month, when.day)


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


def offset_text(minutes: int | None) -> str:
    """120 as `+02:00`; None as nothing."""
    if minutes is None:
        return ""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def offset_in(text: str) -> str:
    """The offset that stands in a time itself, 2026-05-01T08:30:00+02:00, or ''."""
    found = _WRITTEN.match(text.strip(" \0"))
    return (found[9] or "") if found else ""


def from_name(path: str) -> str:
    """The time in a file's name as `YYYY:MM:DD HH:MM:SS[.ffffff]`, its day alone, or ''.

    Seconds must be there: `2019-07-12_0002` is a day and a counter.
    """
    name = path.rsplit("/", 1)[-1]
    if _UPLOAD.match(name):
        return ""
    end = 0
    # finditer would leave a string in Python's caches for every name, which keeps memory from being
    # given back (flows/execution/memory.py)
    while found := _IN_NAME.search(name, end):
        end = found.end()
        year, _, month, day, hour, _, minute, second, *fractions = found.groups()
        fraction = fractions[0] or fractions[1]  # of a second: after a point, or glued on
        text = f"{year}:{month}:{day} {hour}:{minute}:{second}"
        if parse(text):
            return f"{text}.{fraction}" if fraction else text
    day_alone = _DAY_IN_NAME.search(name)
    text = f"{day_alone[1]}:{day_alone[3]}:{day_alone[4]}" if day_alone else ""
    return text if parse(text) else ""


def from_seconds(since_1970: float) -> str:
    """A file's own date in this computer's local time, or '' where it is impossible."""
    try:
        return f"{datetime.fromtimestamp(since_1970):%Y:%m:%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return ""
