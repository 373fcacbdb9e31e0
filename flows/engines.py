"""One engine a process and URL."""

from functools import lru_cache
from pathlib import Path

from db.engine import open_database


@lru_cache(maxsize=4)
def database(url: str):
    """The opened and migrated database, made where it is missing; DatabaseError in one line."""
    from rich.console import Console

    return open_database(url, tell=Console(stderr=True, markup=False).print)


@lru_cache(maxsize=4)
def known_database(url: str):
    """The database for a command that only makes sense on one that is there."""
    return open_database(url, create=False)


def is_there(url: str) -> bool:
    """Whether a SQLite file exists; a PostgreSQL server is asked when it is opened."""
    import sqlalchemy as sa

    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return True  # opening it says what is wrong
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").exists()
