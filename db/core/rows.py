"""What saving and reading share: chunks, upserts, rows and records, keys for names, and the one
statement behind `status`."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Compiled, Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from db.core import schema

Item = TypeVar("Item")
Record = TypeVar("Record")
Row = dict[str, Any]  # by column
CURRENT_REVIEW = sa.table(  # the view: which reviews count is said there alone
    "current_review",
    sa.column("review_id", sa.Integer),
    sa.column("media_id", sa.Integer),
    sa.column("of_visit", sa.Boolean),
    sa.column("position", sa.Integer),
)
INSERT: Mapping[str, Callable[[Table], sa.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
CHUNK = 1000  # rows or keys in one statement


def now() -> datetime:
    """UTC, naive, to the second: when a program or a person did something, never a camera."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def now_here() -> datetime:
    """The same by the clock on the wall here: as reviewers write the times of their answers."""
    return datetime.now().replace(microsecond=0)


def chunks(rows: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists of at most CHUNK."""
    rows = iter(rows)
    while part := list(islice(rows, CHUNK)):
        yield part


def upsert(
    conn: Connection,
    table: Table,
    rows: Iterable[Row],
    key: Sequence[str],
    update: Iterable[str] = (),
) -> None:
    """Insert rows; where `key` stands already, write the columns of `update`, or leave the row."""
    way = as_columns if conn.dialect.name == "postgresql" else executemany
    for part in chunks(rows):
        way(conn, table, part, list(key), list(update))


def executemany(
    conn: Connection, table: Table, rows: list[Row], key: list[str], update: list[str]
) -> None:
    """Row by row in one call: on SQLite the driver alone is no quicker."""
    insert: Any = INSERT[conn.dialect.name](table)
    if not update:
        insert = insert.on_conflict_do_nothing(index_elements=key)
    else:
        values = {column: insert.excluded[column] for column in update}
        insert = insert.on_conflict_do_update(index_elements=key, set_=values)
    conn.execute(insert, rows)


def as_columns(
    conn: Connection, table: Table, rows: list[Row], key: list[str], update: list[str]
) -> None:
    """PostgreSQL: one statement that is given each column as one array.

    Up to three times as quick as row by row; COPY into a temporary table is no quicker, and slower
    for the 128 rows of a window (tests/benchmarks/inserts.py). One statement may meet a key once:
    of several rows the first stays, or with `update` the last, as row by row."""
    inward = reversed(rows) if not update else rows
    said = list({tuple(row[name] for name in key): row for row in inward}.values())
    arrays, given = [], {}
    for name in rows[0]:
        kind = table.c[name].type.dialect_impl(conn.dialect)
        form = kind.bind_processor(conn.dialect)
        values = [row[name] for row in (said if update else reversed(said))]
        given[name] = [form(value) for value in values] if form else values
        mark = "b" if isinstance(kind, sa.LargeBinary) else "s"  # bytes as they are, not as text
        arrays.append(f"%({name}){mark}::{_sql_type(kind, conn.dialect)}[]")
    columns = ", ".join(f'"{name}"' for name in given)
    keys = ", ".join(f'"{name}"' for name in key)
    then = ", ".join(f'"{name}" = excluded."{name}"' for name in update)
    conn.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({', '.join(arrays)})"
        f" ON CONFLICT ({keys}) DO {f'UPDATE SET {then}' if update else 'NOTHING'}",
        given,
    )


def _sql_type(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> str:
    return kind.compile(dialect=dialect).partition(" COLLATE")[0]


@cache
def _shared(kind: Hashable, table: Table) -> tuple[str, ...]:
    return tuple(name for name in vars(kind)["__slots__"] if name in table.c)


def fields(record: object, table: Table) -> Row:
    """The record's fields that are columns of the table."""
    shared = _shared(type(record), table)  # type: ignore[arg-type]  # a class is hashable
    return {name: getattr(record, name) for name in shared}


def record(kind: type[Record], row: Mapping[Any, Any]) -> Record:
    """A record from the columns that bear its names; lists become tuples again."""
    known = _slots(kind)  # type: ignore[arg-type]  # a class is hashable
    return kind(
        **{
            name: _tuples(value) if type(value) is list else value
            for name, value in row.items()
            if name in known
        }
    )


@cache
def _slots(kind: Hashable) -> frozenset[str]:
    return frozenset(vars(kind)["__slots__"])


def _tuples(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuples(value) if type(value) is list else value for value in values)


def media_ids(conn: Connection, sha256s: Iterable[str]) -> dict[str, int]:
    """Integer keys by sha-256, of those that are here."""
    return {sha: id for sha, id, _ in _homes(conn, sha256s)}


def media_homes(conn: Connection, sha256s: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(key, key of the batch that brought it) by sha-256, of those that are here."""
    return {sha: (id, batch) for sha, id, batch in _homes(conn, sha256s)}


def _homes(conn: Connection, sha256s: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    m = schema.media.c
    for part in chunks(dict.fromkeys(sha256s)):
        mine = sa.select(m.sha256, m.id, m.batch_id).where(m.sha256.in_(part))
        yield from ((sha, key, batch) for sha, key, batch in conn.execute(mine))


def deployment_ids(conn: Connection, names: Iterable[str]) -> dict[str, int]:
    """Integer keys by deploymentID."""
    d = schema.deployment.c
    found: dict[str, int] = {}
    for part in chunks(dict.fromkeys(names)):
        rows = conn.execute(sa.select(d.name, d.id).where(d.name.in_(part)))
        found.update({name: key for name, key in rows})
    return found


def refresh(conn: Connection, which: ColumnElement[bool]) -> None:
    """Rebuild `status` for the media that `which` selects, from look, label and newest review."""
    conn.execute(_refreshing(conn.dialect.name, which))


def refresh_ids(conn: Connection, ids: Collection[int]) -> None:
    """The same for the media with these keys."""
    statement: Any = _refreshing_ids(conn.dialect)
    for part in chunks(ids):
        conn.execute(statement, {"ids": part})


@lru_cache(maxsize=8)
def _refreshing_ids(dialect: Dialect) -> Compiled:
    """Compiled once: SQLAlchemy would do it again at each answer of the review screen, which takes
    longer than all the rest of it."""
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    return _refreshing(dialect.name, schema.media.c.id.in_(ids)).compile(dialect=dialect)


def _refreshing(dialect: str, which: ColumnElement[bool]) -> sa.Insert:
    insert: Any = INSERT[dialect](schema.status)
    columns = [column.name for column in schema.status.c]
    values = {name: insert.excluded[name] for name in columns if name != "media_id"}
    insert = insert.from_select(columns, current(which))
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=["media_id"], set_=values)
    return statement


def current(which: ColumnElement[bool]) -> sa.Select[Any]:
    """What `status` must hold: the batch's current recipes speak, a person's newest word wins."""
    m, b, k, t = schema.media.c, schema.batch.c, schema.look.c, schema.label.c
    taken_at = sa.func.coalesce(schema.repaired_time.c.taken_at, m.taken_at)
    r = schema.review.c
    kept = k.state == "kept"
    machine_type = sa.case(
        (k.state == "blank", "blank"),
        (kept & t.observation_type.is_not(None), t.observation_type),
        else_="unclassified",
    )
    by_person = r.id.is_not(None)
    counted = t.observation_type == sa.case((k.p_human >= k.p_animal, "human"), else_="animal")
    return (
        sa.select(
            m.id,
            m.batch_id,
            m.deployment_id,
            taken_at,
            sa.func.substr(taken_at, 1, 10, type_=schema.TEXT),
            sa.func.coalesce(k.state, "unprocessed"),
            *(k.p_blank, k.p_animal, k.p_human, k.p_vehicle, k.novelty, k.decided_by),
            sa.func.coalesce(r.observation_type, machine_type),
            sa.case((by_person, r.name), (kept, t.name)),
            sa.case((by_person, None), (k.state == "blank", k.p_blank), (kept, t.probability)),
            sa.case((by_person, r.count), (kept & counted, k.count)),
            sa.case((by_person, "human"), (machine_type != "unclassified", "machine")),
            _current_visit(m.id),
            r.id,
        )
        .select_from(schema.media)
        .join(schema.batch, b.id == m.batch_id)
        .outerjoin(schema.repaired_time, schema.repaired_time.c.media_id == m.id)
        .outerjoin(schema.look, (k.media_id == m.id) & (k.recipe_id == b.look_recipe_id))
        .outerjoin(schema.label, (t.media_id == m.id) & (t.recipe_id == b.label_recipe_id))
        .outerjoin(schema.review, r.id == current_review(m.id))
        .where(which)
    )


def _current_visit(media_id: ColumnElement[int]) -> ColumnElement[int]:
    """Key of the picture's visit under the current label recipe of the visit's batch.

    A subquery within the subquery: as a join PostgreSQL would read all visits for every picture
    while it has no statistics, in the first hour of a database."""
    x, v, home = schema.visit_media.c, schema.visit.c, schema.batch.alias("home")
    shown = (
        sa.select(home.c.label_recipe_id == v.recipe_id)
        .join_from(schema.visit, home, home.c.id == v.batch_id)
        .where(v.id == x.visit_id)
    )
    mine = sa.select(sa.func.min(x.visit_id)).where(x.media_id == media_id, shown.scalar_subquery())
    return mine.scalar_subquery()


def current_review(media_id: ColumnElement[int]) -> sa.ScalarSelect[int]:
    """Key of the review that stands for a picture: first row of the answer that counts, its own,
    else that on the visit it begins."""
    c = CURRENT_REVIEW.c
    return (
        sa.select(c.review_id)
        .where(c.media_id == media_id, c.position == 0)
        .order_by(c.of_visit)
        .limit(1)
        .scalar_subquery()
    )
