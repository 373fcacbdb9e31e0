"""Is the database whole? Each check yields one sentence a fault; none: nothing is wrong."""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import current
from db.core.schema import canonical
from db.integrity import rules
from db.store import outages
from db.store import repairs as clock_repairs
from db.store.batches import last_run
from db.store.files import file_counts
from db.store.incoming.named import without_bytes
from db.store.labels import unlabelled


def check(conn: Connection) -> list[str]:
    """All faults of the database itself."""
    for whole in (_pages, rules.missing, rules.texts):
        if faults := list(whole(conn)):
            return faults  # what follows could not read all of it
    checks = (
        rules.broken,
        _foreign_keys,
        _counts,
        _windows,
        _looks,
        _recipes,
        _vectors,
        _visits,
        _repairs,
        _outages,
        _labels,
        _status,
    )
    return [fault for find_faults in checks for fault in find_faults(conn)]


def _pages(conn: Connection) -> Iterator[str]:
    if conn.dialect.name == "sqlite":
        for [line] in conn.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                yield f"SQLite: {line}"


def _foreign_keys(conn: Connection) -> Iterator[str]:
    """Children without their parent, told column by column."""
    for table in schema.metadata.sorted_tables:
        for key in table.foreign_keys:
            parent = key.column.table.alias("parent")
            lost = sa.select(sa.func.count()).select_from(
                table.outerjoin(parent, key.parent == parent.c.id)
            )
            orphans = lost.where(key.parent.is_not(None), parent.c.id.is_(None))
            if n := conn.execute(orphans).scalar():
                yield f"{table.name}: {n} of its rows point to no {key.column.table.name}"


def _counts(conn: Connection) -> Iterator[str]:
    b = schema.batch.c
    for id, name in conn.execute(sa.select(b.id, b.name).order_by(b.name)):
        counts = file_counts(conn, id)
        if not counts.closes:
            yield f"batch {name}: {counts.lost} of {counts.found} files ended nowhere"


def _windows(conn: Connection) -> Iterator[str]:
    """Every picture lies in a window of its own deployment, the places run from 0 without a gap."""
    m, w = schema.media.c, schema.work_window.c
    without = m.work_window_id.is_(None) & ~without_bytes(m.sha256)
    outside = sa.select(sa.func.count()).where(without)
    if n := conn.execute(outside).scalar():
        yield f"{n} pictures lie in no window"
    joined = schema.work_window.outerjoin(schema.media, m.work_window_id == w.id)
    torn = sa.or_(
        sa.func.count(m.id) == 0,
        sa.func.count(sa.distinct(m.position)) != sa.func.count(m.id),
        sa.func.max(m.position) != sa.func.count(m.id) - 1,
        sa.func.min(m.deployment_id) != w.deployment_id,
        sa.func.max(m.deployment_id) != w.deployment_id,
    )
    name = sa.select(schema.deployment.c.name).where(schema.deployment.c.id == w.deployment_id)
    query = sa.select(name.scalar_subquery(), w.number).select_from(joined).group_by(w.id)
    for deployment, number in conn.execute(query.having(torn)):
        yield f"window {number} of deployment {deployment} has lost or doubled pictures"


def _looks(conn: Connection) -> Iterator[str]:
    """A window is done exactly where each of its pictures has a look under that recipe."""
    m, k, done = schema.media.c, schema.look.c, schema.window_done.c
    look = (k.media_id == m.id) & (k.recipe_id == done.recipe_id)
    joined = schema.window_done.join(schema.media, m.work_window_id == done.work_window_id)
    missing = sa.select(sa.func.count()).select_from(joined.outerjoin(schema.look, look))
    if n := conn.execute(missing.where(k.media_id.is_(None))).scalar():
        yield f"{n} pictures of windows that are done were never looked at"
    finished = (done.work_window_id == m.work_window_id) & (done.recipe_id == k.recipe_id)
    looked = schema.look.join(schema.media, m.id == k.media_id)
    early = sa.select(sa.func.count()).select_from(looked.outerjoin(schema.window_done, finished))
    ours = done.recipe_id.is_(None) & k.decided_by.is_distinct_from("data_set")
    if n := conn.execute(early.where(ours)).scalar():
        yield f"{n} looks belong to windows that are not done"


def _recipes(conn: Connection) -> Iterator[str]:
    r = schema.recipe.c
    for step, digest, description in conn.execute(sa.select(r.step, r.hash, r.description)):
        if hashlib.sha256(canonical(description).encode()).hexdigest() != digest:
            yield f"{step} recipe {digest[:12]}: its description was changed"


def _vectors(conn: Connection) -> Iterator[str]:
    """All vectors of one recipe have one length, of whole float16 numbers."""
    e = schema.embedding.c
    size = sa.func.length(e.vector)
    query = sa.select(e.recipe_id, sa.func.min(size), sa.func.max(size)).group_by(e.recipe_id)
    for _, least, most in conn.execute(query):
        if least != most or least == 0 or least % 2:
            yield f"vectors of one recipe have between {least} and {most} bytes"


def _visits(conn: Connection) -> Iterator[str]:
    v, x, t = schema.visit.c, schema.visit_media.c, schema.visit_taxon.c
    members = sa.select(sa.func.count()).where(x.visit_id == v.id).scalar_subquery()
    own = sa.select(sa.func.count()).where(t.visit_id == v.id, t.position == 0).scalar_subquery()
    torn = sa.select(sa.func.count()).select_from(schema.visit)
    if n := conn.execute(torn.where(sa.or_(members != v.pictures, own != 1))).scalar():
        yield f"{n} visits have lost pictures or their label"


def _repairs(conn: Connection) -> Iterator[str]:
    """Repaired times are what the standing repairs make of the cameras' own."""
    r = schema.repaired_time.c
    stored = {
        tuple(row) for row in conn.execute(sa.select(r.media_id, r.clock_repair_id, r.taken_at))
    }
    meant = {tuple(row.values()) for row in clock_repairs.meant(conn, sa.true())}
    if n := len(stored ^ meant):
        yield f"{n} repaired times are not what the repairs of their clocks say"


def _outages(conn: Connection) -> Iterator[str]:
    """Accepted outages of one deployment lie apart: days must not be taken out twice."""
    known = [outage for _, outage in outages.outages(conn, accepted=True)]
    for outage, other in pairwise(known):
        same = outage.deployment_id == other.deployment_id
        if same and (outage.ended_at is None or outage.ended_at > other.started_at):
            yield f"outages overlap: {outages.period(outage)}, {outages.period(other)}"


def _labels(conn: Connection) -> Iterator[str]:
    """A card whose last run finished has a label for every picture that has vectors."""
    b = schema.batch.c
    current = sa.select(b.id, b.name, b.look_recipe_id, b.label_recipe_id)
    for id, name, look, label in conn.execute(current.order_by(b.name)).all():
        done = label is not None and last_run(conn, id) == "finished"
        if done and (n := unlabelled(conn, id, look, label)):
            yield f"batch {name}: {n} pictures have vectors and no label"


def _status(conn: Connection) -> Iterator[str]:
    """The current results are what looks, labels, visits and reviews say."""
    stored, meant = sa.select(schema.status), current(sa.true())
    for rows, without, what in ((meant, stored, "stale"), (stored, meant, "unfounded")):
        differ = sa.select(sa.func.count()).select_from(sa.except_(rows, without).subquery())
        if n := conn.execute(differ).scalar():
            yield f"{n} current results are {what}"
