"""Blank or kept pictures for other tools: listed or copied, never moved."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from db.core.engine import reading
from db.store.batches import batch_by_name
from db.store.files import paths_in_state
from flows.execution.databases import known_database
from pipeline.card.scan import os_path
from pipeline.errors import CardError, SettingsError


@dataclass(frozen=True, slots=True)
class HandedPicture:
    """One picture and where it lies."""

    batch: str
    root: str  # the card's folder
    path: str  # relative to it
    p_blank: float


@dataclass(frozen=True, slots=True)
class CopiedPictures:
    """What copying came to."""

    folder: Path
    copied: int
    gone: tuple[HandedPicture, ...]  # not there any more


def pictures_in_state(
    database: str, state: str, batch: str | None = None
) -> tuple[HandedPicture, ...]:
    """The blank or kept pictures, surest blanks first.

    state   blank or kept
    """
    with reading(known_database(database)) as conn:
        if batch and batch_by_name(conn, batch) is None:
            raise SettingsError(f"--name {batch}: no such batch in this database")
        return tuple(HandedPicture(*row) for row in paths_in_state(conn, state, batch))


def copy_pictures(pictures: Iterable[HandedPicture], folder: Path) -> CopiedPictures:
    """Copy pictures into a folder, each in the folders of its card under the batch's name.

    A file that is there already with the same size is left alone. CardError: the folder lies on
    the card, or a name leads out of the folder.
    """
    copied, gone = 0, []
    for picture in pictures:
        if _copy(folder, picture):
            copied += 1
        else:
            gone.append(picture)
    return CopiedPictures(folder, copied, tuple(gone))


def _copy(folder: Path, picture: HandedPicture) -> bool:
    card, path = Path(picture.root), picture.path
    source = card / os_path(path)
    target = folder / _as_folder(picture.batch) / os_path(path)
    if not source.exists():
        return False
    if target.resolve().is_relative_to(card.resolve()):
        raise CardError(f"{folder}: lies on the card itself; choose another folder")
    if not target.resolve().is_relative_to(folder.resolve()):
        raise CardError(f"{path}: would be copied outside {folder}; nothing of it was")
    if not target.exists() or target.stat().st_size != source.stat().st_size:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    return True


def _as_folder(batch: str) -> str:
    """A batch's name as the name of one folder: `..` and `a/b` lead nowhere else."""
    name = re.sub(r"[/\\:\0]", "_", batch)
    return name if name.strip(". ") else f"_{name}"
