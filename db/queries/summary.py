"""The few counts at the end of a run."""

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema


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
