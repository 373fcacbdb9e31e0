"""What the audit sheet shows."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema


def drawn_blanks(conn: Connection, batch: str | None) -> Sequence[sa.Row[Any]]:
    """The drawn blanks of one batch, or of all, by sha256: where each lies, its p_human, and what
    its current answer says, one row an observation (empty: no answer).

    batch  every blank on its card, also those that another card brought first
    """
    a, m, b, d, k, s = (
        getattr(schema, name).c
        for name in ("audit_draw", "media", "batch", "deployment", "look", "status")
    )
    first, answer, card = schema.review.alias(), schema.review.alias(), schema.batch.alias()
    f, r = first.c, answer.c
    place = _places(batch)
    query = (
        sa.select(
            *(m.sha256, card.c.name.label("batch"), d.name.label("deployment_id")),
            *(place.c.path, s.taken_at),
            *(r.observation_type, r.name.label("scientific_name"), r.count.label("individuals")),
            *(r.life_stage, r.sex, r.behavior, r.individual_id),
            *(r.reviewer, r.reviewed_at, r.comment, card.c.root, k.p_human, k.frame_number),
        )
        .join_from(schema.audit_draw, schema.media, m.id == a.media_id)
        .join(schema.batch, (b.id == m.batch_id) & (b.look_recipe_id == a.recipe_id))
        .join(place, place.c.media_id == m.id)
        .join(card, card.c.id == place.c.batch_id)
        .join(schema.deployment, d.id == m.deployment_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == a.recipe_id))
        .outerjoin(schema.status, s.media_id == m.id)
        .outerjoin(first, (f.id == s.review_id) & (f.purpose != "event"))
        .outerjoin(answer, (r.media_id == f.media_id) & (r.answer == f.answer))
        .order_by(m.sha256, r.position)
    )
    return conn.execute(query).all()


def _places(batch: str | None) -> sa.Subquery:
    """Where each picture lies: on the card that brought it first, or on the card of this batch."""
    m, f = schema.media.c, schema.file.c
    if batch is None:
        return sa.select(m.id.label("media_id"), m.batch_id, m.path).subquery()
    card = sa.select(schema.batch.c.id).where(schema.batch.c.name == batch).scalar_subquery()
    own = sa.case((m.batch_id == f.batch_id, m.path), else_=sa.func.min(f.path))
    return (
        sa.select(f.media_id, f.batch_id, own.label("path"))
        .join_from(schema.file, schema.media, m.id == f.media_id)
        .where(f.batch_id == card)
        .group_by(f.media_id, f.batch_id, m.batch_id, m.path)
        .subquery()
    )
