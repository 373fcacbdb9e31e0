"""Opening, creating and migrating the database. One function for everybody: open_database.

SQLite   one file, made and migrated by itself, with a backup first when it holds anything
PostgreSQL   migrated by `camtriage db migrate` alone, one at a time behind an advisory lock

    with writing(engine) as conn:   a transaction; two processes on one SQLite file wait in line
    with reading(engine) as conn:   sees one state of the database and holds up nobody
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, event

from db.core import views
from db.core.rows import refresh
from db.core.schema import HEAD, VERSION_TABLE, about, media, metadata, review
from pipeline.errors import DatabaseAway, DatabaseError, DatabaseHeld

Tell = Callable[[str], None]
BUSY_S = 120  # how long one process waits for another one's transaction
TOLD_S = 5  # of them without a word
LOCK = 0x63616D74  # any number, the same for all who migrate
NO_ANSWER = ("connection failed", "connection is bad", "connection timeout")  # psycopg's words
FOR_NOW = ("the database system is", "too many clients", "connection slots")  # PostgreSQL's
PROGRAM = "camtriage"
SCRIPTS = "db.core:migrations"  # where Alembic finds the migrations


def open_database(
    url: str,
    create: bool = True,
    migrate: bool = True,
    tell: Tell = lambda line: None,
) -> Engine:
    """The engine of an up-to-date database.

    A SQLite file is made (create=True) and migrated (migrate=True) here; `tell` hears where the
    backup went. Raises DatabaseError: not ours, newer than this program, missing, or behind.
    """
    engine, where = _engine(url), shown(url)
    try:
        if engine.dialect.name == "sqlite" and _sealed(path := file_of(engine.url)):
            return _open_sealed(path, where)
        if engine.dialect.name == "sqlite":
            _open_sqlite(engine, path, where, create, tell, migrate)
        else:
            _need_current(engine, where)
    except sa.exc.SQLAlchemyError as why:
        engine.dispose()
        raise _one_line(url, why) from None
    except DatabaseError:
        engine.dispose()
        raise
    return engine


def migrate(url: str, tell: Tell = lambda line: None) -> None:
    """Bring the database to this version, whatever stood there: nothing, or an older one."""
    engine, where = _engine(url), shown(url)
    try:
        if engine.dialect.name == "sqlite":
            _open_sqlite(engine, file_of(engine.url), where, True, tell)
            return
        with engine.begin() as conn:
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            if _state(conn, where) != "current":
                _upgrade(conn)
            views.let_read(conn)
    except sa.exc.SQLAlchemyError as why:
        raise _one_line(url, why) from None
    finally:
        engine.dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, rolled back on any error."""
    if engine.get_execution_options().get("sealed"):
        path = str(engine.url.database).removeprefix("file:")
        raise DatabaseError(f"{path}: read-only here; copy it to write into it")
    with engine.begin() as conn:
        yield conn


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads, all from one moment; it waits for no writer, none for it."""
    lite = engine.dialect.name == "sqlite"
    options = {"reads_only": True} if lite else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**options) as conn:
        yield conn


def _engine(text: str) -> Engine:
    url = parsed(text)
    try:
        if url.get_backend_name() != "sqlite":
            return sa.create_engine(url, pool_pre_ping=True)
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})
    except ModuleNotFoundError:
        raise DatabaseError(
            f"{shown(text)}: no PostgreSQL driver here: pip install 'camtriage[postgres]'"
        ) from None
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def parsed(text: str) -> URL:
    """The URL of a database that we can use; DatabaseError says what one looks like."""
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # ValueError: the port is no number
        raise DatabaseError(
            "the database is not a URL like sqlite:///camtriage.db or postgresql://user@host/name"
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise DatabaseError("a SQLite database needs a file: sqlite:///camtriage.db")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise DatabaseError(f"{url.drivername}: only sqlite and postgresql are known")
    return url


def file_of(url: URL) -> Path:
    """The file of a SQLite database."""
    assert url.database is not None  # parsed() lets no other through
    return Path(url.database)


def _begin_by_us(raw: sqlite3.Connection, _record: object) -> None:
    """Python must not begin transactions: _begin does."""
    raw.isolation_level = None


def _set_pragmas(raw: sqlite3.Connection, record: object) -> None:
    """On every connection of our engine."""
    _begin_by_us(raw, record)
    _patiently(raw, "PRAGMA journal_mode=WAL")
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")


def _begin(conn: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and then writes would fail
    without waiting when another process wrote in between. One that reads takes its lock at once
    too, so that both wait for another program here and nowhere else."""
    options = conn.get_execution_options()
    raw = conn.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    if options.get("migrates"):  # the pragma is ignored inside a transaction
        raw.execute("PRAGMA foreign_keys=OFF")
    try:
        if options.get("reads_only"):
            raw.execute("BEGIN")
            _patiently(raw, "SELECT 1 FROM sqlite_master LIMIT 1")
        else:
            _patiently(raw, "BEGIN IMMEDIATE")
    except sqlite3.Error as why:  # as SQLAlchemy tells the errors of its own statements
        raise sa.exc.DBAPIError.instance("BEGIN", None, why, sqlite3.Error) from why


def _patiently(raw: sqlite3.Connection, statement: str) -> None:
    """Run a statement that needs a lock on the file. While another program holds it (a database
    browser with unsaved changes, a backup), say so once and wait; after BUSY_S, DatabaseHeld."""
    begun, told = time.monotonic(), False
    raw.execute(f"PRAGMA busy_timeout={1000 * min(TOLD_S, BUSY_S):.0f}")
    try:
        while True:
            try:
                raw.execute(statement).fetchall()
                return
            except sqlite3.OperationalError as why:
                if "locked" not in str(why):
                    raise
            [[_, _, path]] = raw.execute("PRAGMA database_list").fetchmany(1)
            if (waited := time.monotonic() - begun) >= BUSY_S:
                raise DatabaseHeld(
                    f"{path}: another program has held it for {waited:.0f} s: close that program "
                    "(a database browser with unsaved changes, a backup), then run the command "
                    "again"
                ) from None
            if not told:
                said = "%s: another program holds it; waiting for it, for %s s at most"
                logging.getLogger("camtriage").warning(said, path, BUSY_S)
                told = True
            time.sleep(0.05)  # not every lock is waited for by SQLite itself
    finally:
        raw.execute(f"PRAGMA busy_timeout={1000 * BUSY_S:.0f}")


def _open_sqlite(
    engine: Engine, path: Path, where: str, create: bool, tell: Tell, migrate: bool = True
) -> None:
    if not create and not path.exists():
        raise DatabaseError(
            f"{path.absolute()}: there is no such database; `camtriage run CARD` makes one, "
            "--database or CAMTRIAGE_DATABASE_URL names another"
        )
    if not path.parent.is_dir():
        raise DatabaseError(f"{where}: the folder {path.parent} does not exist")
    state = _sqlite_state(path, where)
    if state == "current":
        return
    if not create and state == "empty":
        raise DatabaseError(f"{where}: holds nothing; `camtriage run CARD` fills it")
    if not migrate:
        _need_current(engine, where)
    if create:
        make_private(path)
    if state == "behind":
        tell(f"the database is brought up to date; as it was: {copy_beside(path)}")
    with engine.connect().execution_options(migrates=True) as conn, conn.begin():
        if _state(conn, where) != "current":  # else another process was quicker
            _upgrade(conn)
            if lost := conn.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
                raise DatabaseError(f"{where}: not migrated, {len(lost)} rows would lose a parent")
    engine.dispose()  # the connection without foreign keys is not used again


def state_of(path: Path) -> str:
    """As _state, of a SQLite file that nobody opens for writing."""
    try:
        return _sqlite_state(path, str(path))
    except sa.exc.SQLAlchemyError as why:
        raise _one_line(f"sqlite:///{path}", why) from None


def _sqlite_state(path: Path, where: str) -> str:
    """Looked at read-only, so that a file that is not ours stays as it is to the byte.

    By SQLite itself: to open and close the file by any other means would drop the locks that other
    connections of this process hold on it, and another process would then take their -wal away.
    """
    if not path.exists() or path.stat().st_size == 0:
        return "empty"
    try:
        with _reader(path).connect() as conn:
            return _state(conn, where)
    except sa.exc.DatabaseError as why:
        if "not a database" in str(why.orig):
            raise DatabaseError(f"{where}: not a SQLite database") from None
        raise


def _reader(path: Path) -> Engine:
    """An engine that writes nothing, not even the two files that SQLite keeps beside its own."""
    wal = path.with_name(f"{path.name}-wal")
    whole = _sealed(path) and not (wal.exists() and wal.stat().st_size)
    how = "immutable=1" if whole else "mode=ro"  # immutable would not see what lies in the -wal
    url = f"sqlite:///file:{quote(str(path.absolute()))}?{how}&uri=true"
    more = {"poolclass": sa.pool.NullPool, "connect_args": {"timeout": BUSY_S}}
    engine = sa.create_engine(url, **more)
    event.listen(engine, "connect", _begin_by_us)
    event.listen(engine, "begin", _begin)
    return engine.execution_options(sealed=True, reads_only=True)


def _sealed(path: Path) -> bool:
    """Whether nothing can be written here: a read-only file, folder, share or disc."""
    mine = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    parts = (path, path.parent)
    return path.exists() and not all(os.access(part, os.W_OK, **mine) for part in parts)


def _open_sealed(path: Path, where: str) -> Engine:
    """For commands that only read."""
    state = _sqlite_state(path, where)
    if state != "current":
        raise DatabaseError(f"{where}: read-only, and {state}: copy it to where it can be written")
    return _reader(path)


def _need_current(engine: Engine, where: str) -> None:
    with engine.connect() as conn:
        state = _state(conn, where)
    if state != "current":
        what = "has no tables yet" if state == "empty" else "is older than this program"
        raise DatabaseError(f"{where}: the database {what}: camtriage db migrate --database URL")


def _state(conn: Connection, where: str) -> str:
    """empty, behind, older views (rows as they should be), current. DatabaseError: not for us."""
    tables = set(sa.inspect(conn).get_table_names())
    crowd = tables if conn.dialect.name == "sqlite" else tables & metadata.tables.keys()
    if not crowd:
        return "empty"
    if not {"about", VERSION_TABLE} <= tables:
        raise DatabaseError(f"{where}: the database of another program, left as it is")
    rows = conn.exec_driver_sql("SELECT key, value FROM about")
    notes: dict[str, str] = {key: value for key, value in rows}
    if notes.get("program") != PROGRAM:
        raise DatabaseError(f"{where}: the database of another program, left as it is")
    version = conn.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar_one()
    if version > HEAD:
        raise DatabaseError(
            f"{where}: made by a newer camtriage (schema {version}): update this one"
        )
    if version < HEAD:
        return "behind"
    return "current" if notes.get("views") == views.digest() else "older views"


def _upgrade(conn: Connection) -> None:
    """Older views go, tables change, this version's views come: all in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", SCRIPTS)
    views.drop(conn, _older_views(conn))
    command.upgrade(config, "head")
    views.create(conn)
    of_visits = sa.select(review.c.media_id).where(review.c.purpose == "event")
    refresh(
        conn, media.c.id.in_(of_visits)
    )  # whether their own words count is told by this version
    conn.execute(about.delete())
    notes = {
        "program": PROGRAM,
        "views": views.digest(),
        "view names": " ".join(reversed(views.VIEWS)),
    }
    conn.execute(about.insert(), [{"key": key, "value": value} for key, value in notes.items()])


def _older_views(conn: Connection) -> list[str]:
    if not sa.inspect(conn).has_table("about"):
        return []
    names = conn.execute(sa.select(about.c.value).where(about.c.key == "view names")).scalar()
    return (names or "").split()


def copy_beside(path: Path) -> Path:
    """A copy by SQLite's own means: copying the file would miss what still lies in its -wal."""
    with closing(sqlite3.connect(path, timeout=BUSY_S)) as source:
        [[version]] = source.execute(f"SELECT version_num FROM {VERSION_TABLE}")
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        copy = path.with_name(f"{path.name}.{version}.{stamp}.backup")
        make_private(copy)
        with closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    return copy


def make_private(path: Path) -> None:
    """Make an empty file that only its owner reads; one that is there stays as it is.

    SQLite gives the two files beside a database the rights of the database.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as why:
        raise DatabaseError(f"{path}: cannot be written: {why.strerror}") from None


def shown(text: str) -> str:
    """The URL as it may be printed and logged."""
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        return "the database"
    return url.difference_update_query(["password"]).render_as_string(hide_password=True)


def _one_line(text: str, why: Exception) -> DatabaseError | DatabaseAway:
    line = " ".join(str(getattr(why, "orig", None) or why).split())
    try:
        url = sa.make_url(text)
        secrets = [url.password, url.query.get("password")]
    except (sa.exc.ArgumentError, ValueError):
        secrets = []
    for secret in filter(None, secrets):
        line = line.replace(str(secret), "***")
    if _away(why, line):
        return DatabaseAway(f"{shown(text)}: {line}; run the command again when it answers")
    return DatabaseError(f"{shown(text)}: {line}")


def _away(why: Exception, line: str) -> bool:
    """Whether a server broke off or cannot answer now; who it refuses by name may not come back."""
    if getattr(why, "connection_invalidated", False):
        return True
    tried = isinstance(why, sa.exc.OperationalError) and line.startswith(NO_ANSWER)
    return tried and ("FATAL" not in line or any(words in line for words in FOR_NOW))
