"""Reviews: what people saw. Append-only, and said twice it is written once."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    chunks,
    fields,
    media_ids,
    newest_review,
    now,
    record,
    refresh_ids,
)
from db.store.events import Among
from db.store.media import scope
from pipeline.records import Review


def save_reviews(conn: Connection, reviews: Iterable[Review], source: str) -> tuple[int, list[str]]:
    """Append what people saw. Returns how many were new, and the sha256s that are not here.

    The same words with the same time, or again the newest ones, are not written twice: importing
    a file a second time changes nothing."""
    saved, unknown = 0, []
    for some in chunks(reviews):
        ids = media_ids(conn, [one.sha256 for one in some])
        unknown += [one.sha256 for one in some if one.sha256 not in ids]
        rows = [
            {**fields(one, schema.review), "media_id": ids[one.sha256]}
            for one in some
            if one.sha256 in ids
        ]
        new = _not_said_yet(conn, rows)
        stamp = {"source": source, "saved_at": now()}
        for row in new:
            conn.execute(schema.review.insert(), {**row, **stamp})
        refresh_ids(conn, {row["media_id"] for row in new})
        saved += len(new)
    return saved, unknown


def _not_said_yet(conn: Connection, rows: Sequence[dict]) -> list[dict]:
    """Reviews to append, in their order. Without a time only the newest words count as said."""
    if not rows:
        return []
    r = schema.review.c
    words = [name for name in rows[0] if name != "media_id"]
    purpose = words.index("purpose")
    past = sa.select(r.media_id, *(r[name] for name in words)).where(
        r.media_id.in_({row["media_id"] for row in rows})
    )
    said, newest = set(), {}
    when = sa.func.coalesce(r.reviewed_at, r.saved_at)
    for media_id, *text in conn.execute(past.order_by(when, r.id)):
        said.add((media_id, *text))
        newest[media_id, text[purpose] == "event"] = tuple(text)
    new = []
    for row in rows:
        text = tuple(row[name] for name in words)
        again = (row["media_id"], *text) in said if row["reviewed_at"] else False
        about = (row["media_id"], row["purpose"] == "event")  # a picture, or the visit it begins
        if not again and newest.get(about) != text:
            new.append(row)
            said.add((row["media_id"], *text))
            newest[about] = text
    return new


def reviews_of(conn: Connection, batch_id: int, among: Among = None) -> list[Review]:
    """The newest review of each picture of this batch, and of each visit that begins with it."""
    r, m = schema.review, schema.media.c
    newest = r.c.id.in_([newest_review(m.id, True), newest_review(m.id, False)])
    query = sa.select(r, m.sha256).join(schema.media, m.id == r.c.media_id)
    rows = conn.execute(query.where(scope(batch_id, among), newest).order_by(m.sha256, r.c.id))
    return [record(Review, row) for row in rows.mappings()]


def names_in_use(conn: Connection) -> set[str]:
    """What anything was ever called, by people or by the machine."""
    r, t = schema.review.c, schema.visit_taxon.c
    both = sa.union(sa.select(r.name), sa.select(t.name)).subquery().c.name
    return set(conn.execute(sa.select(both).where(both.is_not(None))).scalars())
