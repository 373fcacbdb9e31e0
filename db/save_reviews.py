"""Writing what people saw: append-only, and said twice it is written once."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from db import schema
from db.rows import chunks, fields, media_ids, now, refresh_ids
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
