"""What the pictures of each deployment say about its clock: times, files and light."""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import groupby
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema

# card, path on it, repaired time, light, where the time comes from, its own offset in minutes
TimedPicture: TypeAlias = tuple[str, str, datetime | None, str | None, str, int | None]


def timed_pictures(
    conn: Connection,
    batch_ids: Collection[int] | None = None,
    names: Collection[str] | None = None,
) -> Iterator[tuple[str, list[TimedPicture]]]:
    """Each deployment with its pictures in the order of files; of these batches and deployments
    alone where they are given."""
    m, s, b, k = (getattr(schema, name).c for name in ("media", "status", "batch", "look"))
    d, r, c = schema.deployment.c, schema.repaired_time.c, schema.clock_repair.c
    clock = sa.case((r.media_id.is_not(None), "repaired"), else_=m.clock)
    offset = sa.case((c.kind == "zone", None), else_=m.utc_offset_min)  # moved to its deployment's
    query = (
        sa.select(d.name, b.name, m.path, s.taken_at, k.light, clock, offset)
        .join_from(schema.status, schema.media, m.id == s.media_id)
        .join(schema.batch, b.id == s.batch_id)
        .join(schema.deployment, d.id == s.deployment_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .outerjoin(schema.repaired_time, r.media_id == m.id)
        .outerjoin(schema.clock_repair, c.id == r.clock_repair_id)
        .where(sa.true() if batch_ids is None else m.batch_id.in_(batch_ids))
        .where(sa.true() if names is None else d.name.in_(names))
        .order_by(d.name, b.name, m.path)
        .execution_options(stream_results=True)
    )
    for name, rows in groupby(conn.execute(query), key=lambda row: row[0]):
        yield name, [tuple(rest) for _, *rest in rows]
