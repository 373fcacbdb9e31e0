"""Repairs of clocks, and the times that they make of what cameras wrote.

`media.taken_at` is never changed. `repaired_time` holds what the standing repairs make of it; one
repair a picture, so that each can be undone for itself, in any order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import chunks, deployment_ids, now, record, refresh, upsert
from pipeline.errors import InputError
from pipeline.records import ClockRepair, Deployment

Written = tuple[int, str, str, datetime | None]  # media key, batch, path, camera time


def repairs(conn: Connection, undone: bool = False) -> list[tuple[int, ClockRepair, sa.RowMapping]]:
    """(key, repair, its row with made_at, undone_at, pictures), in the order they were made."""
    c, d, b, r = schema.clock_repair, schema.deployment.c, schema.batch.c, schema.repaired_time.c
    pictures = sa.select(sa.func.count()).where(r.clock_repair_id == c.c.id).scalar_subquery()
    query = (
        sa.select(c, d.name.label("deployment"), b.name.label("batch"), pictures.label("pictures"))
        .join(schema.deployment, d.id == c.c.deployment_id)
        .outerjoin(schema.batch, b.id == c.c.batch_id)
        .where(sa.true() if undone else c.c.undone_at.is_(None))
        .order_by(c.c.id)
    )
    rows = conn.execute(query).mappings()
    return [
        (row["id"], record(ClockRepair, {**row, "deployment_id": row["deployment"]}), row)
        for row in rows
    ]


def stretch(conn: Connection, repair: ClockRepair) -> list[Written]:
    """The pictures that a repair touches, in the order of files."""
    mine = schema.deployment.c.name == repair.deployment_id
    return [row[:4] for row in _written(conn, mine) if repair.touches(*row[1:4])]


def save_repair(conn: Connection, repair: ClockRepair) -> int:
    """Write a repair and the times it makes; its key. InputError where another one stands."""
    [place] = deployment_ids(conn, [repair.deployment_id]).values()
    b = schema.batch.c
    batch = (
        conn.execute(sa.select(b.id).where(b.name == repair.batch)).scalar()
        if repair.batch
        else None
    )
    refuse_second(conn, repair, stretch(conn, repair))
    columns = ("first_at", "last_at", "first_path", "last_path", "kind", "parameters")
    row = {name: getattr(repair, name) for name in (*columns, "comment", "made_by")}
    row |= {"deployment_id": place, "batch_id": batch, "made_at": now()}
    inserted = conn.execute(schema.clock_repair.insert().values(row)).inserted_primary_key
    assert inserted is not None
    key = int(inserted[0])
    mine = schema.media.c.deployment_id == place
    apply(conn, mine)
    refresh(conn, mine)
    return key


def times_written(conn: Connection, sha256s: Sequence[str]) -> dict[str, datetime | None]:
    """What the cameras wrote, by sha-256."""
    m = schema.media.c
    return {
        sha: at
        for part in chunks(sha256s)
        for sha, at in conn.execute(sa.select(m.sha256, m.taken_at).where(m.sha256.in_(part)))
    }


def places(conn: Connection, sha256s: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """(sha-256, deployment, batch, path) of these pictures, in the order of cards and files."""
    m, b, d = schema.media.c, schema.batch.c, schema.deployment.c
    query = (
        sa.select(m.sha256, d.name, b.name, m.path)
        .join_from(schema.media, schema.batch, b.id == m.batch_id)
        .join(schema.deployment, d.id == m.deployment_id)
    )
    found = [
        (sha, place, batch, path)
        for part in chunks(sha256s)
        for sha, place, batch, path in conn.execute(query.where(m.sha256.in_(part)))
    ]
    return sorted(found, key=lambda row: row[1:])


def refuse_second(conn: Connection, repair: ClockRepair, touched: Sequence[Written]) -> None:
    """A picture has one repair: two that add up could not be undone one by one."""
    r, c = schema.repaired_time.c, schema.clock_repair.c
    query = (
        sa.select(c.id, sa.func.count())
        .join_from(schema.repaired_time, schema.clock_repair, c.id == r.clock_repair_id)
        .join(schema.deployment, schema.deployment.c.id == c.deployment_id)
        .where(schema.deployment.c.name == repair.deployment_id)
    )
    for keys in chunks(key for key, *_ in touched):
        for key, pictures in conn.execute(query.where(r.media_id.in_(keys)).group_by(c.id)):
            raise InputError(
                f"{repair.deployment_id}: repair {key} is of {pictures} of these pictures, and "
                f"a picture has one repair: camtriage clock undo {key}, then give the whole of it"
            )


def undo_repair(conn: Connection, key: int, undone_by: str | None) -> str:
    """Take a repair back: its pictures have the camera's time again. The deployment's name."""
    c, d = schema.clock_repair, schema.deployment.c
    query = sa.select(d.id, d.name, c.c.undone_at).where(c.c.id == key)
    row = conn.execute(query.join(schema.deployment, d.id == c.c.deployment_id)).one_or_none()
    if row is None or row.undone_at:
        what = f"was undone on {row.undone_at:%Y-%m-%d}" if row else "does not exist"
        raise InputError(f"repair {key} {what}: see camtriage clock list")
    values = {"undone_at": now(), "undone_by": undone_by}
    conn.execute(sa.update(c).where(c.c.id == key).values(values))
    r = schema.repaired_time
    conn.execute(sa.delete(r).where(r.c.clock_repair_id == key))
    apply(conn, schema.media.c.deployment_id == row.id)
    refresh(conn, schema.media.c.deployment_id == row.id)
    return str(row.name)


def apply(conn: Connection, which: ColumnElement[bool]) -> None:
    """Write what the standing repairs make of these media; the caller refreshes `status`."""
    upsert(
        conn,
        schema.repaired_time,
        meant(conn, which),
        ["media_id"],
        update=("clock_repair_id", "taken_at"),
    )


def meant(conn: Connection, which: ColumnElement[bool]) -> Iterator[dict[str, object]]:
    """The rows that `repaired_time` must hold for these media. The earliest repair has a picture
    that two of them could have, as one that came with a later card."""
    standing = repairs(conn)
    if not standing:
        return
    names = sorted({repair.deployment_id for _, repair, _ in standing})
    for names_chunk in chunks(names):
        rows = list(_written(conn, which & schema.deployment.c.name.in_(names_chunk)))
        for key, batch, path, at, name in rows:
            for number, repair, _ in standing:
                if repair.deployment_id == name and repair.touches(batch, path, at):
                    meant_at = repair.of_picture(path, at)
                    yield {"media_id": key, "clock_repair_id": number, "taken_at": meant_at}
                    break


def _written(
    conn: Connection, which: ColumnElement[bool]
) -> Iterator[tuple[int, str, str, datetime | None, str]]:
    m, b, d = schema.media.c, schema.batch.c, schema.deployment.c
    query = (
        sa.select(m.id, b.name, m.path, m.taken_at, d.name)
        .join_from(schema.media, schema.batch, b.id == m.batch_id)
        .join(schema.deployment, d.id == m.deployment_id)
        .where(which)
        .order_by(b.name, m.path, m.sha256)
    )
    return ((key, batch, path, at, name) for key, batch, path, at, name in conn.execute(query))


def believed(conn: Connection, places: Sequence[Deployment]) -> list[Deployment]:
    """Deployments whose clock was wrong but is repaired in every picture may be believed again."""
    doubted = [place.deployment_id for place in places if place.timestamp_issues]
    m, r, d = schema.media.c, schema.repaired_time.c, schema.deployment.c
    query = (
        sa.select(d.name)
        .join(schema.media, m.deployment_id == d.id)
        .outerjoin(schema.repaired_time, r.media_id == m.id)
        .where(m.taken_at.is_not(None))
        .group_by(d.name)
        .having(sa.func.count(r.media_id) == sa.func.count())
    )
    solved = {
        name
        for names in chunks(doubted)
        for name in conn.execute(query.where(d.name.in_(names))).scalars()
    }
    return [
        replace(place, timestamp_issues=False) if place.deployment_id in solved else place
        for place in places
    ]
