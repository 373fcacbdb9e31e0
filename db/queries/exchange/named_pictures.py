"""Which pictures a reviewed table names."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks


class PictureName(Protocol):
    """How a table names a picture."""

    @property
    def media_id(self) -> str | None: ...

    @property
    def path(self) -> str | None: ...

    @property
    def batch(self) -> str | None: ...


def find_pictures(conn: Connection, names: Sequence[PictureName]) -> list[tuple[str, ...]]:
    """For each name the sha256s of all pictures it may mean: by media_id, else by path and batch.

    A path is one that `file` knows: where a copy of the picture lies counts as well.
    """
    known = _known(conn, {name.media_id.lower() for name in names if name.media_id})
    by_path = _by_path(conn, {name.path for name in names if name.path and not name.media_id})
    found: list[tuple[str, ...]] = []
    for name in names:
        if name.media_id:
            sha = name.media_id.lower()
            found.append((sha,) if sha in known else ())
        else:
            places = by_path.get(name.path or "", set())
            shas = {sha for batch, sha in places if name.batch in (None, batch)}
            found.append(tuple(sorted(shas)))
    return found


def _known(conn: Connection, shas: set[str]) -> set[str]:
    m = schema.media.c
    return {
        sha
        for part in chunks(sorted(shas))
        for sha in conn.execute(sa.select(m.sha256).where(m.sha256.in_(part))).scalars()
    }


def _by_path(conn: Connection, paths: set[str]) -> dict[str, set[tuple[str, str]]]:
    """(batch, sha256) of every picture at a path."""
    f, b, m = schema.file.c, schema.batch.c, schema.media.c
    query = (
        sa.select(f.path, b.name, m.sha256)
        .join_from(schema.file, schema.batch, b.id == f.batch_id)
        .join(schema.media, m.id == f.media_id)
    )
    found = defaultdict(set)
    batches = conn.execute(sa.select(b.id)).scalars().all()  # the index begins with the batch
    for part in chunks(sorted(paths)):
        for row in conn.execute(query.where(f.batch_id.in_(batches), f.path.in_(part))):
            found[row.path].add((row.name, row.sha256))
    return found
