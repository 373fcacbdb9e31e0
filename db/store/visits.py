"""Visits: pictures of one deployment close in time, under one label recipe."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    chunks,
    deployment_ids,
    record,
    refresh,
    upsert,
)
from db.store.events import Among, events_scope, member_rows, pictures_by_event, replace_events
from pipeline.records import Visit


def save_visits(
    conn: Connection, recipe_id: int, visits: Sequence[Visit], deployments: Iterable[str] = ()
) -> None:
    """The visits of `deployments` (and of those visited) under this label recipe, in place of
    earlier ones: give all of a deployment at once, also those of cards that came before."""
    for part, homes, ids in replace_events(conn, schema.visit, recipe_id, visits, deployments):
        members = member_rows(part, homes, ids, "visit_id")
        upsert(conn, schema.visit_media, members, ["visit_id", "media_id"])
        taxa = [row for visit in part for row in _taxon_rows(ids[visit.sha256s[0]], visit)]
        upsert(conn, schema.visit_taxon, taxa, ["visit_id", "position"])
    places = deployment_ids(conn, {*deployments, *(visit.deployment_id for visit in visits)})
    shown = sa.exists().where(schema.batch.c.label_recipe_id == recipe_id)
    if conn.execute(sa.select(shown)).scalar():
        for keys in chunks(places.values()):
            refresh(conn, schema.media.c.deployment_id.in_(keys))


def _taxon_rows(visit_id: int, visit: Visit) -> Iterator[dict[str, object]]:
    """The visit's own label first, then further taxa with the pictures that show them."""
    others = sum(pictures for _, _, pictures in visit.others)
    first = (visit.observation_type, visit.name, max(1, len(visit.sha256s) - others))
    for position, (kind, name, pictures) in enumerate([first, *visit.others]):
        own = position == 0
        yield {
            "visit_id": visit_id,
            "position": position,
            "observation_type": kind,
            "name": name,
            "rank": visit.rank if own else None,
            "probability": visit.probability if own else None,
            "pictures": pictures,
        }


def visits_of(conn: Connection, batch_id: int, recipe_id: int, among: Among = None) -> list[Visit]:
    """Visits under this label recipe, by deployment and time."""
    v, d, x = schema.visit, schema.deployment.c, schema.visit_taxon
    scope = events_scope(v, batch_id, among)
    pictures = pictures_by_event(conn, v, schema.visit_media, recipe_id, scope)
    taxa: dict[int, list[sa.Row[Any]]] = {}
    mine = sa.select(v.c.id).where(v.c.recipe_id == recipe_id, scope)
    for row in conn.execute(
        sa.select(x).where(x.c.visit_id.in_(mine)).order_by(x.c.visit_id, x.c.position)
    ):
        taxa.setdefault(row.visit_id, []).append(row)
    rows = conn.execute(
        sa.select(v, d.name.label("deployment"))
        .join(schema.deployment, d.id == v.c.deployment_id)
        .where(v.c.recipe_id == recipe_id, scope)
        .order_by(d.name, v.c.started_at, v.c.media_id)
    )
    return [_visit(row._mapping, taxa[row.id], pictures[row.id]) for row in rows]


def _visit(row: Mapping[Any, Any], taxa: Sequence[sa.Row[Any]], sha256s: tuple[str, ...]) -> Visit:
    own, *others = taxa
    return record(
        Visit,
        {
            **row,
            "deployment_id": row["deployment"],
            "sha256s": sha256s,
            "observation_type": own.observation_type,
            "name": own.name,
            "rank": own.rank,
            "probability": own.probability,
            "others": tuple(
                (taxon.observation_type, taxon.name, taxon.pictures) for taxon in others
            ),
        },
    )
