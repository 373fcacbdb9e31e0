"""What the camera wrote into one picture, from bytes already in memory.

exifread reads the tags, Pillow the raw maker note and comment: exifread leaves those out without
"details", and with them one damaged count keeps it busy for minutes. What one lacks, the other has.
"""

import io
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import exifread
from PIL import Image

from pipeline.card import clock, makernotes
from pipeline.card.clock import TimeText

logging.getLogger("exifread").setLevel(
    logging.CRITICAL
)  # it logs every odd tag; the file is reported

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
MAKER_NOTE, USER_COMMENT = 0x927C, 0x9286
MOST_READS = 20_000  # of one block; the busiest of 775 real ones takes 643
LONGEST_TEXT = 200  # characters; a damaged length must not fill the database
NAMES = {  # exifread's name -> Pillow's (folder, tag); folder 0 is the first
    "Image Make": (0, 0x010F),
    "Image Model": (0, 0x0110),
    "Image Orientation": (0, 0x0112),
    "Image DateTime": (0, 0x0132),
    "EXIF DateTimeOriginal": (EXIF_IFD, 0x9003),
    "EXIF DateTimeDigitized": (EXIF_IFD, 0x9004),
    "EXIF OffsetTime": (EXIF_IFD, 0x9010),
    "EXIF OffsetTimeOriginal": (EXIF_IFD, 0x9011),
    "EXIF OffsetTimeDigitized": (EXIF_IFD, 0x9012),
    "EXIF SubSecTime": (EXIF_IFD, 0x9290),
    "EXIF SubSecTimeOriginal": (EXIF_IFD, 0x9291),
    "EXIF SubSecTimeDigitized": (EXIF_IFD, 0x9292),
    "EXIF BodySerialNumber": (EXIF_IFD, 0xA431),
    "GPS GPSLatitudeRef": (GPS_IFD, 1),
    "GPS GPSLatitude": (GPS_IFD, 2),
    "GPS GPSLongitudeRef": (GPS_IFD, 3),
    "GPS GPSLongitude": (GPS_IFD, 4),
}


def read(image: Image.Image, path: str, modified_at: float | None = None) -> dict[str, Any]:
    """The fields of records.Media that the camera filled in, by name. Never raises for bad EXIF.

    image         the file opened by Pillow: its header only, no pixel is decoded
    modified_at   the file's own date in seconds since 1970, where it may be used
    """
    tags = _Tags(image)
    make, model = tags.text("Image Make"), tags.text("Image Model")
    comment = _comment(tags.raw(USER_COMMENT))
    note = makernotes.read(_bytes(tags.raw(MAKER_NOTE)), comment)
    taken_at, source, text = clock.believe(_times(tags, note, image, path, modified_at))
    orientation = tags.number("Image Orientation")
    latitude, longitude = _place(tags)
    return {
        "taken_at": taken_at,
        "clock": source,
        "time_text": text,
        "utc_offset_min": _offset(tags, text or ""),
        "make": _shared(make or note.make),
        "model": _shared(model),
        "serial": _shared(note.serial or tags.text("EXIF BodySerialNumber")),
        "latitude": latitude,
        "longitude": longitude,
        "orientation": orientation if orientation in range(1, 9) else 1,
        "temperature_c": note.temperature_c,
        "moon": note.moon,
        "sequence_n": note.sequence_n,
        "sequence_m": note.sequence_m,
        "camera_event": note.camera_event,
        "capture_method": note.capture_method,
        # a new camera has its model's name as label: nobody typed that
        "camera_label": None if note.camera_label == model else note.camera_label,
    }


def _shared(text: str | None) -> str | None:
    """One text object for all pictures that have it: a card may hold a hundred thousand."""
    return sys.intern(text) if text else text


class _Tags:
    """The tags of one picture, from exifread first and from Pillow where that has none."""

    def __init__(self, image: Image.Image) -> None:
        self._pillow = _pillow_folders(image)
        self._exifread = _exifread_tags(image)

    def get(self, name: str) -> object:
        tag = self._exifread.get(name)
        if tag is not None:
            return tag.values
        folder, number = NAMES[name]
        return self._pillow.get(folder, {}).get(number)

    def raw(self, number: int) -> object:
        return self._pillow.get(EXIF_IFD, {}).get(number, b"")

    def text(self, name: str) -> str | None:
        """Without the NULs and blanks that cameras pad with; None when nothing is left."""
        value = self.get(name)
        text = value if isinstance(value, str) else _bytes(value).decode("utf-8", "replace")
        text = "".join(letter for letter in text.split("\0")[0] if letter.isprintable())
        return text[:LONGEST_TEXT].strip() or None

    def number(self, name: str) -> int | None:
        value = self.get(name)
        value = value[0] if isinstance(value, Sequence) and value else value
        return value if isinstance(value, int) else None


def _pillow_folders(image: Image.Image) -> dict[int, Mapping[int, Any]]:
    if image.format == "PNG" and "exif" not in image.info:
        return {}  # getexif would decode the whole picture
    try:
        first = image.getexif()
        return {0: first, EXIF_IFD: first.get_ifd(EXIF_IFD), GPS_IFD: first.get_ifd(GPS_IFD)}
    except Exception:  # Pillow may raise anything on damaged EXIF; exifread may still read it
        return {}


def _exifread_tags(image: Image.Image) -> dict[str, Any]:
    """exifread's tags from the EXIF block alone.

    A TIFF is one block as large as the file: Pillow's tags are enough for it.
    """
    block = image.info.get("exif") or b""
    block = block.removeprefix(b"Exif\0\0")
    if not block:
        return {}
    try:
        return exifread.process_file(_Limited(block), details=False, extract_thumbnail=False)
    except Exception:  # damaged EXIF raises IndexError and others even when it is not strict
        return {}


class _Limited(io.BytesIO):
    """A block that ends the reading after more reads than any undamaged one needs.

    A damaged count makes exifread walk through 65 535 tags that are not there, folder by folder.
    """

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > MOST_READS:
            raise EOFError("too many tags")
        return super().read(size)


def _bytes(value: object) -> bytes:
    """Text or bytes of a tag, in whatever form a reader gives it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    try:
        return bytes(value) if isinstance(value, Sequence) else b""
    except (TypeError, ValueError):
        return b""


def _comment(value: object) -> str:
    """The user comment without its eight bytes that name the character set."""
    raw = _bytes(value)
    if raw[:8] in (b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0", bytes(8)):
        raw = raw[8:]
    return raw.decode("utf-8", "replace").strip("\0 ")


def _times(
    tags: _Tags, note: makernotes.Note, image: Image.Image, path: str, modified_at: float | None
) -> Iterator[TimeText]:
    """Every source's time of taking, the most trusted first."""
    for name in ("Original", "Digitized"):
        sub = tags.text(f"EXIF SubSecTime{name}")
        yield TimeText("exif", tags.text(f"EXIF DateTime{name}") or "", sub or "")
    if note.taken_at:
        yield TimeText("makernote", f"{note.taken_at:%Y:%m:%d %H:%M:%S}")
    # the first folder's date is when the file was last changed: by the camera, or by an editor
    yield TimeText("exif", tags.text("Image DateTime") or "", tags.text("EXIF SubSecTime") or "")
    yield TimeText("exif", _xmp_time(image))
    yield TimeText("file_name", clock.from_name(path))
    if modified_at is not None:
        yield TimeText("file_date", clock.from_seconds(modified_at))


def _offset(tags: _Tags, time_text: str) -> int | None:
    """Minutes east of Greenwich: of the time of taking, of the time as it is written, else of the
    two other times in EXIF: one clock wrote them all."""
    given = [tags.text("EXIF OffsetTimeOriginal"), clock.offset_in(time_text)]
    given += [tags.text(f"EXIF OffsetTime{name}") for name in ("Digitized", "")]
    found = (clock.offset_minutes(text or "") for text in given)
    return next((minutes for minutes in found if minutes is not None), None)


def _xmp_time(image: Image.Image) -> str:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    found = clock.XMP.search(_bytes(xmp))
    return found[1].decode("ascii", "replace") if found else ""


def _place(tags: _Tags) -> tuple[float | None, float | None]:
    """(latitude, longitude) in degrees; both or none. 0, 0 means a receiver without a fix."""
    latitude = _degrees(tags, "Latitude", "NS", 90)
    longitude = _degrees(tags, "Longitude", "EW", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None, None
    return latitude, longitude


def _degrees(tags: _Tags, name: str, halves: str, most: int) -> float | None:
    half = (tags.text(f"GPS GPS{name}Ref") or "")[:1].upper()
    parts = tags.get(f"GPS GPS{name}")
    if not half or half not in halves or not isinstance(parts, Sequence) or len(parts) != 3:
        return None
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (ZeroDivisionError, TypeError, ValueError, OverflowError):
        return None  # real files have 1/0 and 0/0
    value = degrees + minutes / 60 + seconds / 3600
    if not (0 <= minutes < 60 and 0 <= seconds < 60 and 0 <= value <= most):
        return None
    return round(-value if half == halves[1] else value, 7)
