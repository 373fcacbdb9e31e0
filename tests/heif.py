"""A HEIC picture as telephones and some cameras write it, its boxes put together by hand: no
encoder is needed, and where HEIC can be read it is a sound picture of 64 x 64 pixels."""

import base64
import struct

from PIL import Image

SIDE = 64  # pixels
_CONFIGURATION = base64.b64decode(  # of the decoder: HEVC's parameter sets
    "AQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAA"
    "AwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIk="
)
_PIXELS = base64.b64decode("AAAAISgBrxmA71oC7XSqBzKvdDdtlV2TaewAPmfKAN1wRAy28A==")


def heic(exif: Image.Exif, brand: bytes = b"heic") -> bytes:
    """The whole file, its EXIF an item of its own."""
    written = struct.pack(">I", 6) + exif.tobytes()  # where the TIFF begins, behind "Exif\0\0"
    begin = _box(b"ftyp", brand, bytes(4), b"mif1", b"heic")
    at = len(begin) + len(_meta(0, len(written))) + 8
    return begin + _meta(at, len(written)) + _box(b"mdat", _PIXELS, written)


def _meta(at: int, exif_length: int) -> bytes:
    """What the items are, and that they stand `at` bytes from the beginning of the file."""
    handler = _full(b"hdlr", bytes(4), b"pict", bytes(13))
    places = ((1, at, len(_PIXELS)), (2, at + len(_PIXELS), exif_length))
    extents = [struct.pack(">HHHII", item, 0, 1, place, size) for item, place, size in places]
    location = _full(b"iloc", b"\x44\0", struct.pack(">H", 2), *extents)
    kinds = ((1, b"hvc1"), (2, b"Exif"))
    entries = [
        _box(b"infe", b"\2\0\0\0", struct.pack(">HH", item, 0), k, b"\0") for item, k in kinds
    ]
    information = _full(b"iinf", struct.pack(">H", 2), *entries)
    of_picture = _full(b"iref", _box(b"cdsc", struct.pack(">HHH", 2, 1, 1)))
    size = _full(b"ispe", struct.pack(">II", SIDE, SIDE))
    properties = _box(b"ipco", _box(b"hvcC", _CONFIGURATION), size)
    of_item = _full(b"ipma", struct.pack(">IHBBB", 1, 1, 2, 0x81, 0x02))
    first = _full(b"pitm", struct.pack(">H", 1))
    parts = (handler, first, location, information, of_picture)
    return _full(b"meta", *parts, _box(b"iprp", properties, of_item))


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, *parts: bytes) -> bytes:
    """A box with version and flags, both 0."""
    return _box(kind, bytes(4), *parts)
