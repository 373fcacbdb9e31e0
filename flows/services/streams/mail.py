"""Pictures that cameras send by mail: fetched over IMAP and TLS into the folders of a stream.

A message is marked as seen after its files are saved, and not before: after a kill it comes again,
under the same names. What brings no picture is left for people, unseen.
"""

import imaplib
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from flows.services.alerts.secrets import secret_at, without
from pipeline.errors import CamtriageError, SettingsError
from pipeline.streams.mail import (
    Mailbox,
    attachments,
    camera_of,
    load_mailbox,
    subject_of,
)

VARIABLE = "CAMTRIAGE_MAIL"  # names mail.toml
TIMEOUT_S = 30
AT_ONCE = 200  # messages of one fetch: the others come with the next
HEAD = "(RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])"


class MailTrouble(CamtriageError):
    """The mailbox cannot be read now; it is tried again."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one fetch."""

    saved: tuple[Path, ...] = ()
    left: tuple[str, ...] = ()  # messages that stay unseen, and why: each is told once


@dataclass(slots=True)
class Post:
    """One mailbox, and the messages of it that are left for people."""

    mailbox: Mailbox
    streams: Path
    left: set[str] = field(default_factory=set)

    def fetch(self) -> Fetched:
        """Save the pictures of all messages that nobody has seen. MailTrouble in one line."""
        secret = secret_at(self.mailbox.secret, "mail")
        saved: list[Path] = []
        told: list[str] = []
        try:
            with _connected(self.mailbox, secret) as (client, validity):
                for uid in _unseen(client):
                    key = f"{validity}-{uid}"
                    if key in self.left:
                        continue
                    why = self._message(client, uid, key, saved)
                    if why:
                        self.left.add(key)
                        told.append(why)
        except (imaplib.IMAP4.error, OSError, EOFError) as why:
            words = without(str(why), secret)
            raise MailTrouble(f"mail of {self.mailbox.server}: {words}") from None
        return Fetched(tuple(saved), tuple(told))

    def _message(self, client: imaplib.IMAP4, uid: str, key: str, saved: list[Path]) -> str:
        """Save one message's files and mark it as seen; else why it is left."""
        about, head = _fetched(client, uid, HEAD)
        whose = subject_of(head)
        camera = camera_of(self.mailbox, head)
        if camera is None:
            return f"left unseen, of no camera: {whose}"
        size = re.search(rb"RFC822\.SIZE (\d+)", about)
        if size and int(size[1]) > self.mailbox.most_mb * 10**6:
            return f"left unseen, larger than {self.mailbox.most_mb} MB: {whose}"
        _, raw = _fetched(client, uid, "(BODY.PEEK[])")
        try:
            files = attachments(raw)
        except SettingsError as why:
            return f"left unseen, {why}: {whose}"
        if not files:
            return f"left unseen, no picture in it: {whose}"
        folder = self.streams / camera
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(files):
            saved.append(_saved(folder / f"{key}-{number}-{one.name}", one.data))
        client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)")
        return ""


def mailbox_of(file: str | None = None) -> Mailbox | None:
    """The mailbox of `file`, else of CAMTRIAGE_MAIL; None where neither is given."""
    named = file or os.environ.get(VARIABLE)
    return load_mailbox(Path(named)) if named else None


def fetch_mail(streams: Path, file: str | None) -> Fetched:
    """One fetch. SettingsError where no mailbox is named, or the folder is not there."""
    mailbox = mailbox_of(file)
    if mailbox is None:
        raise SettingsError(f"no mailbox: give --mail mail.toml, or set {VARIABLE}")
    if not streams.is_dir():
        raise SettingsError(f"{streams}: no such folder; make it first")
    return Post(mailbox, streams).fetch()


@contextmanager
def _connected(mailbox: Mailbox, secret: str) -> Iterator[tuple[imaplib.IMAP4, str]]:
    """The folder, opened; and the number that its messages' numbers hold under."""
    context = ssl.create_default_context()
    client = imaplib.IMAP4_SSL(mailbox.server, mailbox.port, ssl_context=context, timeout=TIMEOUT_S)
    try:
        client.login(mailbox.user, secret)
        said, words = client.select('"' + re.sub(r'(["\\])', r"\\\1", mailbox.folder) + '"')
        if said != "OK":
            raise imaplib.IMAP4.error(f"{mailbox.folder}: {words[0]!r}")
        _, [validity] = client.response("UIDVALIDITY")
        yield client, re.sub(r"\D", "", (validity or b"0").decode("ascii", "replace")) or "0"
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            client.logout()
        with suppress(OSError):  # a logout that failed leaves it open
            client.shutdown()


def _unseen(client: imaplib.IMAP4) -> list[str]:
    _, found = client.uid("SEARCH", "UNSEEN")
    return [uid.decode() for uid in (found[0] or b"").split() if uid.isdigit()][:AT_ONCE]


def _fetched(client: imaplib.IMAP4, uid: str, what: str) -> tuple[bytes, bytes]:
    """(what the server says of it, the bytes asked for); empty where the message is gone."""
    _, parts = client.uid("FETCH", uid, what)
    for part in parts:
        if isinstance(part, tuple):
            return part[0], part[1]
    return b"", b""


def _saved(place: Path, data: bytes) -> Path:
    """The whole file or none, on the disk before its message is seen."""
    part = place.with_name(f".{place.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(place)
    return place
