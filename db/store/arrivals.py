"""Which folders of the inbox have been taken, how often it was tried, and what came of it.

A row stands for a folder as it lay there: when its files change, it is another arrival. Prefect may
forget its runs; this table does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import now, record

TABLE = schema.arrival


@dataclass(frozen=True, slots=True)
class Arrival:
    """One folder as it lay there once."""

    folder: str
    listing: str  # digest of its files' paths and sizes
    status: str  # taken, done, failed, cancelled
    tries: int
    flow_run: str  # Prefect's id of the newest try


def arrivals(conn: Connection) -> dict[tuple[str, str], Arrival]:
    """All of them, by folder and listing."""
    rows = conn.execute(sa.select(TABLE)).mappings()
    return {(row["folder"], row["listing"]): record(Arrival, row) for row in rows}


def take(conn: Connection, folder: str, listing: str, flow_run: str) -> None:
    """A run of Prefect takes this folder: a try more, unless the row has heard of this run."""
    c = TABLE.c
    here = (c.folder == folder, c.listing == listing)
    begun = {"status": "taken", "flow_run": flow_run, "taken_at": now()}
    begun |= {"ended_at": None, "message": None}
    before = conn.execute(sa.select(TABLE).where(*here)).mappings().one_or_none()
    if before is None:
        row = {"folder": folder, "listing": listing, "tries": 1, **begun}
        conn.execute(TABLE.insert().values(row))
    elif before["flow_run"] != flow_run:
        again = sa.update(TABLE).where(*here).values(tries=c.tries + 1, **begun)
        conn.execute(again)


def close(conn: Connection, flow_run: str, status: str, message: str | None = None) -> None:
    """What came of this run's try: done, failed or cancelled."""
    mine = (TABLE.c.flow_run == flow_run, TABLE.c.status == "taken")
    ended = {"status": status, "ended_at": now(), "message": message}
    conn.execute(sa.update(TABLE).where(*mine).values(ended))


def leave_failure(conn: Connection, root: str, message: str) -> None:
    """Close the runs of the card at `root` that nobody ended; without one, add a failed one."""
    r, b = schema.run.c, schema.batch.c
    at = sa.select(b.id).where(b.root == root)
    newest = sa.select(r.message).where(r.batch_id.in_(at)).order_by(r.id.desc()).limit(1)
    if (told := conn.execute(newest).scalar()) and told in message:
        return  # by the run itself
    ended = {"status": "failed", "ended_at": now(), "message": message}
    open_runs = (r.status == "running", r.batch_id.in_(at))
    if not conn.execute(sa.update(schema.run).where(*open_runs).values(ended)).rowcount:
        blank = {"started_at": now(), "version": "", "settings": {}, "models": {}, "counts": {}}
        row = {**blank, **ended, "message": f"{root}: {message}"}
        conn.execute(schema.run.insert().values(row))


def batch_that_grew(conn: Connection, root: str, sizes: Mapping[str, int]) -> str | None:
    """The name of the newest batch that lay at `root` if all of its files still lie there."""
    b, f = schema.batch.c, schema.file.c
    newest = sa.select(b.id, b.name).where(b.root == root).order_by(b.id.desc()).limit(1)
    batch = conn.execute(newest).one_or_none()
    if batch is None:
        return None
    files = sa.select(f.path, f.size).where(f.batch_id == batch.id, f.kind != "skipped")
    known = conn.execute(files).all()
    return batch.name if all(sizes.get(path) == size for path, size in known) else None
