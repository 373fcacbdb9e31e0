"""What the audit sheet shows, and which pictures a reviewed table names."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks
from pipeline.exchange.reviews import Named, SheetRow
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


def find_pictures(conn: Connection, names: Sequence[Named]) -> list[tuple[str, ...]]:
    """For each name the sha256s of all pictures it may mean: by media_id, else by path and batch.

    A path is one that `file` knows: where a copy of the picture lies counts as well.
    """
    known = _known(conn, {one.media_id.lower() for one in names if one.media_id})
    by_path = _by_path(conn, {one.path for one in names if one.path and not one.media_id})
    found = []
    for one in names:
        if one.media_id:
            sha = one.media_id.lower()
            found.append((sha,) if sha in known else ())
        else:
            places = by_path.get(one.path, ())
            shas = {sha for batch, sha in places if one.batch in (None, batch)}
            found.append(tuple(sorted(shas)))
    return found


def _known(conn: Connection, shas: set[str]) -> set[str]:
    m = schema.media.c
    return {
        sha
        for some in chunks(sorted(shas))
        for sha in conn.execute(sa.select(m.sha256).where(m.sha256.in_(some))).scalars()
    }


def _by_path(conn: Connection, paths: set[str]) -> dict[str, set[tuple[str, str]]]:
    """(batch, sha256) of every picture at a path."""
    f, b, m = schema.file.c, schema.batch.c, schema.media.c
    query = (
        sa.select(f.path, b.name, m.sha256)
        .join_from(schema.file, schema.batch, b.id == f.batch_id)
        .join(schema.media, m.id == f.media_id)
    )
    found = defaultdict(set)
    batches = conn.execute(sa.select(b.id)).scalars().all()  # the index begins with the batch
    for some in chunks(sorted(paths)):
        for row in conn.execute(query.where(f.batch_id.in_(batches), f.path.in_(some))):
            found[row.path].add((row.name, row.sha256))
    return found
