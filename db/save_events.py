"""Writing visits and flags: each replaces what its recipe said before of the same deployments."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from db import schema
from db.rows import chunks, deployment_ids, fields, media_homes, media_ids, now, refresh, upsert
from pipeline.records import Flag, Visit


def save_visits(
    conn: Connection, recipe_id: int, visits: Sequence[Visit], deployments: Iterable[str] = ()
) -> None:
    """The visits of `deployments` (and of those visited) under this label recipe, in place of
    earlier ones: give all of a deployment at once, also those of cards that came before."""
    for some, homes, ids in _save_events(conn, schema.visit, recipe_id, visits, deployments):
        members = _members(some, homes, ids, "visit_id")
        upsert(conn, schema.visit_media, members, ["visit_id", "media_id"])
        taxa = [row for one in some for row in _taxon_rows(ids[one.sha256s[0]], one)]
        upsert(conn, schema.visit_taxon, taxa, ["visit_id", "position"])
    places = deployment_ids(conn, {*deployments, *(one.deployment_id for one in visits)})
    shown = sa.exists().where(schema.batch.c.label_recipe_id == recipe_id)
    if conn.execute(sa.select(shown)).scalar():
        for some in chunks(places.values()):
            refresh(conn, schema.media.c.deployment_id.in_(some))


def save_flags(
    conn: Connection, recipe_id: int, flags: Sequence[Flag], deployments: Iterable[str] = ()
) -> None:
    """The flags of `deployments` (and of those flagged) under this recipe, in place of earlier
    ones. What a person said about a flag hangs on its picture and stays."""
    for some, homes, ids in _save_events(conn, schema.flag, recipe_id, flags, deployments):
        members = _members(some, homes, ids, "flag_id")
        upsert(conn, schema.flag_media, members, ["flag_id", "media_id"])


def save_verdict(
    conn: Connection, sha256: str, confirmed: bool, reviewer: str | None, comment: str | None = None
) -> None:
    """A person confirms or dismisses the flag that this picture belongs to. Append-only."""
    row = {"confirmed": confirmed, "reviewer": reviewer, "comment": comment, "said_at": now()}
    conn.execute(schema.verdict.insert(), {**row, "media_id": media_ids(conn, [sha256])[sha256]})


def _save_events(
    conn: Connection, table: Table, recipe_id: int, events: Sequence, deployments: Iterable[str]
) -> Iterator[tuple[list, dict, dict]]:
    """Replace visits or flags; yields each chunk, (media key, batch key) by sha-256 of all its
    pictures, and the keys of the new rows by the sha-256 of their first picture."""
    places = deployment_ids(conn, {*deployments, *(one.deployment_id for one in events)})
    _delete_events(conn, table, recipe_id, places.values())
    for some in chunks(events):
        homes = media_homes(conn, (sha for one in some for sha in one.sha256s))
        rows = [
            {
                **fields(one, table),
                **_anchor(homes[one.sha256s[0]]),
                **({"pictures": len(one.sha256s)} if table is schema.visit else {}),
                "deployment_id": places[one.deployment_id],
                "recipe_id": recipe_id,
            }
            for one in some
        ]
        upsert(conn, table, rows, ["recipe_id", "media_id"])
        keys = sa.select(table.c.media_id, table.c.id).where(
            table.c.recipe_id == recipe_id, table.c.media_id.in_([row["media_id"] for row in rows])
        )
        by_media = dict(conn.execute(keys).all())
        yield some, homes, {one.sha256s[0]: by_media[homes[one.sha256s[0]][0]] for one in some}


def _anchor(home: tuple[int, int]) -> dict:
    return {"media_id": home[0], "batch_id": home[1]}


def _delete_events(conn: Connection, table: Table, recipe_id: int, places: Collection[int]) -> None:
    children = {"visit": (schema.visit_media, schema.visit_taxon), "flag": (schema.flag_media,)}
    for some in chunks(places):
        old = (table.c.recipe_id == recipe_id) & table.c.deployment_id.in_(some)
        if table is schema.visit:
            status = schema.status
            gone = status.c.visit_id.in_(sa.select(table.c.id).where(old))
            conn.execute(sa.update(status).where(gone).values(visit_id=None))
        for child in children[table.name]:
            mine = child.c[f"{table.name}_id"].in_(sa.select(table.c.id).where(old))
            conn.execute(sa.delete(child).where(mine))
        conn.execute(sa.delete(table).where(old))


def _members(events: Sequence, homes: dict, ids: dict, column: str) -> Iterator[dict]:
    for one in events:
        for sha in one.sha256s:
            yield {column: ids[one.sha256s[0]], "media_id": homes[sha][0]}


def _taxon_rows(visit_id: int, one: Visit) -> Iterator[dict]:
    """The visit's own label first, then further taxa with the pictures that show them."""
    others = sum(pictures for _, _, pictures in one.others)
    first = (one.observation_type, one.name, max(1, len(one.sha256s) - others))
    for position, (kind, name, pictures) in enumerate([first, *one.others]):
        own = position == 0
        yield {
            "visit_id": visit_id,
            "position": position,
            "observation_type": kind,
            "name": name,
            "rank": one.rank if own else None,
            "probability": one.probability if own else None,
            "pictures": pictures,
        }
