"""Claims: what a reviewer has before him is given to nobody else. One that was left is free again
after a while."""

from collections.abc import Collection
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import INSERT, now

HELD_FOR = timedelta(minutes=10)  # since the screen last asked for it


def claim(conn: Connection, media_ids: Collection[int], reviewer: str) -> set[int]:
    """Take these for a reviewer, in one statement; those that nobody else holds become his."""
    if not media_ids:
        return set()
    at = now()
    rows = [  # in one order for everybody, so that two who ask at once wait for each other once
        {"media_id": key, "reviewer": reviewer, "until": at + HELD_FOR}
        for key in sorted(set(media_ids))
    ]
    c = schema.review_claim.c
    insert = INSERT[conn.dialect.name](schema.review_claim).values(rows)
    taken = insert.on_conflict_do_update(  # type: ignore[attr-defined]
        index_elements=["media_id"],
        set_={"reviewer": insert.excluded.reviewer, "until": insert.excluded.until},  # type: ignore[attr-defined]
        where=(c.until < at) | (c.reviewer == insert.excluded.reviewer),  # type: ignore[attr-defined]
    ).returning(c.media_id)
    return set(conn.execute(taken).scalars())


def held_by_others(conn: Connection, reviewer: str) -> set[int]:
    """What other reviewers have before them now."""
    c = schema.review_claim.c
    others = sa.select(c.media_id).where(c.until >= now(), c.reviewer != reviewer)
    return set(conn.execute(others).scalars())


def release(conn: Connection, reviewer: str, keep: Collection[int] = ()) -> None:
    """Give back what a reviewer holds, but for `keep`; old claims of anybody go too."""
    c = schema.review_claim.c
    mine = c.reviewer == reviewer
    if keep:
        mine &= c.media_id.not_in(keep)
    conn.execute(sa.delete(schema.review_claim).where(mine | (c.until < now())))
