"""Reviews: what people saw. Append-only; the same answer again is written once."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    CURRENT_REVIEW,
    chunks,
    fields,
    media_ids,
    now_here,
    record,
    refresh_ids,
)
from db.store.events import Among
from db.store.media import scope
from pipeline.answers import Answer, answers, given_at
from pipeline.records import Review

Place: TypeAlias = tuple[int, bool]  # key of the picture, and whether its whole visit is meant
CONTENT = (
    *("observation_type", "name", "count", "life_stage", "sex", "behavior", "individual_id"),
    *("reviewer", "reviewed_at", "purpose", "comment"),
)


def save_reviews(conn: Connection, reviews: Iterable[Review], source: str) -> tuple[int, list[str]]:
    """Append what people saw. Returns how many rows were new, and the sha256s that are not here.

    An answer that is known with its time, or that repeats the current one, is not written again:
    importing a file a second time changes nothing. All get one `saved_at`."""
    return save_answers(conn, answers(reviews), source)


def save_answers(
    conn: Connection, given: Iterable[Answer], source: str, once: bool = False
) -> tuple[int, list[str]]:
    """The same of answers; once: none that this source gave before is written again, even if
    another one stands now and it has no time."""
    if conn.dialect.name == "postgresql":  # two imports at once would number their answers alike
        conn.exec_driver_sql("LOCK TABLE review IN SHARE ROW EXCLUSIVE MODE")
    saved, unknown = 0, []
    stamp = {"source": source, "saved_at": now_here()}
    for some in chunks(given):
        ids = media_ids(conn, [rows[0].sha256 for rows in some])
        unknown += [rows[0].sha256 for rows in some if rows[0].sha256 not in ids]
        here = [rows for rows in some if rows[0].sha256 in ids]
        changed: set[int] = set()
        for turn in _turns(here, ids):
            new = _new(conn, turn, source if once else None)
            rows = [
                {**fields(row, schema.review), "media_id": place[0], "answer": number, **stamp}
                | {"position": position}
                for place, (number, answer) in new.items()
                for position, row in enumerate(answer)
            ]
            if rows:
                conn.execute(schema.review.insert(), rows)
            saved += len(rows)
            changed |= {media for media, _ in new}
        refresh_ids(conn, changed)
    return saved, unknown


def _turns(given: Sequence[Answer], ids: dict[str, int]) -> list[dict[Place, Answer]]:
    """At most one answer a picture and a visit in each: whether the next one repeats the current
    one is asked once this one is written."""
    turns: list[dict[Place, Answer]] = []
    for rows in given:
        place = ids[rows[0].sha256], rows[0].purpose == "event"
        turn = next((turn for turn in turns if place not in turn), None)
        if turn is None:
            turns.append(turn := {})
        turn[place] = rows
    return turns


def _new(
    conn: Connection, turn: dict[Place, Answer], once: str | None
) -> dict[Place, tuple[int, Answer]]:
    """Those that are not known, each with its number among the answers of its picture.

    once  a source: of this one its newest answer is known, and no older one"""
    r, current = schema.review.c, CURRENT_REVIEW.c
    query = (
        sa.select(schema.review, sa.exists().where(current.review_id == r.id).label("counts"))
        .where(r.media_id.in_({media for media, _ in turn}))
        .order_by(r.media_id, r.answer, r.position)
    )
    stored: dict[tuple[Place, int], list[sa.RowMapping]] = {}
    last: dict[int, int] = {}
    own: dict[Place, int] = {}  # number of the newest answer of that source
    for row in conn.execute(query).mappings():
        last[row["media_id"]] = row["answer"]
        if row["withdrawn_at"] is None:
            place = row["media_id"], row["purpose"] == "event"
            stored.setdefault((place, row["answer"]), []).append(row)
        if row["source"] == once:
            own[place] = row["answer"]
    known = {
        (place, numbered, tuple(_stored(row, numbered) for row in rows))
        for (place, number), rows in stored.items()
        for numbered in (False, True)
        if numbered
        or rows[0]["counts"]
        or (own.get(place) == number if once else rows[0]["reviewed_at"] is not None)
    }
    new: dict[Place, tuple[int, Answer]] = {}
    for place, answer in turn.items():
        content = tuple(_content(row) for row in answer)
        if (place, answer[0].number is not None, content) not in known:
            last[place[0]] = last.get(place[0], 0) + 1
            new[place] = last[place[0]], answer
    return new


def _stored(row: sa.RowMapping, numbered: bool) -> tuple[object, ...]:
    """What a row of the table says; numbered: as a table of all answers gives it."""
    at = given_at(row["reviewed_at"], row["saved_at"]) if numbered else row["reviewed_at"]
    return tuple(at if name == "reviewed_at" else row[name] for name in CONTENT)


def _content(review: Review) -> tuple[object, ...]:
    """What a review says, in the form of the table's rows."""
    return tuple(getattr(review, name) for name in CONTENT)


def reviews_of(conn: Connection, batch_id: int, among: Among = None) -> list[Review]:
    """The current answer on each picture of this batch, and on each visit that begins with it, row
    by row."""
    r, m, current = schema.review, schema.media.c, CURRENT_REVIEW.c
    query = (
        sa.select(r, m.sha256)
        .join(schema.media, m.id == r.c.media_id)
        .join(CURRENT_REVIEW, current.review_id == r.c.id)
        .where(scope(batch_id, among))
        .order_by(m.sha256, current.of_visit, r.c.position)
    )
    return [record(Review, row) for row in conn.execute(query).mappings()]


def last_review(conn: Connection) -> int:
    """Key of the review that was saved last; 0: there is none."""
    return conn.execute(sa.select(sa.func.max(schema.review.c.id))).scalar() or 0


def beaten_since(conn: Connection, last: int) -> list[str]:
    """Paths of the pictures, and of first pictures of visits, on which only answers were saved
    after the review `last` that are older than the one that counts."""
    r, m, current = schema.review.c, schema.media.c, CURRENT_REVIEW.c
    of_visit = r.purpose == "event"
    counts = sa.exists().where(
        current.media_id == r.media_id, current.of_visit == of_visit, current.review_id > last
    )
    query = (
        sa.select(m.path, m.id, of_visit)
        .join(schema.review, r.media_id == m.id)
        .where(r.id > last, ~counts)
        .distinct()
        .order_by(m.path, m.id)
    )
    return [row.path for row in conn.execute(query)]


def names_in_use(conn: Connection) -> set[str]:
    """What anything was ever called, by people or by the machine."""
    r, t = schema.review.c, schema.visit_taxon.c
    both = sa.union(sa.select(r.name), sa.select(t.name)).subquery().c.name
    return set(conn.execute(sa.select(both).where(both.is_not(None))).scalars())
