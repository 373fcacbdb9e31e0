"""Certificates, and the reviewed pictures that may prove them."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks, now

_PLACES = """
SELECT s.batch_id, s.deployment_id,
    count(CASE WHEN s.state = 'kept' AND r.id IS NULL THEN 1 END) AS left_kept
FROM status s
LEFT JOIN review r ON r.id = s.review_id AND r.purpose <> 'event'
WHERE s.state IN ('blank', 'kept')
GROUP BY s.batch_id, s.deployment_id
HAVING count(r.id) > 0
ORDER BY s.batch_id, s.deployment_id
"""
_LOOKED = """
SELECT m.sha256, b.name AS card, d.name AS deployment,
    coalesce(d.location_id, d.name) AS station, s.state, s.p_blank, s.decided_by, s.novelty,
    f.sha256 AS visit, r.observation_type AS answer, a.stratum, a.stratum_size,
    b.look_recipe_id AS recipe
FROM status s
JOIN media m ON m.id = s.media_id
JOIN batch b ON b.id = s.batch_id
JOIN deployment d ON d.id = s.deployment_id
LEFT JOIN visit v ON v.id = s.visit_id
LEFT JOIN media f ON f.id = v.media_id
LEFT JOIN review r ON r.id = s.review_id AND r.purpose <> 'event'
LEFT JOIN audit_draw a ON a.media_id = s.media_id AND a.recipe_id = b.look_recipe_id
WHERE s.state IN ('blank', 'kept')
"""
_NAMES = """
SELECT b.name, r.description FROM batch b JOIN recipe r ON r.id = b.look_recipe_id
WHERE b.name IN :names ORDER BY b.name
"""


def reviewed_pictures(conn: Connection) -> tuple[list[sa.Row[Any]], int]:
    """Scored pictures of every camera of a card whose kept pictures all have an answer, and how
    many cameras have answers that leave some out."""
    found: list[sa.Row[Any]] = []
    partly = 0
    mine = sa.text(f"{_LOOKED} AND s.batch_id = :batch AND s.deployment_id = :deployment")
    for batch, deployment, left_kept in conn.exec_driver_sql(_PLACES).all():
        partly += left_kept > 0
        if not left_kept:
            found += conn.execute(mine, {"batch": batch, "deployment": deployment})
    return found, partly


def named_pictures(conn: Connection, sha256s: Iterable[str]) -> list[sa.Row[Any]]:
    """The same of these pictures, where they were scored."""
    query = sa.text(f"{_LOOKED} AND m.sha256 IN :shas").bindparams(
        sa.bindparam("shas", expanding=True)
    )
    return [row for part in chunks(sha256s) for row in conn.execute(query, {"shas": part})]


def save_certificate(conn: Connection, row: Mapping[str, Any]) -> None:
    """A new one under a name that is free."""
    conn.execute(schema.certificate.insert().values({**row, "made_at": now()}))


def certificate_named(conn: Connection, name: str) -> sa.RowMapping | None:
    """All columns. None: there is none of that name."""
    c = schema.certificate
    return conn.execute(sa.select(c).where(c.c.name == name)).mappings().first()


def all_certificates(conn: Connection) -> list[sa.RowMapping]:
    """Every one, the oldest first."""
    c = schema.certificate
    return list(conn.execute(sa.select(c).order_by(c.c.id)).mappings())


def certified_batches(conn: Connection, names: Iterable[str]) -> dict[str, str | None]:
    """By batch the certificate that its current scores were made with; None: uncertified."""
    query = (
        sa.text(_NAMES)
        .bindparams(sa.bindparam("names", expanding=True))
        .columns(sa.column("name", sa.Text), sa.column("description", schema.Json))
    )
    found = {}
    for part in chunks(names):
        for name, description in conn.execute(query, {"names": part}):
            found[name] = description.get("certificate", {}).get("name")
    return found
