"""What the readers of a day share: a query in words, and times out of it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection


def query(conn: Connection, text: str, **given) -> Sequence[sa.Row]:
    """Rows of a query; lists and tuples are expanded in IN. An empty list matches nothing."""
    lists = [sa.bindparam(k, expanding=True) for k, v in given.items() if isinstance(v, list)]
    given = {k: [None] if v == [] else v for k, v in given.items()}  # of no type
    return conn.execute(sa.text(text).bindparams(*lists), given).all()


def time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def local(text: str | None) -> datetime | None:
    """A time of running (UTC in the database) by this machine's clock, to the second."""
    if text is None:
        return None
    here = datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone()
    return here.replace(tzinfo=None, microsecond=0)


def around(day: date) -> dict[str, str]:
    """Text bounds in UTC that hold the day of any time zone, so that few rows are read."""
    before, after = day - timedelta(days=1), day + timedelta(days=2)
    return {"before": before.isoformat(), "after": after.isoformat()}
