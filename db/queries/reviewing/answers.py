"""Answers as they were given, one after the other: for a table of all, and to compare people."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import CURRENT_REVIEW


def all_answers(conn: Connection) -> Iterator[sa.RowMapping]:
    """Every row of every answer that stands, by card, path and answer; `counts`: it is of one that
    the views show."""
    counts = sa.exists().where(CURRENT_REVIEW.c.review_id == schema.review.c.id)
    r, m, b, d = schema.review, schema.media.c, schema.batch.c, schema.deployment.c
    query = (
        sa.select(
            *(r, counts.label("counts"), m.sha256, m.path),
            *(b.name.label("batch"), d.name.label("deployment_id")),
        )
        .join_from(r, schema.media, m.id == r.c.media_id)
        .join(schema.batch, b.id == m.batch_id)
        .join(schema.deployment, d.id == m.deployment_id)
        .where(r.c.withdrawn_at.is_(None))
        .where(r.c.withdrawn_at.is_(None))
        .order_by(b.name, m.path, m.id, r.c.answer, r.c.position)
    )
    yield from conn.execute(query.execution_options(stream_results=True)).mappings()


def answered_by_several(conn: Connection) -> Sequence[sa.Row[Any]]:
    """Every row of every answer on what several named people answered: by picture, pictures before
    visits, in the order in which the answers came."""
    r, m, b, d = schema.review.c, schema.media.c, schema.batch.c, schema.deployment.c
    of_visit = (r.purpose == "event").label("of_visit")
    several = (
        sa.select(r.media_id, of_visit)
        .where(r.reviewer.is_not(None), r.withdrawn_at.is_(None))
        .group_by(r.media_id, of_visit)
        .having(sa.func.count(r.reviewer.distinct()) > 1)
        .subquery()
    )
    counts = sa.exists().where(CURRENT_REVIEW.c.review_id == r.id)
    query = (
        sa.select(
            *(m.sha256, m.path, r.media_id, of_visit, r.answer, r.reviewer),
            *(r.observation_type, r.name, counts.label("counts")),
            *(b.name.label("batch"), d.name.label("deployment"), d.location_id),
        )
        .join_from(schema.review, schema.media, m.id == r.media_id)
        .join(schema.batch, b.id == m.batch_id)
        .join(schema.deployment, d.id == m.deployment_id)
        .join(several, (several.c.media_id == r.media_id) & (several.c.of_visit == of_visit))
        .where(r.withdrawn_at.is_(None))
        .where(r.withdrawn_at.is_(None))
        .order_by(m.id, of_visit, r.answer, r.position)
    )
    return conn.execute(query).all()


def answered_by_others(conn: Connection, reviewer: str, too: bool) -> list[tuple[int, str]]:
    """(key, sha-256) of the first pictures of visits that somebody else, with a name, answered as a
    whole before `reviewer` did.

    too   those that this one answered later; else those that this one did not answer
    """
    m, review, own = schema.media.c, schema.review.alias("others"), schema.review.alias("own")
    r, o = review.c, own.c
    mine = sa.exists().where(
        *(o.media_id == r.media_id, o.purpose == "event", o.reviewer == reviewer),
        o.withdrawn_at.is_(None),
    )
    first = sa.exists().where(
        *(o.media_id == r.media_id, o.purpose == "event", o.reviewer == reviewer),
        *(o.withdrawn_at.is_(None), o.answer < r.answer),
    )
    query = (
        sa.select(m.id, m.sha256)
        .join_from(review, schema.media, m.id == r.media_id)
        .where(r.purpose == "event", r.withdrawn_at.is_(None), r.reviewer.is_not(None))
        .where(r.reviewer != reviewer, mine if too else ~mine)
        .distinct()
    )
    if too:
        query = query.where(~first)
    return [(row.id, row.sha256) for row in conn.execute(query)]


def unnamed_answers(conn: Connection) -> int:
    """Answers of which nobody says whose they are."""
    r = schema.review.c
    query = sa.select(sa.func.count()).where(
        r.reviewer.is_(None), r.position == 0, r.withdrawn_at.is_(None)
    )
    return conn.execute(query).scalar_one()


def answers_on(conn: Connection, media_ids: Collection[int]) -> Sequence[sa.RowMapping]:
    """Every row ever said of these pictures, and of visits that begin with them, also what was
    taken back; `counts`: it is of an answer that the views show."""
    r = schema.review
    counts = sa.exists().where(CURRENT_REVIEW.c.review_id == r.c.id)
    query = sa.select(r, (r.c.purpose == "event").label("of_visit"), counts.label("counts"))
    query = query.where(r.c.media_id.in_(media_ids))
    ordered = query.order_by(sa.desc("of_visit"), r.c.media_id, r.c.answer, r.c.position)
    return conn.execute(ordered).mappings().all()
