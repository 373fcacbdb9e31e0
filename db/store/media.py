"""Media: the pictures, each once by its bytes, with the time that stands for them.

`among` names deployments: all that lies in them, whatever card brought it, not the batch alone.
"""

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import (
    chunks,
    deployment_ids,
    fields,
    record,
    refresh,
    upsert,
)
from db.store import repairs as clock_repairs
from db.store.events import Among
from pipeline.records import FileProblem, Media


def save_media(conn: Connection, batch_id: int, media: Iterable[Media]) -> list[FileProblem]:
    """Write pictures not seen before. The deployment that brought a picture first keeps it: the
    same bytes in another one come back as a problem 'doubled'."""
    problems = []
    for part in chunks(media):
        places = deployment_ids(conn, (picture.deployment_id for picture in part))
        known = _where_known(conn, [picture.sha256 for picture in part])
        rows = []
        for picture in part:
            home = known.setdefault(picture.sha256, picture.deployment_id)
            if home != picture.deployment_id:
                detail = f"the same bytes belong to deployment {home}"
                problems.append(FileProblem(picture.path, "ingest", "doubled", detail))
            row = fields(picture, schema.media)
            rows.append(
                {**row, "batch_id": batch_id, "deployment_id": places[picture.deployment_id]}
            )
        upsert(conn, schema.media, rows, ["sha256"])
        mine = schema.media.c.sha256.in_([picture.sha256 for picture in part])
        clock_repairs.apply(conn, mine)
        refresh(conn, mine)
    return problems


def _where_known(conn: Connection, sha256s: Sequence[str]) -> dict[str, str]:
    """Name of the deployment by sha-256, of pictures that are here."""
    m, d = schema.media.c, schema.deployment.c
    known = sa.select(m.sha256, d.name).join(schema.deployment, d.id == m.deployment_id)
    return {sha: name for sha, name in conn.execute(known.where(m.sha256.in_(sha256s)))}


def brought_before(
    conn: Connection, batch_id: int, sha256s: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """(path, deployment) by sha-256, of the pictures that this batch brought."""
    m, d = schema.media.c, schema.deployment.c
    known = sa.select(m.sha256, m.path, d.name).join(schema.deployment, d.id == m.deployment_id)
    rows = conn.execute(known.where(m.batch_id == batch_id, m.sha256.in_(sha256s)))
    return {sha: (path, name) for sha, path, name in rows}


def media_of(conn: Connection, batch_id: int, among: Among = None) -> list[Media]:
    """Pictures this batch brought, by deployment, then in the order of the plan."""
    return list(_media(conn, scope(batch_id, among)))


def media_named(conn: Connection, sha256s: Iterable[str]) -> list[Media]:
    """The pictures with these sha-256s, in their order."""
    m = schema.media.c.sha256
    shas = list(sha256s)
    found = {
        picture.sha256: picture for part in chunks(shas) for picture in _media(conn, m.in_(part))
    }
    return [found[sha] for sha in shas]


def unplanned_media(conn: Connection, batch_id: int, deployment: str | None = None) -> list[Media]:
    """Pictures of this batch, or of it at one deployment, that lie in no window yet. Their times
    are those that the camera wrote: a plan depends on the card alone, not on when its clock was
    repaired."""
    m, d = schema.media.c, schema.deployment.c
    unplanned = (m.batch_id == batch_id) & m.work_window_id.is_(None)
    if deployment is not None:
        unplanned &= d.name == deployment
    return list(_media(conn, unplanned, as_written=True))


def media_of_window(conn: Connection, window_id: int) -> list[Media]:
    """The pictures of one window, in its order."""
    return list(_media(conn, schema.media.c.work_window_id == window_id))


def earlier_media(
    conn: Connection, window_id: int, recipe_id: int, light: str, most: int
) -> list[tuple[Media, int | None]]:
    """The newest pictures of this light in earlier windows of the same batch and deployment, looked
    at under this recipe; with the frame that stands for a clip."""
    m, w, k = schema.media.c, schema.work_window, schema.look.c
    this = sa.select(w.c.batch_id, w.c.deployment_id, w.c.number).where(w.c.id == window_id)
    batch, place, number = conn.execute(this).one()
    query = (
        sa.select(m.sha256, k.frame_number)
        .join(w, w.c.id == m.work_window_id)
        .join(schema.look, k.media_id == m.id)
        .where(w.c.deployment_id == place, w.c.batch_id == batch, w.c.number < number)
        .where(k.recipe_id == recipe_id, k.light == light)
        .order_by(w.c.number.desc(), m.position.desc())
    )
    frames = {sha: frame for sha, frame in conn.execute(query.limit(most))}
    return [(picture, frames[picture.sha256]) for picture in media_named(conn, frames)]


def bursts_of(conn: Connection, batch_id: int, among: Among = None) -> dict[str, int]:
    """Number of each picture's burst, by sha-256."""
    m = schema.media.c
    planned = scope(batch_id, among) & m.burst.is_not(None)
    return {sha: burst for sha, burst in conn.execute(sa.select(m.sha256, m.burst).where(planned))}


def scope(batch_id: int, among: Among) -> ColumnElement[bool]:
    """Pictures of a batch, or of some deployments whatever card brought them."""
    m, d = schema.media.c, schema.deployment.c
    if among is None:
        return m.batch_id == batch_id
    return m.deployment_id.in_(sa.select(d.id).where(d.name.in_(among)))


def _media(
    conn: Connection, which: ColumnElement[bool], as_written: bool = False
) -> Iterator[Media]:
    """Pictures in the order of the plan, with their repaired times unless as_written."""
    m, d, r = schema.media, schema.deployment.c, schema.repaired_time.c
    at = m.c.taken_at if as_written else sa.func.coalesce(r.taken_at, m.c.taken_at)
    order = (d.name, m.c.work_window_id, m.c.position, m.c.taken_at, m.c.path, m.c.sha256)
    query = (
        sa.select(m, d.name.label("deployment"), at.label("at"))
        .join(schema.deployment, d.id == m.c.deployment_id)
        .outerjoin(schema.repaired_time, r.media_id == m.c.id)
        .where(which)
        .order_by(*order)
    )
    for row in conn.execute(query).mappings():
        yield record(Media, {**row, "deployment_id": row["deployment"], "taken_at": row["at"]})
