"""Answers that are taken back, and given again: a mark, no row is lost.

All that one key press on the review screen saved has one source, all that one table brought has one
source and time: each is taken back together.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks, now, refresh_ids

SCREEN = "screen "  # begins the source of every answer of the screen; then a word of its own
ENDED = "ended "  # stands before it once another answer was saved: it is not given again
MOST_ROWS = 10_000  # of one key press: they have been saved one after the other


def take_back(conn: Connection, reviewer: str) -> Sequence[sa.Row[Any]]:
    """Mark what this reviewer saved last on the screen; its rows of `review`, none where nothing is
    left."""
    last = _standing(conn, reviewer)
    if last is None:
        return []
    near = schema.review.c.id > last.id - MOST_ROWS
    return _mark(conn, last.source, near, withdrawn=True)


def end_redo(conn: Connection, reviewer: str) -> None:
    """Another answer is about to be saved: what was taken back before is not given again."""
    r = schema.review.c
    taken = conn.execute(_taken_back(conn, reviewer)).all()
    for part in chunks(row.id for row in taken):
        ended = sa.update(schema.review).where(r.id.in_(part))
        conn.execute(ended.values(source=ENDED + r.source))


def give_again(conn: Connection, reviewer: str) -> Sequence[sa.Row[Any]]:
    """Take away the mark that was set last; nothing where an answer was saved since."""
    r = schema.review.c
    first = conn.execute(_taken_back(conn, reviewer).order_by(r.id).limit(1)).first()
    if first is None:
        return []
    near = r.id.between(first.id, first.id + MOST_ROWS)
    return _mark(conn, first.source, near, withdrawn=False)


def take_back_import(conn: Connection) -> Sequence[sa.Row[Any]]:
    """Mark the answers that were imported last from a table; their rows (media_id, purpose, source,
    saved_at), none where nothing is left."""
    r = schema.review.c
    standing = r.withdrawn_at.is_(None) & ~r.source.startswith(SCREEN)
    last = conn.execute(
        sa.select(r.source, r.saved_at).where(standing).order_by(r.id.desc()).limit(1)
    ).first()
    if last is None:
        return []
    together = standing & (r.source == last.source) & (r.saved_at == last.saved_at)
    found = sa.select(r.media_id, r.purpose, r.source, r.saved_at).where(together)
    rows = conn.execute(found.order_by(r.id)).all()
    conn.execute(sa.update(schema.review).where(together).values(withdrawn_at=now()))
    refresh_ids(conn, {row.media_id for row in rows})
    return rows


def _standing(conn: Connection, reviewer: str) -> sa.Row[Any] | None:
    """The newest row of this reviewer on the screen that was not taken back."""
    r = schema.review.c
    standing = _of_screen(reviewer).where(r.withdrawn_at.is_(None))
    return conn.execute(standing.order_by(r.id.desc()).limit(1)).first()


def _taken_back(conn: Connection, reviewer: str) -> sa.Select[Any]:
    """The rows of this reviewer that can be given again."""
    r, last = schema.review.c, _standing(conn, reviewer)
    marked = _of_screen(reviewer).where(r.withdrawn_at.is_not(None))
    return marked if last is None else marked.where(r.id > last.id)


def _of_screen(reviewer: str) -> sa.Select[Any]:
    r = schema.review.c
    mine = sa.select(r.id, r.source)
    return mine.where(r.reviewer == reviewer, r.source.startswith(SCREEN))


def _mark(
    conn: Connection, source: str, near: sa.ColumnElement[bool], withdrawn: bool
) -> Sequence[sa.Row[Any]]:
    r = schema.review.c
    which = (r.source == source) & near
    found = sa.select(schema.review).where(which).order_by(r.id)
    rows = conn.execute(found).all()
    marked = sa.update(schema.review).where(which)
    conn.execute(marked.values(withdrawn_at=now() if withdrawn else None))
    refresh_ids(conn, {row.media_id for row in rows})
    return rows
