"""What people saw: the audit's sheet goes out, filled-in tables come back."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from db import read
from db.engine import reading, writing
from db.read_events import flags_named
from db.reviews import drawn_blanks, find_pictures
from db.save_reviews import save_reviews
from flows.engines import known_database
from flows.reform import flags_anew, stale
from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.exchange.reviews import read_reviews
from pipeline.report.audit_sheet import write_audit_sheet
from pipeline.settings import load_settings


def write_sheet(
    database: str, out: Path, batch: str | None, settings: str | None, show_people: bool
) -> list[Path]:
    """A page of the drawn blanks and a CSV to fill in. SettingsError: nothing was drawn."""
    bar = load_settings(Path(settings) if settings else None).poaching.pixelate_bar
    with reading(known_database(database)) as conn:
        blanks = drawn_blanks(conn, batch, bar)
    if not blanks:
        where = f"batch {batch}" if batch else "this database"
        raise SettingsError(f"no blank was drawn for an audit in {where}; run a card first")
    return write_audit_sheet(blanks, out, show_people)


def import_reviews(database: str, table: Path, reviewer: str | None) -> int:
    """Read a table of reviews; all of it or nothing. Says how many were new."""
    with writing(known_database(database)) as conn:
        found = read_reviews(table, partial(find_pictures, conn), reviewer)
        saved, _ = save_reviews(conn, found.reviews, table.name)
        flags = list(_flags_anew(conn, {one.sha256 for one in found.reviews})) if saved else []
    known = len(found.reviews) - saved
    empty = counted(found.empty, "row")
    print(f"{counted(saved, 'review')} saved, {known} known already, {empty} not filled in")
    for line in flags:
        print(line)
    return 0


def _flags_anew(conn: Connection, shas: set[str]) -> Iterator[str]:
    """Ask the poaching rules again where something was said; a line where that changes anything."""
    told = {one.deployment_id for one in read.media_named(conn, shas)}
    before = len(flags_named(conn, ""))
    places = [one for one in read.all_deployments(conn) if one.deployment_id in told]
    for name, batch, count in flags_anew(conn, places):
        if count is None:
            yield stale(name, batch)
    if before != (now := len(flags_named(conn, ""))):
        flags = counted(now, "flag")
        yield f"{flags} in place of {before}: what people saw counts for the poaching rules"
