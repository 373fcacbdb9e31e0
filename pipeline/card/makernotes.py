"""What makers write beside EXIF: Reconyx's binary maker notes, Browning's and Moultrie's texts.

Layouts of Reconyx: little-endian, byte offsets. HyperFire 1, HyperFire 2 and UltraFire were checked
against real files; MicroFire and HyperFire 4K are from published tables only. An impossible number
is left out: no value is better than a wrong one.
"""

import re
import struct
from dataclasses import dataclass
from datetime import datetime

from pipeline.card import clock

MOONS = (
    "new",
    "waxing crescent",
    "first quarter",
    "waxing gibbous",
    "full",
    "waning gibbous",
    "last quarter",
    "waning crescent",
)
CAPTURE = {"M": "activityDetection", "T": "timeLapse"}  # other triggers: not known
NEW_MOON = datetime(2000, 1, 6, 18, 14)
MONTH_DAYS = 29.530588  # from new moon to new moon


@dataclass(frozen=True, slots=True)
class Note:
    """What a maker note holds; None where it has nothing possible."""

    taken_at: datetime | None = None
    make: str | None = None
    serial: str | None = None
    temperature_c: float | None = None
    moon: str | None = None
    sequence_n: int | None = None
    sequence_m: int | None = None
    camera_event: int | None = None
    capture_method: str | None = None
    camera_label: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the notes of a Reconyx family hold what. Offsets in bytes, formats as in `struct`."""

    start: bytes
    trigger: int
    sequence: tuple[int, str]
    event: tuple[int, str]  # HH: high word, low word
    date: tuple[int, str, str]  # offset, format, order of the six numbers
    moon: int
    celsius: int
    label: tuple[int, int]  # offset, characters
    serial: tuple[int, int]  # offset, characters
    wide: bool = True  # serial in UTF-16
    weekday: int | None = None
    sunday: int = 1  # number of Sunday, from which the weekday counts


LAYOUTS = (
    Layout(
        b"\x01\xf1", 12, (14, "HH"), (18, "HH"), (22, "6H", "smhMDY"), 36, 40, (86, 22), (42, 15)
    ),
    Layout(
        *(b"RECONYXH2\0", 0x34, (0x36, "HH"), (0x3A, "HH"), (0x3E, "6H", "smhMDY")),
        *(0x4C, 0x50, (0x68, 22), (0x7E, 15)),
        weekday=0x4A,
    ),
    Layout(
        *(b"RECONYXUF\0", 0x34, (0x35, "BB"), (0x37, "I"), (0x3B, "5BH", "smhDMY")),
        *(0x43, 0x46, (0x5A, 21), (0x4B, 15)),
        wide=False,
        weekday=0x42,
        sunday=0,
    ),
    Layout(
        *(b"RECONYXMF\0", 0x44, (0x46, "HH"), (0x4A, "HH"), (0x4E, "6H", "smhMDY")),
        *(0x5C, 0x60, (0x76, 22), (0x8C, 15)),
        weekday=0x5A,
    ),
    Layout(
        *(b"RECONYXHF4K\0", 0x28, (0x29, "BB"), (0x2B, "I"), (0x2F, "5BH", "smhDMY")),
        *(0x37, 0x3A, (0x51, 51), (0x84, 15)),
        wide=False,
        weekday=0x36,
        sunday=0,
    ),
)


def read(note: bytes, comment: str = "", make: str = "") -> Note:
    """All that the maker note and the user comment hold, whatever the picture's make is."""
    for layout in LAYOUTS:
        if note.startswith(layout.start):
            return _reconyx(note, layout)
    if browning := re.match(r"\d{4}:\d{6}:(-?\d{1,3})([FC]):\d*:([^:]*):", comment):
        degrees, unit, label = browning.groups()
        return Note(temperature_c=_celsius(int(degrees), unit), camera_label=_clean(label))
    if moultrie := re.match(rb"[\d.]*:(-?\d{1,3})([FC]):(\d+):([^:]*):[^:]*:(\d{15}):", note):
        degrees, unit, _, label, serial = (part.decode("latin-1") for part in moultrie.groups())
        return Note(
            temperature_c=_celsius(int(degrees), unit),
            camera_label=_clean(label),
            serial=serial,  # the number of its modem, which is unique
        )
    return Note()


def _reconyx(note: bytes, at: Layout) -> Note:
    trigger = note[at.trigger : at.trigger + 1].decode("latin-1")
    n, m = _sequence(_numbers(note, *at.sequence))
    moon = _numbers(note, at.moon, "H" if at.wide else "B")
    degrees = _numbers(note, at.celsius, "h")
    return Note(
        taken_at=_date(note, at),
        make="RECONYX",
        serial=_text(note, at.serial[0], at.serial[1], at.wide),
        temperature_c=_celsius(degrees[0], "C") if degrees else None,
        moon=MOONS[moon[0]] if moon and moon[0] < len(MOONS) else None,
        sequence_n=n,
        sequence_m=m,
        camera_event=_event(_numbers(note, *at.event)),
        capture_method=CAPTURE.get(trigger),
        camera_label=_text(note, *at.label, wide=False),
    )


def _numbers(note: bytes, offset: int, form: str) -> tuple[int, ...]:
    """Numbers at `offset`; none where the note ends before."""
    form = "<" + form
    enough = len(note) >= offset + struct.calcsize(form)
    return struct.unpack_from(form, note, offset) if enough else ()


def _sequence(pair: tuple[int, ...]) -> tuple[int | None, int | None]:
    """n of m with 1 <= n <= m; time-lapse writes 0 of 0."""
    if len(pair) == 2 and 1 <= pair[0] <= pair[1] <= 9999:
        return pair
    return None, None


def _event(words: tuple[int, ...]) -> int | None:
    """One number, or a high and a low word; memory never written (all ones) is no number."""
    if not words:
        return None
    event = words[0] << 16 | words[1] if len(words) == 2 else words[0]
    return event if event < 2**31 else None


def _celsius(degrees: int, unit: str) -> float | None:
    celsius = float(degrees) if unit == "C" else round((degrees - 32) / 1.8, 1)
    return celsius if -70 <= celsius <= 80 else None  # no camera works beyond


def _text(note: bytes, offset: int, length: int, wide: bool) -> str | None:
    if wide:
        raw = note[offset : offset + 2 * length]
        return _clean(raw[: len(raw) // 2 * 2].decode("utf-16-le", "replace"))
    return _clean(note[offset : offset + length].decode("latin-1"))


def _clean(text: str) -> str | None:
    """Up to the first NUL, without blanks and unwritten memory; None where nothing is left."""
    text = text.split("\0")[0].strip("\xff \t")
    return text if text and text.isprintable() and "\ufffd" not in text else None


def _date(note: bytes, at: Layout) -> datetime | None:
    """The date whose day and month agree best with the weekday and the moon written beside it.

    Published tables disagree about which of the two comes first, so both are tried.
    """
    words = _numbers(note, at.date[0], at.date[1])
    if not words:
        return None
    if at.date[1] == "6H" and words[5] & 0xFF00 and not 1900 <= words[5] <= 2200:
        words = tuple(word >> 8 | (word & 0xFF) << 8 for word in words)  # some swap the bytes
    part = dict(zip(at.date[2], words, strict=True))
    orders = ((part["M"], part["D"]), (part["D"], part["M"]))
    times = [
        clock.moment((part["Y"], month, day, part["h"], part["m"], part["s"]))
        for month, day in orders
    ]
    likely = [when for when in times if when]
    return min(likely, key=lambda when: _doubt(when, note, at), default=None)


def _doubt(when: datetime, note: bytes, at: Layout) -> tuple[bool, bool]:
    """(the weekday differs, the moon differs by more than one of eight phases)."""
    weekday = _numbers(note, at.weekday, "B") if at.weekday is not None else ()
    wrong_day = bool(weekday) and weekday[0] != when.isoweekday() % 7 + at.sunday
    moon = _numbers(note, at.moon, "B")
    age = (when - NEW_MOON).total_seconds() / 86400 / MONTH_DAYS % 1 * 8
    wrong_moon = bool(moon) and 1.5 < abs(age - moon[0]) < 6.5
    return wrong_day, wrong_moon
