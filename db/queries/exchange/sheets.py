"""What the audit sheet shows."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema


def drawn_blanks(conn: Connection, batch: str | None) -> Sequence[sa.Row[Any]]:
    """The drawn blanks of one batch, or of all, by sha256: where each lies, its p_human, and its
    current review (empty: none)."""
    a, m, b, d, k, s = (
        getattr(schema, name).c
        for name in ("audit_draw", "media", "batch", "deployment", "look", "status")
    )
    r = schema.review.c
    query = (
        sa.select(
            *(m.sha256, b.name.label("batch"), d.name.label("deployment_id"), m.path, s.taken_at),
            *(r.observation_type, r.name.label("scientific_name"), r.count.label("individuals")),
            *(r.reviewer, r.reviewed_at, r.comment, b.root, k.p_human),
        )
        .join_from(schema.audit_draw, schema.media, m.id == a.media_id)
        .join(schema.batch, (b.id == m.batch_id) & (b.look_recipe_id == a.recipe_id))
        .join(schema.deployment, d.id == m.deployment_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == a.recipe_id))
        .outerjoin(schema.status, s.media_id == m.id)
        .outerjoin(schema.review, (r.id == s.review_id) & (r.purpose != "event"))
        .order_by(m.sha256)
    )
    return conn.execute(query if batch is None else query.where(b.name == batch)).all()
