"""What visits and flags share: both belong to their first picture and are replaced as a whole."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Table

from db.core import schema
from db.core.rows import (
    chunks,
    deployment_ids,
    fields,
    media_homes,
    upsert,
)
from pipeline.records import Flag, Visit

Among = Collection[str] | None  # names of deployments
Event = TypeVar("Event", Visit, Flag)
Homes = dict[str, tuple[int, int]]  # (media key, batch key) by sha-256


def replace_events(
    conn: Connection,
    table: Table,
    recipe_id: int,
    events: Sequence[Event],
    deployments: Iterable[str],
) -> Iterator[tuple[list[Event], Homes, dict[str, int]]]:
    """Replace visits or flags; yields each chunk, (media key, batch key) by sha-256 of all its
    pictures, and the keys of the new rows by the sha-256 of their first picture."""
    places = deployment_ids(conn, {*deployments, *(event.deployment_id for event in events)})
    _delete_events(conn, table, recipe_id, places.values())
    for part in chunks(events):
        homes = media_homes(conn, (sha for event in part for sha in event.sha256s))
        rows = [
            {
                **fields(event, table),
                **_anchor(homes[event.sha256s[0]]),
                **({"pictures": len(event.sha256s)} if table is schema.visit else {}),
                "deployment_id": places[event.deployment_id],
                "recipe_id": recipe_id,
            }
            for event in part
        ]
        upsert(conn, table, rows, ["recipe_id", "media_id"])
        keys = sa.select(table.c.media_id, table.c.id).where(
            table.c.recipe_id == recipe_id, table.c.media_id.in_([row["media_id"] for row in rows])
        )
        by_media: dict[int, int] = {media: key for media, key in conn.execute(keys)}
        yield (
            part,
            homes,
            {event.sha256s[0]: by_media[homes[event.sha256s[0]][0]] for event in part},
        )


def _anchor(home: tuple[int, int]) -> dict[str, int]:
    return {"media_id": home[0], "batch_id": home[1]}


def _delete_events(conn: Connection, table: Table, recipe_id: int, places: Collection[int]) -> None:
    children = {
        "visit": (schema.visit_media, schema.visit_stretch, schema.visit_taxon),
        "flag": (schema.flag_media,),
    }
    for keys in chunks(places):
        old = (table.c.recipe_id == recipe_id) & table.c.deployment_id.in_(keys)
        if table is schema.visit:
            status = schema.status
            gone = status.c.visit_id.in_(sa.select(table.c.id).where(old))
            conn.execute(sa.update(status).where(gone).values(visit_id=None))
        for child in children[table.name]:
            mine = child.c[f"{table.name}_id"].in_(sa.select(table.c.id).where(old))
            conn.execute(sa.delete(child).where(mine))
        conn.execute(sa.delete(table).where(old))


def member_rows(
    events: Sequence[Event], homes: Homes, ids: Mapping[str, int], column: str
) -> Iterator[dict[str, int]]:
    """(event, picture) for every picture of the events."""
    for event in events:
        for sha in event.sha256s:
            yield {column: ids[event.sha256s[0]], "media_id": homes[sha][0]}


def events_scope(table: sa.Table, batch_id: int, among: Among) -> ColumnElement[bool]:
    """Those of a batch, or of some deployments whatever card brought them."""
    if among is None:
        return table.c.batch_id == batch_id
    d = schema.deployment.c
    return table.c.deployment_id.in_(sa.select(d.id).where(d.name.in_(among)))


def pictures_by_event(
    conn: Connection, table: sa.Table, members: sa.Table, recipe_id: int, scope: ColumnElement[bool]
) -> dict[int, tuple[str, ...]]:
    """sha256s by event key, in the order of time, the anchor picture first."""
    m, s, key = schema.media.c, schema.status.c, members.c[f"{table.name}_id"]
    query = (
        sa.select(key, m.sha256)
        .join(schema.media, m.id == members.c.media_id)
        .join(schema.status, s.media_id == m.id)
        .join(table, table.c.id == key)
        .where(table.c.recipe_id == recipe_id, scope)
        .order_by(key, m.id != table.c.media_id, s.taken_at, m.path, m.sha256)
    )
    grouped: dict[int, list[str]] = {}
    for id, sha in conn.execute(query):
        grouped.setdefault(id, []).append(sha)
    return {id: tuple(shas) for id, shas in grouped.items()}
