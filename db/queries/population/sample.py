"""Visits as the model names them, what people said of them, and the random sample of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks, fields, media_ids, upsert
from db.store.batches import save_recipe
from pipeline.records import Draw

# sha256 of its first picture, batch, deployment, start, type, name, probability; taxa that people
# saw ((): blank; None: nobody has reviewed it); end
LabelledRow: TypeAlias = tuple[
    str, str, str, str, str, str | None, float | None, tuple[str, ...] | None, str | None
]

_LABELLED = """
SELECT m.sha256, b.name, d.name, v.started_at, x.observation_type, x.name, x.probability, v.id,
    v.ended_at
FROM visit v
JOIN batch b ON b.id = v.batch_id AND b.label_recipe_id = v.recipe_id
JOIN visit_taxon x ON x.visit_id = v.id AND x.position = 0
JOIN media m ON m.id = v.media_id
JOIN deployment d ON d.id = v.deployment_id
WHERE v.started_at IS NOT NULL AND coalesce(v.capture_method, '') <> 'timeLapse'
ORDER BY m.sha256
"""
_SAID = """
SELECT visit_id, observation_type, name FROM event_taxa
WHERE method = 'human' AND visit_id IS NOT NULL ORDER BY visit_id, position
"""
_PICTURES = """
SELECT f.sha256 AS first, m.path, b.root, k.p_human
FROM visit v
JOIN batch h ON h.id = v.batch_id AND h.label_recipe_id = v.recipe_id
JOIN media f ON f.id = v.media_id
JOIN visit_media x ON x.visit_id = v.id
JOIN media m ON m.id = x.media_id
JOIN batch b ON b.id = m.batch_id
LEFT JOIN look k ON k.media_id = m.id AND k.recipe_id = b.look_recipe_id
WHERE f.sha256 IN :shas
ORDER BY f.sha256, m.taken_at, m.path
"""


def labelled_visits(conn: Connection) -> list[LabelledRow]:
    """Every visit with a time, by its first picture's sha256; what people said of it beside."""
    said: dict[int, list[str]] = defaultdict(list)
    for visit, kind, name in conn.exec_driver_sql(_SAID):
        said[visit] += [] if kind == "blank" else [name or kind]
    return [
        (sha, batch, place, at, kind, name, p, tuple(said[visit]) if visit in said else None, end)
        for sha, batch, place, at, kind, name, p, visit, end in conn.exec_driver_sql(_LABELLED)
    ]


def pictures_of(
    conn: Connection, shas: Sequence[str]
) -> dict[str, list[tuple[str, str, float | None]]]:
    """(path, root of its card, p_human) of each picture of the visits that begin with these."""
    found = defaultdict(list)
    query = sa.text(_PICTURES).bindparams(sa.bindparam("shas", expanding=True))
    for part in chunks(shas):
        for row in conn.execute(query, {"shas": part}):
            found[row.first].append((row.path, row.root, row.p_human))
    return found


def save_sample(
    conn: Connection, draws: Sequence[Draw], about: Mapping[str, Any], seed: int
) -> None:
    """A draw in force from now on: its recipe says from what it was drawn, each of its rows with
    what probability. The same draw again changes nothing."""
    newest = _newest(conn)
    turn = newest.description["turn"] if newest else 0
    if newest and {**newest.description, "turn": 0} == {**about, "step": "review", "turn": 0}:
        return
    recipe = save_recipe(conn, "review", {**about, "step": "review", "turn": turn + 1})
    a = schema.audit_draw
    for part in chunks(draws):
        ids = media_ids(conn, [draw.sha256 for draw in part])
        same = {"recipe_id": recipe, "seed": seed}
        rows = [{**fields(draw, a), "media_id": ids[draw.sha256], **same} for draw in part]
        upsert(conn, a, rows, ["media_id", "recipe_id"])


def sample_in_force(conn: Connection) -> tuple[frozenset[str], Mapping[str, Any]] | None:
    """The draw in force: sha256s of the visits drawn, and from what. None: nothing was drawn."""
    newest = _newest(conn)
    if newest is None:
        return None
    a, m = schema.audit_draw.c, schema.media.c
    mine = (
        sa.select(m.sha256)
        .join_from(schema.audit_draw, schema.media, m.id == a.media_id)
        .where(a.recipe_id == newest.id)
    )
    return frozenset(conn.execute(mine).scalars()), newest.description


def _newest(conn: Connection) -> sa.Row[Any] | None:
    r = schema.recipe.c
    drawn = sa.select(r.id, r.description).where(r.step == "review").order_by(r.id.desc())
    return conn.execute(drawn.limit(1)).first()
