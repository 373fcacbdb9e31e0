"""The blanks of some cards by deployment, and what people saw in the sample of them."""

from collections import defaultdict
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.queries.day.rows import query
from pipeline.day_facts import BlankCounts
from pipeline.records import Stratum

SEEN = ("animal", "human", "vehicle")
_STRATA = """
SELECT deployment_id, stratum, blanks, drawn, missed, reviewed - missed AS blank, undecided
FROM audit_strata WHERE batch IN :names ORDER BY batch, deployment_id, stratum
"""
_STATES = """
SELECT d.name AS deployment_id,
    count(CASE WHEN s.state = 'blank' THEN 1 END) AS blanks,
    count(CASE WHEN s.state = 'kept' THEN 1 END) AS kept,
    count(CASE WHEN s.state = 'unprocessed' THEN 1 END) AS unprocessed,
    count(CASE WHEN s.state = 'kept' AND s.method = 'human'
        AND s.observation_type IN :seen THEN 1 END) AS by_people,
    count(CASE WHEN s.state = 'kept' AND s.method = 'machine'
        AND s.observation_type IN :seen THEN 1 END) AS by_machine
FROM status s
JOIN deployment d ON d.id = s.deployment_id
JOIN batch b ON b.id = s.batch_id
WHERE b.name IN :names
GROUP BY d.name ORDER BY d.name
"""


def blank_counts(conn: Connection, names: list[str] | None = None) -> list[BlankCounts]:
    """By deployment, of these cards or of all; blanks that no draw covers are a stratum too."""
    if names is None:
        names = list(conn.execute(sa.select(schema.batch.c.name)).scalars())
    strata = defaultdict(list)
    for row in query(conn, _STRATA, names=names):
        strata[row.deployment_id].append(Stratum(*row))
    found = []
    for row in query(conn, _STATES, names=names, seen=list(SEEN)):
        parts = strata[row.deployment_id]
        uncovered = row.blanks - sum(stratum.size for stratum in parts)
        if uncovered > 0:
            parts.append(Stratum(row.deployment_id, "", uncovered))
        found.append(replace(BlankCounts(*row), strata=tuple(parts)))
    return found
