"""Reviews: what people saw. Append-only; the same review again is written once."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import CURRENT_REVIEW, chunks, fields, media_ids, now, record, refresh_ids
from db.store.events import Among
from db.store.media import scope
from pipeline.records import Review


def save_reviews(conn: Connection, reviews: Iterable[Review], source: str) -> tuple[int, list[str]]:
    """Append what people saw. Returns how many were new, and the sha256s that are not here.

    A review that is known with its time, or that repeats the current one, is not written again:
    importing a file a second time changes nothing."""
    r = schema.review.c
    saved, unknown = 0, []
    for some in chunks(reviews):
        ids = media_ids(conn, [review.sha256 for review in some])
        unknown += [review.sha256 for review in some if review.sha256 not in ids]
        stamp = {"source": source, "saved_at": now()}
        rows = [
            {**fields(review, schema.review), "media_id": ids[review.sha256], **stamp}
            for review in some
            if review.sha256 in ids
        ]
        if rows:
            last = conn.execute(sa.select(sa.func.max(r.id))).scalar() or 0
            conn.execute(_APPEND, rows)
            mine = r.media_id.in_(ids.values())
            new = conn.execute(sa.select(r.media_id).where(r.id > last, mine)).scalars().all()
            refresh_ids(conn, set(new))
            saved += len(new)
    return saved, unknown


def _append() -> sa.Insert:
    """Writes one review, unless it is known with its time or repeats the current one."""
    r, current = schema.review.c, CURRENT_REVIEW.c
    given = {column.name: sa.bindparam(column.name, type_=column.type) for column in r}
    del given["id"]
    same = [
        r[name].is_not_distinct_from(value)
        for name, value in given.items()
        if name not in ("media_id", "source", "saved_at")
    ]
    mine = r.media_id == given["media_id"]
    counts = sa.exists().where(current.review_id == r.id)
    known = sa.exists().where(mine, *same, given["reviewed_at"].is_not(None) | counts)
    new = sa.select(*given.values()).where(~known)
    return schema.review.insert().from_select([*given], new).inline()


_APPEND = _append()


def reviews_of(conn: Connection, batch_id: int, among: Among = None) -> list[Review]:
    """The current review of each picture of this batch, and of each visit that begins with it."""
    r, m, current = schema.review, schema.media.c, CURRENT_REVIEW.c
    query = (
        sa.select(r, m.sha256)
        .join(schema.media, m.id == r.c.media_id)
        .join(CURRENT_REVIEW, current.review_id == r.c.id)
        .where(scope(batch_id, among))
        .order_by(m.sha256, r.c.id)
    )
    return [record(Review, row) for row in conn.execute(query).mappings()]


def names_in_use(conn: Connection) -> set[str]:
    """What anything was ever called, by people or by the machine."""
    r, t = schema.review.c, schema.visit_taxon.c
    both = sa.union(sa.select(r.name), sa.select(t.name)).subquery().c.name
    return set(conn.execute(sa.select(both).where(both.is_not(None))).scalars())
