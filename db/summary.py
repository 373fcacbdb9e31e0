"""The few counts at the end of a run, and whether a batch has anything left to do."""

import sqlalchemy as sa
from sqlalchemy import Connection

from db import schema


def states(conn: Connection, batch_id: int) -> dict[str, int]:
    """Pictures on this card by state, also those that another card brought first."""
    f, s = schema.file.c, schema.status.c
    count = sa.func.count(sa.distinct(s.media_id))
    query = sa.select(s.state, count).join(schema.file, f.media_id == s.media_id)
    return dict(conn.execute(query.where(f.batch_id == batch_id).group_by(s.state)).all())


def species(conn: Connection, batch_id: int) -> dict[str, int]:
    """Visits of this batch by what was seen, as the views show them: what people said goes before
    the machine's word. Blank ones are left out."""
    query = (
        "SELECT coalesce(name, observation_type), count(*) FROM event_taxa"
        " WHERE batch_id = :batch AND observation_type <> 'blank' GROUP BY 1"
    )
    return dict(conn.execute(sa.text(query), {"batch": batch_id}).all())


def flags(conn: Connection, batch_id: int, recipe_id: int) -> int:
    g = schema.flag.c
    query = sa.select(sa.func.count()).select_from(schema.flag)
    return conn.execute(query.where(g.batch_id == batch_id, g.recipe_id == recipe_id)).scalar_one()


def drawn(conn: Connection, batch_id: int, recipe_id: int) -> int:
    """Blanks of this batch that a person is asked to look at."""
    a, m = schema.audit_draw.c, schema.media.c
    query = sa.select(sa.func.count()).join_from(
        schema.audit_draw, schema.media, m.id == a.media_id
    )
    return conn.execute(query.where(m.batch_id == batch_id, a.recipe_id == recipe_id)).scalar_one()


def last_run(conn: Connection, batch_id: int) -> str | None:
    """Status of the batch's newest run; a run that was killed is still 'running'."""
    r = schema.run.c
    query = sa.select(r.status).where(r.batch_id == batch_id).order_by(r.id.desc()).limit(1)
    return conn.execute(query).scalar()


def stuck(conn: Connection, batch_id: int, left: int) -> bool:
    """Whether the batch's last two runs died without finishing one of the windows that are left."""
    r = schema.run.c
    query = sa.select(r.status, r.counts).where(r.batch_id == batch_id).order_by(r.id.desc())
    last = conn.execute(query.limit(2)).all()
    dead = [counts for status, counts in last if status in ("running", "failed")]
    return len(dead) == 2 and all(counts.get("windows_left") == left for counts in dead)
