"""What the audit sheet shows."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema


def drawn_blanks(conn: Connection, batch: str | None) -> Sequence[sa.Row[Any]]:
    """The drawn blanks of one batch, or of all, by sha256: where each lies, its p_human, and what
    its current answer says, one row an observation (empty: no answer)."""
    a, m, b, d, k, s = (
        getattr(schema, name).c
        for name in ("audit_draw", "media", "batch", "deployment", "look", "status")
    )
    first, answer = schema.review.alias(), schema.review.alias()
    f, r = first.c, answer.c
    query = (
        sa.select(
            *(m.sha256, b.name.label("batch"), d.name.label("deployment_id"), m.path, s.taken_at),
            *(r.observation_type, r.name.label("scientific_name"), r.count.label("individuals")),
            *(r.life_stage, r.sex, r.behavior, r.individual_id),
            *(r.reviewer, r.reviewed_at, r.comment, b.root, k.p_human),
        )
        .join_from(schema.audit_draw, schema.media, m.id == a.media_id)
        .join(schema.batch, (b.id == m.batch_id) & (b.look_recipe_id == a.recipe_id))
        .join(schema.deployment, d.id == m.deployment_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == a.recipe_id))
        .outerjoin(schema.status, s.media_id == m.id)
        .outerjoin(first, (f.id == s.review_id) & (f.purpose != "event"))
        .outerjoin(answer, (r.media_id == f.media_id) & (r.answer == f.answer))
        .order_by(m.sha256, r.position)
    )
    return conn.execute(query if batch is None else query.where(b.name == batch)).all()
