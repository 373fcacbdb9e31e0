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
# saw ((): blank; None: nobody has told of the whole visit); end; taxa that people saw on single
# pictures; whether their word took the place of the machine's name
LabelledRow: TypeAlias = tuple[
    str, str, str, str, str, str | None, float | None, tuple[str, ...] | None, str | None,
    tuple[str, ...], bool,
]  # fmt: skip

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
SELECT visit_id, observation_type, name, method FROM event_taxa
WHERE visit_id IN (SELECT visit_id FROM told WHERE visit_id IS NOT NULL)
    AND (method = 'human' OR label = 0)
ORDER BY visit_id, position
"""
_WHOLE = """
SELECT t.visit_id FROM told t JOIN visit v ON v.id = t.visit_id
GROUP BY t.visit_id, v.pictures
HAVING max(t.whole) = 1 OR count(DISTINCT t.media_id) = v.pictures
"""
_IN_PART = """
SELECT DISTINCT visit_id, coalesce(name, observation_type) AS taxon FROM told
WHERE whole = 0 AND observation_type <> 'blank' AND visit_id IS NOT NULL ORDER BY 1, 2
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
    """Every visit with a time, by its first picture's sha256; what people said of it beside. They
    answered it if they spoke of the visit, or of each of its pictures."""
    said: dict[int, list[str]] = defaultdict(list)
    in_part: dict[int, list[str]] = defaultdict(list)
    by_machine = set[int]()
    for visit, kind, name, method in conn.exec_driver_sql(_SAID):
        if method == "machine":
            by_machine.add(visit)
        else:
            said[visit] += [] if kind == "blank" else [name or kind]
    for visit, taxon in conn.exec_driver_sql(_IN_PART):
        in_part[visit].append(taxon)
    whole = set(conn.exec_driver_sql(_WHOLE).scalars())
    found: list[LabelledRow] = []
    for *row, visit, end in conn.exec_driver_sql(_LABELLED):
        answer = tuple(said[visit]) if visit in whole else None
        replaced = visit in said and visit not in by_machine
        found.append((*row, answer, end, tuple(in_part.get(visit, ())), replaced))
    return found


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
    """A draw in force from now on: its recipe says from what it was drawn, and which of its visits
    people had answered before ("answered"); each of its rows with what probability. The same draw
    again changes nothing."""
    newest = _newest(conn)
    turn = newest.description["turn"] if newest else 0
    rest = {"turn": 0, "answered": []}
    if newest and {**newest.description, **rest} == {**about, "step": "review", **rest}:
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


def asked_by_draws(conn: Connection) -> frozenset[str]:
    """sha256s of the visits of every draw, without those that people had answered before it."""
    a, m, r = schema.audit_draw.c, schema.media.c, schema.recipe.c
    drawn = (
        sa.select(a.recipe_id, m.sha256)
        .join_from(schema.audit_draw, schema.media, m.id == a.media_id)
        .join(schema.recipe, r.id == a.recipe_id)
        .where(r.step == "review")
    )
    about = sa.select(r.id, r.description).where(r.step == "review")
    before = {row.id: {*row.description.get("answered", ())} for row in conn.execute(about)}
    return frozenset(
        row.sha256 for row in conn.execute(drawn) if row.sha256 not in before[row.recipe_id]
    )


def _newest(conn: Connection) -> sa.Row[Any] | None:
    r = schema.recipe.c
    drawn = sa.select(r.id, r.description).where(r.step == "review").order_by(r.id.desc())
    return conn.execute(drawn.limit(1)).first()
