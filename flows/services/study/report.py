"""The page of one day, on request and every night."""

from datetime import date
from pathlib import Path

from db.core.engine import reading
from flows.execution.databases import known_database
from flows.facts.day import read_day
from flows.run_options import study_settings
from pipeline.report.page import write_report


def write_day(
    database: str,
    day: date,
    out: Path,
    settings: str | None = None,
    show_people: bool = False,
    thumbnails: bool = True,
) -> list[Path]:
    """Write HTML, Markdown and CSV of one day into a folder; gives back their paths."""
    chosen = study_settings(settings)
    with reading(known_database(database)) as conn:
        found = read_day(conn, day, chosen)
    return write_report(found, out, show_people=show_people, thumbnails=thumbnails)
