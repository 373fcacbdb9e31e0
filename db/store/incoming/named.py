"""Pictures that a data set of others names, and what is known of each: where the rows came from.

A picture without bytes is a row of `media` with a stand-in for its sha-256; it lies in no window
and no file. When a card brings its bytes, the same row gets them: what was said of it stays.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import chunks, deployment_ids, media_ids, refresh, upsert
from pipeline.records import NAMED, VISIT, NamedPicture


class Known(NamedTuple):
    """A picture that this data set brought or met before."""

    media_id: str  # stand-in, or the sha-256 of the bytes that it met
    mine: bool  # False: a card has it, and its visits are the card's


def without_bytes(media_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a media_id stands in for a picture that nobody has seen here."""
    return media_id.startswith(NAMED) | media_id.startswith(VISIT)


def known_of(conn: Connection, batch_id: int) -> dict[str, Known]:
    """By what the data set calls them, the pictures that it has here."""
    i, m = schema.imported.c, schema.media.c
    query = sa.select(i.source_id, m.sha256, m.batch_id == batch_id)
    rows = conn.execute(query.join(schema.media, m.id == i.media_id).where(i.batch_id == batch_id))
    return {source: Known(sha, bool(mine)) for source, sha, mine in rows}


def in_other_data_sets(
    conn: Connection, batch_id: int, pictures: Iterable[NamedPicture]
) -> Counter[str]:
    """How many of these pictures other data sets have at the same second, in the same deployment,
    under the same name; by the name of the data set."""
    times: dict[str, dict[str, datetime]] = {}
    for one in pictures:
        if one.taken_at is not None:
            times.setdefault(one.deployment_id, {})[one.source_id] = one.taken_at
    i, m, d, b = (getattr(schema, name).c for name in ("imported", "media", "deployment", "batch"))
    query = (
        sa.select(b.name, d.name, i.source_id, m.taken_at)
        .join_from(schema.imported, schema.media, m.id == i.media_id)
        .join(schema.deployment, d.id == m.deployment_id)
        .join(schema.batch, b.id == i.batch_id)
        .where(i.batch_id != batch_id)
    )
    found: Counter[str] = Counter()
    for part in chunks(times):
        for name, home, source, at in conn.execute(query.where(d.name.in_(part))):
            found[name] += times[home].get(source) == at
    return +found


def pictures_here(
    conn: Connection, times: tuple[datetime, datetime] | None
) -> Iterator[tuple[str, str, datetime | None, str]]:
    """(sha-256, path, time, deployment) of pictures with bytes: those taken between `times` as the
    cameras wrote it, and those without a time."""
    m, d = schema.media.c, schema.deployment.c
    query = sa.select(m.sha256, m.path, m.taken_at, d.name)
    query = query.join(schema.deployment, d.id == m.deployment_id).where(~without_bytes(m.sha256))
    if times is not None:
        between = (m.taken_at >= times[0]) & (m.taken_at <= times[1])
        query = query.where(between | m.taken_at.is_(None))
    yield from (tuple(row) for row in conn.execute(query.order_by(m.id)))


def save_named(conn: Connection, batch_id: int, pictures: Mapping[str, NamedPicture]) -> None:
    """Write pictures by their media_id: those without bytes get a row of media, and all of them
    where they came from."""
    places = deployment_ids(conn, {picture.deployment_id for picture in pictures.values()})
    blank = {"size": 0, "width": 0, "height": 0, "orientation": 1}
    for part in chunks(pictures.items()):
        rows = [
            {
                **blank,
                "sha256": media_id,
                "batch_id": batch_id,
                "deployment_id": places[picture.deployment_id],
                "path": picture.path,
                "mediatype": picture.mediatype,
                "taken_at": picture.taken_at,
                "clock": "data_set" if picture.taken_at else "none",
                "utc_offset_min": picture.utc_offset_min,
                "capture_method": picture.capture_method,
            }
            for media_id, picture in part
            if media_id.startswith((NAMED, VISIT))
        ]
        update = (
            *("path", "deployment_id", "mediatype"),
            *("taken_at", "utc_offset_min", "capture_method"),
        )
        if rows:
            upsert(conn, schema.media, rows, ["sha256"], update=update)
        ids = media_ids(conn, [media_id for media_id, _ in part])
        origins = [
            {
                "media_id": ids[media_id],
                "batch_id": batch_id,
                "source_id": picture.source_id,
                "file_path": picture.path,
                "file_name": picture.file_name,
                "event": picture.event,
                "public": picture.public,
            }
            for media_id, picture in part
        ]
        told = ("source_id", "file_path", "file_name", "event", "public")
        upsert(conn, schema.imported, origins, ["media_id", "batch_id"], update=told)


def name_standing(
    conn: Connection, batch_id: int, named: Mapping[str, tuple[str, NamedPicture]]
) -> None:
    """A picture that stood for an event becomes the first that the data set lists of it now, with
    all that was said of it: its new media_id, and the picture, by its media_id of before."""
    m, i = schema.media.c, schema.imported.c
    for part in chunks(named.items()):
        ids = media_ids(conn, [before for before, _ in part])
        rows = [
            {"key": ids[before], "sha": media_id, "source": picture.source_id}
            for before, (media_id, picture) in part
        ]
        key = sa.bindparam("key", type_=sa.Integer())
        media = sa.update(schema.media).where(m.id == key).values(sha256=sa.bindparam("sha"))
        conn.execute(media, [{"key": row["key"], "sha": row["sha"]} for row in rows])
        mine = (i.media_id == key) & (i.batch_id == batch_id)
        origin = sa.update(schema.imported).where(mine).values(source_id=sa.bindparam("source"))
        conn.execute(origin, [{"key": row["key"], "source": row["source"]} for row in rows])


def save_words(
    conn: Connection, recipe_id: int, words: Iterable[tuple[str, str, float | None, int | None]]
) -> None:
    """What machines of others said of pictures: (media_id, state, p_blank, count) of each."""
    blank = dict.fromkeys(schema.look.c.keys())
    update = [key for key in blank if key not in ("media_id", "recipe_id")]
    for part in chunks(words):
        ids = media_ids(conn, [media_id for media_id, *_ in part])
        rows = [
            {
                **blank,
                "media_id": ids[media_id],
                "recipe_id": recipe_id,
                "state": state,
                "p_blank": p_blank,
                "decided_by": "data_set",
                "count": count,
            }
            for media_id, state, p_blank, count in part
        ]
        upsert(conn, schema.look, rows, ["media_id", "recipe_id"], update=update)


def refresh_batch(conn: Connection, batch_id: int) -> None:
    """Current results of all pictures of a data set."""
    refresh(conn, schema.media.c.batch_id == batch_id)
