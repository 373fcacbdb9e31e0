"""Which visit or picture comes next. Each step reads a few rows by an index, from the last one on:
nothing grows with the length of the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import chunks

PEOPLE = ("human", "vehicle")
KINDS_BY_NAME = (*PEOPLE, "blank", "unknown")  # asked for as a species is


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """Which visits a queue holds; empty: all of them."""

    deployment: str | None = None
    species: str | None = None  # a name the machine gave; of its own or a further taxon
    first_day: str | None = None  # YYYY-MM-DD, camera clock
    last_day: str | None = None
    doubtful: float | None = None  # names below this probability, and what has no name
    people: bool = False  # people or vehicles, called or boxed
    answered: bool = False  # those that people answered, too


def next_visits(
    conn: Connection, wanted: VisitFilter, after: int, most: int
) -> list[tuple[int, int]]:
    """(key of the visit, key of its first picture), in the order of keys after `after`."""
    v = schema.visit.c
    query = sa.select(v.id, v.media_id).select_from(shown_visits()).where(v.id > after)
    query = query.where(*_conditions(wanted)).order_by(v.id).limit(most)
    return [(row.id, row.media_id) for row in conn.execute(query)]


def count_visits(conn: Connection, wanted: VisitFilter) -> tuple[int, int]:
    """How many visits the filter holds, answered or not, and how many of them are answered."""
    v = schema.visit.c
    done = sa.func.count(sa.case((visit_answered(), 1)))
    everything = VisitFilter(**{**_as_dict(wanted), "answered": True})
    query = sa.select(sa.func.count(v.id), done).select_from(shown_visits())
    total, answered = conn.execute(query.where(*_conditions(everything))).one()
    return total, answered


def _as_dict(wanted: VisitFilter) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in VisitFilter.__slots__}


@cache
def shown_visits() -> Any:
    """Visits of the recipes that the views show."""
    v, b = schema.visit.c, schema.batch.c
    return schema.visit.join(
        schema.batch, (b.id == v.batch_id) & (b.label_recipe_id == v.recipe_id)
    )


@cache  # to build it takes longer than to run it
def visit_answered() -> ColumnElement[bool]:
    """Somebody answered the visit as a whole, or each of its pictures."""
    v, r, x = schema.visit.c, schema.review.c, schema.visit_media.c
    own = schema.review.alias()
    whole = sa.exists().where(
        r.media_id == v.media_id, r.purpose == "event", r.withdrawn_at.is_(None)
    )
    told = sa.exists().where(
        own.c.media_id == x.media_id, own.c.purpose != "event", own.c.withdrawn_at.is_(None)
    )
    return whole | ~sa.exists().where(x.visit_id == v.id, ~told)


def _conditions(wanted: VisitFilter) -> list[ColumnElement[bool]]:
    v, t, d = schema.visit.c, schema.visit_taxon.c, schema.deployment.c
    made: list[ColumnElement[bool]] = []
    if wanted.deployment is not None:
        place = sa.select(d.id).where(d.name == wanted.deployment).scalar_subquery()
        made.append(v.deployment_id == place)
    if wanted.species is not None:
        named = t.observation_type if wanted.species in KINDS_BY_NAME else t.name
        made.append(sa.exists().where(t.visit_id == v.id, named == wanted.species))
    if wanted.first_day is not None:
        made.append(v.started_at >= sa.literal(wanted.first_day, schema.TEXT))
    if wanted.last_day is not None:  # ~ comes after T and every digit
        made.append(v.started_at <= sa.literal(wanted.last_day + "~", schema.TEXT))
    if wanted.doubtful is not None:
        unsure = (t.name.is_(None) & (t.observation_type != "blank")) | (
            t.probability < wanted.doubtful
        )
        made.append(sa.exists().where(t.visit_id == v.id, t.position == 0, unsure))
    if wanted.people:
        made.append(_shows_people())
    if not wanted.answered:
        made.append(~visit_answered())
    return made


def _shows_people() -> ColumnElement[bool]:
    v, t, x, b = schema.visit.c, schema.visit_taxon.c, schema.visit_media.c, schema.box.c
    called = sa.exists().where(t.visit_id == v.id, t.observation_type.in_(PEOPLE))
    m, home = schema.media.c, schema.batch.alias("home")
    boxed = (
        sa.exists()
        .where(x.visit_id == v.id, b.media_id == x.media_id, b.sure, b.category.in_(PEOPLE))
        .where(m.id == x.media_id, home.c.id == m.batch_id)
        .where(home.c.look_recipe_id == b.recipe_id)
    )
    return called | boxed


def drawn_for_audit(conn: Connection) -> list[tuple[int, str]]:
    """(key, sha-256) of the blanks drawn for the audit, by sha-256: so its beginning is a sample as
    well."""
    a, m, b = schema.audit_draw.c, schema.media.c, schema.batch.c
    query = (
        sa.select(m.id, m.sha256)
        .join_from(schema.audit_draw, schema.media, m.id == a.media_id)
        .join(schema.batch, (b.id == m.batch_id) & (b.look_recipe_id == a.recipe_id))
        .order_by(m.sha256)
    )
    return [(row.id, row.sha256) for row in conn.execute(query)]


def flagged(conn: Connection) -> list[tuple[int, str]]:
    """(key, sha-256) of the first pictures of visits under suspicion, the gravest first."""
    text = sa.text(
        "SELECT m.id, m.sha256 FROM flags f JOIN media m ON m.sha256 = f.flag_id"
        " WHERE f.status = 'suspected'"
        " ORDER BY f.severity DESC, f.score DESC, f.started_at, f.flag_id"
    )
    return [(row.id, row.sha256) for row in conn.execute(text)]


def open_of(conn: Connection, media_ids: Sequence[int], of_visit: bool) -> set[int]:
    """Those of these pictures, or of the visits that begin with them, that nobody answered."""
    answered: set[int] = set()
    for part in chunks(media_ids):
        answered |= _answered_visits(conn, part) if of_visit else _answered_pictures(conn, part)
    return set(media_ids) - answered


def _answered_pictures(conn: Connection, media_ids: Sequence[int]) -> set[int]:
    r = schema.review.c
    told = sa.select(r.media_id).where(
        r.media_id.in_(media_ids), r.purpose != "event", r.withdrawn_at.is_(None)
    )
    return set(conn.execute(told).scalars())


def _answered_visits(conn: Connection, media_ids: Sequence[int]) -> set[int]:
    v, r = schema.visit.c, schema.review.c
    of_visits = sa.select(v.media_id).select_from(shown_visits())
    told = sa.select(r.media_id).where(
        r.media_id.in_(media_ids), r.purpose == "event", r.withdrawn_at.is_(None)
    )
    found = set(conn.execute(told).scalars())
    rest = of_visits.where(v.media_id.in_(set(media_ids) - found), visit_answered())
    return found | set(conn.execute(rest).scalars())


def keys_of(conn: Connection, sha256s: Sequence[str]) -> list[tuple[int, str]]:
    """(key, sha-256) of these pictures, in their order."""
    m = schema.media.c
    found: dict[str, int] = {}
    for part in chunks(sha256s):
        rows = conn.execute(sa.select(m.sha256, m.id).where(m.sha256.in_(part)))
        found.update({row.sha256: row.id for row in rows})
    return [(found[sha], sha) for sha in sha256s if sha in found]


def beside(conn: Connection, media_id: int, step: int) -> int | None:
    """First picture of the visit before (-1) or after (+1) at the same deployment; None: none."""
    v = schema.visit.c
    here = sa.select(v.deployment_id, v.started_at, v.id).select_from(shown_visits())
    at = conn.execute(here.where(v.media_id == media_id)).first()
    if at is None or at.started_at is None:
        return None
    place = sa.tuple_(v.started_at, v.id)
    mark = sa.tuple_(sa.literal(at.started_at, schema.Time), sa.literal(at.id))
    later = step > 0
    order = (v.started_at, v.id) if later else (v.started_at.desc(), v.id.desc())
    query = (
        sa.select(v.media_id)
        .select_from(shown_visits())
        .where(v.deployment_id == at.deployment_id, place > mark if later else place < mark)
        .order_by(*order)
        .limit(1)
    )
    found: int | None = conn.execute(query).scalar()
    return found


def is_deployment(conn: Connection, name: str) -> bool:
    """Whether there is a deployment of this name, with visits or without."""
    d = schema.deployment.c
    return conn.execute(sa.select(d.id).where(d.name == name).limit(1)).first() is not None


def choices(conn: Connection) -> tuple[list[str], list[str]]:
    """Deployments with visits, and names that the machine gave, for the first page."""
    v, d, t = schema.visit.c, schema.deployment.c, schema.visit_taxon.c
    here = sa.exists().where(v.deployment_id == d.id)
    places = conn.execute(sa.select(d.name).where(here).order_by(d.name)).scalars().all()
    names = conn.execute(sa.select(t.name).where(t.name.is_not(None)).distinct()).scalars()
    return list(places), sorted(names)
