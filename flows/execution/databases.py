"""One engine a process and URL. An empty URL is the one of this process's environment."""

import os
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine

from db.core.engine import open_database
from pipeline.errors import DatabaseError

_engines: dict[str, Engine] = {}  # the newest few
_one_at_a_time = Lock()


def ready_database(url: str) -> Engine:
    """The opened and migrated database, made where it is missing; DatabaseError in one line."""
    return _opened(environment_url(url), create=True, migrate=True)


def known_database(url: str) -> Engine:
    """The database for a command that only makes sense on one that is there."""
    return _opened(environment_url(url), create=False, migrate=True)


def joined_database(url: str) -> Engine:
    """The database for one who only joins in: another process made it, and it must be current."""
    return _opened(environment_url(url), create=False, migrate=False)


def is_there(url: str) -> bool:
    """Whether a SQLite file exists; a PostgreSQL server is asked when it is opened."""
    import sqlalchemy as sa

    try:
        parsed = sa.make_url(environment_url(url))
    except (sa.exc.ArgumentError, ValueError):
        return True  # opening it says what is wrong
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").exists()


def environment_url(url: str = "") -> str:
    """`url`, else CAMTRIAGE_DATABASE_URL: a URL may hold a password, so nobody hands it on."""
    if found := url or os.environ.get("CAMTRIAGE_DATABASE_URL"):
        return found
    raise DatabaseError(
        "CAMTRIAGE_DATABASE_URL is not set here: every worker finds the database by its environment"
    )


def _opened(url: str, create: bool, migrate: bool) -> Engine:
    from rich.console import Console

    tell = Console(stderr=True, markup=False).print
    with _one_at_a_time:
        if url not in _engines:
            if len(_engines) >= 4:
                _engines.pop(next(iter(_engines))).dispose()
            _engines[url] = open_database(url, create, migrate, tell=tell)
        return _engines[url]
