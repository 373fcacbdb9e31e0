"""Are the originals still the files that were found?"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from db.store.batches import batch_row
from db.store.files import files_found
from pipeline.card.scan import os_path


def check_files(conn: Connection, batch_id: int) -> Iterator[str]:
    """Hash the pictures of a card again, and compare the sizes of its other files; one sentence a
    file that is not as it was found."""
    root = Path(batch_row(conn, batch_id)["root"])
    if not root.is_dir():
        yield f"{root}: the card is not there; none of its files was read"
        return
    for path, size, sha in files_found(conn, batch_id):
        try:
            same = _is_still(root / os_path(path), size, sha)
        except OSError as why:
            yield f"{path}: cannot be read: {why.strerror}"
            continue
        if not same:
            yield f"{path}: is another file than the one that was found"


def _is_still(path: Path, size: int, sha: str | None) -> bool:
    """By its bytes where it is a picture, else by its size."""
    if sha is None:
        return path.stat().st_size == size
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha
