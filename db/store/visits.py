"""Visits: pictures of one deployment close in time, under one label recipe."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    chunks,
    deployment_ids,
    fields,
    record,
    refresh,
    upsert,
)
from db.store.events import (
    Among,
    Homes,
    events_scope,
    member_rows,
    pictures_by_event,
    replace_events,
)
from pipeline.records import Stretch, Visit


def save_visits(
    conn: Connection, recipe_id: int, visits: Sequence[Visit], deployments: Iterable[str] = ()
) -> None:
    """The visits of `deployments` (and of those visited) under this label recipe, in place of
    earlier ones: give all of a deployment at once, also those of cards that came before."""
    for part, homes, ids in replace_events(conn, schema.visit, recipe_id, visits, deployments):
        members = member_rows(part, homes, ids, "visit_id")
        upsert(conn, schema.visit_media, members, ["visit_id", "media_id"])
        key = ["visit_id", "position"]
        taxa = [row for visit in part for row in _taxon_rows(visit, homes, ids)]
        upsert(conn, schema.visit_taxon, taxa, key)
        stretches = [row for visit in part for row in _stretch_rows(visit, homes, ids)]
        upsert(conn, schema.visit_stretch, stretches, [*key, "stretch"])
    places = deployment_ids(conn, {*deployments, *(visit.deployment_id for visit in visits)})
    shown = sa.exists().where(schema.batch.c.label_recipe_id == recipe_id)
    if conn.execute(sa.select(shown)).scalar():
        for keys in chunks(places.values()):
            refresh(conn, schema.media.c.deployment_id.in_(keys))


def _taxon_rows(visit: Visit, homes: Homes, ids: Mapping[str, int]) -> Iterator[dict[str, object]]:
    """The visit's own label first, then further taxa; each with the pictures that show it."""
    others = sum(pictures for _, _, pictures in visit.others)
    first = (visit.observation_type, visit.name, max(1, len(visit.sha256s) - others))
    for position, (kind, name, pictures) in enumerate([first, *visit.others]):
        own = position == 0
        seen = visit.stretches[position] if visit.stretches else ()
        counts = [part.count for part in seen if part.count is not None]
        yield {
            "visit_id": ids[visit.sha256s[0]],
            "position": position,
            "observation_type": kind,
            "name": name,
            "rank": visit.rank if own else None,
            "probability": visit.probability if own else None,
            "pictures": sum(part.pictures for part in seen) or pictures,
            "media_id": homes[seen[0].sha256][0] if seen else None,
            "started_at": seen[0].started_at if seen else None,
            "ended_at": seen[-1].ended_at if seen else None,
            "count": max(counts, default=None),
        }


def _stretch_rows(
    visit: Visit, homes: Homes, ids: Mapping[str, int]
) -> Iterator[dict[str, object]]:
    """Of each taxon that went and came back: one stretch alone says no more than its taxon."""
    for position, seen in enumerate(visit.stretches):
        for number, part in enumerate(seen if len(seen) > 1 else ()):
            yield {
                **fields(part, schema.visit_stretch),
                "visit_id": ids[visit.sha256s[0]],
                "position": position,
                "stretch": number,
                "media_id": homes[part.sha256][0],
            }


def visits_of(conn: Connection, batch_id: int, recipe_id: int, among: Among = None) -> list[Visit]:
    """Visits under this label recipe, by deployment and time."""
    v, d, x = schema.visit, schema.deployment.c, schema.visit_taxon
    scope = events_scope(v, batch_id, among)
    pictures = pictures_by_event(conn, v, schema.visit_media, recipe_id, scope)
    mine = sa.select(v.c.id).where(v.c.recipe_id == recipe_id, scope)
    taxa = _by_visit(conn, x, mine)
    parts = _by_visit(conn, schema.visit_stretch, mine)
    rows = conn.execute(
        sa.select(v, d.name.label("deployment"))
        .join(schema.deployment, d.id == v.c.deployment_id)
        .where(v.c.recipe_id == recipe_id, scope)
        .order_by(d.name, v.c.started_at, v.c.media_id)
    )
    return [
        _visit(row._mapping, taxa[row.id], parts.get(row.id, ()), pictures[row.id]) for row in rows
    ]


def _by_visit(
    conn: Connection, table: sa.Table, visits: sa.Select[tuple[int]]
) -> dict[int, list[sa.Row[Any]]]:
    """Rows of a table about taxa by their visit, each with the sha-256 of its first picture."""
    x, m = table.c, schema.media.c
    found: dict[int, list[sa.Row[Any]]] = {}
    query = sa.select(table, m.sha256).outerjoin(schema.media, m.id == x.media_id)
    order = [column for column in table.primary_key.columns]
    for row in conn.execute(query.where(x.visit_id.in_(visits)).order_by(*order)):
        found.setdefault(row.visit_id, []).append(row)
    return found


def _visit(
    row: Mapping[Any, Any],
    taxa: Sequence[sa.Row[Any]],
    parts: Sequence[sa.Row[Any]],
    sha256s: tuple[str, ...],
) -> Visit:
    own, *others = taxa
    stretches = tuple(
        tuple(
            record(Stretch, part._mapping)
            for part in [part for part in parts if part.position == taxon.position] or [taxon]
        )
        for taxon in taxa
    )
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
            "stretches": stretches if own.media_id is not None else (),
        },
    )
