"""The few counts at the end of a run."""

from collections import Counter
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks


def states(conn: Connection, batch_id: int) -> dict[str, int]:
    """Pictures on this card by state, also those that another card brought first."""
    f, s = schema.file.c, schema.status.c
    count = sa.func.count(sa.distinct(s.media_id))
    query = sa.select(s.state, count).join(schema.file, f.media_id == s.media_id)
    return {
        key: count
        for key, count in conn.execute(query.where(f.batch_id == batch_id).group_by(s.state))
    }


def species(conn: Connection, batch_id: int) -> dict[str, int]:
    """Visits of this batch by what was seen, as the views show them: what people said goes before
    the machine's word. Blank ones are left out."""
    query = (
        "SELECT coalesce(name, observation_type), count(*) FROM event_taxa"
        " WHERE batch_id = :batch AND observation_type <> 'blank' GROUP BY 1"
    )
    return {key: count for key, count in conn.execute(sa.text(query), {"batch": batch_id})}


def flags(conn: Connection, batch_id: int, recipe_id: int) -> int:
    g = schema.flag.c
    query = sa.select(sa.func.count()).select_from(schema.flag)
    return conn.execute(query.where(g.batch_id == batch_id, g.recipe_id == recipe_id)).scalar_one()


def of_files(conn: Connection, batch_id: int, paths: Iterable[str]) -> tuple[dict[str, int], int]:
    """The pictures that some files of a batch are, by state; and the flags in force that show one
    of them."""
    f, s, g, x = (t.c for t in (schema.file, schema.status, schema.flag, schema.flag_media))
    found: dict[int, str] = {}
    flagged: set[int] = set()
    pictures = sa.select(s.media_id, s.state).join(schema.file, f.media_id == s.media_id)
    shown = (
        sa.select(x.flag_id)
        .join(schema.file, f.media_id == x.media_id)
        .join(schema.flag, g.id == x.flag_id)
        .join(schema.batch, schema.batch.c.flag_recipe_id == g.recipe_id)
        .where(schema.batch.c.id == g.batch_id)
    )
    for part in chunks(paths):
        mine = (f.batch_id == batch_id) & f.path.in_(part)
        found.update((key, state) for key, state in conn.execute(pictures.where(mine)))
        flagged.update(conn.execute(shown.where(mine)).scalars())
    return dict(Counter(found.values())), len(flagged)
