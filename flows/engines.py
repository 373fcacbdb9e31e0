"""One engine a process and URL."""

from functools import lru_cache

from db.engine import open_database


@lru_cache(maxsize=4)
def database(url: str):
    """The opened and migrated database; raises DatabaseError in one line."""
    return open_database(url)
