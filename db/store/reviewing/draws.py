"""The audit's sample: which blanks it covers."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    chunks,
    fields,
    media_ids,
    upsert,
)
from pipeline.records import (
    Draw,
)


def draws_of(conn: Connection, batch_id: int, recipe_id: int) -> list[Draw]:
    """What was drawn from this batch's blanks under a look recipe, so far."""
    a, m = schema.audit_draw.c, schema.media.c
    query = (
        sa.select(m.sha256, a.stratum, a.stratum_size, a.drawn, a.probability)
        .join_from(schema.audit_draw, schema.media, m.id == a.media_id)
        .where(m.batch_id == batch_id, a.recipe_id == recipe_id)
        .order_by(m.sha256)
    )
    return [Draw(*row) for row in conn.execute(query)]


def blanks_not_covered(
    conn: Connection, batch_id: int, recipe_id: int, draws: list[Draw]
) -> list[tuple[str, float, str, str]]:
    """(sha256, p_blank, deployment, light) of blanks that no earlier draw could have drawn.

    A draw is made when no window is left, and a window that comes later has a higher key: so the
    first blanks in the order of the plan are the covered ones, as many as the strata hold.
    """
    k, m, d = schema.look.c, schema.media.c, schema.deployment.c
    query = (
        sa.select(m.sha256, k.p_blank, d.name, k.light)
        .join_from(schema.look, schema.media, m.id == k.media_id)
        .join(schema.deployment, d.id == m.deployment_id)
        .where(m.batch_id == batch_id, k.recipe_id == recipe_id, k.state == "blank")
        .order_by(m.work_window_id, m.position)
    )
    covered = sum({draw.stratum: draw.stratum_size for draw in draws}.values())
    return [tuple(row) for row in conn.execute(query).all()[covered:]]


def save_draws(
    conn: Connection, batch_id: int, recipe_id: int, draws: Iterable[Draw], seed: int
) -> None:
    """The audit sample of one batch under one look recipe, in place of an earlier one."""
    a, m = schema.audit_draw, schema.media.c
    mine = sa.select(m.id).where(m.batch_id == batch_id)
    conn.execute(sa.delete(a).where(a.c.recipe_id == recipe_id, a.c.media_id.in_(mine)))
    for part in chunks(draws):
        ids = media_ids(conn, [draw.sha256 for draw in part])
        rows = [
            {
                **fields(draw, a),
                "media_id": ids[draw.sha256],
                "recipe_id": recipe_id,
                "seed": seed,
            }
            for draw in part
        ]
        upsert(conn, a, rows, ["media_id", "recipe_id"])


def count_drawn(conn: Connection, batch_id: int, recipe_id: int) -> int:
    """Blanks of this batch that a person is asked to look at."""
    a, m = schema.audit_draw.c, schema.media.c
    query = sa.select(sa.func.count()).join_from(
        schema.audit_draw, schema.media, m.id == a.media_id
    )
    return conn.execute(query.where(m.batch_id == batch_id, a.recipe_id == recipe_id)).scalar_one()
