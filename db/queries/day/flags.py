"""The flags of some cards, the gravest first, and their pictures."""

import json
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection

from db.queries.day.rows import query, time_of
from db.store.scores import boxes_on
from pipeline.day_facts import FlagRow, PagePicture

FLAGS = 100
FLAG_NAME = 12  # letters, as `camtriage flags list` prints them
_FLAGS = """
SELECT flag_id, batch, deployment_id, location_name, started_at, started_at_utc, severity, score,
    rules, reason, pictures, status
FROM flags WHERE batch IN :names
ORDER BY severity DESC, score DESC, started_at, flag_id
"""
_PICTURES = """
SELECT f.sha256 AS flag_id, m.sha256 AS sha256, b.root AS root, m.path AS path,
    k.p_human AS p_human, s.observation_type AS observation_type
FROM flag g
JOIN batch gb ON gb.id = g.batch_id AND gb.flag_recipe_id = g.recipe_id
JOIN media f ON f.id = g.media_id
JOIN flag_media x ON x.flag_id = g.id
JOIN media m ON m.id = x.media_id
JOIN batch b ON b.id = m.batch_id
JOIN status s ON s.media_id = m.id
LEFT JOIN look k ON k.media_id = m.id AND k.recipe_id = b.look_recipe_id
WHERE f.sha256 IN :flags
ORDER BY f.sha256, s.taken_at, m.path
"""


def gravest_flags(conn: Connection, names: list[str]) -> tuple[dict[str, FlagRow], int]:
    """The gravest FLAGS of these cards by flag_id, and how many more there are."""
    rows = query(conn, _FLAGS, names=names)
    found = {
        row.flag_id: FlagRow(
            row.batch,
            row.deployment_id,
            row.location_name,
            time_of(row.started_at),
            row.severity,
            row.score,
            tuple(json.loads(row.rules)),
            row.reason,
            row.status,
            row.pictures,
            name=row.flag_id[:FLAG_NAME],
            started_at_utc=time_of(row.started_at_utc),
        )
        for row in rows[:FLAGS]
    }
    return found, len(rows) - len(found)


def flag_pictures(conn: Connection, flags: Iterable[str]) -> dict[str, list[PagePicture]]:
    """All pictures of these flags, by flag_id, in order of time."""
    rows = query(conn, _PICTURES, flags=list(flags))
    boxes = boxes_on(conn, (row.sha256 for row in rows))
    found = defaultdict(list)
    for row in rows:
        drawn = boxes.get(row.sha256, ())
        picture = row.sha256, row.root, row.path, row.p_human, row.observation_type, drawn
        found[row.flag_id].append(PagePicture(*picture))
    return found
