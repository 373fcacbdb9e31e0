"""Mail of cameras: which message is whose, and the pictures that it brings, under safe names.

    server = "imap.example.org"
    user = "cameras@example.org"
    secret = "env:IMAP_PASSWORD"

    [cameras.CamA]
    sender = "cam-a@modem.example"
    subject = "CAM-A"

No secret stands in the file: it names a variable of the environment, or a Secret block of Prefect.
"""

import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from pipeline.card.scan import by_ending
from pipeline.errors import SettingsError
from pipeline.toml import read_toml

MOST_FILES = 100  # of one message
LONGEST_NAME = 80  # letters of a file's name that are kept
TYPES = {  # a part without a name that can be read
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
    "video/3gpp": ".3gp",
}


@dataclass(frozen=True, slots=True)
class Camera:
    """Whose messages are this camera's: all that is given must fit."""

    name: str  # of its folder
    sender: str = ""  # address, whatever its capitals
    subject: str = ""  # stands somewhere in the subject


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where the messages lie."""

    server: str
    user: str
    secret: str  # env:NAME or block:NAME
    port: int = 993
    folder: str = "INBOX"
    most_mb: int = 50  # of one message
    cameras: tuple[Camera, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or clip of a message."""

    name: str  # safe: letters, digits, dots, dashes
    data: bytes


def load_mailbox(path: Path) -> Mailbox:
    """What the file says. SettingsError in one line."""
    given = dict(read_toml(path))
    cameras = given.pop("cameras", {})
    if type(cameras) is not dict or any(type(one) is not dict for one in cameras.values()):
        raise SettingsError(f"{path}: write each camera as [cameras.NAME]")
    own = _read(path, "", Mailbox, given)
    made = tuple(_camera(path, name, of) for name, of in cameras.items())
    if not made:
        raise SettingsError(f"{path}: no camera; write [cameras.NAME] with its sender or subject")
    if not own["secret"].startswith(("env:", "block:")):
        raise SettingsError(
            f"{path}: secret must say where it is, not what it is: env:NAME or block:NAME"
        )
    if not (1 <= own.get("port", 1) <= 65535 and 1 <= own.get("most_mb", 1) <= 1000):
        raise SettingsError(f"{path}: port is 1 to 65535, most_mb 1 to 1000")
    return Mailbox(cameras=made, **own)


def _camera(path: Path, name: str, given: dict[str, Any]) -> Camera:
    where = f"[cameras.{name}] "
    if (
        not name.isprintable()
        or not name
        or name != name.strip(" .")
        or re.search(r"[\\/:*?\"<>|]", name)
    ):
        raise SettingsError(f"{path}: {where!r}: not a name for a folder")
    found = Camera(name, **_read(path, where, Camera, given))
    if not found.sender and not found.subject:
        raise SettingsError(f"{path}: {where}sender or subject must be given")
    return found


def _read(path: Path, where: str, kind: type[Any], given: dict[str, Any]) -> dict[str, Any]:
    known = {one.name: one for one in fields(kind) if one.name not in ("name", "cameras")}
    if wrong := sorted(given.keys() - known.keys()):
        told = f"{', '.join(wrong)}; known: {', '.join(known)}"
        raise SettingsError(f"{path}: {where}unknown: {told}")
    if missing := [name for name in known if known[name].default is MISSING and name not in given]:
        raise SettingsError(f"{path}: {where}{', '.join(missing)} must be given")
    for name, value in given.items():
        wanted = int if type(known[name].default) is int else str
        if type(value) is not wanted or not str(value).isprintable():
            raise SettingsError(f"{path}: {where}{name}: {value!r:.40} is not what stands there")
    return given


def camera_of(mailbox: Mailbox, head: bytes) -> str | None:
    """Whose message it is, by its From and Subject; the first that fits. None: nobody's."""
    message = _parsed(head)
    sender = parseaddr(str(message.get("From", "")))[1].casefold()
    subject = _readable(message.get("Subject", ""))
    for camera in mailbox.cameras:
        if camera.sender and camera.sender.casefold() != sender:
            continue
        if camera.subject.casefold() in subject.casefold():
            return camera.name
    return None


def subject_of(head: bytes) -> str:
    """From and subject in one short line, for people."""
    message = _parsed(head)
    said = f"{parseaddr(str(message.get('From', '')))[1]}: {_readable(message.get('Subject', ''))}"
    return "".join(letter if letter.isprintable() else " " for letter in said)[:120]


def attachments(raw: bytes) -> list[Attachment]:
    """The pictures and clips of a message, in order. SettingsError where it cannot be read, or has
    too many."""
    try:
        found = list(_attachments(_parsed(raw)))
    except Exception as why:  # the library raises anything on hostile bytes
        raise SettingsError(f"cannot be read ({type(why).__name__})") from why
    if len(found) > MOST_FILES:
        raise SettingsError(f"{len(found)} files in one message, {MOST_FILES} at most")
    return found


def _attachments(message: Message) -> Iterator[Attachment]:
    for part in message.walk():
        if part.is_multipart():
            continue
        name = safe_name(_readable(part.get_filename("")))
        if not by_ending(name):
            name = (name or "picture") + TYPES.get(part.get_content_type(), "")
        data = part.get_payload(decode=True)
        if by_ending(name) and isinstance(data, bytes) and data:
            yield Attachment(name, data)


def safe_name(name: str) -> str:
    """A file's name without folders and without what a shell, a disk or a person trips over."""
    last = re.split(r"[\\/]", name)[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", last).lstrip("._-")[-LONGEST_NAME:].lstrip("._-")


def _parsed(raw: bytes) -> Message:
    """The message; one that nobody can read has neither sender nor parts."""
    try:
        return BytesParser().parsebytes(raw)
    except Exception:  # as above
        return Message()


def _readable(written: object) -> str:
    try:
        return str(make_header(decode_header(str(written))))
    except Exception:  # as above: CharsetError, LookupError, binascii.Error, ...
        return str(written)
