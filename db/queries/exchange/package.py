"""What an export reads, from the same status and events that the views show.

`ids` are keys of batches: their cards' pictures, also those that another card brought first. A card
that was copied without being wiped has both, and whoever exports it means all of them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.store.deployments import all_deployments, deployments_with
from db.store.outages import outages
from db.store.scores import boxes_among
from pipeline.errors import DatabaseError
from pipeline.records import VISIT, Deployment, Detection, Outage

_EVENT_TAXA = sa.table(
    "event_taxa",
    *map(
        sa.column,
        (
            *(
                "visit_id",
                "event_media_id",
                "batch_id",
                "deployment_id",
                "capture_method",
                "position",
            ),
            *("observation_type", "name", "taxon_rank", "probability", "count", "method"),
        ),
    ),
    sa.column("started_at", schema.Time()),
    sa.column("ended_at", schema.Time()),
)
_ANIMALS = ("life_stage", "sex", "behavior", "individual_id")
_TOLD = sa.table(
    "told_animals",
    *map(sa.column, ("event_media_id", "observation_type", "name", "number", "count", *_ANIMALS)),
    sa.column("whole"),
    *(sa.column("reviewer"), sa.column("comment"), sa.column("reviewed_at", schema.Time())),
)
_TOLD_MEDIA = sa.table("told_media", *map(sa.column, ("media_id", "review_id", "number")))
_WHO = ("reviewer", "reviewed_at", "comment")


def batches_named(conn: Connection, names: Sequence[str] | None) -> list[sa.Row[Any]]:
    """id, name and the descriptions (or None) of the current look and label recipes, by name.

    names   None: every batch. Raises DatabaseError for one that is not here."""
    b, look, label = schema.batch, schema.recipe.alias("a"), schema.recipe.alias("b")
    query = (
        sa.select(b.c.id, b.c.name, look.c.description.label("look"))
        .add_columns(label.c.description.label("label"))
        .outerjoin(look, look.c.id == b.c.look_recipe_id)
        .outerjoin(label, label.c.id == b.c.label_recipe_id)
        .order_by(b.c.name)
    )
    rows = conn.execute(query).all()
    known = [row.name for row in rows]
    if unknown := [name for name in names or () if name not in known]:
        raise DatabaseError(
            f"no batch {', '.join(unknown)} in the database; known: {', '.join(known) or 'none'}"
        )
    return [row for row in rows if names is None or row.name in names]


def deployments_in(conn: Connection, ids: Sequence[int]) -> list[Deployment]:
    """Deployments of these cards' pictures, by name."""
    return deployments_with(conn, _on_cards(ids))


def without_pictures(conn: Connection) -> list[Deployment]:
    """Deployments of which no picture is here, by name: of no card, so of none alone."""
    d = schema.deployment.c
    empty = ~sa.exists().where(schema.media.c.deployment_id == d.id)
    names = {*conn.execute(sa.select(d.name).where(empty)).scalars()}
    return [place for place in all_deployments(conn) if place.deployment_id in names]


def bringers(conn: Connection, ids: Sequence[int]) -> list[int]:
    """Keys of the batches that brought these cards' pictures first."""
    brought = sa.select(schema.media.c.batch_id).where(_on_cards(ids)).distinct()
    return [*conn.execute(brought).scalars()]


def _on_cards(ids: Sequence[int]) -> ColumnElement[bool]:
    """Pictures that these batches brought, or whose bytes lie on their cards too."""
    return schema.media.c.batch_id.in_(ids) | schema.media.c.id.in_(_found(ids))


def _found(ids: Sequence[int]) -> sa.Select[Any]:
    f = schema.file.c
    return sa.select(f.media_id).where(f.batch_id.in_(ids), f.media_id.is_not(None))


def outages_of(conn: Connection, places: Sequence[Deployment]) -> tuple[Outage, ...]:
    """Accepted outages of these deployments."""
    mine = {place.deployment_id for place in places}
    accepted = (outage for _, outage in outages(conn, accepted=True))
    return tuple(outage for outage in accepted if outage.deployment_id in mine)


def picture_rows(conn: Connection, ids: Sequence[int]) -> Iterator[sa.Row[Any]]:
    """One row a picture with its current result, scores, label and the review that stands for it
    (view told_media), by deployment, time and path."""
    s, m, d, k, t, r = (
        getattr(schema, name).c
        for name in ("status", "media", "deployment", "look", "label", "review")
    )
    first = schema.media.alias("first")
    w, b, v, fixed = _TOLD_MEDIA.c, schema.batch.c, schema.visit.c, schema.repaired_time.c
    query = (
        sa.select(
            *(m.sha256, m.batch_id, m.path, s.taken_at, m.mediatype, m.capture_method),
            *(m.frame_rate, k.frame_number, k.frames),
            schema.favourite.c.media_id.is_not(None).label("favourite"),
            sa.case((fixed.media_id.is_not(None), "repaired"), else_=m.clock).label("clock"),
            *(_own_offset(), d.name.label("deployment"), s.state, s.observation_type, s.name),
            *(
                s.probability,
                s.method,
                r.id.label("review_id"),
                t.rank,
                t.top,
                t.name.label("machine_name"),
            ),
            *(t.probability.label("machine_probability"), t.observation_type.label("machine_type")),
            k.p_blank,
            *(k.p_animal, k.p_human, k.p_vehicle, k.count.label("boxed"), k.crop_source),
            *(k.crop_x, k.crop_y, k.crop_width, k.crop_height),
            *(r.observation_type.label("told_type"), r.name.label("told_name")),
            *(r.count.label("reviewed"), first.c.sha256.label("event")),
            *(r[name] for name in (*_WHO, *_ANIMALS)),
            *(t.classified_by, _file_name(), _private()),
        )
        .select_from(schema.status)
        .join(schema.media, m.id == s.media_id)
        .join(schema.batch, b.id == s.batch_id)
        .join(schema.deployment, d.id == s.deployment_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .outerjoin(schema.label, (t.media_id == m.id) & (t.recipe_id == b.label_recipe_id))
        .outerjoin(_TOLD_MEDIA, (w.media_id == m.id) & (w.number == 0))
        .outerjoin(schema.review, r.id == w.review_id)
        .outerjoin(schema.favourite, schema.favourite.c.media_id == m.id)
        .outerjoin(schema.repaired_time, fixed.media_id == m.id)
        .outerjoin(schema.clock_repair, schema.clock_repair.c.id == fixed.clock_repair_id)
        .outerjoin(schema.visit, v.id == s.visit_id)
        .outerjoin(first, first.c.id == v.media_id)
        .where(_on_cards(ids), ~m.sha256.startswith(VISIT))
        .order_by(d.name, s.taken_at.is_(None), s.taken_at, m.path, m.sha256)
    )
    yield from conn.execute(query)


def boxes(conn: Connection, ids: Sequence[int]) -> dict[str, tuple[Detection, ...]]:
    """The boxes on these cards' pictures, the surest first, by sha-256."""
    return boxes_among(conn, _on_cards(ids))


def _file_name() -> sa.Label[str | None]:
    """Where a data set of others brought the picture, what it calls the file."""
    i, m = schema.imported.c, schema.media.c
    mine = sa.select(i.file_name).where(i.media_id == m.id, i.batch_id == m.batch_id)
    return mine.scalar_subquery().label("file_name")


def _private() -> sa.Label[bool]:
    """Whether a data set of others names the picture and does not show it."""
    i = schema.imported.c
    hidden = sa.exists().where(i.media_id == schema.media.c.id, i.public.is_(False))
    return hidden.label("private")


def _own_offset() -> sa.Label[int | None]:
    """What the camera wrote into the picture; a `zone` repair moved it to its deployment's."""
    own = sa.case((schema.clock_repair.c.kind == "zone", None), else_=schema.media.c.utc_offset_min)
    return own.label("utc_offset_min")


def further_rows(conn: Connection, ids: Sequence[int]) -> dict[str, list[sa.Row[Any]]]:
    """What people saw on a picture beside the observation that stands for it, by sha-256."""
    w, m, r = _TOLD_MEDIA.c, schema.media.c, schema.review.c
    query = (
        sa.select(m.sha256, r.observation_type.label("told_type"), r.name.label("told_name"))
        .add_columns(r.count.label("reviewed"), *(r[name] for name in (*_WHO, *_ANIMALS)))
        .select_from(_TOLD_MEDIA)
        .join(schema.review, r.id == w.review_id)
        .join(schema.media, m.id == w.media_id)
        .where(w.number > 0, _on_cards(ids))
        .order_by(m.sha256, w.number)
    )
    found = defaultdict(list)
    for row in conn.execute(query):
        found[row.sha256].append(row)
    return found


def event_rows(conn: Connection, ids: Sequence[int]) -> Iterator[sa.Row[Any]]:
    """One row a visit and taxon, by deployment and time, or where people told of several ages and
    sexes of a taxon one row each; sha256 is the visit's first picture's. A visit of which one
    picture lies on these cards is among them, as a whole."""
    x, v = schema.visit_media.c, schema.visit.c
    visits = sa.select(v.media_id).join(schema.visit_media, x.visit_id == v.id)
    visits = visits.where(x.media_id.in_(_found(ids)))
    e, m, d, c = _EVENT_TAXA.c, schema.media.c, schema.deployment.c, schema.clock_repair.c
    t = _TOLD.c
    told = (
        (e.method == "human")
        & (t.event_media_id == e.event_media_id)
        & (t.observation_type == e.observation_type)
        & (sa.func.coalesce(t.name, "") == sa.func.coalesce(e.name, ""))
    )
    count = sa.case((e.method == "human", t.count), else_=e.count)
    query = (
        sa.select(_EVENT_TAXA, count.label("individuals"), m.sha256, _own_offset())
        .add_columns(
            d.name.label("deployment"), t.number, *(t[name] for name in (*_WHO, *_ANIMALS))
        )
        .add_columns(schema.visit.c.classified_by, t.whole)
        .outerjoin(_TOLD, told)
        .join(schema.media, m.id == e.event_media_id)
        .join(schema.deployment, d.id == e.deployment_id)
        .outerjoin(schema.visit, v.id == e.visit_id)
        .outerjoin(schema.repaired_time, schema.repaired_time.c.media_id == m.id)
        .outerjoin(schema.clock_repair, c.id == schema.repaired_time.c.clock_repair_id)
        .where(e.batch_id.in_(ids) | m.id.in_(_found(ids)) | m.id.in_(visits))
        .order_by(d.name, e.started_at.is_(None), e.started_at, m.sha256, e.position, t.number)
    )
    yield from conn.execute(query)


def problems_by_file(conn: Connection, ids: Sequence[int]) -> dict[tuple[int, str], str]:
    """(key of the batch, path): what is wrong with the file, in words."""
    t = schema.trouble.c
    rows = conn.execute(
        sa.select(t.batch_id, t.path, t.reason, t.detail)
        .where(t.batch_id.in_(ids))
        .order_by(t.path, t.step, t.reason)
    )
    return {(row.batch_id, row.path): f"{row.reason}: {row.detail}".rstrip(": ") for row in rows}


def files_without_media(conn: Connection, ids: Sequence[int]) -> list[tuple[int, str]]:
    """(key of the batch, path) of files with a picture's name that are no picture here."""
    f = schema.file.c
    rows = conn.execute(
        sa.select(f.batch_id, f.path)
        .where(f.batch_id.in_(ids), f.kind == "picture", f.media_id.is_(None))
        .order_by(f.batch_id, f.path)
    )
    return [(row.batch_id, row.path) for row in rows]


def copies(conn: Connection, ids: Sequence[int]) -> dict[str, list[tuple[int, str]]]:
    """(key of the batch, path) of a picture's bytes on these cards, by sha-256: without the place
    where they were found first."""
    f, m = schema.file.c, schema.media.c
    rows = conn.execute(
        sa.select(m.sha256, f.batch_id, f.path)
        .join(schema.file, f.media_id == m.id)
        .where(f.batch_id.in_(ids), (f.batch_id != m.batch_id) | (f.path != m.path))
        .order_by(m.sha256, f.batch_id, f.path)
    )
    found = defaultdict(list)
    for row in rows:
        found[row.sha256].append((row.batch_id, row.path))
    return found


def last_end(conn: Connection, ids: Sequence[int]) -> datetime | None:
    """When the last run of these batches ended, UTC."""
    r = schema.run.c
    query = sa.select(r.ended_at).where(r.batch_id.in_(ids), r.ended_at.is_not(None))
    return conn.execute(query.order_by(r.ended_at.desc()).limit(1)).scalar()
