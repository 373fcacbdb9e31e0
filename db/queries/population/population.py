"""What populations are counted from: visits with their taxa, and whose names they carry."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema

_TAXA = """
SELECT d.name, e.observation_type, e.name, e.taxon_rank, e.method, e.started_at, e.ended_at,
    e.first_media_id, m.path, e.count, e.capture_method, e.stretch
FROM event_stretches e
JOIN deployment d ON d.id = e.deployment_id
JOIN media m ON m.id = e.first_media_id
WHERE e.observation_type <> 'blank'
ORDER BY d.name, e.started_at, e.first_media_id, e.position, e.stretch
"""


def visit_taxa(conn: Connection) -> sa.CursorResult[Any]:
    """Every visit, taxon that people did not call blank, and stretch of its pictures that show it,
    time-lapse and untimed ones too.

    deployment, observation type, name, rank, method, start and end (ISO 8601), key and path of the
    first picture, count, capture method, number of the stretch; by deployment and time."""
    return conn.exec_driver_sql(_TAXA)


def label_sets(conn: Connection) -> set[str]:
    """Digests of the label sets whose names the views show, of recipes that name theirs."""
    r, b = schema.recipe.c, schema.batch.c
    found = conn.execute(sa.select(r.description).where(r.id.in_(sa.select(b.label_recipe_id))))
    return {about["label_set"]["digest"] for about in found.scalars() if "label_set" in about}
