"""The sheet of the audit: a random sample of the blanks, for a person to check."""

from pathlib import Path

from db.core.engine import reading
from flows.execution.databases import known_database
from flows.facts.sheets import drawn_blanks
from flows.run_options import study_settings
from pipeline.errors import SettingsError
from pipeline.report.audit_sheet import write_audit_sheet


def write_audit(
    database: str, out: Path, batch: str | None, settings: str | None, show_people: bool
) -> list[Path]:
    """Write a page of the drawn blanks and a CSV to fill in; gives back their paths.

    SettingsError: no blank was drawn.
    """
    bar = study_settings(settings).poaching.pixelate_bar
    with reading(known_database(database)) as conn:
        blanks = drawn_blanks(conn, batch, bar)
    if not blanks:
        where = f"batch {batch}" if batch else "this database"
        raise SettingsError(f"no blank was drawn for an audit in {where}; run a card first")
    return write_audit_sheet(blanks, out, show_people)
