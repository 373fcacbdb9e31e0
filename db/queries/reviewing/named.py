"""The visits or pictures that somebody's own SELECT names, asked so that it can write nothing."""

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from db.core import schema
from db.core.engine import reading
from db.core.rows import chunks
from pipeline.errors import InputError, in_one_line

NAMES = ("event_id", "media_id")  # what the first column may be called
MEANT = "SELECT event_id FROM events WHERE ..."
BEGINNINGS = ("SELECT", "WITH", "VALUES")
MOST_ROWS = 1_000_000
TIMEOUT_S = 120
STEPS = 100_000  # of SQLite's machine, after which it looks at the clock
WOULD_WRITE = (
    *("not authorized", "one statement", "cannot modify"),  # SQLite
    *("read-only", "data-modifying", 'syntax error at or near "UPDATE"'),  # PostgreSQL
)
READS = (
    *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ),
    *(sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE),
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a SELECT names."""

    column: str  # one of NAMES
    media_ids: tuple[int, ...]  # of pictures, or of first pictures of visits, each once, in order
    rows: int
    unknown: int  # rows that name no visit, or no picture, that is here


def named_by(engine: Engine, sql: str, timeout_s: float = TIMEOUT_S) -> Named:
    """Run one SELECT; its first column, event_id or media_id, says what it names.

    InputError in one line: it is no single SELECT, it would write, it takes longer than
    `timeout_s`, or its first column is called otherwise.
    """
    with reading(engine) as conn:
        column, values = _asked(conn, sql, timeout_s)
        keys = _visits(conn, values) if column == "event_id" else _pictures(conn, values)
    unknown = sum(value not in keys for value in values)
    found = dict.fromkeys(keys[value] for value in values if value in keys)
    return Named(column, tuple(found), len(values), unknown)


def _asked(conn: Connection, sql: str, timeout_s: float) -> tuple[str, list[Any]]:
    """Name and values of the first column."""
    _begins_as_a_select(sql)
    runs = _on_sqlite if conn.dialect.name == "sqlite" else _on_postgresql
    try:
        with runs(conn, sql, timeout_s) as cursor:
            if not cursor.description:
                raise InputError("it is no SELECT")
            column = cursor.description[0][0].lower()
            if column not in NAMES:
                raise InputError(f"its first column is {column}: call it {' or '.join(NAMES)}")
            rows = cursor.fetchmany(MOST_ROWS + 1)
    except InputError:
        raise
    except Exception as why:  # each driver has errors of its own
        raise InputError(_in_words(in_one_line(why), timeout_s)) from why
    if len(rows) > MOST_ROWS:
        raise InputError(f"it has more than {MOST_ROWS} rows: add a LIMIT")
    return column, [row[0] for row in rows]


def _begins_as_a_select(sql: str) -> None:
    """InputError where it is empty or some other command; drivers say that in words of their own,
    or of views that cannot be changed."""
    found = re.match(r"(?s)(?:\s|\(|--[^\n]*|/\*.*?\*/)*([A-Za-z]*)", sql)
    word = found[1].upper() if found else ""
    if found and found.end() == len(sql) and not word:
        raise InputError(f"it is empty: write {MEANT}")
    if word and word not in BEGINNINGS:
        raise InputError(
            f"it begins with {word[:20]}, but only a SELECT is run here: write {MEANT}"
        )


@contextmanager
def _on_sqlite(conn: Connection, sql: str, timeout_s: float) -> Iterator[Any]:
    """A cursor over what it selects; nothing but reading is let through, ATTACH neither."""
    raw = conn.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    give_up = time.monotonic() + timeout_s
    raw.set_authorizer(lambda does, *_: sqlite3.SQLITE_OK if does in READS else sqlite3.SQLITE_DENY)
    raw.set_progress_handler(lambda: time.monotonic() > give_up, STEPS)
    try:
        with closing(raw.cursor()) as cursor:
            yield cursor.execute(sql)
    finally:
        raw.set_progress_handler(None, 0)
        raw.set_authorizer(None)


@contextmanager
def _on_postgresql(conn: Connection, sql: str, timeout_s: float) -> Iterator[Any]:
    """The same: a cursor of the server is one SELECT, in a transaction that cannot write."""
    conn.exec_driver_sql("SET TRANSACTION READ ONLY")
    conn.exec_driver_sql(f"SET LOCAL statement_timeout = {round(1000 * timeout_s)}")
    raw: Any = conn.connection.driver_connection
    with raw.cursor("camtriage_named") as cursor:
        yield cursor.execute(sql)


def _in_words(why: str, timeout_s: float) -> str:
    """A driver's line, and what to do where it does not say so."""
    if why == "interrupted" or "statement timeout" in why:
        return f"it was not done after {timeout_s:g} s: ask for less"
    if any(words in why for words in WOULD_WRITE):
        return f"one SELECT that only reads is run here ({why})"
    return why


def _visits(conn: Connection, sha256s: Sequence[Any]) -> dict[Any, int]:
    """Of each picture that is in a visit the key of the visit's first one."""
    m, s, v = schema.media.c, schema.status.c, schema.visit.c
    query = (
        sa.select(m.sha256, v.media_id)
        .join_from(schema.media, schema.status, s.media_id == m.id)
        .join(schema.visit, v.id == s.visit_id)
    )
    return _keys(conn, query, sha256s)


def _pictures(conn: Connection, sha256s: Sequence[Any]) -> dict[Any, int]:
    """The key of each picture."""
    return _keys(conn, sa.select(schema.media.c.sha256, schema.media.c.id), sha256s)


def _keys(conn: Connection, query: sa.Select[Any], sha256s: Sequence[Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for part in chunks({sha for sha in sha256s if isinstance(sha, str)}):
        rows = conn.execute(query.where(schema.media.c.sha256.in_(part)))
        found.update((sha, key) for sha, key in rows)
    return found
