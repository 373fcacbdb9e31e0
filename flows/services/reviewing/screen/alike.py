"""Visits of one queue that look alike, to be answered together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from db.core.engine import reading
from db.queries.reviewing.alike import vectors_of_visits, words_of
from db.queries.reviewing.seen import vectors_of_picture
from flows.execution.databases import known_database
from flows.services.reviewing.queues import Item, Queue, Queues
from flows.services.reviewing.seen import comparable, likeness
from pipeline.errors import InputError

TOGETHER = ("visits", "doubtful", "people", "flags", "query")  # queues whose order may be left
MOST = 40  # visits at once
POOL = 2000  # next visits of the queue among which the alike ones are looked for


@dataclass(frozen=True, slots=True)
class Alike:
    """Visits that look alike."""

    items: tuple[Item, ...]  # the first one of the queue, then the nearest to it; empty: none left
    cursor: int  # where the queue goes on
    compared: bool  # False: the first one has no vectors, so the others are the next of its word


def may_be_together(queue: Queue) -> bool:
    """Whether a queue may be answered in another order than its own, and many at once."""
    return queue.kind in TOGETHER and not queue.filter.answered


def next_alike(
    queues: Queues,
    queue: Queue,
    reviewer: str,
    after: int,
    most: int,
    keep: Collection[int] = (),
    passed: Collection[int] = (),
) -> Alike:
    """The next visit that nobody answered and nobody else has before him, and those among the
    next ones that the machine calls the same and that look most like it. They are this reviewer's
    from now on.

    keep     what he still has before him; the rest of his is given back
    passed   what he left without an answer
    InputError: this queue has an order that counts, or holds answered ones
    """
    if not may_be_together(queue):
        raise InputError(
            f"{queue.title}: no grid here, only of visits without an answer whose order is free"
        )
    while True:
        free = queues.candidates(queue, reviewer, after, POOL, {*keep, *passed})
        with reading(known_database(queues.database)) as conn:
            chosen, compared = _alike(conn, free, most)
        taken = queues.take(queue, reviewer, chosen, keep)
        if taken or not free:
            return Alike(tuple(taken), free[0].cursor if free else 0, compared)


def _alike(conn: Connection, free: Sequence[Item], most: int) -> tuple[list[Item], bool]:
    """The first one and those most like it; whether they could be compared."""
    if not free:
        return [], True
    words = words_of(conn, [item.media_id for item in free])
    first = free[0]
    same = [item for item in free if words.get(item.media_id) == words.get(first.media_id)]
    near = _near(conn, first.media_id, [item.media_id for item in same])
    order = sorted(same[1:], key=lambda item: -near.get(item.media_id, -1.0))
    return [first, *order][:most], bool(near)


def _near(conn: Connection, media_id: int, others: Sequence[int]) -> dict[int, float]:
    """Of each visit the cosine of its nearest view to the first picture of one; empty: that one
    has no vectors."""
    mine = vectors_of_picture(conn, media_id)
    if not mine:
        return {}
    asked = np.stack([np.frombuffer(vector, np.float16) for _, vector in mine]).astype(np.float32)
    best: dict[int, float] = {}
    for key, close in likeness(
        vectors_of_visits(conn, others, comparable(conn, mine[0][0])), asked
    ):
        best[key] = max(close, best.get(key, -1.0))
    return best
