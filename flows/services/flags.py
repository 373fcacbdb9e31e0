"""What `camtriage flags` does: the suspicions out, a ranger's word back in."""

import csv
import io
from collections.abc import Sequence

from db.core.engine import reading, writing
from db.queries.day.flags import FLAG_NAME
from db.store.flags import flags_named, flags_shown, save_verdict
from flows.execution.databases import known_database
from pipeline.errors import InputError
from pipeline.tables.cells import plain_cell

FEWEST = 6  # letters of a flag's name: fewer are a slip of the finger
COLUMNS = ("flag", "status", "severity", "started_at", "deployment_id", "pictures", "reason")


def list_flags(url: str) -> int:
    """Print all of them as CSV: suspected ones first, the gravest first."""
    with reading(known_database(url)) as conn:
        rows = flags_shown(conn)
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        table.writerow(
            [row.flag_id[:FLAG_NAME], *(plain_cell(getattr(row, name)) for name in COLUMNS[1:])]
        )
    print(file.getvalue(), end="")
    return 0


def judge_flags(
    url: str, names: Sequence[str], confirmed: bool, who: str | None, comment: str | None
) -> int:
    """Confirm or dismiss flags by their names, or at least FEWEST first letters of them: all
    or none."""
    with writing(known_database(url)) as conn:
        chosen = [_one(name, flags_named(conn, name.lower())) for name in names]
        for flag_id in dict.fromkeys(chosen):
            save_verdict(conn, flag_id, confirmed, who, comment)
        rows = [row for row in flags_shown(conn) if row.flag_id in chosen]
    word = "confirmed" if confirmed else "dismissed"
    for row in rows:
        when = str(row.started_at or "time not known")[:16]
        print(f"{word}: {row.flag_id[:FLAG_NAME]}, {row.deployment_id}, {when}")
    return 0


def _one(name: str, found: Sequence[str]) -> str:
    if len(name) < FEWEST:
        raise InputError(f"{name}: give at least {FEWEST} letters of the flag's name")
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name}: {len(found)} flags begin so; give more of its letters")
    raise InputError(f"{name}: no such flag; names: camtriage flags list")
