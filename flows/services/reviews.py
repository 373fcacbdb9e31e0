"""What people saw: the audit's sheet goes out, filled-in tables come back."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.queries.exchange.sheets import drawn_blanks, find_pictures
from db.store.deployments import all_deployments
from db.store.flags import flags_named
from db.store.media import media_named
from db.store.reviews import names_in_use, save_reviews
from flows.execution.databases import known_database
from flows.services.flags_again import flags_again
from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.exchange.reviews import read_reviews
from pipeline.records import Review
from pipeline.report.audit_sheet import write_audit_sheet
from pipeline.settings import load_settings
from pipeline.species.labelset import load_labelset
from pipeline.species.spelling import meant


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
        reviews, told = _spelled(conn, found.reviews)
        saved, _ = save_reviews(conn, reviews, table.name)
        if saved:
            told += _flags_anew(conn, {one.sha256 for one in reviews})
    known, visits = len(reviews) - saved, sum(one.purpose == "event" for one in reviews)
    of_visits = f" ({visits} of whole visits)" if visits else ""
    empty = counted(found.empty, "row")
    print(
        f"{counted(saved, 'review')} saved, {known} known already{of_visits}, {empty} not filled in"
    )
    for line in told:
        print(line)
    return 0


def _spelled(conn: Connection, reviews: Sequence[Review]) -> tuple[list[Review], list[str]]:
    """The same with names as they are known here, and a line for what was changed or is new."""
    written = Counter(one.name for one in reviews if one.name)
    as_known, new = meant(written, names_in_use(conn), load_labelset())
    lines = [
        f"{name!r} ({counted(written[name], 'row')}) written as {one}"
        for name, one in as_known.items()
    ]
    if new:
        near = {name: f", near {one}" if one else "" for name, one in new.items()}
        names = ", ".join(f"{name!r} ({written[name]}{near[name]})" for name in new)
        lines.append(f"new here: {names}; to take a slip back, review it again")
    return [replace(one, name=as_known.get(one.name, one.name)) for one in reviews], lines


def _flags_anew(conn: Connection, shas: set[str]) -> Iterator[str]:
    """Ask the poaching rules again where something was said; a line where that changes anything."""
    told = {one.deployment_id for one in media_named(conn, shas)}
    before = len(flags_named(conn, ""))
    places = [one for one in all_deployments(conn) if one.deployment_id in told]
    for found in flags_again(conn, places):
        if found.stale:
            yield found.sentence
    if before != (now := len(flags_named(conn, ""))):
        flags = counted(now, "flag")
        yield f"{flags} in place of {before}: what people saw counts for the poaching rules"
