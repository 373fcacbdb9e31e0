"""A sheet of visits to review: a page with some pictures of each, and the table to fill in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.exchange.reviews import SheetRow, write_sheet
from pipeline.population.correction.sample import LabelledVisit
from pipeline.records import time_of
from pipeline.report.page import environment, open_thumbnail

SHORT_SIDE = 300  # pixels
SHOWN = 4  # pictures of a visit, from its first to its last


@dataclass(frozen=True, slots=True)
class VisitQuestion:
    """One visit to review."""

    row: SheetRow
    pictures: tuple[tuple[str, str], ...]  # (root of the card, path) in order of time
    people: bool  # may be on one of them
    question: str = ""  # empty: what is on it


def write_event_sheet(
    questions: Sequence[VisitQuestion],
    folder: Path,
    name: str,
    title: str,
    introduction: str,
    show_people: bool,
) -> list[Path]:
    """Write NAME.html and NAME.csv into a folder, in the order given; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / f"{name}.html", folder / f"{name}.csv"
    visits = [(question, list(_shown(question, show_people))) for question in questions]
    hidden = not show_people and any(question.people for question in questions)
    text = environment().get_template("event_sheet.html").render(
        visits=visits, title=title, introduction=introduction, table=table.name, hidden=hidden,
        fair=name == "sample",
    )  # fmt: skip
    page.write_text(text, "utf-8", newline="")
    write_sheet(table, [question.row for question in questions], "event")
    return [page, table]


def row_of(visit: LabelledVisit, path: str) -> SheetRow:
    """The row of a visit without an answer."""
    at = time_of(visit.started_at)
    return SheetRow(visit.sha256, visit.batch, visit.deployment, path, at)


def _shown(question: VisitQuestion, show_people: bool) -> Iterator[str | None]:
    last, hide = len(question.pictures) - 1, question.people and not show_people
    numbers = sorted({round(i * last / (SHOWN - 1)) for i in range(SHOWN)}) if last > 0 else [0]
    for i in numbers:
        root, path = question.pictures[i]
        yield open_thumbnail(Path(root), path, SHORT_SIDE, hide)
