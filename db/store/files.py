"""Files of a card: where each of them ended, and what was wrong with it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from db.core import schema
from db.core.rows import (
    chunks,
    fields,
    media_ids,
    record,
    upsert,
)
from pipeline.records import (
    FileProblem,
    Found,
)


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Where every file found on a card ended."""

    found: int
    pictures: int  # files that are a picture of the database
    unreadable: int  # a picture's name, no picture, and a problem that says why
    other: Mapping[str, int]  # by kind: video, other
    skipped: int  # by name: ._*, system folders
    lost: int  # no picture, no problem: must be 0
    clips: int = 0  # of the pictures
    timeless: int = 0  # of the pictures: no time in them or in their names, and none entered

    @property
    def closes(self) -> bool:
        """Every file ended somewhere, and the sum is the number found."""
        parts = self.pictures + self.unreadable + sum(self.other.values()) + self.skipped
        return self.lost == 0 and parts == self.found


def save_files(conn: Connection, batch_id: int, files: Iterable[tuple[Found, str | None]]) -> None:
    """One row for every file on the card; one with a sha-256 points to its picture."""
    for part in chunks(files):
        ids = media_ids(conn, [sha for _, sha in part if sha])
        rows = [
            {
                "batch_id": batch_id,
                "path": file.path,
                "kind": file.kind,
                "size": file.size,
                "media_id": ids.get(sha or ""),
            }
            for file, sha in part
        ]
        update = ("kind", "size", "media_id")
        upsert(conn, schema.file, rows, ["batch_id", "path"], update=update)


def move_paths(conn: Connection, batch_id: int, taken: str, put: str) -> None:
    """A card lies in another folder: everywhere its paths begin with `put` in place of `taken`.
    Nothing moves where a file stands at a new path already."""
    f, m, r = schema.file.c, schema.media.c, schema.clock_repair.c

    def begins(path: ColumnElement[str]) -> ColumnElement[bool]:
        return sa.func.substr(path, 1, len(taken)) == taken

    def moved(path: ColumnElement[str]) -> ColumnElement[str]:
        return put + sa.func.substr(path, len(taken) + 1, type_=schema.Words())

    stays = schema.file.alias("stays")
    there = sa.exists().where(stays.c.batch_id == batch_id, ~begins(stays.c.path))
    mine = (f.batch_id == batch_id) & begins(f.path)
    in_the_way = there.where(stays.c.path == moved(f.path))
    if conn.execute(sa.select(f.id).where(mine, in_the_way).limit(1)).first():
        return
    places = sa.select(m.deployment_id).where(m.batch_id == batch_id)
    repairs = r.deployment_id.in_(places) & (r.batch_id.is_(None) | (r.batch_id == batch_id))
    for column, which in (
        (f.path, f.batch_id == batch_id),
        (m.path, m.batch_id == batch_id),
        (schema.trouble.c.path, schema.trouble.c.batch_id == batch_id),
        (r.first_path, repairs),
        (r.last_path, repairs),
    ):
        # in two steps: on the way one path may be another's old one, and paths are unique
        change = sa.update(column.table)
        away = change.where(which, begins(column)).values({column: "/" + moved(column)})
        back = change.where(which, sa.func.substr(column, 1, 1) == "/")
        conn.execute(away)
        conn.execute(back.values({column: sa.func.substr(column, 2)}))


def file_counts(conn: Connection, batch_id: int) -> FileCounts:
    """Where the files of this card ended (files found = the sum of the rest)."""
    f, t = schema.file.c, schema.trouble.c
    why = sa.exists().where(t.batch_id == f.batch_id, t.path == f.path)
    ended = sa.case(
        (f.media_id.is_not(None), "pictures"),
        (f.kind != "picture", f.kind),
        (why, "unreadable"),
        else_="lost",
    )
    query = sa.select(ended, sa.func.count()).where(f.batch_id == batch_id).group_by(ended)
    counts: dict[str, int] = {name: count for name, count in conn.execute(query)}
    found = sum(counts.values())
    known = {name: counts.pop(name, 0) for name in ("pictures", "unreadable", "skipped", "lost")}
    now, count = schema.status.c, sa.func.count()
    of_them = sa.select(count.filter(f.kind == "video"), count.filter(now.taken_at.is_(None)))
    joined = of_them.join_from(schema.file, schema.status, now.media_id == f.media_id)
    clips, without = conn.execute(joined.where(f.batch_id == batch_id)).one()
    return FileCounts(found=found, other=counts, clips=clips, timeless=without, **known)


def files_found(conn: Connection, batch_id: int) -> list[tuple[str, int, str | None]]:
    """(path, bytes, sha-256 of the picture it is) of each file of this card, by path; without those
    skipped by name."""
    f, m = schema.file.c, schema.media.c
    query = sa.select(f.path, f.size, m.sha256).outerjoin(schema.media, m.id == f.media_id)
    rows = conn.execute(query.where(f.batch_id == batch_id, f.kind != "skipped").order_by(f.path))
    return [(path, size, sha) for path, size, sha in rows]


def paths_in_state(
    conn: Connection, state: str, batch: str | None = None
) -> Iterator[tuple[str, str, str, float]]:
    """(batch, root, path, p_blank) of blank or kept pictures, surest blanks first.

    batch  every picture on its card, also those that another card brought first

    A blank on which a person saw something counts as kept: copies of blanks may get deleted.
    """
    s, f, b, m = (schema.status.c, schema.file.c, schema.batch.c, schema.media.c)
    blank = (s.state == "blank") & (s.observation_type == "blank")
    shown = blank if state == "blank" else s.state.in_(("blank", "kept")) & ~blank
    query = (
        sa.select(b.name, b.root, sa.func.min(f.path), s.p_blank)
        .join_from(schema.status, schema.media, m.id == s.media_id)
        .join(schema.file, f.media_id == m.id)
        .join(schema.batch, b.id == f.batch_id)
        .where(shown, b.name == batch if batch else f.batch_id == m.batch_id)
        .group_by(m.id, b.name, b.root, s.p_blank)
        .order_by(s.p_blank.desc(), b.name, sa.func.min(f.path))
    )
    rows = conn.execute(query)
    yield from ((name, root, path, p_blank) for name, root, path, p_blank in rows)


def save_file_problems(conn: Connection, batch_id: int, problems: Iterable[FileProblem]) -> None:
    """A problem reported again takes the newer detail."""
    rows = ({"batch_id": batch_id, **fields(problem, schema.trouble)} for problem in problems)
    key = ["batch_id", "path", "step", "reason"]
    upsert(conn, schema.trouble, rows, key, update=("detail",))


def file_problems_of(conn: Connection, batch_id: int) -> list[FileProblem]:
    """The problems of a card's files, by path."""
    t = schema.trouble
    order = (t.c.path, t.c.step, t.c.reason)
    rows = conn.execute(sa.select(t).where(t.c.batch_id == batch_id).order_by(*order)).mappings()
    return [record(FileProblem, row) for row in rows]
