"""Certificates, and the reviewed pictures that may prove them."""

from collections import defaultdict
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
    coalesce(d.location_id, d.name) AS station, s.state, s.p_blank, s.p_human, s.p_vehicle,
    s.decided_by, s.novelty, k.light, d.other, f.sha256 AS visit, s.visit_id, r.observation_type,
    r.media_id AS answered, r.answer, a.stratum, a.stratum_size, b.look_recipe_id AS recipe,
    b.label_recipe_id AS named
FROM status s
JOIN media m ON m.id = s.media_id
JOIN batch b ON b.id = s.batch_id
JOIN deployment d ON d.id = s.deployment_id
LEFT JOIN look k ON k.media_id = s.media_id AND k.recipe_id = b.look_recipe_id
LEFT JOIN visit v ON v.id = s.visit_id
LEFT JOIN media f ON f.id = v.media_id
LEFT JOIN review r ON r.id = s.review_id AND r.purpose <> 'event'
LEFT JOIN audit_draw a ON a.media_id = s.media_id AND a.recipe_id = b.look_recipe_id
WHERE s.state IN ('blank', 'kept')
"""
_DRAWN = """
SELECT f.sha256, a.stratum, a.stratum_size, a.seed, v.id AS visit_id
FROM audit_draw a
JOIN media f ON f.id = a.media_id
JOIN batch b ON b.id = f.batch_id
LEFT JOIN visit v ON v.media_id = f.id AND v.recipe_id = b.label_recipe_id
WHERE a.recipe_id = (SELECT max(id) FROM recipe WHERE step = 'review') ORDER BY f.sha256
"""
_TOLD = """
SELECT t.visit_id FROM told t JOIN visit v ON v.id = t.visit_id WHERE t.visit_id IN :visits
GROUP BY t.visit_id, v.pictures
HAVING max(t.whole) = 1 OR count(DISTINCT t.media_id) = v.pictures
"""
_TYPES = """
SELECT visit_id, observation_type FROM event_taxa WHERE visit_id IN :visits AND method = 'human'
"""
_MORE = """
SELECT r.media_id, r.answer, r.observation_type FROM review r
JOIN review f ON f.media_id = r.media_id AND f.answer = r.answer AND f.position = 0
WHERE r.position > 0 AND f.purpose <> 'event'
"""
_NAMES = """
SELECT b.name, r.description, f.description AS flagged FROM batch b
JOIN recipe r ON r.id = b.look_recipe_id
LEFT JOIN recipe f ON f.id = b.flag_recipe_id
WHERE b.name IN :names ORDER BY b.name
"""
_PLANNED = """
SELECT b.name, r.settings FROM batch b JOIN run r ON r.batch_id = b.id ORDER BY r.id DESC
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


def types_seen(conn: Connection, rows: Iterable[sa.Row[Any]]) -> dict[str, frozenset[str]]:
    """The observation types of the answer on each of these pictures that has one."""
    more: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for media, answer, kind in conn.exec_driver_sql(_MORE):
        more[media, answer].add(kind)
    return {
        row.sha256: frozenset({row.observation_type, *more[row.answered, row.answer]})
        for row in rows
        if row.answered is not None
    }


def drawn_visits(
    conn: Connection,
) -> list[tuple[sa.Row[Any], frozenset[str] | None, list[sa.Row[Any]]]]:
    """Every visit of the draw in force, the observation types that people saw in the whole of it
    (None: they did not tell), and its scored pictures, none where it is no visit any more."""
    drawn = conn.exec_driver_sql(_DRAWN).all()
    visits = [row.visit_id for row in drawn if row.visit_id is not None]
    told: set[int] = set()
    types: defaultdict[int, set[str]] = defaultdict(set)
    pictures: defaultdict[int, list[sa.Row[Any]]] = defaultdict(list)
    for part in chunks(visits):
        given = {"visits": part}
        told |= set(conn.execute(_among(_TOLD), given).scalars())
        for visit, kind in conn.execute(_among(_TYPES), given):
            types[visit].add(kind)
        for row in conn.execute(_among(f"{_LOOKED} AND s.visit_id IN :visits"), given):
            pictures[row.visit_id].append(row)
    return [
        (
            row,
            frozenset(types[row.visit_id] or {"blank"}) if row.visit_id in told else None,
            sorted(pictures[row.visit_id], key=lambda picture: picture.sha256),
        )
        for row in drawn
    ]


def _among(query: str) -> sa.TextClause:
    return sa.text(query).bindparams(sa.bindparam("visits", expanding=True))


def planned_with(conn: Connection) -> dict[str, dict[str, Any]]:
    """By card, the settings of the run that cut it into windows and bursts: its first."""
    query = sa.text(_PLANNED).columns(sa.column("name"), sa.column("settings", schema.Json))
    return {name: settings.get("windows", {}) for name, settings in conn.execute(query)}


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


def certified_batches(conn: Connection, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """By batch the certificates that its current results were made with, by kind."""
    query = (
        sa.text(_NAMES)
        .bindparams(sa.bindparam("names", expanding=True))
        .columns(
            sa.column("name", sa.Text),
            sa.column("description", schema.Json),
            sa.column("flagged", schema.Json),
        )
    )
    found = {}
    for part in chunks(names):
        for name, look, flagged in conn.execute(query, {"names": part}):
            given = dict((flagged or {}).get("certificates", {}))
            if "certificate" in look:
                given["not blank"] = look["certificate"]
            found[name] = {kind: proof["name"] for kind, proof in given.items()}
    return found
