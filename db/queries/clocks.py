"""Clocks that look wrong: the pictures of each deployment, put to pipeline.card.suspects."""

from collections.abc import Collection, Iterator
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import now
from db.store.deployments import all_deployments
from db.store.repairs import believed
from pipeline.card.suspects import FIRST_YEAR as FIRST_YEAR  # also found here
from pipeline.card.suspects import Shot, Suspect, suspects
from pipeline.report.day import ClockRow


def clocks(conn: Connection, ids: list[int]) -> tuple[ClockRow, ...]:
    """One row per deployment and doubt, for the pictures of some batches: of the daily page."""
    found = doubts(conn, schema.media.c.batch_id.in_(ids))
    return tuple(ClockRow(one.deployment_id, one.sentence) for one in found)


def doubts(
    conn: Connection,
    which: sa.ColumnElement[bool] | None = None,
    names: Collection[str] | None = None,
) -> Iterator[Suspect]:
    """All doubts about clocks, by deployment; `names`: of these deployments alone."""
    places = {one.deployment_id: one for one in believed(conn, all_deployments(conn))}
    m, s, b, k = (getattr(schema, name).c for name in ("media", "status", "batch", "look"))
    d = schema.deployment.c
    query = (
        sa.select(d.name, b.name, m.path, s.taken_at, k.light)
        .join_from(schema.status, schema.media, m.id == s.media_id)
        .join(schema.batch, b.id == s.batch_id)
        .join(schema.deployment, d.id == s.deployment_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .where(sa.true() if which is None else which)
        .where(sa.true() if names is None else d.name.in_(names))
        .order_by(d.name, b.name, m.path)
        .execution_options(stream_results=True)
    )
    today = now()
    for name, rows in groupby(conn.execute(query), key=lambda row: row[0]):
        shots = [
            Shot(f"{batch}/{path.rpartition('/')[0]}", path, at, light)
            for _, batch, path, at, light in rows
        ]
        yield from suspects(places[name], shots, today)
