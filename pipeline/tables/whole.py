"""A file or folder that is written whole, under a hidden name first, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write a new file. InputError: it is there already, or cannot be written."""
    path = Path(path)
    if path.exists():
        raise InputError(f"{path}: is there already; name a new file")
    working = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield working
        working.replace(path)
    except OSError as why:
        raise InputError(f"{path}: cannot be written: {why.strerror or why}") from why
    finally:
        working.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path, what: str) -> Iterator[Path]:
    """Where to write the files of a folder that is new or empty. InputError: it is neither, or
    cannot be written.

    what   goes into it, for the message
    """
    folder = Path(folder).absolute()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a new folder for the {what}")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a new folder for the {what}")
    working = folder.parent / f".{folder.name}.{os.getpid()}.part"
    try:
        working.mkdir(parents=True)
        yield working
        if folder.exists():
            folder.rmdir()  # it is empty
        working.replace(folder)
    except OSError as why:
        raise InputError(f"{folder}: cannot be written: {why.strerror or why}") from why
    finally:
        shutil.rmtree(working, ignore_errors=True)
