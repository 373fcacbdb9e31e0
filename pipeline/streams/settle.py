"""A folder for each camera that sends its pictures one by one: which files of it have arrived.

A picture that is still being uploaded looks like a small one. So a file is taken when it has not
changed for a few seconds and its end is there; one whose end does not come, ten minutes later.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.card.scan import LARGEST_PICTURE, MOST_SCANS, os_path, scan, scans
from pipeline.errors import UnreadablePicture
from pipeline.frames.decode import decode
from pipeline.records import Found

QUIET_S = 2.0  # a picture has not changed for so long
QUIET_CLIP_S = 30.0  # a clip, whose end says little, and any other file
LONGEST_S = 600.0  # a picture without its end
UNDER_WAY = (".part", ".partial", ".filepart", ".tmp", ".temp", ".upload", ".crdownload")


@dataclass(slots=True)
class _Waiting:
    size: int
    modified_at: float
    since: float  # by our clock
    whole: bool | None = None  # None: not looked at yet


class Arriving:
    """The files of one camera's folder that have not been taken yet."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.root, self.clock = root, clock
        self._waiting: dict[str, _Waiting] = {}

    @property
    def waiting(self) -> int:
        """Files that lie there and have not arrived."""
        return len(self._waiting)

    def arrived(self, taken: Mapping[str, int]) -> list[Found]:
        """Files that have settled since, by path. Raises CardError where the folder cannot be read.

        taken   bytes by path of those that the database has
        """
        new = [
            file
            for file in scan(self.root)
            if file.kind != "skipped" and taken.get(file.path) != file.size
        ]
        now, before = self.clock(), self._waiting
        self._waiting = {}
        found = []
        for file in new:
            known = before.get(file.path)
            if known is None or (known.size, known.modified_at) != (file.size, file.modified_at):
                known = _Waiting(file.size, file.modified_at, now)
            if self._has_arrived(file, known, now):
                found.append(file)
            else:
                self._waiting[file.path] = known
        return found

    def _has_arrived(self, file: Found, known: _Waiting, now: float) -> bool:
        quiet = now - known.since
        if file.path.lower().endswith(UNDER_WAY) or file.path.rpartition("/")[2].startswith("."):
            return False  # its sender will rename it
        if file.kind != "picture":
            return quiet >= QUIET_CLIP_S
        if quiet < QUIET_S:
            return False
        if known.whole is None:
            known.whole = _is_whole(self.root / os_path(file.path), file.size)
        return known.whole or quiet >= LONGEST_S


def _is_whole(picture: Path, size: int) -> bool:
    if size > LARGEST_PICTURE:
        return False
    try:
        data = picture.read_bytes()
        return scans(data) <= MOST_SCANS and not decode(data).truncated
    except (OSError, UnreadablePicture):
        return False
