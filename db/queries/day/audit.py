"""What the audit says about the blanks of some cards, by deployment and in all."""

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.queries.day.rows import query
from pipeline.report.day import AuditRow
from pipeline.trust.audit import Stratum, estimate

SEEN = ("animal", "human", "vehicle")
_STRATA = """
SELECT batch, deployment_id, stratum, blanks, drawn, missed, reviewed - missed AS blank, undecided
FROM audit_strata WHERE batch IN :names ORDER BY batch, deployment_id, stratum
"""
_KEPT = """
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


def audit_parts(
    conn: Connection, names: list[str]
) -> dict[str, list[tuple[sa.Row, list[Stratum]]]]:
    """By deployment: its counts, and its strata with what people saw in them."""
    strata = defaultdict(list)
    for row in query(conn, _STRATA, names=names):
        strata[row.deployment_id].append(
            Stratum(row.deployment_id, row.stratum, row.blanks, row.drawn, row.missed, row.blank,
                    row.undecided)
        )  # fmt: skip
    found = {}
    for row in query(conn, _KEPT, names=names, seen=list(SEEN)):
        parts = strata[row.deployment_id]
        uncovered = row.blanks - sum(one.size for one in parts)
        if uncovered > 0:
            parts.append(Stratum(row.deployment_id, "", uncovered))
        found[row.deployment_id] = [(row, parts)]
    return found


def blanks_of_all(conn: Connection) -> AuditRow:
    """What the audit says about the blanks of every card."""
    names = list(conn.execute(sa.select(schema.batch.c.name)).scalars())
    parts = audit_parts(conn, names) if names else {}
    return audit_row("all cameras", [one for some in parts.values() for one in some])


def audit_row(name: str, parts: Sequence[tuple[sa.Row, list[Stratum]]]) -> AuditRow:
    strata = [one for _, some in parts for one in some]
    people, machine = (
        sum(getattr(row, k) for row, _ in parts) for k in ("by_people", "by_machine")
    )
    return AuditRow(
        name, sum(row.blanks for row, _ in parts), sum(row.kept for row, _ in parts),
        sum(one.drawn for one in strata), estimate(strata, people, machine),
        sum(one.undecided for one in strata), sum(row.unprocessed for row, _ in parts),
    )  # fmt: skip
