"""The canonical dump: what a database says, without how it came to say it.

Left out: surrogate keys, running times, runs, arrivals, who looked at people or was told, and where
the card lay. Rows are sorted, floats have four decimals, vectors are hashed after rounding. Two
runs of one card agree if their dumps do.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection, Table

from db.core import schema

LEFT_OUT = ("about", "run", "arrival", "access_to_people", "review_claim", "alert")
SILENT = {  # columns that may differ between two runs that say the same
    "batch": {"root"},
    "certificate": {"made_at"},
    "clock_repair": {"made_at", "undone_at", "undone_by"},
    "favourite": {"said_at"},
    "outage": {"said_at"},
    "review": {"saved_at"},
    "verdict": {"said_at"},
}
Names = dict[str, dict[int, str]]  # by table and surrogate key: what the row is called


def dump(conn: Connection) -> Iterator[str]:
    """Lines of text: `table {json}`, the same for the same results."""
    names = _names(conn)
    for table in sorted(schema.metadata.tables.values(), key=lambda table: table.name):
        if table.name not in LEFT_OUT:
            yield from sorted(_lines(conn, table, names))


def _lines(conn: Connection, table: Table, names: Names) -> Iterator[str]:
    columns = [
        (column.name, _writer(column, names))
        for column in table.c
        if column.name != "id" and column.name not in SILENT.get(table.name, ())
    ]
    query = sa.select(table)
    if table is schema.clock_repair:  # one that was undone says nothing
        query = query.where(table.c.undone_at.is_(None))
    if table is schema.review:  # nor does one that was taken back
        query = query.where(table.c.withdrawn_at.is_(None))
    rows = conn.execute(query.execution_options(stream_results=True)).mappings()
    for row in rows:
        values = {name: write(row[name]) for name, write in columns if row[name] is not None}
        yield f"{table.name} {json.dumps(values, ensure_ascii=False)}"


def _writer(column: sa.Column[Any], names: Names) -> Callable[[Any], object]:
    """How values of a column are written: keys by name, floats and vectors rounded."""
    for key in column.foreign_keys:
        return names[key.column.table.name].__getitem__
    return _vector if isinstance(column.type, sa.LargeBinary) else _rounded


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return f"{value + 0.0:.4f}".replace("-0.0000", "0.0000")
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {name: _rounded(value[name]) for name in sorted(value)}
    return value if isinstance(value, int | str) else str(value)


def _vector(value: bytes) -> str:
    steps = np.round(np.frombuffer(value, np.float16).astype(np.float64) * 1e4).astype("<i4")
    return hashlib.sha256(steps.tobytes()).hexdigest()


def _names(conn: Connection) -> Names:
    """What rows are called that others point to, in place of their keys."""

    def read(query: sa.Select[Any]) -> dict[int, str]:
        return {id: " ".join(map(str, parts)) for id, *parts in conn.execute(query)}

    s, c = schema, {name: table.c for name, table in schema.metadata.tables.items()}
    window = sa.select(c["work_window"].id, c["deployment"].name, c["work_window"].number)
    names = {
        "batch": read(sa.select(c["batch"].id, c["batch"].name)),
        "deployment": read(sa.select(c["deployment"].id, c["deployment"].name)),
        "media": read(sa.select(c["media"].id, c["media"].sha256)),
        "recipe": read(sa.select(c["recipe"].id, c["recipe"].step, c["recipe"].hash)),
        "work_window": read(window.join_from(s.work_window, s.deployment)),
    }
    for table in (s.visit, s.flag):
        keys = conn.execute(sa.select(table.c.id, table.c.recipe_id, table.c.media_id))
        names[table.name] = {
            id: f"{names['recipe'][recipe]} {names['media'][media]}" for id, recipe, media in keys
        }
    repair = c["clock_repair"]
    bounds = (repair.first_at, repair.last_at, repair.first_path, repair.last_path)
    repairs = sa.select(repair.id, c["deployment"].name, c["batch"].name, *bounds)
    joined = repairs.join_from(s.clock_repair, s.deployment).outerjoin(
        s.batch, c["batch"].id == repair.batch_id
    )
    names["clock_repair"] = read(joined.where(repair.undone_at.is_(None)))
    reviews = sa.select(c["review"].id, c["media"].sha256, c["review"].reviewed_at)
    names["review"] = read(reviews.join_from(s.review, s.media))
    return names
