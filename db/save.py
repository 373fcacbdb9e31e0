"""Writing records: one verb a function, in chunks, and the caller commits.

Everything here may be said twice: what stands already stays, or is written again the same.
db.rows.refresh alone writes the table `status`, the current result of each picture.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from db import schema
from db.rows import (
    chunks,
    deployment_ids,
    fields,
    media_homes,
    media_ids,
    now,
    refresh,
    refresh_ids,
    upsert,
)
from pipeline.records import (
    Deployment,
    Draw,
    Embedding,
    Flag,
    Found,
    Label,
    Look,
    Media,
    Review,
    Seen,
    Trouble,
    Visit,
    Window,
)

STEPS = ("look", "label", "flag")


def save_batch(conn: Connection, name: str, root: str, content: str | None) -> int:
    """Its id. A known name keeps its id and learns where the card lies now and what is on it."""
    row = {"name": name, "root": root, "content": content}
    upsert(conn, schema.batch, [row], ["name"], update=("root", "content"))
    return conn.execute(
        sa.select(schema.batch.c.id).where(schema.batch.c.name == name)
    ).scalar_one()


def save_recipe(conn: Connection, step: str, description: Mapping) -> int:
    """Its id: the same description is the same recipe. step: look, label or flag."""
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


def save_media(conn: Connection, batch_id: int, media: Sequence[Media]) -> list[Trouble]:
    """Write pictures not seen before. The deployment that brought a picture first keeps it: the
    same bytes in another one come back as a trouble 'doubled' (field B21)."""
    places = deployment_ids(conn, {one.deployment_id for one in media})
    troubles = []
    for some in chunks(media):
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
        refresh(conn, schema.media.c.sha256.in_([one.sha256 for one in some]))
    return troubles


def save_files(
    conn: Connection, batch_id: int, found: Iterable[Found], sha_by_path: Mapping[str, str]
) -> None:
    """One row for every file on the card; those in sha_by_path point to their picture."""
    for some in chunks(found):
        ids = media_ids(conn, [sha_by_path[one.path] for one in some if one.path in sha_by_path])
        rows = [
            {
                "batch_id": batch_id,
                "path": one.path,
                "kind": one.kind,
                "size": one.size,
                "media_id": ids.get(sha_by_path.get(one.path)),
            }
            for one in some
        ]
        update = ("kind", "size", "media_id")
        upsert(conn, schema.file, rows, ["batch_id", "path"], update=update)


def save_troubles(conn: Connection, batch_id: int, troubles: Iterable[Trouble]) -> None:
    """A trouble said again takes the newer detail."""
    rows = {
        (one.path, one.step, one.reason): {"batch_id": batch_id, **fields(one, schema.trouble)}
        for one in troubles
    }
    key = ["batch_id", "path", "step", "reason"]
    upsert(conn, schema.trouble, rows.values(), key, update=("detail",))


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

    The first look recipe a batch meets becomes its current one, so that a running job shows."""
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
    save_troubles(conn, batch_id, seen.troubles)
    done = {"work_window_id": window_id, "recipe_id": recipe_id}
    upsert(conn, schema.window_done, [done], ["work_window_id", "recipe_id"])
    b = schema.batch
    conn.execute(
        sa.update(b)
        .where(b.c.id == batch_id, b.c.look_recipe_id.is_(None))
        .values(look_recipe_id=recipe_id)
    )
    refresh(conn, schema.media.c.work_window_id == window_id)


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


def save_visits(
    conn: Connection, recipe_id: int, visits: Sequence[Visit], deployments: Iterable[str] = ()
) -> None:
    """The visits of `deployments` (and of those visited) under this label recipe, in place of
    earlier ones: give all of a deployment at once, also those of cards that came before."""
    for some, homes, ids in _save_events(conn, schema.visit, recipe_id, visits, deployments):
        members = _members(some, homes, ids, "visit_id")
        upsert(conn, schema.visit_media, members, ["visit_id", "media_id"])
        taxa = [row for one in some for row in _taxon_rows(ids[one.sha256s[0]], one)]
        upsert(conn, schema.visit_taxon, taxa, ["visit_id", "position"])
    shown = sa.exists().where(schema.batch.c.label_recipe_id == recipe_id)
    if conn.execute(sa.select(shown)).scalar():
        m, v = schema.media.c, schema.visit.c
        places = sa.select(v.deployment_id).where(v.recipe_id == recipe_id)
        refresh(conn, m.deployment_id.in_(places))


def save_flags(
    conn: Connection, recipe_id: int, flags: Sequence[Flag], deployments: Iterable[str] = ()
) -> None:
    """The flags of `deployments` (and of those flagged) under this recipe, in place of earlier
    ones. What a person said about a flag hangs on its picture and stays."""
    for some, homes, ids in _save_events(conn, schema.flag, recipe_id, flags, deployments):
        members = _members(some, homes, ids, "flag_id")
        upsert(conn, schema.flag_media, members, ["flag_id", "media_id"])


def save_verdict(
    conn: Connection, sha256: str, confirmed: bool, reviewer: str | None, comment: str | None = None
) -> None:
    """A person confirms or dismisses the flag that this picture belongs to. Append-only."""
    row = {"confirmed": confirmed, "reviewer": reviewer, "comment": comment, "said_at": now()}
    conn.execute(schema.verdict.insert(), {**row, "media_id": media_ids(conn, [sha256])[sha256]})


def save_reviews(conn: Connection, reviews: Iterable[Review], source: str) -> tuple[int, list[str]]:
    """Append what people saw. Returns how many were new, and the sha256s that are not here.

    The same words with the same time, or again the newest ones, are not written twice: importing
    a file a second time changes nothing."""
    saved, unknown = 0, []
    for some in chunks(reviews):
        ids = media_ids(conn, [one.sha256 for one in some])
        unknown += [one.sha256 for one in some if one.sha256 not in ids]
        rows = [
            {**fields(one, schema.review), "media_id": ids[one.sha256]}
            for one in some
            if one.sha256 in ids
        ]
        new = _not_said_yet(conn, rows)
        stamp = {"source": source, "saved_at": now()}
        for row in new:
            conn.execute(schema.review.insert(), {**row, **stamp})
        refresh_ids(conn, {row["media_id"] for row in new})
        saved += len(new)
    return saved, unknown


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
    conn: Connection, run_id: int, status: str, counts: Mapping, message: str | None = None
) -> None:
    """status: finished, unfinished (windows or steps left) or failed."""
    row = {"status": status, "ended_at": now(), "counts": dict(counts), "message": message}
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


def _save_events(
    conn: Connection, table: Table, recipe_id: int, events: Sequence, deployments: Iterable[str]
) -> Iterator[tuple[list, dict, dict]]:
    """Replace visits or flags; yields each chunk, (media key, batch key) by sha-256 of all its
    pictures, and the keys of the new rows by the sha-256 of their first picture."""
    places = deployment_ids(conn, {*deployments, *(one.deployment_id for one in events)})
    _delete_events(conn, table, recipe_id, places.values())
    for some in chunks(events):
        homes = media_homes(conn, (sha for one in some for sha in one.sha256s))
        rows = [
            {
                **fields(one, table),
                **_anchor(homes[one.sha256s[0]]),
                **({"pictures": len(one.sha256s)} if table is schema.visit else {}),
                "deployment_id": places[one.deployment_id],
                "recipe_id": recipe_id,
            }
            for one in some
        ]
        upsert(conn, table, rows, ["recipe_id", "media_id"])
        keys = sa.select(table.c.media_id, table.c.id).where(
            table.c.recipe_id == recipe_id, table.c.media_id.in_([row["media_id"] for row in rows])
        )
        by_media = dict(conn.execute(keys).all())
        yield some, homes, {one.sha256s[0]: by_media[homes[one.sha256s[0]][0]] for one in some}


def _anchor(home: tuple[int, int]) -> dict:
    return {"media_id": home[0], "batch_id": home[1]}


def _delete_events(conn: Connection, table: Table, recipe_id: int, places: Collection[int]) -> None:
    children = {"visit": (schema.visit_media, schema.visit_taxon), "flag": (schema.flag_media,)}
    for some in chunks(places):
        old = (table.c.recipe_id == recipe_id) & table.c.deployment_id.in_(some)
        if table is schema.visit:
            status = schema.status
            gone = status.c.visit_id.in_(sa.select(table.c.id).where(old))
            conn.execute(sa.update(status).where(gone).values(visit_id=None))
        for child in children[table.name]:
            mine = child.c[f"{table.name}_id"].in_(sa.select(table.c.id).where(old))
            conn.execute(sa.delete(child).where(mine))
        conn.execute(sa.delete(table).where(old))


def _members(events: Sequence, homes: dict, ids: dict, column: str) -> Iterator[dict]:
    for one in events:
        for sha in one.sha256s:
            yield {column: ids[one.sha256s[0]], "media_id": homes[sha][0]}


def _taxon_rows(visit_id: int, one: Visit) -> Iterator[dict]:
    """The visit's own label first, then further taxa with the pictures that show them."""
    others = sum(pictures for _, _, pictures in one.others)
    first = (one.observation_type, one.name, max(1, len(one.sha256s) - others))
    for position, (kind, name, pictures) in enumerate([first, *one.others]):
        own = position == 0
        yield {
            "visit_id": visit_id,
            "position": position,
            "observation_type": kind,
            "name": name,
            "rank": one.rank if own else None,
            "probability": one.probability if own else None,
            "pictures": pictures,
        }


def _not_said_yet(conn: Connection, rows: Sequence[dict]) -> list[dict]:
    """Reviews to append, in their order. Without a time only the newest words count as said."""
    if not rows:
        return []
    r = schema.review.c
    words = [name for name in rows[0] if name != "media_id"]
    past = sa.select(r.media_id, *(r[name] for name in words)).where(
        r.media_id.in_({row["media_id"] for row in rows})
    )
    said, newest = set(), {}
    when = sa.func.coalesce(r.reviewed_at, r.saved_at)
    for media_id, *text in conn.execute(past.order_by(when, r.id)):
        said.add((media_id, *text))
        newest[media_id] = tuple(text)
    new = []
    for row in rows:
        text = tuple(row[name] for name in words)
        again = (row["media_id"], *text) in said if row["reviewed_at"] else False
        if not again and newest.get(row["media_id"]) != text:
            new.append(row)
            said.add((row["media_id"], *text))
            newest[row["media_id"]] = text
    return new
