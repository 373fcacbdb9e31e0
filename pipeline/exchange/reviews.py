"""Reviews from a table that people filled in, and the empty table to fill in.

Columns are found by name, whatever their order: a picture by `media_id` (or sha256) or by `path`
(and `batch`, where two cards hold the same path); then `observation_type` (or label),
`scientific_name`, `count`, `life_stage`, `sex`, `behavior`, `individual_id`, `reviewer`,
`reviewed_at`, `comment`, `purpose`, and `answer_number` where `review export` wrote the table: then
an answer is known that stands here with its time. What Excel writes is
accepted: semicolons, a byte order mark, capitals, 2.0 for 2. A row with no answer yet is counted
and ignored; if any row cannot be understood, nothing is imported and every fault is reported.
What else is on a picture has a row of its own, with the same picture and reviewer: another
species, or another life_stage, sex, behavior or individual_id of the same one. Two rows that say
the same but for their number are a fault: a row that was copied and not changed would count its
animals twice.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from pipeline.answers import animals, answer_key, answers
from pipeline.errors import SettingsError
from pipeline.exchange import timelapse
from pipeline.exchange.paths import local_time
from pipeline.records import LIFE_STAGES, SEXES, DayAlone, Review
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
    "individualcount": "count", "behaviour": "behavior",
}  # fmt: skip
PURPOSES = ("review", "audit", "event")  # event: about the whole visit that it begins
NEEDED = ("observation_type",)
ANSWERS = {
    *("observation_type", "scientific_name", "count", "comment"),
    *("life_stage", "sex", "behavior", "individual_id"),
}
COLUMNS = (
    *("media_id", "path", "batch", *sorted(ANSWERS), "reviewer", "reviewed_at", "purpose"),
    "answer_number",
)
MOST_ANSWERS = 1_000_000  # on one picture
MOST_ANIMALS = 1_000_000  # in one picture
LONGEST_NAME = 200  # characters of a picture's name in a message
LONGEST_COMMENT = 10_000  # letters
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


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
    rivals: int = 0  # pictures on which the table has more than one answer: the newest counts


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One picture of a sheet, with an observation on it where there is one."""

    media_id: str
    batch: str
    deployment_id: str
    path: str
    taken_at: datetime | None
    observation_type: str | None = None
    scientific_name: str | None = None
    count: int | None = None
    life_stage: str | None = None
    sex: str | None = None
    behavior: str | None = None
    individual_id: str | None = None
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    comment: str | None = None


Resolve = Callable[[Sequence[Named]], Sequence[Sequence[str]]]  # every picture a name may mean


def read_reviews(path: Path, resolve: Resolve, reviewer: str | None = None) -> Reviews:
    """Read a table. `resolve` gives the sha256s that each name may mean: it must be exactly one.

    `reviewer` is used where a row has none, but in a table of all answers. Raises SettingsError
    with every fault and its line.
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
    _check_answers(rows, reviews)
    table.faults.refuse()
    return Reviews(tuple(reviews), len(table.rows) - len(rows), _rivals(reviews))


def _check_answers(rows: Sequence[Row], reviews: Sequence[Review]) -> None:
    """Faults of rows that cannot stand beside another one of their answer."""
    told: dict[tuple[object, ...], list[tuple[Row, Review]]] = {}
    wrong = {line for row in rows[:1] for line, _ in row.table.faults.found}
    for row, review in zip(rows, reviews, strict=True):
        if row.line not in wrong:  # else what it says is not known
            told.setdefault(answer_key(review), []).append((row, review))
    for answer in told.values():
        first: dict[tuple[object, ...], int] = {}
        kinds: dict[bool, int] = {}
        for row, review in answer:
            same = first.setdefault(animals(review), row.line)
            blank = review.observation_type == "blank"
            if same != row.line:
                row.fault(f"says the same as line {same}: give one row with the number of both")
            elif kinds.setdefault(blank, row.line) == row.line and (not blank) in kinds:
                row.fault(f"blank beside something else on one picture, line {kinds[not blank]}")


def _rivals(reviews: Sequence[Review]) -> int:
    """Pictures, and visits, that have answers of several people or days."""
    places = Counter((rows[0].sha256, rows[0].purpose == "event") for rows in answers(reviews))
    return sum(many > 1 for many in places.values())


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
    name = _named(row, "scientific_name")
    count = row.whole("count", 0 if kind == "blank" else 1, MOST_ANIMALS)
    described = {
        "life_stage": _choice(row, "life_stage", LIFE_STAGES),
        "sex": _choice(row, "sex", SEXES),
        "behavior": _named(row, "behavior"),
        "individual_id": _named(row, "individual_id"),
    }
    if word is None:
        row.fault("no observation_type, but another answer")
    elif word.lower() not in WORDS:
        row.fault(f"unknown word {shown(word)}; known: animal, human, vehicle, blank, unknown")
    if kind == "blank" and (name or count or any(described.values())):
        row.fault("blank, but with a name, a count or an animal described")
    if purpose not in PURPOSES:
        row.fault(f"unknown purpose {shown(purpose)}; known: {', '.join(PURPOSES)}")
    number = row.whole("answer_number", 1, MOST_ANSWERS)
    who = _named(row, "reviewer") or (reviewer if number is None else None)
    return Review(
        sha256, kind, name, count or None, who, _reviewed_at(row), purpose, _comment(row),
        **described, number=number,
    )  # fmt: skip


def _named(row: Row, column: str) -> str | None:
    """A name that a person can see: a hidden letter makes two names of one, or turns it round."""
    name = row.named(column)
    heading = row.table.headings.get(column, column)
    if name and (hidden := HIDDEN.search(name)):
        code = f"U+{ord(hidden[0]):04X}"
        row.fault(f"{heading} holds a letter that nobody sees ({code}): type it again")
        return None
    if name and column == "scientific_name" and name.startswith(("=", "+", "-", "@")):
        row.fault(f"{heading} {shown(name)} begins as a formula does, and is no name")
        return None
    return name


def _comment(row: Row) -> str | None:
    comment = row.text("comment")
    if comment and len(comment) > LONGEST_COMMENT:
        row.fault(f"comment holds {len(comment)} letters; at most {LONGEST_COMMENT}")
        return None
    return comment


def _reviewed_at(row: Row) -> datetime | None:
    typed = row.time("reviewed_at")
    if typed is None:
        return None
    day = typed.at
    return DayAlone(day.year, day.month, day.day) if typed.whole_day else local_time(typed.at)


def _choice(row: Row, name: str, known: Sequence[str]) -> str | None:
    """One of Camtrap DP's words, in any capitals."""
    word = row.text(name)
    if word is not None and word.lower() not in known:
        row.fault(f"unknown {name} {shown(word)}; known: {', '.join(known)}, or leave it empty")
    return word.lower() if word else None


def write_sheet(path: Path, rows: Iterable[SheetRow], purpose: str = "audit") -> None:
    """The table to fill in, numbered as the pictures on the page; spreadsheets open it."""
    names = [column.name for column in fields(SheetRow)]
    numbers: dict[str, int] = {}
    cells = (
        [
            numbers.setdefault(row.media_id, len(numbers) + 1),
            *(getattr(row, name) for name in names),
            purpose,
        ]
        for row in rows
    )
    write_table(path, ["number", *names, "purpose"], cells, line_end="\r\n", mark=True)
