"""Blank or kept pictures for other tools: listed or copied, never moved."""

import re
import shutil
from pathlib import Path

from db.core.engine import reading
from db.store.batches import batch_by_name
from db.store.files import paths_in_state
from flows.execution.databases import known_database
from pipeline.card.scan import os_path
from pipeline.counted import counted
from pipeline.errors import CardError, SettingsError


def hand_over(database: str, state: str, batch: str | None, copy: Path | None, listed: bool) -> int:
    """Print the paths of all pictures in a state, surest blanks first, or copy them to a folder.

    Copies keep the card's own folders under the batch's name; a file that is there already with the
    same size is left alone.
    """
    with reading(known_database(database)) as conn:
        if batch and batch_by_name(conn, batch) is None:
            raise SettingsError(f"--name {batch}: no such batch in this database")
        rows = list(paths_in_state(conn, state, batch))
    if listed:
        for _, root, path, p_blank in rows:
            print(f"{p_blank:.3f}\t{root}/{path}")
    if copy is None:
        return 0
    gone = sum(not _copy(copy, *row[:3]) for row in rows)
    print(
        f"{counted(len(rows) - gone, 'picture')} in {copy}"
        + (f"; {gone} not there any more" if gone else "")
    )
    return 1 if gone else 0


def _copy(folder: Path, batch: str, root: str, path: str) -> bool:
    source = Path(root) / os_path(path)
    target = folder / _as_folder(batch) / os_path(path)
    if not source.exists():
        return False
    if target.resolve().is_relative_to(Path(root).resolve()):
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
