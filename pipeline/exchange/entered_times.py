"""Times of pictures that have none, from a table that a person made off banners or a notebook.

Columns are found by name: a picture by `path` (or file, filePath) and, where two cards hold the
same path, `batch` or `deployment`; or by `media_id`. Then `time`, as a spreadsheet writes it; a day
alone is a day without an hour. If any row cannot be taken nothing is, and every fault is told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.records import DayAlone
from pipeline.tables.reader import Row, read_table, shown

ALSO = {  # other programs' names of our columns
    "mediaid": "media_id", "sha256": "media_id",
    "file": "path", "filepath": "path", "sourcefile": "path",
    "deploymentid": "deployment", "card": "batch",
    "takenat": "time", "timestamp": "time", "datetime": "time", "datetimeoriginal": "time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PictureName:
    """How a row names its picture."""

    media_id: str | None
    path: str | None
    batch: str | None
    deployment: str | None


Resolve = Callable[[Sequence[PictureName]], Sequence[Sequence[str]]]  # sha256s that a name may mean
Written = Callable[[Sequence[str]], Mapping[str, datetime | None]]  # times that the cameras wrote


def read_times(path: Path, resolve: Resolve, written: Written, years: range) -> dict[str, datetime]:
    """Times by sha-256. SettingsError names every fault and its line: no such picture or several,
    one that has a time, no time, one that cannot be, or two for one picture."""
    table = read_table(path, ("time",), ("media_id", "path", "batch", "deployment"), ALSO)
    if not {"media_id", "path"} & table.headings.keys():
        raise SettingsError(f"{path}: no column path (or file), or media_id, names the pictures")
    names = [
        PictureName(*(row.text(name) for name in ("media_id", "path", "batch", "deployment")))
        for row in table.rows
    ]
    meant = resolve(names)
    has = written([sha for found in meant for sha in found])
    times: dict[str, datetime] = {}
    for row, name, found in zip(table.rows, names, meant, strict=True):
        at = _time(row, years)
        if sha := _picture(row, name, found):
            _refuse_timed(row, name, has.get(sha))
            if at and times.setdefault(sha, at) != at:
                row.fault(f"{shown(name.path or sha)} has another time in an earlier row")
    table.faults.refuse()
    return times


def _time(row: Row, years: range) -> datetime | None:
    row.filled("time")
    typed = row.time("time", offset=False)
    if typed is None:
        return None
    if typed.at.year not in years:
        row.fault(f"years from {years[0]} to {years[-1]} can be true, not {typed.at.year}")
    return DayAlone(typed.at.year, typed.at.month, typed.at.day) if typed.whole_day else typed.at


def _picture(row: Row, name: PictureName, found: Sequence[str]) -> str | None:
    given = shown(name.media_id or name.path or "")
    if not found:
        row.fault(f"no such picture: {given}")
    elif len(found) > 1:
        row.fault(f"{len(found)} pictures are called {given}: add a column batch or deployment")
    return found[0] if len(found) == 1 else None


def _refuse_timed(row: Row, name: PictureName, at: datetime | None) -> None:
    """A time that a camera wrote is moved, not replaced: by a repair that says how."""
    if at is not None and not isinstance(at, DayAlone):
        given = shown(name.path or name.media_id or "")
        row.fault(f"{given} has a time, {at}: camtriage clock shift moves it")
