"""Suspected poaching: the flags that stand, and what a person decides about them."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.rows import now
from db.queries.reviewing.shown import sha256_of
from db.store.alerts import end_alerts
from db.store.flags import flag_shown, flags_beside, flags_named, flags_shown, save_verdict
from flows.execution.databases import known_database
from pipeline.errors import InputError

FEWEST = 6  # letters of a flag's name: with fewer, a typing error could name another flag


@dataclass(frozen=True, slots=True)
class ShownFlag:
    """A flag as the view `flags` shows it."""

    flag_id: str
    status: str  # suspected, confirmed, dismissed
    severity: int  # 1 look when there is time, 2 look today, 3 look now
    started_at: str | None  # camera clock, ISO 8601
    deployment_id: str
    pictures: int
    reason: str
    place: str | None = None
    reviewer: str | None = None  # who confirmed or dismissed it
    said_at: str | None = None  # UTC
    comment: str | None = None

    @property
    def title(self) -> str:
        """When and where."""
        at = self.started_at[:16].replace("T", " ") if self.started_at else "time not known"
        return f"{at}, {self.place or self.deployment_id}"


def list_flags(database: str) -> tuple[ShownFlag, ...]:
    """All flags, the suspected ones first, the gravest first."""
    with reading(known_database(database)) as conn:
        return tuple(_flag(row) for row in flags_shown(conn))


@dataclass(frozen=True, slots=True)
class OneFlag:
    """A flag, and the flag_id of those beside it in the list."""

    flag: ShownFlag
    before: str | None
    after: str | None
    suspected: str | None  # the next one on which nobody decided


def one_flag(database: str, flag_id: str) -> OneFlag:
    """A flag by its whole name; InputError: there is none."""
    with reading(known_database(database)) as conn:
        row, beside = flag_shown(conn, flag_id), flags_beside(conn, flag_id)
    if row is None or beside is None:
        raise InputError("no such flag")
    return OneFlag(_flag(row), beside.before, beside.after, beside.suspected)


def flag_on(conn: Connection, media_id: int) -> ShownFlag | None:
    """The flag that begins with a picture; None: there is none."""
    sha256 = sha256_of(conn, [media_id]).get(media_id, "")
    row = flag_shown(conn, sha256)
    return None if row is None else _flag(row)


def judge_flags(
    database: str,
    names: Sequence[str],
    confirmed: bool,
    who: str | None = None,
    comment: str | None = None,
) -> tuple[ShownFlag, ...]:
    """Confirm or dismiss flags, all or none, and quiet their alerts; the flags as they are now.

    names   flag_id or its first letters, at least FEWEST
    """
    with writing(known_database(database)) as conn:
        chosen = [the_one(name, flags_named(conn, name.lower()), "flag") for name in names]
        for flag_id in dict.fromkeys(chosen):
            save_verdict(conn, flag_id, confirmed, who, comment)
            end_alerts(conn, flag_id, "acknowledged" if confirmed else "dismissed", who, now())
        rows = (flag_shown(conn, flag_id) for flag_id in dict.fromkeys(chosen))
        return tuple(_flag(row) for row in rows if row)


def _flag(row: "sa.Row[tuple[object, ...]]") -> ShownFlag:
    return ShownFlag(
        row.flag_id,
        row.status,
        row.severity,
        None if row.started_at is None else str(row.started_at),
        row.deployment_id,
        row.pictures,
        row.reason,
        row.location_name,
        row.reviewer,
        None if row.said_at is None else str(row.said_at),
        row.comment,
    )


def the_one(name: str, found: Sequence[str], what: str) -> str:
    """The flag_id that the first letters of a flag's name mean; InputError: none, or several.

    found   those that begin so; what: flag or alert
    """
    if len(name) < FEWEST:
        raise InputError(f"{name}: give at least {FEWEST} letters of the flag's name")
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name}: {len(found)} {what}s begin so; give more of its letters")
    raise InputError(f"{name}: no such {what}; names: camtriage {what}s list")
