"""What people said of pictures, one picture at a time: of it alone, or of the visit it is in."""

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

_TOLD = """
SELECT t.media_id, t.observation_type, t.name FROM told t WHERE t.whole = 0
UNION
SELECT p.media_id, t.observation_type, t.name
FROM told t JOIN told_pictures p ON p.visit_id = t.visit_id
WHERE t.whole = 1 AND p.free = 1 AND p.kept = 1
"""
_PLACES = """
SELECT s.media_id, m.sha256, s.batch_id, d.name AS deployment, s.taken_on AS day, s.visit_id
FROM status s
JOIN media m ON m.id = s.media_id
JOIN deployment d ON d.id = s.deployment_id
WHERE s.review_id IS NOT NULL OR s.visit_id IN (SELECT told.visit_id FROM told WHERE told.whole = 1)
ORDER BY s.media_id
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One picture, and what people said is on it."""

    sha256: str
    batch_id: int
    deployment: str
    day: str | None
    visit: int | None
    said: frozenset[tuple[str, str | None]]  # observation type and name of each


def told_pictures(conn: Connection) -> list[Told]:
    """Pictures on which an answer counts: their own, or that on their whole visit where they were
    kept and have none."""
    said: defaultdict[int, set[tuple[str, str | None]]] = defaultdict(set)
    for media, kind, name in conn.execute(sa.text(_TOLD)):
        said[media].add((kind, name))
    return [
        Told(row.sha256, row.batch_id, row.deployment, row.day, row.visit_id, frozenset(of))
        for row in conn.execute(sa.text(_PLACES))
        if (of := said.get(row.media_id))
    ]
