"""What the models made of each picture: scores, crops and vectors, saved window by window."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection

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
from db.store.files import save_file_problems
from db.store.media import scope
from pipeline.records import (
    Detection,
    Embedding,
    FrameScores,
    WindowScores,
)

VECTORS = 4096  # pictures in one chunk of vectors
Vectors = tuple[
    list[str], NDArray[np.float32], NDArray[np.float32]
]  # sha256s, crops (n,d), frames (n,d), float32


def save_window(conn: Connection, window_id: int, recipe_id: int, seen: WindowScores) -> None:
    """Save the scores, embeddings and file problems of a window and mark it done; no commit here.

    Problems of an earlier try go: a file that was away then may be here now. The first look
    recipe a batch meets becomes its current one, so that a running job shows."""
    w = schema.work_window.c
    batch_id = conn.execute(sa.select(w.batch_id).where(w.id == window_id)).scalar_one()
    ids = media_ids(conn, [*(scores.sha256 for scores in seen.scores), *seen.failed])
    rows = [_scores_row(scores, ids[scores.sha256], recipe_id) for scores in seen.scores]
    blank = dict.fromkeys(schema.look.c.keys())
    rows += [
        {**blank, "media_id": ids[sha], "recipe_id": recipe_id, "state": "failed"}
        for sha in seen.failed
    ]
    update = [key for key in blank if key not in ("media_id", "recipe_id")]
    upsert(conn, schema.look, rows, ["media_id", "recipe_id"], update=update)
    save_embeddings(conn, recipe_id, seen.embeddings)
    _save_boxes(conn, recipe_id, seen.scores, ids)
    t, m = schema.trouble, schema.media.c
    mine = t.c.path.in_(sa.select(m.path).where(m.work_window_id == window_id))
    conn.execute(sa.delete(t).where(t.c.batch_id == batch_id, t.c.step == "look", mine))
    save_file_problems(conn, batch_id, seen.problems)
    done = {"work_window_id": window_id, "recipe_id": recipe_id}
    upsert(conn, schema.window_done, [done], ["work_window_id", "recipe_id"])
    b = schema.batch
    conn.execute(
        sa.update(b)
        .where(b.c.id == batch_id, b.c.look_recipe_id.is_(None))
        .values(look_recipe_id=recipe_id)
    )
    refresh_ids(conn, ids.values())


def save_embeddings(conn: Connection, recipe_id: int, embeddings: Iterable[Embedding]) -> None:
    """Vectors under their look recipe; one that stands already stays."""
    for part in chunks(embeddings):
        ids = media_ids(conn, [embedding.sha256 for embedding in part])
        rows = [
            {
                "media_id": ids[embedding.sha256],
                "recipe_id": recipe_id,
                "view": embedding.view,
                "vector": embedding.vector,
            }
            for embedding in part
        ]
        upsert(conn, schema.embedding, rows, ["media_id", "recipe_id", "view"])


def _save_boxes(
    conn: Connection, recipe_id: int, scores: Iterable[FrameScores], ids: Mapping[str, int]
) -> None:
    """The boxes of a window's pictures (ids: their keys) in place of those of an earlier try."""
    x = schema.box.c
    for part in chunks(ids.values()):
        mine = (x.recipe_id == recipe_id) & x.media_id.in_(part)
        conn.execute(sa.delete(schema.box).where(mine))
    rows = [
        {
            **dict(zip(("x", "y", "width", "height"), detection.box, strict=True)),
            "media_id": ids[scored.sha256],
            "recipe_id": recipe_id,
            "position": position,
            "category": detection.category,
            "confidence": detection.confidence,
            "sure": detection.sure,
            "detector": detection.by,
        }
        for scored in scores
        for position, detection in enumerate(scored.detections)
    ]
    upsert(conn, schema.box, rows, ["media_id", "recipe_id", "position"])


def boxes_on(conn: Connection, sha256s: Iterable[str]) -> dict[str, tuple[Detection, ...]]:
    """The boxes that the views show, the surest first, by sha-256: of pictures that have some."""
    found: dict[str, tuple[Detection, ...]] = {}
    for part in chunks(dict.fromkeys(sha256s)):
        found |= boxes_among(conn, schema.media.c.sha256.in_(part))
    return found


def boxes_among(conn: Connection, which: ColumnElement[bool]) -> dict[str, tuple[Detection, ...]]:
    """The same for the media that `which` selects."""
    x, m, b, k = (getattr(schema, name).c for name in ("box", "media", "batch", "look"))
    found: defaultdict[str, tuple[Detection, ...]] = defaultdict(tuple)
    query = (
        sa.select(schema.box, m.sha256, k.frame_number)
        .join(schema.media, m.id == x.media_id)
        .join(schema.batch, (b.id == m.batch_id) & (b.look_recipe_id == x.recipe_id))
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == x.recipe_id))
        .where(which)
        .order_by(m.id, x.position)
    )
    for row in conn.execute(query):
        place = (row.x, row.y, row.width, row.height)
        found[row.sha256] += (
            Detection(
                row.category, row.confidence, place, row.sure, row.detector, row.frame_number
            ),
        )
    return dict(found)


def frame_scores_of(
    conn: Connection, batch_id: int, recipe_id: int, among: Among = None
) -> dict[str, FrameScores]:
    """Looks by sha-256, without pictures that could not be looked at."""
    rows = results_of(conn, schema.look, recipe_id, scope(batch_id, among))
    return {row["sha256"]: _scores(row) for row in rows if row["state"] != "failed"}


def frame_scores_named(
    conn: Connection, recipe_id: int, sha256s: Iterable[str]
) -> dict[str, FrameScores]:
    """As frame_scores_of, of the pictures with these sha-256s."""
    m = schema.media.c.sha256
    return {
        row["sha256"]: _scores(row)
        for part in chunks(sha256s)
        for row in results_of(conn, schema.look, recipe_id, m.in_(part))
        if row["state"] != "failed"
    }


def vectors_of(
    conn: Connection, batch_id: int, recipe_id: int, among: Among = None
) -> Iterator[Vectors]:
    """Embedded pictures in chunks; one with a single view has it in both places."""
    return _vectors(conn, recipe_id, scope(batch_id, among))


def vectors_named(conn: Connection, recipe_id: int, sha256s: Iterable[str]) -> Iterator[Vectors]:
    """As vectors_of, of the pictures with these sha-256s, where they have vectors."""
    for part in chunks(sha256s):
        yield from _vectors(conn, recipe_id, schema.media.c.sha256.in_(part))


def _vectors(conn: Connection, recipe_id: int, which: ColumnElement[bool]) -> Iterator[Vectors]:
    e, m = schema.embedding.c, schema.media.c
    query = (
        sa.select(m.sha256, e.view, e.vector)
        .join(schema.embedding, e.media_id == m.id)
        .where(e.recipe_id == recipe_id, which)
        .order_by(m.id)
    )
    pictures: dict[str, dict[str, bytes]] = {}
    for sha, view, vector in conn.execute(query.execution_options(stream_results=True)):
        if sha not in pictures and len(pictures) == VECTORS:
            yield _arrays(pictures)
            pictures = {}
        pictures.setdefault(sha, {})[view] = vector
    if pictures:
        yield _arrays(pictures)


def _arrays(pictures: dict[str, dict[str, bytes]]) -> Vectors:
    def stack(view: str) -> NDArray[np.float32]:
        chosen = [views.get(view) or next(iter(views.values())) for views in pictures.values()]
        flat = np.frombuffer(b"".join(chosen), np.float16).astype(np.float32)
        return flat.reshape(len(chosen), -1)

    return list(pictures), stack("crop"), stack("frame")


def results_of(
    conn: Connection, table: sa.Table, recipe_id: int, scope: ColumnElement[bool]
) -> Iterable[sa.RowMapping]:
    """Rows of one recipe with the sha-256 of their picture, in the order of pictures."""
    m = schema.media.c
    return conn.execute(
        sa.select(table, m.sha256)
        .join(schema.media, m.id == table.c.media_id)
        .where(table.c.recipe_id == recipe_id, scope)
        .order_by(m.id)
    ).mappings()


def _scores(row: Mapping[Any, Any]) -> FrameScores:
    crop = tuple(row[name] for name in ("crop_x", "crop_y", "crop_width", "crop_height"))
    whole = {**row, "crop": None if None in crop else crop, "frames": row["frames"] or []}
    return record(FrameScores, whole)


def _scores_row(scores: FrameScores, media_id: int, recipe_id: int) -> dict[str, object]:
    crop = scores.crop or (None, None, None, None)
    names = ("crop_x", "crop_y", "crop_width", "crop_height")
    return {
        **fields(scores, schema.look),
        **dict(zip(names, crop, strict=True)),
        "frames": scores.frames or None,
        "media_id": media_id,
        "recipe_id": recipe_id,
    }
