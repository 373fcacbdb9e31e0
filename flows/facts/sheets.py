"""The drawn blanks of the audit, with what was said about them."""

from itertools import groupby

from sqlalchemy import Connection

from db.queries.exchange import sheets as rows
from pipeline.exchange.reviews import SheetRow
from pipeline.report.audit_sheet import Blank
from pipeline.report.day import shows_people


def drawn_blanks(conn: Connection, batch: str | None, pixelate_bar: float) -> list[Blank]:
    """The drawn blanks of one batch, or of all, by sha256, with what was said about them."""
    found = []
    drawn = rows.drawn_blanks(conn, batch)
    for _, same in groupby(drawn, key=lambda row: row.sha256):
        first, *further = same
        said = tuple(
            SheetRow(
                row.sha256, row.batch, row.deployment_id, row.path, row.taken_at,
                row.observation_type, row.scientific_name, row.individuals, row.life_stage,
                row.sex, row.behavior, row.individual_id, row.reviewer, row.reviewed_at,
                row.comment,
            )
            for row in (first, *further)
        )  # fmt: skip
        people = any(
            shows_people(row.p_human, row.observation_type, pixelate_bar)
            for row in (first, *further)
        )
        found.append(Blank(said, first.root, people, first.frame_number))
    return found
