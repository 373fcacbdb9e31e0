"""Writes every table: no cell is a formula for a spreadsheet, and a file is whole or not there.

pipeline.tables.reader reads back what is written here, without a change.
"""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.tables.cells import plain_cell

MARK = "\ufeff"  # tells a spreadsheet that a file is UTF-8


def table_text(
    head: Sequence[object],
    rows: Iterable[Iterable[object]],
    *,
    as_it_is: bool = False,
    line_end: str = "\n",
) -> str:
    """A table as CSV text; None is an empty cell, a time 2026-05-01 08:00:00.

    as_it_is  texts stay what they are: for packages that programs read, never for a spreadsheet
    """
    out = io.StringIO(newline="")
    _write(out, head, rows, as_it_is, line_end)
    return out.getvalue()


def write_table(
    path: Path,
    head: Sequence[object],
    rows: Iterable[Iterable[object]],
    *,
    as_it_is: bool = False,
    line_end: str = "\n",
    mark: bool = False,
) -> int:
    """The same into a file, UTF-8, and the number of rows. A table that was there stays until the
    new one is whole; `mark` begins it for spreadsheets that ask for one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
            count = _write(file, head, rows, as_it_is, line_end)
        part.replace(path)
    except BaseException:  # Ctrl-C and a full disk too: no part stays, and it is raised again
        with suppress(OSError):
            part.unlink()
        raise
    return count


@dataclass(frozen=True, slots=True)
class _Lines:
    """Rows on their way to the file. csv puts a cell with a carriage return into quotation marks
    only where rows end with one: so they do, up to here."""

    file: TextIO
    line_end: str

    def write(self, row: str) -> None:
        self.file.write(row.removesuffix("\r\n") + self.line_end)


def _write(
    file: TextIO,
    head: Sequence[object],
    rows: Iterable[Iterable[object]],
    as_it_is: bool,
    line_end: str,
) -> int:
    table = csv.writer(_Lines(file, line_end), lineterminator="\r\n")
    table.writerow(head)
    count = 0
    for row in rows:
        table.writerow(row if as_it_is else map(plain_cell, row))
        count += 1
    return count
