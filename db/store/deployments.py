"""Deployments: which camera hung where, and when."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import (
    chunks,
    fields,
    record,
    upsert,
)
from db.store.repairs import believed
from pipeline.records import Deployment, Taken


def save_deployments(conn: Connection, deployments: Iterable[Deployment]) -> None:
    """A deployment from a table replaces what is known; one guessed from folders only fills in."""
    for table_wins in (True, False):
        rows = [
            {"name": deployment.deployment_id, **fields(deployment, schema.deployment)}
            for deployment in deployments
            if (deployment.source == "table") is table_wins
        ]
        update = [key for key in (rows[0] if rows else ()) if key != "name"] if table_wins else ()
        upsert(conn, schema.deployment, rows, ["name"], update=update)


def forget_empty(conn: Connection, deployments: Iterable[Deployment]) -> None:
    """Take back those guessed from folders that brought no picture of their own: a copy of a card
    whose pictures all hang on other deployments already is no further camera."""
    names = [deployment.deployment_id for deployment in deployments if deployment.source != "table"]
    d = schema.deployment
    for part in chunks(names):
        mine = d.c.name.in_(part) & (d.c.source != "table")
        conn.execute(sa.delete(d).where(mine, *_nothing_hangs_on()))


def delete_deployment(conn: Connection, name: str) -> bool:
    """Forget one on which nothing hangs: no picture, outage or repair. False: something does."""
    d = schema.deployment
    gone = sa.delete(d).where(d.c.name == name, *_nothing_hangs_on())
    return conn.execute(gone).rowcount == 1


def _nothing_hangs_on() -> list[sa.ColumnElement[bool]]:
    tables = schema.metadata.sorted_tables
    hanging = [table.c.deployment_id for table in tables if "deployment_id" in table.c]
    return [~sa.exists().where(column == schema.deployment.c.id) for column in hanging]


def deployments_of(conn: Connection, batch_id: int) -> list[Deployment]:
    """Deployments that this batch brought pictures to, by name. Where the clock was wrong by the
    table and all of the pictures are repaired, it may be trusted again."""
    return deployments_with(conn, schema.media.c.batch_id == batch_id)


def deployments_with(conn: Connection, pictures: ColumnElement[bool]) -> list[Deployment]:
    """The same of any pictures: those of `media` that the condition selects."""
    d = schema.deployment
    mine = sa.select(schema.media.c.deployment_id).where(pictures)
    rows = conn.execute(sa.select(d).where(d.c.id.in_(mine)).order_by(d.c.name)).mappings()
    places = [record(Deployment, {**row, "deployment_id": row["name"]}) for row in rows]
    return believed(conn, places)


def all_deployments(conn: Connection) -> list[Deployment]:
    """Every deployment that is known, by name."""
    d = schema.deployment
    rows = conn.execute(sa.select(d).order_by(d.c.name)).mappings()
    return [record(Deployment, {**row, "deployment_id": row["name"]}) for row in rows]


def outside_period(conn: Connection) -> list[tuple[str, int]]:
    """(deployment, pictures) whose time, repaired, lies before its start or after its end."""
    d, s = schema.deployment.c, schema.status.c
    early, late = _early(), s.taken_at > d.ended_at
    query = sa.select(d.name, sa.func.count()).join(schema.status, s.deployment_id == d.id)
    rows = conn.execute(query.where(early | late).group_by(d.name).order_by(d.name))
    return [tuple(row) for row in rows]


def _early() -> sa.ColumnElement[bool]:
    """Taken before its deployment's start; a day without an hour on an earlier day."""
    d, s = schema.deployment.c, schema.status.c
    start = sa.func.substr(d.started_at, 1, sa.func.length(s.taken_at), type_=schema.TEXT)
    return sa.type_coerce(s.taken_at, schema.TEXT) < start


def pictures_taken(conn: Connection) -> dict[str, Taken]:
    """What pictures there are of each deployment, by their repaired times."""
    d, s = schema.deployment.c, schema.status.c
    early = sa.func.count(sa.case((_early(), 1)))
    late = sa.func.count(sa.case((s.taken_at > d.ended_at, 1)))
    ends = sa.func.min(s.taken_at), sa.func.max(s.taken_at)
    untimed = sa.func.count() - sa.func.count(s.taken_at)
    query = sa.select(d.name, sa.func.count(), *ends, early, late, untimed)
    joined = query.join(schema.status, s.deployment_id == d.id).group_by(d.name)
    return {name: Taken(*rest) for name, *rest in conn.execute(joined)}
