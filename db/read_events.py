"""Reading visits and flags back, by deployment and time."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db import schema
from db.rows import record
from pipeline.records import Flag, Visit

Among = Collection[str] | None  # names of deployments


def visits_of(conn: Connection, batch_id: int, recipe_id: int, among: Among = None) -> list[Visit]:
    """Visits under this label recipe, by deployment and time."""
    v, d, x = schema.visit, schema.deployment.c, schema.visit_taxon
    scope = _events_scope(v, batch_id, among)
    pictures = _pictures(conn, v, schema.visit_media, recipe_id, scope)
    taxa: dict[int, list] = {}
    mine = sa.select(v.c.id).where(v.c.recipe_id == recipe_id, scope)
    for row in conn.execute(
        sa.select(x).where(x.c.visit_id.in_(mine)).order_by(x.c.visit_id, x.c.position)
    ):
        taxa.setdefault(row.visit_id, []).append(row)
    rows = conn.execute(
        sa.select(v, d.name.label("deployment"))
        .join(schema.deployment, d.id == v.c.deployment_id)
        .where(v.c.recipe_id == recipe_id, scope)
        .order_by(d.name, v.c.started_at, v.c.media_id)
    )
    return [_visit(row._mapping, taxa[row.id], pictures[row.id]) for row in rows]


def _visit(row: Mapping, taxa: Sequence, sha256s: tuple[str, ...]) -> Visit:
    own, *others = taxa
    return record(
        Visit,
        {
            **row,
            "deployment_id": row["deployment"],
            "sha256s": sha256s,
            "observation_type": own.observation_type,
            "name": own.name,
            "rank": own.rank,
            "probability": own.probability,
            "others": tuple((one.observation_type, one.name, one.pictures) for one in others),
        },
    )


def flags_shown(conn: Connection) -> Sequence[sa.Row]:
    """The view `flags`, the suspected ones first, the gravest first."""
    return conn.execute(
        sa.text(
            "SELECT * FROM flags ORDER BY CASE status WHEN 'suspected' THEN 0 ELSE 1 END,"
            " severity DESC, score DESC, started_at, flag_id"
        )
    ).all()


def flags_named(conn: Connection, begins: str) -> Sequence[str]:
    """flag_id of every flag shown whose name begins so."""
    query = sa.text("SELECT flag_id FROM flags WHERE substr(flag_id, 1, :n) = :begins")
    return conn.execute(query, {"n": len(begins), "begins": begins}).scalars().all()


def flags_of(conn: Connection, batch_id: int, recipe_id: int) -> list[Flag]:
    """Flags under this flag recipe, by deployment and time."""
    g, d = schema.flag, schema.deployment.c
    scope = _events_scope(g, batch_id, None)
    pictures = _pictures(conn, g, schema.flag_media, recipe_id, scope)
    rows = conn.execute(
        sa.select(g, d.name.label("deployment"))
        .join(schema.deployment, d.id == g.c.deployment_id)
        .where(g.c.recipe_id == recipe_id, scope)
        .order_by(d.name, g.c.started_at, g.c.media_id)
    ).mappings()
    return [
        record(Flag, {**row, "deployment_id": row["deployment"], "sha256s": pictures[row["id"]]})
        for row in rows
    ]


def _events_scope(table: sa.Table, batch_id: int, among: Among) -> ColumnElement[bool]:
    if among is None:
        return table.c.batch_id == batch_id
    d = schema.deployment.c
    return table.c.deployment_id.in_(sa.select(d.id).where(d.name.in_(among)))


def _pictures(
    conn: Connection, table: sa.Table, members: sa.Table, recipe_id: int, scope: ColumnElement[bool]
) -> dict[int, tuple[str, ...]]:
    """sha256s by event key, in the order of time, the anchor picture first."""
    m, s, key = schema.media.c, schema.status.c, members.c[f"{table.name}_id"]
    query = (
        sa.select(key, m.sha256)
        .join(schema.media, m.id == members.c.media_id)
        .join(schema.status, s.media_id == m.id)
        .join(table, table.c.id == key)
        .where(table.c.recipe_id == recipe_id, scope)
        .order_by(key, m.id != table.c.media_id, s.taken_at, m.path, m.sha256)
    )
    grouped: dict[int, list[str]] = {}
    for id, sha in conn.execute(query):
        grouped.setdefault(id, []).append(sha)
    return {id: tuple(shas) for id, shas in grouped.items()}
