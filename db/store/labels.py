"""Labels: the name of each picture that was kept."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    chunks,
    fields,
    media_ids,
    record,
    refresh_ids,
    upsert,
)
from db.store.events import Among
from db.store.media import scope
from db.store.scores import results_of
from pipeline.records import Label


def save_labels(conn: Connection, recipe_id: int, labels: Iterable[Label]) -> None:
    """Labels under their recipe, written again where they stand."""
    update = {column.name for column in schema.label.c} - {"media_id", "recipe_id"}
    for part in chunks(labels):
        ids = media_ids(conn, [label.sha256 for label in part])
        rows = [
            {
                **fields(label, schema.label),
                "media_id": ids[label.sha256],
                "recipe_id": recipe_id,
            }
            for label in part
        ]
        upsert(conn, schema.label, rows, ["media_id", "recipe_id"], update=update)
        refresh_ids(conn, ids.values())


def labels_of(
    conn: Connection, batch_id: int, recipe_id: int, among: Among = None
) -> dict[str, Label]:
    """Labels by sha-256."""
    rows = results_of(conn, schema.label, recipe_id, scope(batch_id, among))
    return {row["sha256"]: record(Label, row) for row in rows}


def unlabelled(conn: Connection, batch_id: int, frame_recipe: int, label_recipe: int) -> int:
    """How many kept pictures of this batch have no label under this recipe."""
    m, k, t = schema.media.c, schema.look.c, schema.label.c
    mine = (m.batch_id == batch_id) & (k.recipe_id == frame_recipe) & (k.state == "kept")
    label = (t.media_id == m.id) & (t.recipe_id == label_recipe)
    joined = schema.media.join(schema.look, k.media_id == m.id).outerjoin(schema.label, label)
    query = sa.select(sa.func.count()).select_from(joined).where(mine, t.media_id.is_(None))
    return conn.execute(query).scalar_one()
