"""What was seen: pictures by filter, a page at a time, by looks; flags and stations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import chunks

KINDS = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
VECTORS = 4096  # at a time


@dataclass(frozen=True, slots=True)
class SeenFilter:
    """Which pictures; empty: all of them."""

    deployment: str | None = None
    species: str | None = None  # a name, or one of KINDS
    first_day: str | None = None  # YYYY-MM-DD, camera clock, repaired
    last_day: str | None = None
    light: str | None = None  # colour, infrared
    state: str | None = None  # kept, blank, failed, unprocessed


def seen_pictures(
    conn: Connection, wanted: SeenFilter, before: int, most: int
) -> Sequence[sa.Row[Any]]:
    """Pictures that came last first, from the key `before` down (0: from the newest).

    Keys first: what stands beside them is read of this page alone."""
    s = schema.status.c
    query = sa.select(s.media_id).where(*_conditions(conn, wanted))
    if before:
        query = query.where(s.media_id < before)
    keys = list(conn.execute(query.order_by(s.media_id.desc()).limit(most)).scalars())
    found = pictures_by_key(conn, keys)
    return [found[key] for key in keys if key in found]


def pictures_by_key(conn: Connection, media_ids: Sequence[int]) -> dict[int, sa.Row[Any]]:
    """The same columns of given pictures."""
    found: dict[int, sa.Row[Any]] = {}
    for part in chunks(media_ids):
        rows = conn.execute(_seen().where(schema.status.c.media_id.in_(part)))
        found.update({row.media_id: row for row in rows})
    return found


def _seen() -> sa.Select[Any]:
    s, m, d, v = schema.status.c, schema.media.c, schema.deployment.c, schema.visit.c
    return (
        sa.select(
            *(s.media_id, s.taken_at, s.state, s.observation_type, s.name, s.count, s.method),
            *(d.name.label("deployment"), m.path),
            sa.func.coalesce(v.media_id, s.media_id).label("visit"),
        )
        .join_from(schema.status, schema.media, m.id == s.media_id)
        .join(schema.deployment, d.id == s.deployment_id)
        .outerjoin(schema.visit, v.id == s.visit_id)
    )


def _conditions(conn: Connection, wanted: SeenFilter) -> list[ColumnElement[bool]]:
    s, d, k, b = schema.status.c, schema.deployment.c, schema.look.c, schema.batch.c
    made: list[ColumnElement[bool]] = []
    if wanted.deployment is not None:
        # By its key: with a query inside, PostgreSQL walks all pictures for a camera that has none.
        place = conn.execute(sa.select(d.id).where(d.name == wanted.deployment)).scalar()
        made.append(sa.false() if place is None else s.deployment_id == place)
    if wanted.species is not None:
        named = s.observation_type if wanted.species in KINDS else s.name
        made.append(named == wanted.species)
    if wanted.first_day is not None:
        made.append(s.taken_on >= wanted.first_day)
    if wanted.last_day is not None:
        made.append(s.taken_on <= wanted.last_day)
    if wanted.state is not None:  # with light no index of states: it would ask the light of all
        state = s.state if wanted.light is None else sa.func.coalesce(s.state, "")
        made.append(state == wanted.state)
    if wanted.light is not None:
        shown = (b.id == s.batch_id) & (b.look_recipe_id == k.recipe_id)
        made.append(sa.exists().where(k.media_id == s.media_id, shown, k.light == wanted.light))
    return made


def stored_vectors(
    conn: Connection, wanted: SeenFilter, recipes: Sequence[int]
) -> Iterator[tuple[list[int], list[bytes]]]:
    """(keys, vectors as float16) of the pictures of a filter, in chunks; each view is one.

    recipes   of the look: whose vectors
    """
    e, s, b = schema.embedding.c, schema.status.c, schema.batch.c
    query = (
        sa.select(e.media_id, e.vector)
        .join_from(schema.embedding, schema.status, s.media_id == e.media_id)
        .join(schema.batch, (b.id == s.batch_id) & (b.look_recipe_id == e.recipe_id))
        .where(e.recipe_id.in_(recipes), *_conditions(conn, wanted))
    )
    rows = conn.execute(query.execution_options(stream_results=True)).partitions(VECTORS)
    for part in rows:
        yield [row.media_id for row in part], [row.vector for row in part]


def vectors_of_picture(conn: Connection, media_id: int) -> list[tuple[int, bytes]]:
    """(recipe, vector) of each view of a picture, of the recipe that is shown."""
    e, m, b = schema.embedding.c, schema.media.c, schema.batch.c
    query = (
        sa.select(e.recipe_id, e.vector)
        .join_from(schema.embedding, schema.media, m.id == e.media_id)
        .join(schema.batch, (b.id == m.batch_id) & (b.look_recipe_id == e.recipe_id))
        .where(e.media_id == media_id)
        .order_by(e.view)
    )
    return [(row.recipe_id, row.vector) for row in conn.execute(query)]


def recipes_by_encoder(conn: Connection) -> dict[int, str | None]:
    """Of each look recipe the sha-256 of the model behind its vectors; None: it does not say."""
    p = schema.recipe.c
    looks = conn.execute(sa.select(p.id, p.description).where(p.step == "look"))
    return {row.id: (row.description.get("encoder") or {}).get("sha256") for row in looks}


def last_labeller(conn: Connection) -> tuple[str, str | None] | None:
    """(labeller, its weights) as the newest run was given them; None: there was none."""
    r = schema.run.c
    for settings in conn.execute(sa.select(r.settings).order_by(r.id.desc())).scalars():
        options = settings.get("options") or {}
        if options.get("labeller"):
            return options["labeller"], options.get("pretrained")
    return None


def flag_pictures(conn: Connection, flag_id: str) -> Sequence[sa.Row[Any]]:
    """(media_id, sha256) of the pictures of a flag that is shown, in their order."""
    f, x, m, b = schema.flag.c, schema.flag_media.c, schema.media.c, schema.batch.c
    first = schema.media.alias("first")
    query = (
        sa.select(m.id.label("media_id"), m.sha256)
        .join_from(schema.flag, schema.flag_media, x.flag_id == f.id)
        .join(schema.media, m.id == x.media_id)
        .join(first, first.c.id == f.media_id)
        .join(schema.batch, (b.id == f.batch_id) & (b.flag_recipe_id == f.recipe_id))
        .where(first.c.sha256 == flag_id)
        .order_by(m.taken_at, m.path, m.id)
    )
    return conn.execute(query).all()


def stations_seen(conn: Connection) -> Sequence[sa.Row[Any]]:
    """Each station with its place, a deployment of it and its visits that show something."""
    query = sa.text(
        "WITH of_camera AS (SELECT deployment_id, count(*) AS events FROM events"
        " WHERE observation_type NOT IN ('blank', 'unclassified') GROUP BY deployment_id)"
        " SELECT coalesce(d.location_id, d.deployment_id) AS station,"
        " min(d.location_name) AS location_name, avg(d.latitude) AS latitude,"
        " avg(d.longitude) AS longitude, count(*) AS deployments,"
        " min(d.deployment_id) AS deployment, coalesce(sum(o.events), 0) AS events"
        " FROM deployments d LEFT JOIN of_camera o ON o.deployment_id = d.deployment_id"
        " GROUP BY coalesce(d.location_id, d.deployment_id) ORDER BY 1"
    )
    return conn.execute(query).all()
