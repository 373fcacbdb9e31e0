"""What is read of each deployment to suggest outages: times, and how its pictures look."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import record
from db.store.deployments import all_deployments
from db.store.repairs import believed
from pipeline.records import Deployment, FrameScores

Shot = tuple[str, datetime, str | None]  # sha-256, repaired time, capture method


def watched(
    conn: Connection, names: Sequence[str] | None = None
) -> Iterator[tuple[Deployment, list[Shot], dict[str, FrameScores]]]:
    """Each deployment with its timed pictures in order, and their looks by sha-256."""
    for place in believed(conn, all_deployments(conn)):
        if names is None or place.deployment_id in names:
            yield place, _shots(conn, place), _looks(conn, place)


def _shots(conn: Connection, place: Deployment) -> list[Shot]:
    m, s, d = schema.media.c, schema.status.c, schema.deployment.c
    query = (
        sa.select(m.sha256, s.taken_at, m.capture_method)
        .join_from(schema.status, schema.media, m.id == s.media_id)
        .join(schema.deployment, d.id == s.deployment_id)
        .where(d.name == place.deployment_id, s.taken_at.is_not(None))
        .order_by(s.taken_at, m.path, m.sha256)
    )
    return [tuple(row) for row in conn.execute(query)]


def _looks(conn: Connection, place: Deployment) -> dict[str, FrameScores]:
    k, m, s, b = (getattr(schema, name).c for name in ("look", "media", "status", "batch"))
    d = schema.deployment.c
    query = (
        sa.select(schema.look, m.sha256)
        .join_from(schema.status, schema.media, m.id == s.media_id)
        .join(schema.batch, b.id == s.batch_id)
        .join(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .join(schema.deployment, d.id == s.deployment_id)
        .where(d.name == place.deployment_id, k.state != "failed")
    )
    rows = conn.execute(query).mappings()
    return {row["sha256"]: record(FrameScores, {**row, "crop": None}) for row in rows}
