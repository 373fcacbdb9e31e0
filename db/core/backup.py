"""Backup and restore by the database's own means.

SQLite   its backup call: whole while others write, what lies in the -wal included; one plain file
PostgreSQL   pg_dump, pg_restore and psql, found on PATH; a custom-format archive
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from db.core import schema
from db.core.engine import (
    BUSY_S,
    Tell,
    copy_beside,
    file_of,
    make_private,
    migrate,
    open_database,
    parsed,
    shown,
    state_of,
)
from db.core.schema import HEAD, VERSION_TABLE
from pipeline.errors import DatabaseError


def backup(url: str, file: Path) -> None:
    """Write the whole database into a new file, which is there at the end or not at all."""
    if file.exists():
        raise DatabaseError(f"{file}: is there already; give a new name")
    if not file.parent.is_dir():
        raise DatabaseError(f"{file.parent}: no such folder; make it first")
    engine = open_database(url, create=False)  # ours, and not newer
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        make_private(part)
        if parsed(url).get_backend_name() == "sqlite":
            _copy(engine, part)
        else:
            _postgresql(url, "pg_dump", "--format=custom", *PLAIN, f"--file={part}")
        os.replace(part, file)
    except sqlite3.Error as why:
        raise DatabaseError(f"{file}: cannot be written: {why}") from None
    finally:
        engine.dispose()
        part.unlink(missing_ok=True)


def restore(url: str, file: Path, replace: bool = False, tell: Tell = lambda line: None) -> None:
    """Put a backup in the database's place, all of it or nothing.

    The backup is read to its end first. A database that holds cards is left alone without
    `replace`; with it, what it held is kept beside, and `tell` hears where.
    """
    lite = parsed(url).get_backend_name() == "sqlite"
    if not file.is_file():
        raise DatabaseError(f"{file}: there is no such backup")
    (_verify_sqlite if lite else _verify_archive)(url, file)
    cards = _cards(url)
    if lite and file.resolve() == file_of(parsed(url)).resolve():
        raise DatabaseError(f"{file}: is the database itself")
    if cards and not replace:
        raise DatabaseError(
            f"{shown(url)}: holds {cards} cards already; --replace puts the backup in its place "
            "and keeps it beside"
        )
    (_restore_sqlite if lite else _restore_archive)(url, file, bool(cards), tell)
    migrate(url, tell)  # a backup may be older than this program


PLAIN = ("--no-owner", "--no-privileges")  # whoever restores it owns it


def _copy(engine: Engine, target: Path) -> None:
    """engine: of a SQLite database, which may lie where nothing can be written."""
    with closing(engine.raw_connection()) as ours, closing(sqlite3.connect(target)) as copy:
        assert isinstance(ours.driver_connection, sqlite3.Connection)
        ours.driver_connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, readable from a read-only disc


def _verify_sqlite(url: str, file: Path) -> None:
    if state_of(file) == "empty":
        raise DatabaseError(f"{file}: an empty file, no backup")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            lines = [line for [line] in conn.execute("PRAGMA integrity_check")]
    except sqlite3.Error as why:
        lines = [str(why)]
    if lines != ["ok"]:
        raise DatabaseError(f"{file}: the backup is damaged: {lines[0].splitlines()[-1]}")


def _cards(url: str) -> int:
    """Cards that the database holds; 0 where there is none, or no tables yet."""
    where = parsed(url)
    lite = where.get_backend_name() == "sqlite"
    if lite and state_of(file_of(where)) == "empty":
        return 0
    engine = sa.create_engine(where)
    try:
        with engine.connect() as conn:
            if not sa.inspect(conn).has_table("batch"):
                return 0
            return conn.execute(sa.select(sa.func.count()).select_from(schema.batch)).scalar_one()
    except sa.exc.DBAPIError as why:
        raise DatabaseError(f"{shown(url)}: {str(why.orig).splitlines()[0]}") from None
    finally:
        engine.dispose()


def _restore_sqlite(url: str, file: Path, filled: bool, tell: Tell) -> None:
    path = file_of(parsed(url))
    try:
        if filled:
            kept = copy_beside(path)
        make_private(path)
        with (
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as backup,
            closing(sqlite3.connect(path, timeout=BUSY_S)) as ours,
        ):
            backup.backup(ours)  # one transaction of the target: a kill leaves it as it was
    except sqlite3.Error as why:
        raise DatabaseError(f"{path}: cannot be written: {why}") from None
    if filled:
        tell(f"as it was: {kept}")


def _verify_archive(url: str, file: Path) -> None:
    """Read all of it, and look whose it is."""
    with file.open("rb") as archive:
        if archive.read(5) != b"PGDMP":
            raise DatabaseError(f"{file}: not a backup of a PostgreSQL database")
    _postgresql(None, "pg_restore", "--file=/dev/null", str(file))
    words = [f"--table={name}" for name in ("about", VERSION_TABLE)]
    said = _postgresql(None, "pg_restore", "--data-only", "--file=-", *words, str(file))
    lines = said.splitlines()
    if "program\tcamtriage" not in lines:
        raise DatabaseError(f"{file}: the backup of another program")
    [version] = [line for line in lines if len(line) == 4 and line.isdigit()]
    if version > HEAD:
        raise DatabaseError(f"{file}: made by a newer camtriage (schema {version})")


def _restore_archive(url: str, file: Path, filled: bool, tell: Tell) -> None:
    if filled:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        kept = file.with_name(f"{file.name}.replaced.{stamp}.backup")
        backup(url, kept)
        tell(f"as it was: {kept}")
    names = [*schema.metadata.tables, VERSION_TABLE]
    drops = "".join(f"DROP TABLE IF EXISTS {name} CASCADE;\n" for name in names)
    with tempfile.TemporaryDirectory() as folder:
        first, then = Path(folder, "drop.sql"), Path(folder, "restore.sql")
        first.write_text(f"SET client_min_messages = warning;\n{drops}")
        _postgresql(None, "pg_restore", *PLAIN, f"--file={then}", str(file))
        once = ("--single-transaction", "--set=ON_ERROR_STOP=1", "--no-psqlrc", "--quiet")
        _postgresql(url, "psql", *once, f"--file={first}", f"--file={then}")


def _postgresql(url: str | None, program: str, *words: str) -> str:
    """What one of PostgreSQL's own programs prints. The password travels in the environment."""
    env = dict(os.environ)
    if url is not None:
        where = parsed(url).set(drivername="postgresql")
        if where.password:
            env["PGPASSWORD"] = where.password
        words = (*words, f"--dbname={where._replace(password=None).render_as_string()}")
    if not shutil.which(program):
        line = " ".join((program, *words))
        raise DatabaseError(
            f"{program} is not on PATH; install PostgreSQL's client, or run: {line}"
        )
    done = subprocess.run([program, *words], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip() or f"ended with {done.returncode}").splitlines()
        raise DatabaseError(next((line for line in why if "error" in line.lower()), why[-1]))
    return done.stdout
