"""The runs and the folders of the inbox that failed or did not end on a day, and why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.queries.day.rows import around, local, query
from pipeline.day_facts import FailureRow

AGAIN = "; the same command goes on where it was"
WITHOUT_WORDS = {
    "running": "it has not ended: it runs, or was killed" + AGAIN,
    "unfinished": "pictures are left" + AGAIN,
    "taken": "its run has not ended: it waits, runs, or died with its machine",
}

# One that says `running` and has a younger run beside it was killed, and that one went on.
_RUNS = """
SELECT r.id, r.status, r.started_at, r.ended_at, r.message, b.root FROM run r
LEFT JOIN batch b ON b.id = r.batch_id
WHERE r.status <> 'finished' AND r.started_at < :after
    AND coalesce(r.ended_at, r.started_at) >= :before
    AND (r.status <> 'running' OR NOT EXISTS (
        SELECT 1 FROM run l WHERE l.batch_id = r.batch_id AND l.id > r.id))
ORDER BY r.id
"""
_ARRIVALS = """
SELECT NULL AS id, folder AS root, status, tries, taken_at AS started_at, ended_at, message
FROM arrivals
WHERE status <> 'done' AND taken_at < :after AND coalesce(ended_at, taken_at) >= :before
ORDER BY taken_at, folder
"""
_CARDS = """
SELECT b.root, b.name, max(CASE WHEN r.status = 'finished' THEN r.id END) AS finished,
    max(CASE WHEN r.status = 'finished' THEN r.ended_at END) AS finished_at
FROM batch b LEFT JOIN run r ON r.batch_id = b.id
WHERE b.root IN :roots GROUP BY b.id, b.root, b.name ORDER BY b.id
"""


@dataclass(frozen=True, slots=True)
class _Try:
    """A run, or a folder of the inbox, that did not finish."""

    root: str  # folder of the card
    row: sa.Row[Any]
    why: str
    tries: int = 0

    def times(self) -> list[datetime]:
        return [local(at) for at in (self.row.started_at, self.row.ended_at) if at]


def failures(conn: Connection, day: date) -> tuple[FailureRow, ...]:
    """What failed, stopped or has not ended, of the runs and folders of that day; the oldest
    first. A folder of the inbox and its runs that say the same are one row."""
    tries = [*_runs(conn, day), *_arrivals(conn, day)]
    tries = [failed for failed in tries if day in {at.date() for at in failed.times()}]
    cards = {  # the newest card that lay at a root
        row.root: row
        for row in query(conn, _CARDS, roots=sorted({failed.root for failed in tries}))
    }
    found: dict[tuple[str, str], FailureRow] = {}
    for failed in tries:
        row = _row(failed, cards.get(failed.root))
        before = found.get((row.name, row.why), row)
        newest = before if before.at >= row.at else row
        found[row.name, row.why] = replace(
            newest, tries=max(before.tries, row.tries), mended=before.mended or row.mended
        )
    return tuple(sorted(found.values(), key=lambda row: (row.at, row.name, row.why)))


def _runs(conn: Connection, day: date) -> Iterator[_Try]:
    for row in query(conn, _RUNS, **around(day)):
        root, why = row.root, row.message or WITHOUT_WORDS.get(row.status, "")
        if root is None:  # it failed before there was a card: its message begins with the folder
            root, _, why = why.partition(": ")
        yield _Try(root, row, why)


def _arrivals(conn: Connection, day: date) -> Iterator[_Try]:
    for row in query(conn, _ARRIVALS, **around(day)):
        yield _Try(row.root, row, row.message or WITHOUT_WORDS.get(row.status, ""), row.tries)


def _row(failed: _Try, card: sa.Row[Any] | None) -> FailureRow:
    row, at = failed.row, failed.times()[-1]
    if card is None:
        return FailureRow(failed.root, row.status, at, failed.why, False, failed.tries)
    if row.id is None:
        mended = (card.finished_at or "") > (row.ended_at or row.started_at)
    else:
        mended = (card.finished or 0) > row.id
    return FailureRow(card.name, row.status, at, failed.why, mended, failed.tries)
