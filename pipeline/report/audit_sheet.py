"""The two files of an audit: a page of the drawn blanks, and the table to fill in, with the same
numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.exchange.reviews import SheetRow, write_sheet
from pipeline.report.page import environment, open_thumbnail

SHORT_SIDE = 420  # pixels: a hare far away must be visible, and 200 pictures must still open


@dataclass(frozen=True, slots=True)
class Blank:
    """One drawn picture: its rows, where the card is, and whether people may be on it."""

    rows: tuple[SheetRow, ...]  # one without an answer, else one each observation
    root: str  # folder of the card
    people: bool
    frame_number: int | None = None  # of a clip


@dataclass(frozen=True, slots=True)
class Shown:
    row: SheetRow  # the first
    answer: str  # what was said of it; empty: nothing
    address: str | None
    hidden: bool


def write_audit_sheet(
    blanks: Sequence[Blank], folder: Path, show_people: bool = False
) -> list[Path]:
    """Write audit.html and audit.csv into a folder, in the order given; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / "audit.html", folder / "audit.csv"
    pictures = [_shown(blank, show_people) for blank in blanks]
    text = environment().get_template("sheet.html").render(
        pictures=pictures, table=table.name, hidden=any(picture.hidden for picture in pictures)
    )  # fmt: skip
    page.write_text(text, "utf-8", newline="")
    write_sheet(table, [row for blank in blanks for row in blank.rows])
    return [page, table]


def _shown(blank: Blank, show_people: bool) -> Shown:
    hide, row = blank.people and not show_people, blank.rows[0]
    address = open_thumbnail(
        Path(blank.root), row.path, SHORT_SIDE, hide, number=blank.frame_number
    )
    kinds = (row.observation_type for row in blank.rows if row.observation_type)
    return Shown(row, ", ".join(dict.fromkeys(kinds)), address, hide)
