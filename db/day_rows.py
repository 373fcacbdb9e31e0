"""What the readers of a day share: a query in words, and times out of it."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection


def query(conn: Connection, text: str, **given) -> Sequence[sa.Row]:
    """Rows of a query; lists and tuples are expanded in IN. An empty list matches nothing."""
    lists = [sa.bindparam(k, expanding=True) for k, v in given.items() if isinstance(v, list)]
    given = {k: [None] if v == [] else v for k, v in given.items()}  # of no type
    return conn.execute(sa.text(text).bindparams(*lists), given).all()


def time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
