"""What the readers of a day share: a query as text, and times out of it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from pipeline.records import time_of as stored_time


def query(conn: Connection, text: str, **given: object) -> Sequence[sa.Row[Any]]:
    """Rows of a query; lists are expanded in IN. An empty list matches nothing."""
    lists: list[sa.BindParameter[Any]] = [
        sa.bindparam(k, expanding=True) for k, v in given.items() if isinstance(v, list)
    ]
    values = {k: [None] if v == [] else v for k, v in given.items()}  # of no type
    return conn.execute(sa.text(text).bindparams(*lists), values).all()


def time_of(text: str | None) -> datetime | None:
    return None if text is None else stored_time(text)


def local(text: str) -> datetime:
    """A time of running (UTC in the database) by this machine's clock, to the second."""
    here = datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone()
    return here.replace(tzinfo=None, microsecond=0)


def around(day: date) -> dict[str, str]:
    """Text bounds in UTC that hold the day of any time zone, so that few rows are read."""
    before, after = day - timedelta(days=1), day + timedelta(days=2)
    return {"before": before.isoformat(), "after": after.isoformat()}
