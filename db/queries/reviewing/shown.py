"""What the screen shows of one visit or picture: its frames, and what was said of it."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import CURRENT_REVIEW

MOST = 500  # pictures of a visit
_MINE = schema.media.alias("mine")


def visit_row(conn: Connection, media_id: int) -> sa.Row[Any] | None:
    """The shown visit that begins with this picture; None: none does."""
    v, b = schema.visit.c, schema.batch.c
    query = sa.select(schema.visit).join(
        schema.batch, (b.id == v.batch_id) & (b.label_recipe_id == v.recipe_id)
    )
    return conn.execute(query.where(v.media_id == media_id)).first()


def visit_of(conn: Connection, media_id: int) -> int:
    """First picture of the visit that a picture belongs to; the picture itself without one."""
    s, v = schema.status.c, schema.visit.c
    found = sa.select(v.media_id).join_from(schema.status, schema.visit, v.id == s.visit_id)
    return conn.execute(found.where(s.media_id == media_id)).scalar() or media_id


def taxa_of(conn: Connection, visit_id: int) -> Sequence[sa.Row[Any]]:
    """The machine's taxa of a visit, its own first."""
    t = schema.visit_taxon
    return conn.execute(sa.select(t).where(t.c.visit_id == visit_id).order_by(t.c.position)).all()


def keys_of_visit(conn: Connection, visit_id: int) -> list[int]:
    """Its pictures."""
    x = schema.visit_media.c
    return list(conn.execute(sa.select(x.media_id).where(x.visit_id == visit_id)).scalars())


def around(conn: Connection, media_id: int) -> list[int]:
    """The pictures of the burst that a picture belongs to, itself among them."""
    m, mine = schema.media.c, _MINE.c
    query = sa.select(m.id).join(
        _MINE, (mine.deployment_id == m.deployment_id) & (mine.burst == m.burst)
    )
    found = list(conn.execute(query.where(mine.id == media_id).limit(MOST)).scalars())
    return found or [media_id]


def frames(conn: Connection, media_ids: Collection[int]) -> Sequence[sa.Row[Any]]:
    """Pictures in the order of time: where each lies, its times, what the machine said of it."""
    m, b, d, k, s, z, c, f = (
        getattr(schema, name).c
        for name in (
            *("media", "batch", "deployment", "look", "status", "repaired_time", "clock_repair"),
            "favourite",
        )
    )
    query = (
        sa.select(
            *(m.id, m.sha256, m.path, m.size, m.width, m.height, m.orientation, m.temperature_c),
            *(m.taken_at.label("camera_time"), c.kind.label("repair"), s.taken_at, m.batch_id),
            *(b.name.label("batch"), b.root, d.name.label("deployment"), d.location_name),
            *(s.state, s.p_blank, s.observation_type, s.name, k.p_human, k.p_vehicle),
            *(k.light, k.frames, k.frame_number, m.frame_rate),
            f.media_id.is_not(None).label("favourite"),
        )
        .join_from(schema.media, schema.batch, b.id == m.batch_id)
        .join(schema.deployment, d.id == m.deployment_id)
        .join(schema.status, s.media_id == m.id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .outerjoin(schema.repaired_time, z.media_id == m.id)
        .outerjoin(schema.clock_repair, c.id == z.clock_repair_id)
        .outerjoin(schema.favourite, f.media_id == m.id)
        .where(m.id.in_(media_ids))
        .order_by(s.taken_at, m.path, m.id)
        .limit(MOST)
    )
    return conn.execute(query).all()


def answers_on(conn: Connection, media_ids: Collection[int]) -> Sequence[sa.Row[Any]]:
    """The answers that count on these pictures and on the visits that begin with them, row by
    row."""
    r, current = schema.review, CURRENT_REVIEW.c
    query = (
        sa.select(r, current.of_visit)
        .join(CURRENT_REVIEW, current.review_id == r.c.id)
        .where(r.c.media_id.in_(media_ids))
        .order_by(r.c.media_id, current.of_visit, r.c.position)
    )
    return conn.execute(query).all()


def earlier_answers(conn: Connection, media_id: int) -> int:
    """Answers on a picture, and on the visit that begins with it, that stand but do not count."""
    r, current = schema.review.c, CURRENT_REVIEW.c
    counts = sa.exists().where(current.review_id == r.id)
    query = sa.select(sa.func.count()).where(
        r.media_id == media_id, r.position == 0, r.withdrawn_at.is_(None), ~counts
    )
    return conn.execute(query).scalar_one()


def copies_of(conn: Connection, media_id: int) -> Sequence[sa.Row[Any]]:
    """Where a picture's bytes lie: (batch, root, path), on the card that brought it first, then on
    others; and its size."""
    m, b, f = schema.media.c, schema.batch.c, schema.file.c
    first = sa.select(
        b.name.label("batch"), b.root, m.path, m.size, sa.literal(0).label("turn")
    ).join_from(schema.media, schema.batch, b.id == m.batch_id)
    other = sa.select(
        b.name.label("batch"), b.root, f.path, f.size, sa.literal(1).label("turn")
    ).join_from(schema.file, schema.batch, b.id == f.batch_id)
    both = sa.union_all(first.where(m.id == media_id), other.where(f.media_id == media_id))
    return conn.execute(both.order_by("turn")).all()


def frame_shown(conn: Connection, media_id: int) -> int | None:
    """Of a clip: the number of the frame that shows most, 0 where it was not looked at; None: a
    picture."""
    m, b, k = schema.media.c, schema.batch.c, schema.look.c
    query = (
        sa.select(sa.func.coalesce(k.frame_number, 0))
        .select_from(schema.media)
        .join(schema.batch, b.id == m.batch_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .where(m.id == media_id, m.mediatype.startswith("video/"))
    )
    return conn.execute(query).scalar()


def sha256_of(conn: Connection, media_ids: Collection[int]) -> dict[int, str]:
    """sha-256 by key, of pictures that are here."""
    m = schema.media.c
    query = sa.select(m.id, m.sha256).where(m.id.in_(media_ids))
    return {row.id: row.sha256 for row in conn.execute(query)}


def people_on(conn: Connection, media_id: int) -> Sequence[sa.Row[Any]]:
    """(p_human, observation_type) of a picture and of the others of its visit or burst, and of the
    visit's taxa (p_human empty)."""
    s, k, b, t = (getattr(schema, name).c for name in ("status", "look", "batch", "visit_taxon"))
    visit = conn.execute(sa.select(s.visit_id).where(s.media_id == media_id)).scalar()
    keys = keys_of_visit(conn, visit) if visit else []
    pictures = (
        sa.select(k.p_human, s.observation_type)
        .join_from(schema.status, schema.batch, b.id == s.batch_id)
        .outerjoin(schema.look, (k.media_id == s.media_id) & (k.recipe_id == b.look_recipe_id))
        .where(s.media_id.in_({media_id, *keys, *around(conn, media_id)}))
    )
    taxa = sa.select(sa.cast(None, sa.Double).label("p_human"), t.observation_type)
    return [
        *conn.execute(pictures),
        *conn.execute(taxa.where(t.visit_id == visit)),
    ]
