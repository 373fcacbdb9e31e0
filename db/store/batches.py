"""Batches: a card under its name, the recipes whose results the views show, and its runs."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import (
    chunks,
    now,
    refresh,
    upsert,
)

STEPS = ("look", "label", "flag", "review")
STREAM = "stream"  # stands for the content of a batch that is no card: pictures keep coming to it


def save_batch(conn: Connection, name: str, root: str, content: str | None) -> int:
    """Its id. A known name keeps its id and learns where the card lies now and what is on it."""
    row = {"name": name, "root": root, "content": content}
    upsert(conn, schema.batch, [row], ["name"], update=("root", "content"))
    mine = sa.select(schema.batch.c.id).where(schema.batch.c.name == name)
    return int(conn.execute(mine).scalar_one())


def batch_by_name(conn: Connection, name: str) -> int | None:
    """The key of the batch of that name."""
    return _batch(conn, schema.batch.c.name == name)


def find_batch(conn: Connection, content: str) -> int | None:
    """The batch that holds exactly this content, the oldest if there are several."""
    return _batch(conn, schema.batch.c.content == content)


def _batch(conn: Connection, which: ColumnElement[bool]) -> int | None:
    b = schema.batch.c
    return conn.execute(sa.select(b.id).where(which).order_by(b.id).limit(1)).scalar()


def is_stream(conn: Connection, batch_id: int) -> bool:
    """Whether pictures come to this batch by themselves, one by one."""
    b = schema.batch.c
    return conn.execute(sa.select(b.content).where(b.id == batch_id)).scalar() == STREAM


def brought_by_streams(conn: Connection, sha256s: Iterable[str]) -> dict[str, str]:
    """Deployment by sha-256, of the pictures that came by themselves."""
    m, d, b = schema.media.c, schema.deployment.c, schema.batch.c
    streams = list(conn.execute(sa.select(b.id).where(b.content == STREAM)).scalars())
    if not streams:
        return {}
    known = sa.select(m.sha256, d.name).join(schema.deployment, d.id == m.deployment_id)
    known = known.where(m.batch_id.in_(streams))
    parts = (conn.execute(known.where(m.sha256.in_(part))) for part in chunks(sha256s))
    return {sha: name for part in parts for sha, name in part}


def batch_of_most(conn: Connection, sha256s: Iterable[str]) -> int | None:
    """The card that brought more than half of these pictures: the same one, emptier or fuller."""
    counts: Counter[int] = Counter()
    total, m = 0, schema.media.c
    card = m.batch_id.not_in(sa.select(schema.batch.c.id).where(schema.batch.c.content == STREAM))
    for part in chunks(sha256s):
        total += len(part)
        query = sa.select(m.batch_id, sa.func.count()).where(m.sha256.in_(part), card)
        counts.update({batch: n for batch, n in conn.execute(query.group_by(m.batch_id))})
    most = counts.most_common(1)
    return most[0][0] if most and 2 * most[0][1] > total else None


def all_batches(conn: Connection) -> list[int]:
    """Every card, in the order they came; data sets of others are none."""
    b = schema.batch.c
    card = ~data_set(b.id)
    return list(conn.execute(sa.select(b.id).where(card).order_by(b.id)).scalars())


def data_set(batch_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a batch is a data set of others that was imported, and no card."""
    r, b = schema.recipe.c, schema.batch.alias("imported_batch")
    about = sa.cast(r.description, sa.Text)
    mine = (b.c.id == batch_id) & (b.c.look_recipe_id == r.id)
    return sa.exists().where(mine, about.startswith('{"imported":'))


def is_data_set(conn: Connection, batch_id: int) -> bool:
    """The same of one batch."""
    return bool(conn.execute(sa.select(data_set(sa.literal(batch_id)))).scalar())


def batch_row(conn: Connection, batch_id: int) -> sa.RowMapping:
    """name, root, content and the current recipes: look_, label_, flag_recipe_id."""
    b = schema.batch
    return conn.execute(sa.select(b).where(b.c.id == batch_id)).mappings().one()


def batches_of_deployment(
    conn: Connection, deployment_id: str
) -> list[tuple[int, str, int | None, int, int | None]]:
    """(key, name, current look, label and flag recipe) of each batch that brought pictures to this
    deployment and has labels."""
    b, m, d = schema.batch.c, schema.media.c, schema.deployment.c
    mine = sa.select(m.batch_id).join(schema.deployment, d.id == m.deployment_id)
    query = sa.select(b.id, b.name, b.look_recipe_id, b.label_recipe_id, b.flag_recipe_id)
    rows = conn.execute(
        query.where(b.id.in_(mine.where(d.name == deployment_id)), b.label_recipe_id.is_not(None))
    )
    return [(key, name, look, label, flag) for key, name, look, label, flag in rows]


def set_current(
    conn: Connection,
    batch_id: int,
    look: int | None = None,
    label: int | None = None,
    flag: int | None = None,
) -> None:
    """The recipes whose results the views show for this batch, once they are complete."""
    given = {"look": look, "label": label, "flag": flag}
    values = {f"{step}_recipe_id": id for step, id in given.items() if id is not None}
    b = schema.batch
    before = conn.execute(sa.select(b).where(b.c.id == batch_id)).mappings().one()
    if changed := {key: id for key, id in values.items() if before[key] != id}:
        conn.execute(sa.update(b).where(b.c.id == batch_id).values(changed))
        if changed.keys() - {"flag_recipe_id"}:
            refresh(conn, schema.media.c.batch_id == batch_id)


def save_recipe(
    conn: Connection, step: str, description: Mapping[str, Any], source: str | None = None
) -> int:
    """Its id: the same description is the same recipe. step: look, label, flag or review.

    source   another program, whose results these are; None: our own"""
    if step not in STEPS:
        raise ValueError(f"{step}: not one of {STEPS}")
    digest = hashlib.sha256(schema.canonical(description).encode()).hexdigest()
    row = {"step": step, "hash": digest, "description": dict(description), "source": source}
    upsert(conn, schema.recipe, [row], ["step", "hash"])
    c = schema.recipe.c
    mine = sa.select(c.id).where(c.step == step, c.hash == digest)
    return int(conn.execute(mine).scalar_one())


def read_recipe(conn: Connection, recipe_id: int) -> dict[str, Any]:
    """What a recipe consists of."""
    r = schema.recipe.c
    mine = sa.select(r.description).where(r.id == recipe_id)
    description: dict[str, Any] = conn.execute(mine).scalar_one()
    return description


def label_recipes(conn: Connection, batch_id: int) -> list[dict[str, Any]]:
    """The label recipes under which pictures of this batch have names, the newest first."""
    r, t, m = schema.recipe.c, schema.label.c, schema.media.c
    used = sa.select(t.recipe_id).join(schema.media, m.id == t.media_id)
    query = sa.select(r.description).where(
        r.step == "label", r.id.in_(used.where(m.batch_id == batch_id))
    )
    return [*conn.execute(query.order_by(r.id.desc())).scalars()]


def start_run(
    conn: Connection,
    batch_id: int | None,
    version: str,
    settings: Mapping[str, Any],
    models: Mapping[str, str],
    left: int = 0,
) -> int:
    """A row for this run, status running. models: name -> sha-256. left: windows to score."""
    row: dict[str, object] = {
        "status": "running",
        "started_at": now(),
        "version": version,
        "counts": {"windows_left": left},
    }
    row |= {"batch_id": batch_id, "settings": dict(settings), "models": dict(models)}
    inserted = conn.execute(schema.run.insert().values(row)).inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


def end_run(
    conn: Connection,
    run_id: int,
    status: str,
    counts: Mapping[str, int] | None,
    message: str | None = None,
) -> None:
    """status: finished, unfinished (windows or steps left) or failed. counts None: as they were."""
    row: dict[str, object] = {"status": status, "ended_at": now(), "message": message}
    row |= {} if counts is None else {"counts": dict(counts)}
    conn.execute(sa.update(schema.run).where(schema.run.c.id == run_id).values(row))


def is_run_of(conn: Connection, run_id: int, batch_id: int, batch: str) -> bool:
    """Whether this run of this batch stands here."""
    r, b = schema.run.c, schema.batch.c
    mine = sa.select(r.id).join(schema.batch, b.id == r.batch_id)
    known = mine.where(r.id == run_id, b.id == batch_id, b.name == batch)
    return conn.execute(known).first() is not None


def last_run(conn: Connection, batch_id: int) -> str | None:
    """Status of the batch's newest run; a run that was killed is still 'running'."""
    r = schema.run.c
    query = sa.select(r.status).where(r.batch_id == batch_id).order_by(r.id.desc()).limit(1)
    return conn.execute(query).scalar()


def stuck(conn: Connection, batch_id: int, left: int) -> bool:
    """Whether the batch's last two runs died without finishing one of the windows that are left."""
    r = schema.run.c
    query = sa.select(r.status, r.counts).where(r.batch_id == batch_id).order_by(r.id.desc())
    last = conn.execute(query.limit(2)).all()
    dead = [counts for status, counts in last if status in ("running", "failed")]
    return len(dead) == 2 and all(counts.get("windows_left") == left for counts in dead)
