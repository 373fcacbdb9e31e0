"""Gathers what an export holds, from the same status and events that the views show.

A picture belongs to the batch that brought it first, as in every view.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.store.deployments import deployments_of
from db.store.outages import outages
from pipeline.errors import DatabaseError
from pipeline.exchange.package import Event, Package, Picture, Said
from pipeline.records import Deployment, Outage

EVENT_TAXA = sa.table(
    "event_taxa",
    *map(
        sa.column,
        (
            *("first_media_id", "batch_id", "deployment_id", "capture_method", "position"),
            *("observation_type", "name", "taxon_rank", "probability", "count", "method"),
        ),
    ),
    sa.column("started_at", schema.Time()),
    sa.column("ended_at", schema.Time()),
)


def gather(conn: Connection, batches: Sequence[str] | None = None) -> Package:
    """All of these batches (None: of every batch), by deployment, time and path.

    With more than one batch a picture's path begins with the name of its batch. Raises
    DatabaseError for a batch that is not here.
    """
    rows = _batches(conn, batches)
    ids = [row.id for row in rows]
    prefix = {row.id: f"{row.name}/" if len(rows) > 1 else "" for row in rows}
    models = {row.id: _models(row.look, row.label) for row in rows}
    pictures = _pictures(conn, ids, prefix, models)
    places = _deployments(conn, ids)
    return Package(
        deployments=tuple(places),
        pictures=tuple(pictures),
        events=tuple(_events(conn, ids, models, _reviewers(pictures))),
        unreadable=tuple(_unreadable(conn, ids, prefix)),
        frame_model=_joined(frame for frame, _ in models.values()),
        labeller=_joined(labeller for _, labeller in models.values()),
        finished_at=_finished(conn, ids),
        outages=_outages(conn, places),
    )


def _batches(conn: Connection, names: Sequence[str] | None) -> list[sa.Row]:
    """id, name and the descriptions of the current look and label recipes."""
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


def _models(look: Mapping | None, label: Mapping | None) -> tuple[str, str]:
    """(frame model, labeller with its label set), each with the beginning of its hash."""
    look = look or (label or {}).get("look") or {}
    frame = _named("camtriage frame model", look.get("frame_model"))
    labeller = _named("camtriage labeller", look.get("encoder"))
    if labels := (label or {}).get("label_set"):
        labeller += _named(", label set", labels)
    return frame, labeller


def _named(what: str, model: Mapping | None) -> str:
    model = model or {}
    digest = str(model.get("sha256") or model.get("digest") or "")[:12]
    return " ".join(filter(None, (what, model.get("name"), digest)))


def _deployments(conn: Connection, ids: Sequence[int]) -> list[Deployment]:
    found = {one.deployment_id: one for id in ids for one in deployments_of(conn, id)}
    return [found[name] for name in sorted(found)]


def _outages(conn: Connection, places: Sequence[Deployment]) -> tuple[Outage, ...]:
    """Accepted outages of these deployments, those with a moment inside of them."""
    mine = {one.deployment_id for one in places}
    return tuple(one for _, one in outages(conn, accepted=True) if one.deployment_id in mine)


def _pictures(
    conn: Connection,
    ids: Sequence[int],
    prefix: Mapping[int, str],
    models: Mapping[int, tuple[str, str]],
) -> list[Picture]:
    s, m, d, k, t, r = (
        getattr(schema, name).c
        for name in ("status", "media", "deployment", "look", "label", "review")
    )
    first = schema.media.alias("first")
    b, v, fixed = schema.batch.c, schema.visit.c, schema.repaired_time.c
    query = (
        sa.select(
            *(m.sha256, m.batch_id, m.path, s.taken_at, m.mediatype, m.capture_method),
            sa.case((fixed.media_id.is_not(None), "repaired"), else_=m.clock).label("clock"),
            *(_own_offset(), d.name.label("deployment"), s.state, s.observation_type, s.name),
            *(s.probability, s.method, s.review_id, t.rank, t.top, t.name.label("machine_name")),
            *(k.p_animal, k.p_human, k.p_vehicle, k.count, k.crop_source),
            *(k.crop_x, k.crop_y, k.crop_width, k.crop_height),
            *(r.reviewer, r.count.label("reviewed"), first.c.sha256.label("event")),
        )
        .select_from(schema.status)
        .join(schema.media, m.id == s.media_id)
        .join(schema.batch, b.id == s.batch_id)
        .join(schema.deployment, d.id == s.deployment_id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .outerjoin(schema.label, (t.media_id == m.id) & (t.recipe_id == b.label_recipe_id))
        .outerjoin(schema.review, r.id == s.review_id)
        .outerjoin(schema.repaired_time, fixed.media_id == m.id)
        .outerjoin(schema.clock_repair, schema.clock_repair.c.id == fixed.clock_repair_id)
        .outerjoin(schema.visit, v.id == s.visit_id)
        .outerjoin(first, first.c.id == v.media_id)
        .where(s.batch_id.in_(ids))
        .order_by(d.name, s.taken_at.is_(None), s.taken_at, m.path, m.sha256)
    )
    why = _failures(conn, ids)
    copies = _copies(conn, ids, prefix)
    return [
        _picture(row, prefix[row.batch_id], models[row.batch_id], why, copies)
        for row in conn.execute(query)
    ]


def _own_offset() -> sa.Label[int | None]:
    """What the camera wrote into the picture; a `zone` repair moved it to its deployment's."""
    own = sa.case((schema.clock_repair.c.kind == "zone", None), else_=schema.media.c.utc_offset_min)
    return own.label("utc_offset_min")


def _picture(
    row: sa.Row, prefix: str, models: tuple[str, str], why: Mapping, copies: Mapping
) -> Picture:
    crop = (row.crop_x, row.crop_y, row.crop_width, row.crop_height)
    own_event = row.review_id and row.observation_type in ("animal", "human", "vehicle", "unknown")
    return Picture(
        sha256=row.sha256,
        deployment_id=row.deployment,
        path=prefix + row.path,
        taken_at=row.taken_at,
        said=_said_of(row, models),
        mediatype=row.mediatype,
        capture_method=row.capture_method,
        clock=row.clock,
        state=row.state,
        p_animal=row.p_animal,
        p_human=row.p_human,
        p_vehicle=row.p_vehicle,
        crop=None if None in crop else crop,
        top=tuple((name, p) for name, p in row.top or ()),
        event=row.event or (row.sha256 if own_event else None),
        failure=why.get((row.batch_id, row.path)) if row.state == "failed" else None,
        utc_offset_min=row.utc_offset_min,
        copies=copies.get(row.sha256, ()),
    )


def _said_of(row: sa.Row, models: tuple[str, str]) -> Said:
    """The person's word with the person's count, else the machine's with the boxes'."""
    if row.review_id is not None:
        rank = row.rank if row.name and row.name == row.machine_name else None
        return Said(row.observation_type, row.name, rank, row.reviewed, None, "human", row.reviewer)
    by = _by(row.observation_type, models)
    by += " and imported boxes" if row.crop_source == "boxes" and row.method else ""
    return Said(
        row.observation_type, row.name, row.rank, row.count, row.probability, row.method, by
    )


def _by(observation_type: str, models: tuple[str, str]) -> str:
    """Which model says so: names come from the labeller, the rest from the frame model."""
    return models[1] if observation_type in ("animal", "unknown") else models[0]


def _reviewers(pictures: Iterable[Picture]) -> dict[str, set[str]]:
    """Who reviewed pictures of each visit."""
    people = defaultdict(set)
    for one in pictures:
        if one.event and one.said.method == "human" and one.said.by:
            people[one.event].add(one.said.by)
    return people


def _events(
    conn: Connection,
    ids: Sequence[int],
    models: Mapping[int, tuple[str, str]],
    reviewers: Mapping[str, set[str]],
) -> list[Event]:
    e, m, d, c = EVENT_TAXA.c, schema.media.c, schema.deployment.c, schema.clock_repair.c
    query = (
        sa.select(EVENT_TAXA, m.sha256, _own_offset(), d.name.label("deployment"))
        .join(schema.media, m.id == e.first_media_id)
        .join(schema.deployment, d.id == e.deployment_id)
        .outerjoin(schema.repaired_time, schema.repaired_time.c.media_id == m.id)
        .outerjoin(schema.clock_repair, c.id == schema.repaired_time.c.clock_repair_id)
        .where(e.batch_id.in_(ids))
        .order_by(d.name, e.started_at.is_(None), e.started_at, m.sha256, e.position)
    )
    events: dict[str, list[sa.Row]] = {}
    for row in conn.execute(query):
        events.setdefault(row.sha256, []).append(row)
    return [
        Event(
            id=sha,
            deployment_id=rows[0].deployment,
            started_at=rows[0].started_at,
            ended_at=rows[0].ended_at,
            said=tuple(_said_in_event(row, models[row.batch_id], reviewers) for row in rows),
            capture_method=rows[0].capture_method,
            utc_offset_min=rows[0].utc_offset_min,
        )
        for sha, rows in events.items()
    ]


def _said_in_event(row: sa.Row, models: tuple[str, str], reviewers: Mapping) -> Said:
    by = _by(row.observation_type, models)
    if row.method == "human":
        by = _joined(reviewers.get(row.sha256, ()))
    what = (row.observation_type, row.name, row.taxon_rank, row.count)
    return Said(*what, row.probability, row.method, by)


def _failures(conn: Connection, ids: Sequence[int]) -> dict[tuple[int, str], str]:
    t = schema.trouble.c
    rows = conn.execute(
        sa.select(t.batch_id, t.path, t.reason, t.detail)
        .where(t.batch_id.in_(ids))
        .order_by(t.path, t.step, t.reason)
    )
    return {(row.batch_id, row.path): f"{row.reason}: {row.detail}".rstrip(": ") for row in rows}


def _unreadable(
    conn: Connection, ids: Sequence[int], prefix: Mapping[int, str]
) -> list[tuple[str, str]]:
    """Files with a picture's name that are no picture of the database, with the trouble's words."""
    f = schema.file.c
    why = _failures(conn, ids)
    rows = conn.execute(
        sa.select(f.batch_id, f.path)
        .where(f.batch_id.in_(ids), f.kind == "picture", f.media_id.is_(None))
        .order_by(f.batch_id, f.path)
    )
    return [
        (prefix[row.batch_id] + row.path, why.get((row.batch_id, row.path), "no picture"))
        for row in rows
    ]


def _copies(
    conn: Connection, ids: Sequence[int], prefix: Mapping[int, str]
) -> dict[str, tuple[str, ...]]:
    """Further places of the same bytes on the card that brought them, by sha-256."""
    f, m = schema.file.c, schema.media.c
    rows = conn.execute(
        sa.select(m.sha256, f.batch_id, f.path)
        .join(schema.file, f.media_id == m.id)
        .where(m.batch_id.in_(ids), f.batch_id == m.batch_id, f.path != m.path)
        .order_by(m.sha256, f.path)
    )
    found = defaultdict(tuple)
    for row in rows:
        found[row.sha256] += (prefix[row.batch_id] + row.path,)
    return found


def _finished(conn: Connection, ids: Sequence[int]):
    r = schema.run.c
    query = sa.select(r.ended_at).where(r.batch_id.in_(ids), r.ended_at.is_not(None))
    return conn.execute(query.order_by(r.ended_at.desc()).limit(1)).scalar()


def _joined(words: Iterable[str]) -> str | None:
    return ", ".join(sorted(set(words))) or None
