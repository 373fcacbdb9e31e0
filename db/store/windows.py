"""The plan: windows of at most 128 pictures, and which of them are left to do."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import (
    chunks,
    deployment_ids,
    upsert,
)
from pipeline.records import Window


def save_windows(conn: Connection, batch_id: int, windows: Iterable[Window]) -> None:
    """Store the plan. A picture that lies in a window stays there."""
    windows = list(windows)
    places = deployment_ids(conn, {window.deployment_id for window in windows})
    rows = [
        {
            "batch_id": batch_id,
            "deployment_id": places[window.deployment_id],
            "number": window.number,
        }
        for window in windows
    ]
    upsert(conn, schema.work_window, rows, ["deployment_id", "number"])
    w, m = schema.work_window.c, schema.media.c
    ids = {
        (place, number): id
        for part in chunks(places.values())
        for id, place, number in conn.execute(
            sa.select(w.id, w.deployment_id, w.number).where(w.deployment_id.in_(part))
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
            "window": ids[places[window.deployment_id], window.number],
            "nth": nth,
            "in_burst": burst,
        }
        for window in windows
        for nth, (sha, burst) in enumerate(zip(window.sha256s, window.bursts, strict=True))
    )
    for part in chunks(moves):
        conn.execute(place, part)


def next_numbers(conn: Connection, deployments: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(next window, next burst) of each deployment: (0, 0) where none is planned."""
    d, w, m = schema.deployment.c, schema.work_window.c, schema.media.c
    window = sa.select(sa.func.max(w.number)).where(w.deployment_id == d.id).scalar_subquery()
    burst = sa.select(sa.func.max(m.burst)).where(m.deployment_id == d.id).scalar_subquery()
    names = dict.fromkeys(deployments)
    numbers = dict.fromkeys(names, (0, 0))
    for part in chunks(names):
        for name, last, last_burst in conn.execute(
            sa.select(d.name, window, burst).where(d.name.in_(part))
        ):
            numbers[name] = (
                0 if last is None else last + 1,
                0 if last_burst is None else last_burst + 1,
            )
    return numbers


def windows_left(conn: Connection, batch_id: int, recipe_id: int) -> list[tuple[int, int]]:
    """(key, pictures) of this batch's windows without results under this look recipe, in order."""
    w, d = schema.work_window.c, schema.deployment.c
    done = schema.window_done.c
    finished = sa.select(done.work_window_id).where(done.recipe_id == recipe_id)
    todo = (w.batch_id == batch_id) & w.id.not_in(finished)
    rows = conn.execute(
        sa.select(w.id, sa.func.count())
        .join(schema.deployment, d.id == w.deployment_id)
        .join(schema.media, schema.media.c.work_window_id == w.id)
        .where(todo)
        .group_by(w.id, d.name, w.number)
        .order_by(d.name, w.number)
    )
    return [(id, pictures) for id, pictures in rows]


def window_of(conn: Connection, window_id: int) -> Window:
    """One window of the plan."""
    w, d, m = schema.work_window.c, schema.deployment.c, schema.media.c
    place = sa.select(d.name, w.number).join(schema.work_window, w.deployment_id == d.id)
    name, number = conn.execute(place.where(w.id == window_id)).one()
    pictures = sa.select(m.sha256, m.burst).where(m.work_window_id == window_id)
    shas, bursts = zip(*conn.execute(pictures.order_by(m.position)), strict=True)
    return Window(name, number, shas, bursts)
