"""Reviews from a table that people filled in, and the empty table to fill in.

Columns are found by name, whatever their order: a picture by `media_id` (or sha256) or by `path`
(and `batch`, where two cards hold the same path); then `observation_type` (or label),
`scientific_name`, `count`, `reviewer`, `reviewed_at`, `comment`, `purpose`. What Excel writes is
accepted: semicolons, a byte order mark, capitals, 2.0 for 2. A row with no answer yet is counted
and ignored; if any row cannot be understood, nothing is imported and every fault is reported.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.exchange import timelapse
from pipeline.records import Review
from pipeline.tables.reader import LONGEST_HEAD, Row, read_table, shown
from pipeline.tables.writer import write_table

WORDS = {  # what people write -> observation type
    "animal": "animal",
    "human": "human", "person": "human", "people": "human", "homo sapiens": "human",
    "vehicle": "vehicle", "car": "vehicle",
    "blank": "blank", "empty": "blank", "nothing": "blank", "none": "blank",
    "unknown": "unknown", "unsure": "unknown", "?": "unknown",
}  # fmt: skip
ALSO = {  # other programs' names of our columns
    "mediaid": "media_id", "sha256": "media_id",
    "label": "observation_type", "observationtype": "observation_type", "type": "observation_type",
    "species": "scientific_name", "scientificname": "scientific_name",
    "classifiedby": "reviewer", "classificationtimestamp": "reviewed_at",
    "observationcomments": "comment", "comments": "comment", "filepath": "path",
}  # fmt: skip
PURPOSES = ("review", "audit", "event")  # event: about the whole visit that it begins
NEEDED = ("observation_type",)
ANSWERS = {"observation_type", "scientific_name", "count", "comment"}
COLUMNS = ("media_id", "path", "batch", *sorted(ANSWERS), "reviewer", "reviewed_at", "purpose")
MOST_ANIMALS = 1_000_000  # in one picture
LONGEST_NAME = 200  # characters of a picture's name in a message


@dataclass(frozen=True, slots=True)
class Named:
    """How a row names its picture."""

    media_id: str | None
    path: str | None
    batch: str | None


@dataclass(frozen=True, slots=True)
class Reviews:
    """A table read."""

    reviews: tuple[Review, ...]
    empty: int  # rows without an answer yet


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One picture of the audit sheet, with its review where there is one."""

    media_id: str
    batch: str
    deployment_id: str
    path: str
    taken_at: datetime | None
    observation_type: str | None = None
    scientific_name: str | None = None
    count: int | None = None
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    comment: str | None = None


Resolve = Callable[[Sequence[Named]], Sequence[Sequence[str]]]  # every picture a name may mean


def read_reviews(path: Path, resolve: Resolve, reviewer: str | None = None) -> Reviews:
    """Read a table. `resolve` gives the sha256s that each name may mean: it must be exactly one.

    `reviewer` is used where a row has none. Raises SettingsError with every fault and its line.
    """
    known = (*NEEDED, *COLUMNS)
    table = timelapse.understood(read_table(path, (), known, ALSO, instead=timelapse.INSTEAD))
    if "observation_type" not in table.headings:
        found = ", ".join(table.headings.values())[:LONGEST_HEAD]
        raise SettingsError(
            f"{path}: no column observation_type, or Species with the names; found: {found}"
        )
    if not {"media_id", "path"} & table.headings.keys():
        raise SettingsError(
            f"{path}: no column media_id (or sha256) or path, nor Timelapse's File and "
            "RelativePath, names the pictures"
        )
    rows = [row for row in table.rows if row.cells.keys() & ANSWERS]
    names = [Named(row.text("media_id"), row.text("path"), row.text("batch")) for row in rows]
    reviews = [
        _review(row, _picture(row, name, found), reviewer)
        for row, name, found in zip(rows, names, _resolved(rows, names, resolve), strict=True)
    ]
    table.faults.refuse()
    return Reviews(tuple(reviews), len(table.rows) - len(rows))


def _resolved(rows: Sequence[Row], names: Sequence[Named], resolve: Resolve) -> list[Sequence[str]]:
    """The pictures that each row may mean; one that is not at its path may lie at another."""
    found = list(resolve(names))
    lost = [i for i, name in enumerate(names) if not found[i] and name.path and not name.media_id]
    others = [
        (i, replace(names[i], path=path))
        for i in lost
        for path in timelapse.other_paths(rows[i], names[i].path or "")
    ]
    for (i, _), there in zip(others, resolve([name for _, name in others]), strict=True):
        found[i] = found[i] or there
    return found


def _picture(row: Row, name: Named, found: Sequence[str]) -> str:
    given = (name.media_id or name.path or "a row without media_id and path")[:LONGEST_NAME]
    if not found:
        row.fault(f"no such picture: {given}")
    elif len(found) > 1:
        row.fault(f"{len(found)} pictures are called {given}: add a column batch or media_id")
    return found[0] if len(found) == 1 else ""


def _review(row: Row, sha256: str, reviewer: str | None) -> Review:
    """The review of a row; what is wrong with it is added to the table's faults."""
    word, purpose = row.text("observation_type"), (row.text("purpose") or "review").lower()
    kind = WORDS.get((word or "").lower(), "unknown")
    name, count, at = (
        row.text("scientific_name"),
        row.whole("count", 0, MOST_ANIMALS),
        row.time("reviewed_at"),
    )
    if word is None:
        row.fault("no observation_type, but another answer")
    elif word.lower() not in WORDS:
        row.fault(f"unknown word {shown(word)}; known: animal, human, vehicle, blank, unknown")
    if kind == "blank" and (name or count):
        row.fault("blank, but with a name or a count")
    if purpose not in PURPOSES:
        row.fault(f"unknown purpose {shown(purpose)}; known: {', '.join(PURPOSES)}")
    return Review(
        sha256, kind, name, count or None, row.text("reviewer") or reviewer,
        at.at.replace(tzinfo=None) if at else None, purpose, row.text("comment"),
    )  # fmt: skip


def write_sheet(path: Path, rows: Iterable[SheetRow], purpose: str = "audit") -> None:
    """The table to fill in, numbered as the pictures on the page; spreadsheets open it."""
    names = [column.name for column in fields(SheetRow)]
    cells = (
        [number, *(getattr(row, name) for name in names), purpose]
        for number, row in enumerate(rows, 1)
    )
    write_table(path, ["number", *names, "purpose"], cells, line_end="\r\n", mark=True)
