"""What the audit sheet shows."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from pipeline.exchange.reviews import SheetRow
from pipeline.report.audit_sheet import Blank
from pipeline.report.day import shows_people

_DRAWN = """
SELECT m.sha256 AS sha256, b.name AS batch, d.name AS deployment_id, m.path AS path,
    s.taken_at AS taken_at, b.root AS root, k.p_human AS p_human, r.observation_type AS said,
    r.name AS scientific_name, r.count AS individuals, r.reviewer AS reviewer,
    r.reviewed_at AS reviewed_at, r.comment AS comment
FROM audit_draw a
JOIN media m ON m.id = a.media_id
JOIN batch b ON b.id = m.batch_id AND b.look_recipe_id = a.recipe_id
JOIN deployment d ON d.id = m.deployment_id
LEFT JOIN look k ON k.media_id = m.id AND k.recipe_id = a.recipe_id
LEFT JOIN status s ON s.media_id = m.id
LEFT JOIN review r ON r.id = s.review_id AND r.purpose <> 'event'
WHERE :batch IS NULL OR b.name = :batch
ORDER BY m.sha256
"""


def drawn_blanks(conn: Connection, batch: str | None, pixelate_bar: float) -> list[Blank]:
    """The drawn blanks of one batch, or of all, sorted by sha256, with what was said about them."""
    form = sa.text(_DRAWN).bindparams(sa.bindparam("batch", type_=sa.Text))
    rows = conn.execute(form, {"batch": batch})
    return [
        Blank(
            SheetRow(
                row.sha256, row.batch, row.deployment_id, row.path, _time(row.taken_at), row.said,
                row.scientific_name, row.individuals, row.reviewer,
                _time(row.reviewed_at), row.comment,
            ),
            row.root,
            shows_people(row.p_human, row.said, pixelate_bar),
        )
        for row in rows
    ]  # fmt: skip


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
