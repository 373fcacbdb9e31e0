"""What visits that look alike are found by: the machine's word for them, and their vectors."""

from collections import defaultdict
from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks
from db.queries.reviewing.queues import shown_visits

Word = tuple[tuple[str, str | None], ...]  # (observation type, name) of each taxon, in order


def words_of(conn: Connection, media_ids: Collection[int]) -> dict[int, Word]:
    """What the machine says of the visits that begin with these pictures."""
    v, t = schema.visit.c, schema.visit_taxon.c
    query = (
        sa.select(v.media_id, t.observation_type, t.name)
        .select_from(shown_visits().join(schema.visit_taxon, t.visit_id == v.id))
        .order_by(v.media_id, t.position)
    )
    found: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
    for part in chunks(media_ids):
        for row in conn.execute(query.where(v.media_id.in_(part))):
            found[row.media_id].append((row.observation_type, row.name))
    return {key: tuple(taxa) for key, taxa in found.items()}


def vectors_of_visits(
    conn: Connection, media_ids: Collection[int], recipes: Collection[int]
) -> Iterator[tuple[list[int], list[bytes]]]:
    """(first picture of the visit, vector as float16) of every view of every picture of the visits
    that begin with these, in chunks.

    recipes   of the look: whose vectors
    """
    v, x, e, m = (
        getattr(schema, name).c for name in ("visit", "visit_media", "embedding", "media")
    )
    home = schema.batch.alias("home")
    query = (
        sa.select(v.media_id, e.vector)
        .select_from(shown_visits().join(schema.visit_media, x.visit_id == v.id))
        .join(schema.embedding, e.media_id == x.media_id)
        .join(schema.media, m.id == x.media_id)
        .join(home, (home.c.id == m.batch_id) & (home.c.look_recipe_id == e.recipe_id))
        .where(e.recipe_id.in_(recipes))
    )
    for part in chunks(media_ids):
        rows = conn.execute(query.where(v.media_id.in_(part))).all()
        if rows:
            yield [row.media_id for row in rows], [row.vector for row in rows]
