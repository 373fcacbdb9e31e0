"""An inbox: a folder whose subfolders are cards. Which are there, and which are complete.

A card is copied over minutes, and a copy that is still running looks like a small card. So a card
is taken only when its files' number and sizes were the same twice, some time apart.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.card.scan import by_a_computer, is_picture, scan, to_look_at
from pipeline.counted import counted
from pipeline.errors import CardError

STREAMS = "streams"  # of an inbox: no card, but a folder for each camera that sends its pictures


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder, without opening one."""

    digest: str  # of every path and size; changes whenever a file comes, goes or grows
    pictures: int
    sizes: Mapping[str, int]  # bytes by path


def listing(folder: Path) -> Listing:
    """Every file of a card by path and size, without the files that computers leave."""
    found = [file for file in scan(folder) if file.kind != "skipped"]
    digest = hashlib.sha256()
    for file in found:
        digest.update(f"{file.path}\0{file.size}\n".encode("utf-8", "surrogatepass"))
    pictures = sum(to_look_at(file) for file in found)
    return Listing(digest.hexdigest(), pictures, {file.path: file.size for file in found})


def folders_in(inbox: Path) -> dict[str, Listing]:
    """The inbox's subfolders, by their full path; one with a picture is a card. Raises CardError.

    A folder that cannot be read completely (it is just being moved) is left for later.
    """
    folders = {}
    for folder in subfolders(inbox):
        if folder.name != STREAMS:
            with suppress(CardError):
                folders[str(folder)] = listing(folder)
    return folders


def subfolders(inbox: Path) -> list[Path]:
    """The folders in it that people made, by name. Raises CardError where it cannot be read."""
    return [
        Path(entry.path)
        for entry in _entries(inbox)
        if entry.is_dir() and not by_a_computer(entry.name) and _is_text(entry.name)
    ]


def settled(before: Mapping[str, Listing], now: Mapping[str, Listing]) -> dict[str, Listing]:
    """The cards that were there before and have not changed since."""
    return {
        folder: listed
        for folder, listed in now.items()
        if folder in before and before[folder].digest == listed.digest
    }


def never_taken(inbox: Path, folders: Mapping[str, Listing]) -> list[str]:
    """What is in the inbox and will not be taken as it is: one sentence each.

    folders   as folders_in found them
    """
    entries = _entries(inbox)
    line = loose_in(inbox)
    lines = [line] if line else []
    empty = (folder for folder, listed in folders.items() if not listed.pictures)
    lines += [f"{Path(folder).name}: holds no picture" for folder in empty]
    odd = [entry.name for entry in entries if not _is_text(entry.name)]
    return lines + [f"{name!r}: a name that is no text: rename the folder" for name in odd]


def loose_in(inbox: Path) -> str:
    """A sentence about pictures that lie in no folder; empty where there are none."""
    loose = sum(is_picture(Path(entry.path)) for entry in _entries(inbox) if entry.is_file())
    return (
        f"{counted(loose, 'picture')} loose in {inbox} itself: give each a folder" if loose else ""
    )


def _entries(inbox: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(inbox) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as why:
        raise CardError(f"{inbox}: {why.strerror}; is the inbox there, and mounted?") from why


def _is_text(name: str) -> bool:
    return name.encode("utf-8", "replace").decode() == name
