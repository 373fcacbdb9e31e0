"""Paths and times in the forms that Camtrap DP allows."""

import re
from datetime import datetime, timedelta, timezone

_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")  # pipeline.card.scan.path_text's form of a byte

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def stamp(at: datetime, offset_min: int) -> str:
    """Camera time with its offset, whole seconds: 2026-05-01T06:30:00+02:00. A day without an hour
    is its midnight."""
    zone = timezone(timedelta(minutes=offset_min))
    return datetime.combine(at.date(), at.time(), zone).isoformat(timespec="seconds")


def local_stamp(at: datetime) -> str:
    """Local time of this machine with the offset that its clock had then."""
    here = datetime.combine(at.date(), at.time()).astimezone()
    return here.isoformat(timespec="seconds")


def local_time(at: datetime) -> datetime:
    """The same back: naive local time of this machine; what has no offset is local already."""
    return at.astimezone().replace(tzinfo=None) if at.tzinfo else at


def file_path(path: str) -> str:
    """A path as Camtrap DP allows it; only what it forbids (and %) is percent-encoded.

    `./..hidden/50%.jpg` is not allowed as it is; urllib.parse.unquote_to_bytes gives it back.
    """
    if is_address(path):
        return identifier(path)
    path = _ESCAPE.sub(lambda escape: f"%{escape[1].upper()}", path.replace("%", "%25"))
    path = path.replace("..", ".%2E")
    if path[:1] in "./~":
        path = _percent(path[:1]) + path[1:]
    return identifier(path)


def plain_path(name: str) -> str:
    """Another program's path with '/', also from Windows, without './' before it."""
    name = name.replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    return name


def is_address(path: str) -> bool:
    """Whether a path is none of a card, but https://..."""
    return _ADDRESS.match(path) is not None


def identifier(text: str) -> str:
    """A name without what CSV readers strip or reject: outer spaces and control characters."""
    inner = text.strip(" ")
    start = len(text) - len(text.lstrip(" "))
    text = "%20" * start + inner + "%20" * (len(text) - start - len(inner))
    return "".join(letter if letter.isprintable() else _percent(letter) for letter in text)


def free_text(text: str) -> str:
    """Free text in one kind of line end, without other control characters."""
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())
