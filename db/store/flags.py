"""Flags: suspected poaching, and what people said of it."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    media_ids,
    now,
    record,
    upsert,
)
from db.store.events import events_scope, member_rows, pictures_by_event, replace_events
from pipeline.records import Flag


def save_flags(
    conn: Connection, recipe_id: int, flags: Sequence[Flag], deployments: Iterable[str] = ()
) -> None:
    """The flags of `deployments` (and of those flagged) under this recipe, in place of earlier
    ones. What a person said about a flag hangs on its picture and stays."""
    for part, homes, ids in replace_events(conn, schema.flag, recipe_id, flags, deployments):
        members = member_rows(part, homes, ids, "flag_id")
        upsert(conn, schema.flag_media, members, ["flag_id", "media_id"])


def save_verdict(
    conn: Connection, sha256: str, confirmed: bool, reviewer: str | None, comment: str | None = None
) -> None:
    """A person confirms or dismisses the flag that this picture belongs to. Append-only."""
    row = {"confirmed": confirmed, "reviewer": reviewer, "comment": comment, "said_at": now()}
    conn.execute(schema.verdict.insert(), {**row, "media_id": media_ids(conn, [sha256])[sha256]})


def flags_of(conn: Connection, batch_id: int, recipe_id: int) -> list[Flag]:
    """Flags under this flag recipe, by deployment and time."""
    g, d = schema.flag, schema.deployment.c
    scope = events_scope(g, batch_id, None)
    pictures = pictures_by_event(conn, g, schema.flag_media, recipe_id, scope)
    rows = conn.execute(
        sa.select(g, d.name.label("deployment"))
        .join(schema.deployment, d.id == g.c.deployment_id)
        .where(g.c.recipe_id == recipe_id, scope)
        .order_by(d.name, g.c.started_at, g.c.media_id)
    ).mappings()
    return [
        record(Flag, {**row, "deployment_id": row["deployment"], "sha256s": pictures[row["id"]]})
        for row in rows
    ]


def flag_results(
    conn: Connection, recipe_id: int, deployment_id: str
) -> frozenset[tuple[int, int, float, str]]:
    """(key of the first picture, severity, score, reason) of each flag of a deployment."""
    g, d = schema.flag.c, schema.deployment.c
    mine = sa.select(g.media_id, g.severity, g.score, g.reason)
    mine = mine.join(schema.deployment, d.id == g.deployment_id)
    rows = conn.execute(mine.where(g.recipe_id == recipe_id, d.name == deployment_id))
    return frozenset((key, severity, score, reason) for key, severity, score, reason in rows)


_ORDER = (
    "CASE status WHEN 'suspected' THEN 0 ELSE 1 END, severity DESC, score DESC, started_at, flag_id"
)
_BESIDE = f"""
WITH placed AS (SELECT flag_id, status, row_number() OVER (ORDER BY {_ORDER}) AS place FROM flags)
SELECT
    (SELECT o.flag_id FROM placed o WHERE o.place = mine.place - 1) AS before,
    (SELECT o.flag_id FROM placed o WHERE o.place = mine.place + 1) AS after,
    coalesce(
        (SELECT o.flag_id FROM placed o WHERE o.status = 'suspected' AND o.place > mine.place
            ORDER BY o.place LIMIT 1),
        (SELECT o.flag_id FROM placed o WHERE o.status = 'suspected' AND o.place < mine.place
            ORDER BY o.place LIMIT 1)
    ) AS suspected
FROM placed mine WHERE mine.flag_id = :flag_id
"""


def flags_shown(conn: Connection) -> Sequence[sa.Row[Any]]:
    """The view `flags`, the suspected ones first, the gravest first."""
    return conn.execute(sa.text(f"SELECT * FROM flags ORDER BY {_ORDER}")).all()


def flag_shown(conn: Connection, flag_id: str) -> sa.Row[Any] | None:
    """Its row of the view `flags`."""
    query = sa.text("SELECT * FROM flags WHERE flag_id = :flag_id")
    return conn.execute(query, {"flag_id": flag_id}).first()


def flags_beside(conn: Connection, flag_id: str) -> sa.Row[Any] | None:
    """In the order of `flags_shown` the one before a flag, the one after it, and the next suspected
    one (after the last the first): flag_id or None each."""
    return conn.execute(sa.text(_BESIDE), {"flag_id": flag_id}).first()


def flags_named(conn: Connection, begins: str) -> Sequence[str]:
    """flag_id of every flag shown whose name begins so."""
    query = sa.text("SELECT flag_id FROM flags WHERE substr(flag_id, 1, :n) = :begins")
    return conn.execute(query, {"n": len(begins), "begins": begins}).scalars().all()
