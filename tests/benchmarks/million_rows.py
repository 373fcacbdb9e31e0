"""How long the queries of db/README.md take over a million pictures, or many more.

    python -m tests.benchmarks.million_rows [--pictures 1000000] [--database sqlite:///big.db]
        [--plans] [--rounds 3]

A small database is filled by the functions a run uses, then copied within itself with new keys,
until it is large enough: on PostgreSQL without its indices, which are made afterwards. Each query
is run three times; the quickest counts. Beside the time by the clock stands that of this process's
processor: on a busy machine with SQLite only it means much. On PostgreSQL it ends with the size of
each table and index, and how often the queries used it; `--plans` prints how each query was run.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from db.core import schema
from db.core.engine import migrate, open_database, reading, writing
from tests.makers import fill

README = Path(__file__).parents[2] / "db" / "README.md"
FIRST = 20_000  # pictures filled by hand, on 4 cameras and 2 cards
TOLD_APART = ("batch.name", "deployment.name", "arrival.folder")
SHARED = {"recipe", "about"}  # tables that are not copied
VECTOR_BYTES = 512  # of one vector: the starter labeller's 256 numbers of two bytes
KEYS = """
SELECT conrelid::regclass::text AS place, conname AS name, pg_get_constraintdef(oid) AS form
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')
ORDER BY contype = 'f', conname
"""
INDICES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS form
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace AND NOT indisunique
"""
SIZES = """
SELECT t.relname AS place, t.reltuples::bigint AS n, pg_table_size(t.oid) AS bytes,
    i.indexrelname AS name, pg_relation_size(i.indexrelid) AS index_bytes, i.idx_scan AS used
FROM pg_class t JOIN pg_stat_user_indexes i ON i.relid = t.oid
WHERE t.reltuples > 10000
ORDER BY bytes DESC, place, index_bytes DESC
"""


def queries() -> dict[str, str]:
    """The queries of the README by the heading over each."""
    text = README.read_text("utf-8")
    return dict(re.findall(r"^### (.+?)\n.*?```sql\n(.*?)```", text, re.MULTILINE | re.DOTALL))


def grow(conn: Connection, copies: int) -> None:
    """Copy all rows `copies` - 1 times, keys shifted, names and sha-256s told apart."""
    tables = [one for one in schema.metadata.sorted_tables if one.name not in SHARED]
    shift = {
        one.name: conn.execute(sa.select(sa.func.max(one.c.id))).scalar() or 0
        for one in tables
        if "id" in one.c
    }
    numbers = f"""WITH RECURSIVE copies(copy) AS (
        SELECT 1 UNION ALL SELECT copy + 1 FROM copies WHERE copy < {copies - 1})"""
    for table in tables if copies > 1 else ():
        begun = time.perf_counter()
        values = ", ".join(_copied(column, shift) for column in table.c)
        names = ", ".join(f'"{column.name}"' for column in table.c)
        copied = f"{numbers} SELECT {values} FROM copies, {table.name}"
        conn.exec_driver_sql(f"INSERT INTO {table.name} ({names}) {copied}")
        print(f"  {table.name} {time.perf_counter() - begun:.0f} s", flush=True)


def _copied(column: sa.Column, shift: dict[str, int]) -> str:
    name = f'"{column.name}"'
    for key in column.foreign_keys:
        parent = key.column.table.name
        return name if parent in SHARED else f"{name} + copy * {shift[parent]}"
    if column.name == "id":
        return f"id + copy * {shift[column.table.name]}"
    if column.name == "sha256":
        return "substr(sha256, 1, 56) || CAST(10000000 + copy AS text)"
    if f"{column.table.name}.{column.name}" in TOLD_APART:
        return f"{name} || '.' || CAST(copy AS text)"
    return name


@contextmanager
def without_indices(conn: Connection) -> Iterator[None]:
    """On PostgreSQL: filled first, indexed afterwards, which takes a fraction of the time."""
    if conn.dialect.name == "sqlite":
        yield
        return
    keys, indices = (conn.execute(sa.text(text)).all() for text in (KEYS, INDICES))
    for key in reversed(keys):
        conn.exec_driver_sql(f'ALTER TABLE {key.place} DROP CONSTRAINT "{key.name}"')
    for index in indices:
        conn.exec_driver_sql(f"DROP INDEX {index.name}")
    yield
    conn.exec_driver_sql("SET LOCAL maintenance_work_mem = '1GB'")
    for index in indices:
        conn.exec_driver_sql(index.form)
    for key in keys:
        conn.exec_driver_sql(f'ALTER TABLE {key.place} ADD CONSTRAINT "{key.name}" {key.form}')


def measure(engine: Engine, rounds: int = 3) -> Iterator[tuple[str, float, float, int]]:
    """(query, seconds by the clock, seconds of processor, rows)."""
    for name, text in queries().items():
        times = []
        for _ in range(rounds):
            with reading(engine) as conn:
                begun, worked = time.perf_counter(), time.process_time()
                rows = conn.execute(sa.text(text)).all()
                times.append((time.perf_counter() - begun, time.process_time() - worked))
        yield (name, *map(min, zip(*times, strict=True)), len(rows))


def print_plans(engine: Engine) -> None:
    how = "EXPLAIN (ANALYZE, BUFFERS)" if engine.dialect.name != "sqlite" else "EXPLAIN QUERY PLAN"
    for name, text in queries().items():
        with reading(engine) as conn:
            print(f"\n--- {name}")
            for row in conn.execute(sa.text(f"{how} {text}")):
                print("   ", row[-1])


def print_sizes(conn: Connection) -> None:
    """Bytes a row of each large table and of each of its indices, and the scans since the fill."""
    before = None
    for row in conn.execute(sa.text(SIZES)):
        if row.place != before:
            print(f"{row.place}: {row.n} rows, {row.bytes / row.n:.0f} bytes a row")
        before = row.place
        print(f"    {row.index_bytes / row.n:6.1f} bytes a row, {row.used:6d} scans: {row.name}")
    [[size]] = conn.exec_driver_sql("SELECT pg_database_size(current_database())").all()
    print(f"{size / 1e6:.0f} MB in all")


def make(engine: Engine, pictures: int) -> None:
    begun = time.perf_counter()
    with writing(engine) as conn:
        fill(conn, FIRST)
        longer = bytes(range(256)) * 2
        vector = {"vector": longer[:VECTOR_BYTES]}
        if pictures > 1_000_000:
            conn.execute(sa.update(schema.embedding).values(vector))
        print(f"filled  {FIRST} pictures in {time.perf_counter() - begun:.0f} s", flush=True)
        with without_indices(conn):
            grow(conn, pictures // FIRST)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE" if conn.dialect.name != "sqlite" else "ANALYZE")
    print(f"grown to {pictures} pictures in {time.perf_counter() - begun:.0f} s", flush=True)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    given.add_argument("--pictures", type=int, default=1_000_000)
    given.add_argument("--database", help="an empty one; default: a temporary SQLite file")
    given.add_argument("--plans", action="store_true")
    given.add_argument("--rounds", type=int, default=3)
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite:///{folder}/million.db"
        migrate(url)
        engine = open_database(url)
        with reading(engine) as conn:
            there = conn.execute(sa.select(sa.func.count()).select_from(schema.media)).scalar()
        if not there:
            make(engine, args.pictures)
        if engine.dialect.name == "sqlite":
            print(f"{Path(engine.url.database).stat().st_size / 1e6:.0f} MB")
        if args.plans:
            print_plans(engine)
        print("  clock  processor     rows  query")
        for name, seconds, worked, rows in measure(engine, args.rounds):
            print(f"{seconds:7.3f}    {worked:7.3f} {rows:8d}  {name}", flush=True)
        if engine.dialect.name != "sqlite":
            with reading(engine) as conn:
                print_sizes(conn)


if __name__ == "__main__":
    main()
