"""The flags of some cards, the gravest first, with the pictures a page may show of them."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from db.queries.day.rows import query, time_of
from pipeline.poaching.rules import age
from pipeline.report.day import FlagRow, Shot, hides, shows_people
from pipeline.settings import Settings

FLAGS = 100
FLAG_NAME = 12  # letters, as `camtriage flags list` prints them
SHOTS = 3  # thumbnails a flag
_FLAGS = """
SELECT flag_id, batch, deployment_id, location_name, started_at, started_at_utc, severity, score,
    rules, reason, pictures, status
FROM flags WHERE batch IN :names
ORDER BY severity DESC, score DESC, started_at, flag_id
"""
_FLAG_SHOTS = """
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


def flags(conn: Connection, names: list[str], settings: Settings) -> dict:
    """The gravest FLAGS of them with some pictures, and how many more there are."""
    every = query(conn, _FLAGS, names=names)
    rows = every[:FLAGS]
    shots = _shots(conn, rows, settings.poaching.pixelate_bar)
    now = datetime.now(UTC)
    told = tuple(
        FlagRow(
            row.batch, row.deployment_id, row.location_name, time_of(row.started_at), row.severity,
            row.score, tuple(json.loads(row.rules)), row.reason, row.status, row.pictures,
            shots.get(row.flag_id, ()), age(time_of(row.started_at_utc), now),
            row.flag_id[:FLAG_NAME],
        )
        for row in rows
    )  # fmt: skip
    return {"flags": told, "more_flags": len(every) - len(told)}


def _shots(conn: Connection, flags: Iterable[sa.Row], bar: float) -> dict[str, tuple[Shot, ...]]:
    """Up to SHOTS pictures of each flag. One that may show people hides all of its flag."""
    rules = {row.flag_id: json.loads(row.rules) for row in flags}
    found: dict[str, list[sa.Row]] = defaultdict(list)
    for row in query(conn, _FLAG_SHOTS, flags=list(rules)):
        found[row.flag_id].append(row)
    shots = {}
    for flag, rows in found.items():
        hide = hides(rules[flag]) or any(
            shows_people(row.p_human, row.observation_type, bar) for row in rows
        )
        some = rows[:: max(1, -(-len(rows) // SHOTS))][:SHOTS]
        shots[flag] = tuple(Shot(row.sha256, row.root, row.path, hide) for row in some)
    return shots
