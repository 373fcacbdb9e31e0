"""A card brings the bytes of pictures that a data set names: their rows get them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks, fields, media_ids
from db.store.incoming.named import without_bytes
from pipeline.records import VISIT, Media, NamedPicture


def waiting(conn: Connection, times: tuple[datetime, datetime] | None) -> Iterator[NamedPicture]:
    """Pictures without bytes, named by their media_id: those taken between `times`, and those
    without a time."""
    m, i, d = schema.media.c, schema.imported.c, schema.deployment.c
    query = (
        sa.select(m.sha256, d.name, i.file_path, i.file_name, m.taken_at)
        .join(schema.imported, (i.media_id == m.id) & (i.batch_id == m.batch_id))
        .join(schema.deployment, d.id == m.deployment_id)
        .where(without_bytes(m.sha256))
    )
    between: sa.ColumnElement[bool] = m.taken_at.is_(None)
    if times is not None:
        between |= (m.taken_at >= times[0]) & (m.taken_at <= times[1])
    for sha, home, path, name, at in conn.execute(query.where(between).order_by(m.id)):
        yield NamedPicture(sha, home, path, name, at, stands_for_event=sha.startswith(VISIT))


def homes_of(conn: Connection, ids: Sequence[str]) -> dict[tuple[int, int], list[str]]:
    """Deployments of these pictures by (data set, the recipe of its visits)."""
    m, b, d = schema.media.c, schema.batch.c, schema.deployment.c
    found: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for part in chunks(ids):
        query = sa.select(m.batch_id, b.label_recipe_id, d.name).distinct()
        query = query.join(schema.batch, b.id == m.batch_id)
        query = query.join(schema.deployment, d.id == m.deployment_id)
        for batch, recipe, name in conn.execute(query.where(m.sha256.in_(part))):
            found[batch, recipe].add(name)
    return {key: sorted(names) for key, names in found.items()}


def known_bytes(conn: Connection, sha256s: Sequence[str]) -> set[str]:
    """Those that are here already."""
    return {*media_ids(conn, sha256s)}


def give_bytes(conn: Connection, batch_id: int, met: Mapping[str, Media]) -> None:
    """The rows of these stand-ins are the card's pictures from now on. They stay in the deployment
    that the data set says; the caller refreshes `status`."""
    columns = {name for name in Media.__slots__ if name in schema.media.c} - {"deployment_id"}
    change = (
        sa.update(schema.media)
        .where(schema.media.c.sha256 == sa.bindparam("stand_in"))
        .values({name: sa.bindparam(f"new_{name}") for name in (*columns, "batch_id")})
    )
    for part in chunks(met.items()):
        rows = [
            {"stand_in": stand_in, "new_batch_id": batch_id}
            | {f"new_{name}": fields(picture, schema.media)[name] for name in columns}
            for stand_in, picture in part
        ]
        conn.execute(change, rows)
