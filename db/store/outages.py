"""Outages: when cameras did not work. Entered by a person, or proposed and then accepted.

A proposal that a person takes out stays, as dismissed: it is not made again.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks, deployment_ids, fields, now, record, upsert
from pipeline.errors import InputError
from pipeline.records import Outage

Known = tuple[int, Outage]  # its number, as `camtriage outages list` shows it


def outages(conn: Connection, accepted: bool | None = None) -> list[Known]:
    """All of them, or only those (not) accepted, by deployment and time."""
    o, d = schema.outage, schema.deployment.c
    query = sa.select(o, d.name.label("name")).join(schema.deployment, d.id == o.c.deployment_id)
    if accepted is not None:
        query = query.where(o.c.accepted.is_(accepted))
    rows = conn.execute(query.order_by(d.name, o.c.started_at)).mappings()
    return [(row["id"], record(Outage, {**row, "deployment_id": row["name"]})) for row in rows]


def accepted_outages(conn: Connection) -> dict[str, list[tuple[datetime, datetime | None]]]:
    """(from, to) by deployment, as effort leaves them out."""
    found = defaultdict(list)
    for _, outage in outages(conn, accepted=True):
        found[outage.deployment_id].append((outage.started_at, outage.ended_at))
    return dict(found)


def save_outages(conn: Connection, given: Iterable[Outage]) -> int:
    """Write accepted outages, all or none; how many are new. One that is there already stays.

    InputError: no such deployment, outside of it, or over another one (days would go twice)."""
    places = {row.name: row for row in conn.execute(sa.select(schema.deployment))}
    stand: dict[str, list[tuple[int | None, Outage]]] = defaultdict(list)
    for key, outage in outages(conn, accepted=True):
        stand[outage.deployment_id].append((key, outage))
    new = []
    for outage in given:
        if outage.deployment_id not in places:
            raise InputError(
                f"{outage.deployment_id}: no such deployment; names: camtriage deployments list"
            )
        _refuse_outside(places[outage.deployment_id], outage)
        if not any(_same(outage, other) for _, other in stand[outage.deployment_id]):
            _refuse_over(outage, stand[outage.deployment_id])
            stand[outage.deployment_id].append((None, outage))
            new.append(outage)
    rows = [_row(outage, places[outage.deployment_id].id) for outage in new]
    update = ("ended_at", "reason", "source", "accepted", "said_by", "said_at")
    upsert(conn, schema.outage, rows, ["deployment_id", "started_at"], update=update)
    return len(new)


def propose_outages(conn: Connection, deployments: Iterable[str], given: Iterable[Outage]) -> None:
    """Proposals for these deployments, in place of earlier ones that nobody accepted. One that
    lies within a dismissed one is none; one that reaches beyond it is new."""
    ids = deployment_ids(conn, deployments)
    open_ = [
        (key, outage)
        for key, outage in outages(conn, accepted=False)
        if outage.deployment_id in ids
    ]
    dismissed = [outage for _, outage in open_ if outage.source == "dismissed"]
    new = [outage for outage in given if not any(_within(outage, other) for other in dismissed)]
    starts = {(outage.deployment_id, outage.started_at) for outage in new}
    old = [
        key
        for key, outage in open_
        if outage.source == "proposed" or (outage.deployment_id, outage.started_at) in starts
    ]
    for keys in chunks(old):
        conn.execute(sa.delete(schema.outage).where(schema.outage.c.id.in_(keys)))
    rows = [_row(outage, ids[outage.deployment_id]) for outage in new]
    upsert(conn, schema.outage, rows, ["deployment_id", "started_at"])


def waiting(conn: Connection) -> list[Known]:
    """Proposals that nobody has accepted or dismissed."""
    open_ = outages(conn, accepted=False)
    return [(key, outage) for key, outage in open_ if outage.source == "proposed"]


def outage(conn: Connection, key: int) -> Outage:
    """The outage of that number; InputError where there is none."""
    for known, found in outages(conn):
        if known == key:
            return found
    raise InputError(f"no outage {key}: see camtriage outages list")


def accept_outage(conn: Connection, key: int, said_by: str | None) -> bool:
    """A person agrees to a proposal; False: it was accepted already."""
    proposal = outage(conn, key)
    if proposal.accepted:
        return False
    stand = [
        (known, other)
        for known, other in outages(conn, accepted=True)
        if other.deployment_id == proposal.deployment_id
    ]
    _refuse_over(proposal, stand)
    values = {"accepted": True, "source": "proposed", "said_by": said_by, "said_at": now()}
    conn.execute(sa.update(schema.outage).where(schema.outage.c.id == key).values(values))
    return True


def pictures_within(conn: Connection) -> list[tuple[Outage, int]]:
    """Accepted outages in which pictures were taken after all, and how many (its ends apart)."""
    o, s = schema.outage, schema.status.c
    inside = (s.deployment_id == o.c.deployment_id) & (s.taken_at > o.c.started_at)
    at = sa.type_coerce(s.taken_at, schema.TEXT)  # a day without an hour: the whole of it
    ends = sa.func.substr(o.c.ended_at, 1, sa.func.length(s.taken_at), type_=schema.TEXT)
    inside &= o.c.ended_at.is_(None) | (at < ends)
    counted = (
        sa.select(o.c.id, sa.func.count())
        .join_from(o, schema.status, inside)
        .where(o.c.accepted.is_(True))
        .group_by(o.c.id)
    )
    pictures = {key: int(count) for key, count in conn.execute(counted)}
    return [
        (outage, pictures[key]) for key, outage in outages(conn, accepted=True) if key in pictures
    ]


def remove_outage(conn: Connection, key: int) -> Outage:
    """Take an outage out of the list: its days are effort again. A proposal is dismissed; once
    more, and that is forgotten."""
    removed, mine = outage(conn, key), schema.outage.c.id == key
    if removed.source == "proposed":
        values = {"accepted": False, "source": "dismissed", "said_by": None, "said_at": now()}
        conn.execute(sa.update(schema.outage).where(mine).values(values))
    else:
        conn.execute(sa.delete(schema.outage).where(mine))
    return removed


def _row(outage: Outage, deployment: int) -> dict[str, object]:
    return {**fields(outage, schema.outage), "deployment_id": deployment, "said_at": now()}


def _same(outage: Outage, other: Outage) -> bool:
    return (outage.started_at, outage.ended_at) == (other.started_at, other.ended_at)


def _within(outage: Outage, other: Outage) -> bool:
    """Whether `other` covers all of `one`."""
    ends = other.ended_at is None or (
        outage.ended_at is not None and outage.ended_at <= other.ended_at
    )
    return (
        outage.deployment_id == other.deployment_id
        and other.started_at <= outage.started_at
        and ends
    )


def _refuse_outside(place: sa.Row[Any], outage: Outage) -> None:
    if outage.ended_at is not None and outage.ended_at <= outage.started_at:
        raise InputError(f"{period(outage)}: the outage ends before it begins")
    early = place.started_at and outage.ended_at and outage.ended_at <= place.started_at
    late = place.ended_at and outage.started_at >= place.ended_at
    if early or late:
        raise InputError(
            f"{period(outage)}: outside the deployment, which ran "
            f"{place.started_at or '...'} to {place.ended_at or '...'}"
        )


def _refuse_over(outage: Outage, stand: Iterable[tuple[int | None, Outage]]) -> None:
    for key, other in stand:
        begins_before = other.ended_at is None or outage.started_at < other.ended_at
        ends_after = outage.ended_at is None or other.started_at < outage.ended_at
        if begins_before and ends_after:
            way = f"camtriage outages remove {key}" if key else "give the two as one"
            raise InputError(f"{period(outage)}: overlaps the outage {period(other)}; {way}")


def period(outage: Outage) -> str:
    """The outage in words: deployment, from, to."""
    until = outage.ended_at or "the end of the deployment"
    return f"{outage.deployment_id} {outage.started_at} to {until}"
