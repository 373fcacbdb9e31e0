"""What people saw, from a table they filled in, and the empty table to fill in.

Columns are found by name, whatever their order: a picture by `media_id` (or sha256) or by `path`
(and `batch`, where two cards hold the same path); then `observation_type` (or label),
`scientific_name`, `count`, `reviewer`, `reviewed_at`, `comment`, `purpose`. Excel's habits are
borne with: semicolons, a byte order mark, capitals, 2.0 for 2. A row with no answer yet is counted
and left alone; if any row cannot be understood, nothing is imported and every fault is told.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.records import Review
from pipeline.tables.cells import as_meant, plain_cell

WORDS = {  # what people write, in our words
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
TIMES = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")  # besides ISO 8601
PURPOSES = ("review", "audit", "event")  # event: said of the whole visit that it begins
SHOWN = 20  # faults told in full


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
    empty: int  # rows without an answer: not looked at yet


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One picture of the audit sheet, with what was already said about it."""

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

    `reviewer` stands where a row names nobody. Raises SettingsError with every fault and its line.
    """
    rows = _rows(path)
    answered = [(line, row) for line, row in rows if _answered(row)]
    names = [Named(row.get("media_id"), row.get("path"), row.get("batch")) for _, row in answered]
    reviews, faults = [], []
    for (line, row), name, found in zip(answered, names, resolve(names), strict=True):
        try:
            reviews.append(_review(row, _one(name, found), reviewer))
        except ValueError as why:
            faults.append(f"line {line}: {why}")
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        head = f"{path}: nothing imported, {counted(len(faults), 'row')} cannot be understood"
        raise SettingsError("\n  ".join([head, *faults[:SHOWN], *more]))
    return Reviews(tuple(reviews), len(rows) - len(answered))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line, filled cells by column name), empty lines left out."""
    text = _text(path)
    first = 1
    if text.lower().startswith("sep="):  # Excel's own way to tell the separator
        text, first = text.partition("\n")[2], 2
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
    try:
        names = [_column(name) for name in next(reader, [])]
        _check_columns(path, names)
        found = []
        for cells in reader:
            filled = ((n, as_meant(c.strip())) for n, c in zip(names, cells, strict=False))
            row = {n: c for n, c in filled if c}
            if row:
                found.append((reader.line_num + first - 1, row))
    except csv.Error as why:
        raise SettingsError(f"{path}: cannot be read as CSV: {why}") from why
    return found


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read: {why.strerror}") from why
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # Excel on Windows
        return data.decode("cp1252", "replace")


def _column(name: str) -> str:
    plain = name.strip().lower().replace(" ", "_")
    return ALSO.get(plain.replace("_", ""), plain)


def _check_columns(path: Path, names: Sequence[str]) -> None:
    if not {"media_id", "path"} & set(names):
        raise SettingsError(f"{path}: no column media_id (or sha256) or path names the pictures")
    if "observation_type" not in names:
        raise SettingsError(f"{path}: no column observation_type (or label) says what was seen")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise SettingsError(f"{path}: two columns mean the same: {', '.join(twice)}")


def _answered(row: dict[str, str]) -> bool:
    return bool(row.keys() & {"observation_type", "scientific_name", "count", "comment"})


def _one(name: Named, found: Sequence[str]) -> str:
    said = name.media_id or name.path or "a row without media_id and path"
    if not found:
        raise ValueError(f"no such picture: {said}")
    if len(found) > 1:
        raise ValueError(f"{len(found)} pictures are called {said}: add a column batch or media_id")
    return found[0]


def _review(row: dict[str, str], sha256: str, reviewer: str | None) -> Review:
    if "observation_type" not in row:
        raise ValueError("no observation_type, but another answer")
    kind = WORDS.get(row["observation_type"].lower())
    if kind is None:
        words = "animal, human, vehicle, blank, unknown"
        raise ValueError(f"unknown word {row['observation_type']!r}; known: {words}")
    count = _count(row.get("count"))
    if kind == "blank" and (row.get("scientific_name") or count):
        raise ValueError("blank, but with a name or a count")
    purpose = row.get("purpose", "review").lower()
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}; known: {', '.join(PURPOSES)}")
    return Review(
        sha256, kind, row.get("scientific_name"), count or None, row.get("reviewer", reviewer),
        _time(row.get("reviewed_at")), purpose, row.get("comment"),
    )  # fmt: skip


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = -1.0
    if number < 0 or number != int(number) or number > 1_000_000:
        raise ValueError(f"count {text!r} is no whole number")
    return int(number)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        pass
    for form in TIMES:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError(f"reviewed_at {text!r}: write 2026-05-31T14:00 or 31.05.2026 14:00")


def write_sheet(path: Path, rows: Iterable[SheetRow], purpose: str = "audit") -> None:
    """The table to fill in, numbered as the pictures on the page; spreadsheets open it."""
    names = ["number", *(one.name for one in fields(SheetRow)), "purpose"]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for number, row in enumerate(rows, 1):
            cells = (getattr(row, one.name) for one in fields(SheetRow))
            writer.writerow([number, *map(plain_cell, cells), purpose])
