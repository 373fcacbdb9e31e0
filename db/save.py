"""Writing records: one verb a function, in chunks, and the caller commits.

Everything here may be said twice: what stands already stays, or is written again the same.
db.rows.refresh alone writes the table `status`, the current result of each picture.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from db import clock_repairs, schema
from db.rows import chunks, deployment_ids, fields, media_ids, now, refresh, refresh_ids, upsert
from db.save_events import save_flags as save_flags  # also found here: save.save_flags
from db.save_events import save_verdict as save_verdict
from db.save_events import save_visits as save_visits
from db.save_reviews import save_reviews as save_reviews
from pipeline.records import (
    Deployment,
    Draw,
    Embedding,
    Found,
    Label,
    Look,
    Media,
    Seen,
    Trouble,
    Window,
)

STEPS = ("look", "label", "flag", "review")


def save_batch(conn: Connection, name: str, root: str, content: str | None) -> int:
    """Its id. A known name keeps its id and learns where the card lies now and what is on it."""
    row = {"name": name, "root": root, "content": content}
    upsert(conn, schema.batch, [row], ["name"], update=("root", "content"))
    return conn.execute(
        sa.select(schema.batch.c.id).where(schema.batch.c.name == name)
    ).scalar_one()


def save_recipe(conn: Connection, step: str, description: Mapping) -> int:
    """Its id: the same description is the same recipe. step: look, label, flag or review."""
    if step not in STEPS:
        raise ValueError(f"{step}: not one of {STEPS}")
    digest = hashlib.sha256(schema.canonical(description).encode()).hexdigest()
    row = {"step": step, "hash": digest, "description": dict(description)}
    upsert(conn, schema.recipe, [row], ["step", "hash"])
    c = schema.recipe.c
    return conn.execute(sa.select(c.id).where(c.step == step, c.hash == digest)).scalar_one()


def save_deployments(conn: Connection, deployments: Iterable[Deployment]) -> None:
    """A deployment from a table replaces what is known; one guessed from folders only fills in."""
    for table_wins in (True, False):
        rows = [
            {"name": one.deployment_id, **fields(one, schema.deployment)}
            for one in deployments
            if (one.source == "table") is table_wins
        ]
        update = [key for key in (rows[0] if rows else ()) if key != "name"] if table_wins else ()
        upsert(conn, schema.deployment, rows, ["name"], update=update)


def forget_empty(conn: Connection, deployments: Iterable[Deployment]) -> None:
    """Take back those guessed from folders that brought no picture of their own: a copy of a card
    whose pictures all hang on other deployments already is no further camera."""
    names = [one.deployment_id for one in deployments if one.source != "table"]
    d = schema.deployment
    for some in chunks(names):
        mine = d.c.name.in_(some) & (d.c.source != "table")
        conn.execute(sa.delete(d).where(mine, *_nothing_hangs_on()))


def remove_deployment(conn: Connection, name: str) -> bool:
    """Forget one on which nothing hangs: no picture, outage or repair. False: something does."""
    d = schema.deployment
    gone = sa.delete(d).where(d.c.name == name, *_nothing_hangs_on())
    return conn.execute(gone).rowcount == 1


def _nothing_hangs_on() -> list[sa.ColumnElement[bool]]:
    tables = schema.metadata.sorted_tables
    hanging = [one.c.deployment_id for one in tables if "deployment_id" in one.c]
    return [~sa.exists().where(column == schema.deployment.c.id) for column in hanging]


def save_media(conn: Connection, batch_id: int, media: Iterable[Media]) -> list[Trouble]:
    """Write pictures not seen before. The deployment that brought a picture first keeps it: the
    same bytes in another one come back as a trouble 'doubled' (field B21)."""
    troubles = []
    for some in chunks(media):
        places = deployment_ids(conn, (one.deployment_id for one in some))
        known = _where_known(conn, [one.sha256 for one in some])
        rows = []
        for one in some:
            home = known.setdefault(one.sha256, one.deployment_id)
            if home != one.deployment_id:
                detail = f"the same bytes belong to deployment {home}"
                troubles.append(Trouble(one.path, "ingest", "doubled", detail))
            row = fields(one, schema.media)
            rows.append({**row, "batch_id": batch_id, "deployment_id": places[one.deployment_id]})
        upsert(conn, schema.media, rows, ["sha256"])
        mine = schema.media.c.sha256.in_([one.sha256 for one in some])
        clock_repairs.apply(conn, mine)
        refresh(conn, mine)
    return troubles


def save_files(conn: Connection, batch_id: int, files: Iterable[tuple[Found, str | None]]) -> None:
    """One row for every file on the card; one with a sha-256 points to its picture."""
    for some in chunks(files):
        ids = media_ids(conn, [sha for _, sha in some if sha])
        rows = [
            {
                "batch_id": batch_id,
                "path": one.path,
                "kind": one.kind,
                "size": one.size,
                "media_id": ids.get(sha),
            }
            for one, sha in some
        ]
        update = ("kind", "size", "media_id")
        upsert(conn, schema.file, rows, ["batch_id", "path"], update=update)


def save_troubles(conn: Connection, batch_id: int, troubles: Iterable[Trouble]) -> None:
    """A trouble said again takes the newer detail."""
    rows = ({"batch_id": batch_id, **fields(one, schema.trouble)} for one in troubles)
    key = ["batch_id", "path", "step", "reason"]
    upsert(conn, schema.trouble, rows, key, update=("detail",))


def save_windows(conn: Connection, batch_id: int, windows: Iterable[Window]) -> None:
    """Store the plan. A picture that lies in a window stays there."""
    windows = list(windows)
    places = deployment_ids(conn, {one.deployment_id for one in windows})
    rows = [
        {"batch_id": batch_id, "deployment_id": places[one.deployment_id], "number": one.number}
        for one in windows
    ]
    upsert(conn, schema.work_window, rows, ["deployment_id", "number"])
    w, m = schema.work_window.c, schema.media.c
    ids = {
        (place, number): id
        for some in chunks(places.values())
        for id, place, number in conn.execute(
            sa.select(w.id, w.deployment_id, w.number).where(w.deployment_id.in_(some))
        )
    }
    place = (
        sa.update(schema.media)
        .where(m.sha256 == sa.bindparam("sha"), m.work_window_id.is_(None))
        .values(
            work_window_id=sa.bindparam("window"),
            position=sa.bindparam("nth"),
            burst=sa.bindparam("in_burst"),
        )
    )
    moves = (
        {
            "sha": sha,
            "window": ids[places[one.deployment_id], one.number],
            "nth": nth,
            "in_burst": burst,
        }
        for one in windows
        for nth, (sha, burst) in enumerate(zip(one.sha256s, one.bursts, strict=True))
    )
    for some in chunks(moves):
        conn.execute(place, some)


def save_seen(conn: Connection, window_id: int, recipe_id: int, seen: Seen) -> None:
    """All of one window: looks, embeddings, troubles, and that it is done. One transaction, yours.

    Troubles of an earlier look at it go: a file that was away then may be here now. The first look
    recipe a batch meets becomes its current one, so that a running job shows."""
    w = schema.work_window.c
    batch_id = conn.execute(sa.select(w.batch_id).where(w.id == window_id)).scalar_one()
    ids = media_ids(conn, [*(one.sha256 for one in seen.looks), *seen.failed])
    rows = [_look_row(one, ids[one.sha256], recipe_id) for one in seen.looks]
    blank = dict.fromkeys(schema.look.c.keys())
    rows += [
        {**blank, "media_id": ids[sha], "recipe_id": recipe_id, "state": "failed"}
        for sha in seen.failed
    ]
    update = [key for key in blank if key not in ("media_id", "recipe_id")]
    upsert(conn, schema.look, rows, ["media_id", "recipe_id"], update=update)
    save_embeddings(conn, recipe_id, seen.embeddings)
    t, m = schema.trouble, schema.media.c
    mine = t.c.path.in_(sa.select(m.path).where(m.work_window_id == window_id))
    conn.execute(sa.delete(t).where(t.c.batch_id == batch_id, t.c.step == "look", mine))
    save_troubles(conn, batch_id, seen.troubles)
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
    for some in chunks(embeddings):
        ids = media_ids(conn, [one.sha256 for one in some])
        rows = [
            {
                "media_id": ids[one.sha256],
                "recipe_id": recipe_id,
                "view": one.view,
                "vector": one.vector,
            }
            for one in some
        ]
        upsert(conn, schema.embedding, rows, ["media_id", "recipe_id", "view"])


def save_draws(
    conn: Connection, batch_id: int, recipe_id: int, draws: Iterable[Draw], seed: int
) -> None:
    """The audit sample of one batch under one look recipe, in place of an earlier one."""
    a, m = schema.audit_draw, schema.media.c
    mine = sa.select(m.id).where(m.batch_id == batch_id)
    conn.execute(sa.delete(a).where(a.c.recipe_id == recipe_id, a.c.media_id.in_(mine)))
    for some in chunks(draws):
        ids = media_ids(conn, [one.sha256 for one in some])
        rows = [
            {
                **fields(one, a),
                "media_id": ids[one.sha256],
                "recipe_id": recipe_id,
                "seed": seed,
            }
            for one in some
        ]
        upsert(conn, a, rows, ["media_id", "recipe_id"])


def save_labels(conn: Connection, recipe_id: int, labels: Iterable[Label]) -> None:
    """Labels under their recipe, written again where they stand."""
    update = {column.name for column in schema.label.c} - {"media_id", "recipe_id"}
    for some in chunks(labels):
        ids = media_ids(conn, [one.sha256 for one in some])
        rows = [
            {
                **fields(one, schema.label),
                "media_id": ids[one.sha256],
                "recipe_id": recipe_id,
            }
            for one in some
        ]
        upsert(conn, schema.label, rows, ["media_id", "recipe_id"], update=update)
        refresh_ids(conn, ids.values())


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


def start_run(
    conn: Connection,
    batch_id: int | None,
    version: str,
    settings: Mapping,
    models: Mapping,
    left: int = 0,
) -> int:
    """A row for this run, status running. models: name -> sha-256. left: windows to look at."""
    row = {
        "status": "running",
        "started_at": now(),
        "version": version,
        "counts": {"windows_left": left},
    }
    row |= {"batch_id": batch_id, "settings": dict(settings), "models": dict(models)}
    return conn.execute(schema.run.insert().values(row)).inserted_primary_key[0]


def end_run(
    conn: Connection, run_id: int, status: str, counts: Mapping | None, message: str | None = None
) -> None:
    """status: finished, unfinished (windows or steps left) or failed. counts None: as they were."""
    row = {"status": status, "ended_at": now(), "message": message}
    row |= {} if counts is None else {"counts": dict(counts)}
    conn.execute(sa.update(schema.run).where(schema.run.c.id == run_id).values(row))


def _look_row(one: Look, media_id: int, recipe_id: int) -> dict:
    crop = one.crop or (None, None, None, None)
    names = ("crop_x", "crop_y", "crop_width", "crop_height")
    return {
        **fields(one, schema.look),
        **dict(zip(names, crop, strict=True)),
        "media_id": media_id,
        "recipe_id": recipe_id,
    }


def _where_known(conn: Connection, sha256s: Sequence[str]) -> dict[str, str]:
    """Name of the deployment by sha-256, of pictures that are here."""
    m, d = schema.media.c, schema.deployment.c
    known = sa.select(m.sha256, d.name).join(schema.deployment, d.id == m.deployment_id)
    return dict(conn.execute(known.where(m.sha256.in_(sha256s))).all())
