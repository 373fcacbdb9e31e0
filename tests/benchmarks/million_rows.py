"""How long the queries of db/README.md take over a million pictures.

    python -m tests.benchmarks.million_rows [--pictures 1000000] [--database sqlite:///big.db]

A small database is filled by the functions a run uses, then copied within itself, row by row with
new keys, until it is large enough. Each query is run three times; the quickest counts. Beside the
time by the clock stands that of this process's processor: on a busy machine only it means much.
"""

import argparse
import re
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from db import schema
from db.engine import migrate, open_database, reading, writing
from tests.makers import fill

README = Path(__file__).parents[2] / "db" / "README.md"
FIRST = 20_000  # pictures filled by hand, on 4 cameras and 2 cards
SHARED = {"recipe", "about"}  # tables that are not copied


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
    for copy in range(1, copies):
        for table in tables:
            values = ", ".join(_copied(column, copy, shift) for column in table.c)
            first = " AND ".join(
                f"{key.parent.name} <= {shift[key.column.table.name]}"
                for key in table.foreign_keys
                if key.column.table.name not in SHARED and not key.parent.nullable
            )
            own = f"id <= {shift[table.name]}" if "id" in table.c else first
            names = ", ".join(f'"{column.name}"' for column in table.c)
            conn.exec_driver_sql(
                f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} WHERE {own}"
            )


def _copied(column: sa.Column, copy: int, shift: dict[str, int]) -> str:
    name = f'"{column.name}"'
    for key in column.foreign_keys:
        parent = key.column.table.name
        return name if parent in SHARED else f"{name} + {copy * shift[parent]}"
    if column.name == "id":
        return f"id + {copy * shift[column.table.name]}"
    if column.name == "sha256":
        return f"substr(sha256, 1, 56) || 'copy{copy:04x}'"
    if column.table.name in ("batch", "deployment") and column.name == "name":
        return f"name || '.{copy}'"
    return name


def measure(engine: Engine) -> dict[str, tuple[float, float, int]]:
    """(seconds by the clock, seconds of processor, rows) by query."""
    found = {}
    for name, text in queries().items():
        times = []
        for _ in range(3):
            with reading(engine) as conn:
                begun, worked = time.perf_counter(), time.process_time()
                rows = conn.execute(sa.text(text)).all()
                times.append((time.perf_counter() - begun, time.process_time() - worked))
        found[name] = (*map(min, zip(*times, strict=True)), len(rows))
    return found


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    given.add_argument("--pictures", type=int, default=1_000_000)
    given.add_argument("--database", help="an empty one; default: a temporary SQLite file")
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite:///{folder}/million.db"
        migrate(url)
        engine = open_database(url)
        with reading(engine) as conn:
            there = conn.execute(sa.select(sa.func.count()).select_from(schema.media)).scalar()
        if not there:
            begun = time.perf_counter()
            with writing(engine) as conn:
                fill(conn, FIRST)
                print(f"filled  {FIRST} pictures in {time.perf_counter() - begun:.0f} s")
                grow(conn, args.pictures // FIRST)
            with writing(engine) as conn:
                conn.exec_driver_sql("ANALYZE")
            print(f"grown to {args.pictures} pictures in {time.perf_counter() - begun:.0f} s")
        if engine.dialect.name == "sqlite":
            print(f"{Path(engine.url.database).stat().st_size / 1e6:.0f} MB")
        print("  clock  processor     rows  query")
        for name, (seconds, worked, rows) in measure(engine).items():
            print(f"{seconds:7.3f}    {worked:7.3f} {rows:8d}  {name}")


if __name__ == "__main__":
    main()
