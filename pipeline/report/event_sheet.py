"""A sheet of visits for a person: a page with some pictures of each, and the table to fill in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.exchange.reviews import SheetRow, write_sheet
from pipeline.report.page import environment, open_thumbnail

SHORT_SIDE = 300  # pixels
SHOWN = 4  # pictures of a visit, from its first to its last


@dataclass(frozen=True, slots=True)
class Asked:
    """One visit, and the question if it is more than what is there."""

    row: SheetRow
    pictures: tuple[tuple[str, str], ...]  # (root of the card, path) in order of time
    people: bool  # may be on one of them
    question: str = ""


def write_event_sheet(
    asked: Sequence[Asked], folder: Path, name: str, title: str, words: str, show_people: bool
) -> list[Path]:
    """Write NAME.html and NAME.csv into a folder, in the order given; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / f"{name}.html", folder / f"{name}.csv"
    visits = [(one, list(_shown(one, show_people))) for one in asked]
    hidden = not show_people and any(one.people for one in asked)
    text = environment().get_template("event_sheet.html").render(
        visits=visits, title=title, words=words, table=table.name, hidden=hidden,
        fair=name == "sample",
    )  # fmt: skip
    page.write_text(text, "utf-8", newline="")
    write_sheet(table, [one.row for one in asked], "event")
    return [page, table]


def row_of(call, path: str) -> SheetRow:
    """The row of a visit that nobody has answered."""
    at = datetime.fromisoformat(call.started_at)
    return SheetRow(call.sha256, call.batch, call.deployment, path, at)


def _shown(one: Asked, show_people: bool):
    last, hide = len(one.pictures) - 1, one.people and not show_people
    some = sorted({round(i * last / (SHOWN - 1)) for i in range(SHOWN)}) if last > 0 else [0]
    for i in some:
        root, path = one.pictures[i]
        yield open_thumbnail(Path(root), path, SHORT_SIDE, hide)
