"""Favourites: pictures that people want to find again."""

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import now


def turn_favourite(conn: Connection, media_id: int, reviewer: str) -> bool:
    """Make a picture a favourite, or none any more; whether it is one now."""
    f = schema.favourite
    gone = conn.execute(sa.delete(f).where(f.c.media_id == media_id))
    if gone.rowcount:
        return False
    conn.execute(f.insert(), {"media_id": media_id, "reviewer": reviewer, "said_at": now()})
    return True
