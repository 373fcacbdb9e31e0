"""Reading records back, in a fixed order. What a run needs; researchers read the views.

`among` names deployments: all that lies in them, whatever card brought it, not the batch alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db import schema
from db.clock_repairs import believed
from db.read_events import Among
from db.read_events import flags_of as flags_of  # also found here: read.flags_of
from db.read_events import visits_of as visits_of
from db.rows import chunks, newest_review, record
from pipeline.card.deployment_check import Taken
from pipeline.records import Deployment, Label, Look, Media, Review, Trouble, Window

VECTORS = 4096  # pictures in one chunk of vectors
Vectors = tuple[list[str], np.ndarray, np.ndarray]  # sha256s, crops (n,d), frames (n,d), float32


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Where every file found on a card ended."""

    found: int
    pictures: int  # files that are a picture of the database
    unreadable: int  # a picture's name, no picture, and a trouble that says why
    other: Mapping[str, int]  # by kind: video, other
    skipped: int  # by name: ._*, system folders
    lost: int  # no picture, no trouble: must be 0

    @property
    def closes(self) -> bool:
        """Every file ended somewhere, and the sum is the number found."""
        parts = self.pictures + self.unreadable + sum(self.other.values()) + self.skipped
        return self.lost == 0 and parts == self.found


def batch_by_name(conn: Connection, name: str) -> int | None:
    return _batch(conn, schema.batch.c.name == name)


def find_batch(conn: Connection, content: str) -> int | None:
    """The batch that holds exactly this content, the oldest if there are several."""
    return _batch(conn, schema.batch.c.content == content)


def _batch(conn: Connection, which: ColumnElement[bool]) -> int | None:
    b = schema.batch.c
    return conn.execute(sa.select(b.id).where(which).order_by(b.id).limit(1)).scalar()


def batch_of_most(conn: Connection, sha256s: Iterable[str]) -> int | None:
    """The batch that brought more than half of these pictures: the same card, emptier or fuller."""
    counts, total, m = Counter(), 0, schema.media.c
    for some in chunks(sha256s):
        total += len(some)
        query = sa.select(m.batch_id, sa.func.count()).where(m.sha256.in_(some))
        counts.update(dict(conn.execute(query.group_by(m.batch_id)).all()))
    most = counts.most_common(1)
    return most[0][0] if most and 2 * most[0][1] > total else None


def batches(conn: Connection) -> list[int]:
    """Every batch, in the order they came."""
    b = schema.batch.c
    return list(conn.execute(sa.select(b.id).order_by(b.id)).scalars())


def batch_row(conn: Connection, batch_id: int) -> sa.RowMapping:
    """name, root, content and the current recipes: look_, label_, flag_recipe_id."""
    b = schema.batch
    return conn.execute(sa.select(b).where(b.c.id == batch_id)).mappings().one()


def recipe(conn: Connection, recipe_id: int) -> dict:
    """What a recipe consists of."""
    r = schema.recipe.c
    return conn.execute(sa.select(r.description).where(r.id == recipe_id)).scalar_one()


def known_shas(conn: Connection, sha256s: Iterable[str]) -> set[str]:
    """Those of them that are in the database, in any batch."""
    m = schema.media.c.sha256
    return {
        sha
        for some in chunks(sha256s)
        for sha in conn.execute(sa.select(m).where(m.in_(some))).scalars()
    }


def media_of(conn: Connection, batch_id: int, among: Among = None) -> list[Media]:
    """Pictures this batch brought, by deployment, then in the order of the plan."""
    return list(_media(conn, _scope(batch_id, among)))


def media_named(conn: Connection, sha256s: Iterable[str]) -> list[Media]:
    """The pictures with these sha-256s, in their order."""
    m = schema.media.c.sha256
    shas = list(sha256s)
    found = {one.sha256: one for some in chunks(shas) for one in _media(conn, m.in_(some))}
    return [found[sha] for sha in shas]


def unplanned_media(conn: Connection, batch_id: int, deployment: str | None = None) -> list[Media]:
    """Pictures of this batch, or of it at one deployment, that lie in no window yet. Their times
    are those that the camera wrote: a plan hangs on the card alone, not on when its clock was
    repaired."""
    m, d = schema.media.c, schema.deployment.c
    unplanned = (m.batch_id == batch_id) & m.work_window_id.is_(None)
    if deployment is not None:
        unplanned &= d.name == deployment
    return list(_media(conn, unplanned, as_written=True))


def media_of_window(conn: Connection, window_id: int) -> list[Media]:
    """The pictures of one window, in its order."""
    return list(_media(conn, schema.media.c.work_window_id == window_id))


def paths_in(conn: Connection, batch_id: int) -> dict[str, str]:
    """Where each picture lies on this card (the first of several places), by sha-256; also
    pictures that another batch brought first."""
    f, m = schema.file.c, schema.media.c
    query = sa.select(m.sha256, sa.func.min(f.path)).join(schema.file, f.media_id == m.id)
    return dict(conn.execute(query.where(f.batch_id == batch_id).group_by(m.sha256)).all())


def bursts_of(conn: Connection, batch_id: int, among: Among = None) -> dict[str, int]:
    """Number of each picture's burst, by sha-256."""
    m = schema.media.c
    planned = _scope(batch_id, among) & m.burst.is_not(None)
    return dict(conn.execute(sa.select(m.sha256, m.burst).where(planned)).all())


def paths_in_state(
    conn: Connection, state: str, batch: str | None = None
) -> Iterator[tuple[str, str, str, float]]:
    """(batch, root, path, p_blank) of blank or kept pictures, surest blanks first.

    A blank on which a person saw something counts as kept: copies of blanks may get deleted.
    """
    s, f, b, m = (schema.status.c, schema.file.c, schema.batch.c, schema.media.c)
    blank = (s.state == "blank") & (s.observation_type == "blank")
    shown = blank if state == "blank" else s.state.in_(("blank", "kept")) & ~blank
    query = (
        sa.select(b.name, b.root, sa.func.min(f.path), s.p_blank)
        .join_from(schema.status, schema.media, m.id == s.media_id)
        .join(schema.batch, b.id == m.batch_id)
        .join(schema.file, (f.media_id == m.id) & (f.batch_id == b.id))
        .where(shown, *([b.name == batch] if batch else []))
        .group_by(m.id, b.name, b.root, s.p_blank)
        .order_by(s.p_blank.desc(), b.name, sa.func.min(f.path))
    )
    yield from map(tuple, conn.execute(query))


def deployments_of(conn: Connection, batch_id: int) -> list[Deployment]:
    """Deployments that this batch brought pictures to, by name. Where the clock was wrong by the
    table and all of the pictures are repaired, it may be trusted again."""
    d, m = schema.deployment, schema.media.c
    mine = sa.select(m.deployment_id).where(m.batch_id == batch_id)
    rows = conn.execute(sa.select(d).where(d.c.id.in_(mine)).order_by(d.c.name)).mappings()
    places = [record(Deployment, {**row, "deployment_id": row["name"]}) for row in rows]
    return believed(conn, places)


def all_deployments(conn: Connection) -> list[Deployment]:
    """Every deployment that is known, by name."""
    d = schema.deployment
    rows = conn.execute(sa.select(d).order_by(d.c.name)).mappings()
    return [record(Deployment, {**row, "deployment_id": row["name"]}) for row in rows]


def outside_period(conn: Connection) -> list[tuple[str, int]]:
    """(deployment, pictures) whose time, repaired, lies before its start or after its end."""
    d, s = schema.deployment.c, schema.status.c
    early, late = s.taken_at < d.started_at, s.taken_at > d.ended_at
    query = sa.select(d.name, sa.func.count()).join(schema.status, s.deployment_id == d.id)
    rows = conn.execute(query.where(early | late).group_by(d.name).order_by(d.name))
    return [tuple(row) for row in rows]


def taken(conn: Connection) -> dict[str, Taken]:
    """What pictures there are of each deployment, by their repaired times."""
    d, s = schema.deployment.c, schema.status.c
    early = sa.func.count(sa.case((s.taken_at < d.started_at, 1)))
    late = sa.func.count(sa.case((s.taken_at > d.ended_at, 1)))
    ends = sa.func.min(s.taken_at), sa.func.max(s.taken_at)
    query = sa.select(d.name, sa.func.count(), *ends, early, late)
    joined = query.join(schema.status, s.deployment_id == d.id).group_by(d.name)
    return {name: Taken(*rest) for name, *rest in conn.execute(joined)}


def next_numbers(conn: Connection, deployments: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(next window, next burst) of each deployment: (0, 0) where none is planned."""
    d, w, m = schema.deployment.c, schema.work_window.c, schema.media.c
    window = sa.select(sa.func.max(w.number)).where(w.deployment_id == d.id).scalar_subquery()
    burst = sa.select(sa.func.max(m.burst)).where(m.deployment_id == d.id).scalar_subquery()
    names = dict.fromkeys(deployments)
    numbers = dict.fromkeys(names, (0, 0))
    for some in chunks(names):
        for name, last, last_burst in conn.execute(
            sa.select(d.name, window, burst).where(d.name.in_(some))
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


def window(conn: Connection, window_id: int) -> Window:
    """One window of the plan."""
    w, d, m = schema.work_window.c, schema.deployment.c, schema.media.c
    place = sa.select(d.name, w.number).join(schema.work_window, w.deployment_id == d.id)
    name, number = conn.execute(place.where(w.id == window_id)).one()
    pictures = sa.select(m.sha256, m.burst).where(m.work_window_id == window_id)
    shas, bursts = zip(*conn.execute(pictures.order_by(m.position)), strict=True)
    return Window(name, number, shas, bursts)


def is_run_of(conn: Connection, run_id: int, batch_id: int, batch: str) -> bool:
    """Whether this run of this batch stands here."""
    r, b = schema.run.c, schema.batch.c
    mine = sa.select(r.id).join(schema.batch, b.id == r.batch_id)
    known = mine.where(r.id == run_id, b.id == batch_id, b.name == batch)
    return conn.execute(known).first() is not None


def window_counts(conn: Connection, batch_id: int, recipe_id: int) -> tuple[int, int]:
    """(windows of this batch, of them done under this look recipe)."""
    w, done = schema.work_window.c, schema.window_done.c
    both = (done.work_window_id == w.id) & (done.recipe_id == recipe_id)
    query = sa.select(sa.func.count(), sa.func.count(done.recipe_id)).select_from(
        schema.work_window.outerjoin(schema.window_done, both)
    )
    total, finished = conn.execute(query.where(w.batch_id == batch_id)).one()
    return total, finished


def looks_of(
    conn: Connection, batch_id: int, recipe_id: int, among: Among = None
) -> dict[str, Look]:
    """Looks by sha-256, without pictures that could not be looked at."""
    rows = _results(conn, schema.look, recipe_id, _scope(batch_id, among))
    return {row["sha256"]: _look(row) for row in rows if row["state"] != "failed"}


def looks_named(conn: Connection, recipe_id: int, sha256s: Iterable[str]) -> dict[str, Look]:
    """As looks_of, of the pictures with these sha-256s."""
    m = schema.media.c.sha256
    return {
        row["sha256"]: _look(row)
        for some in chunks(sha256s)
        for row in _results(conn, schema.look, recipe_id, m.in_(some))
        if row["state"] != "failed"
    }


def labels_of(
    conn: Connection, batch_id: int, recipe_id: int, among: Among = None
) -> dict[str, Label]:
    """Labels by sha-256."""
    rows = _results(conn, schema.label, recipe_id, _scope(batch_id, among))
    return {row["sha256"]: record(Label, row) for row in rows}


def unlabelled(conn: Connection, batch_id: int, look_recipe: int, label_recipe: int) -> int:
    """How many kept pictures of this batch have no label under this recipe."""
    m, k, t = schema.media.c, schema.look.c, schema.label.c
    mine = (m.batch_id == batch_id) & (k.recipe_id == look_recipe) & (k.state == "kept")
    label = (t.media_id == m.id) & (t.recipe_id == label_recipe)
    joined = schema.media.join(schema.look, k.media_id == m.id).outerjoin(schema.label, label)
    query = sa.select(sa.func.count()).select_from(joined).where(mine, t.media_id.is_(None))
    return conn.execute(query).scalar_one()


def vectors_of(
    conn: Connection, batch_id: int, recipe_id: int, among: Among = None
) -> Iterator[Vectors]:
    """Embedded pictures in chunks; one with a single view has it in both places."""
    e, m = schema.embedding.c, schema.media.c
    query = (
        sa.select(m.sha256, e.view, e.vector)
        .join(schema.embedding, e.media_id == m.id)
        .where(e.recipe_id == recipe_id, _scope(batch_id, among))
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
    def stack(view: str) -> np.ndarray:
        chosen = [views.get(view) or next(iter(views.values())) for views in pictures.values()]
        flat = np.frombuffer(b"".join(chosen), np.float16).astype(np.float32)
        return flat.reshape(len(chosen), -1)

    return list(pictures), stack("crop"), stack("frame")


def troubles_of(conn: Connection, batch_id: int) -> list[Trouble]:
    t = schema.trouble
    order = (t.c.path, t.c.step, t.c.reason)
    rows = conn.execute(sa.select(t).where(t.c.batch_id == batch_id).order_by(*order)).mappings()
    return [record(Trouble, row) for row in rows]


def file_counts(conn: Connection, batch_id: int) -> FileCounts:
    """Where the files of this card ended (design: files found = the sum of the rest)."""
    f, t = schema.file.c, schema.trouble.c
    why = sa.exists().where(t.batch_id == f.batch_id, t.path == f.path)
    ended = sa.case(
        (f.media_id.is_not(None), "pictures"),
        (f.kind != "picture", f.kind),
        (why, "unreadable"),
        else_="lost",
    )
    query = sa.select(ended, sa.func.count()).where(f.batch_id == batch_id).group_by(ended)
    counts = dict(conn.execute(query).all())
    found = sum(counts.values())
    known = {name: counts.pop(name, 0) for name in ("pictures", "unreadable", "skipped", "lost")}
    return FileCounts(found=found, other=counts, **known)


def reviews_of(conn: Connection, batch_id: int, among: Among = None) -> list[Review]:
    """The newest review of each picture of this batch, and of each visit that begins with it."""
    r, m = schema.review, schema.media.c
    newest = r.c.id.in_([newest_review(m.id, True), newest_review(m.id, False)])
    query = sa.select(r, m.sha256).join(schema.media, m.id == r.c.media_id)
    rows = conn.execute(query.where(_scope(batch_id, among), newest).order_by(m.sha256, r.c.id))
    return [record(Review, row) for row in rows.mappings()]


def _scope(batch_id: int, among: Among) -> ColumnElement[bool]:
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


def _results(
    conn: Connection, table: sa.Table, recipe_id: int, scope: ColumnElement[bool]
) -> Iterable[sa.RowMapping]:
    m = schema.media.c
    return conn.execute(
        sa.select(table, m.sha256)
        .join(schema.media, m.id == table.c.media_id)
        .where(table.c.recipe_id == recipe_id, scope)
        .order_by(m.id)
    ).mappings()


def _look(row: Mapping) -> Look:
    crop = tuple(row[name] for name in ("crop_x", "crop_y", "crop_width", "crop_height"))
    return record(Look, {**row, "crop": None if None in crop else crop})
