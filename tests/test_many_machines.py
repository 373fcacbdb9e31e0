"""One card on Dask's workers with one PostgreSQL; workers die; who joins in is checked."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from db.core.engine import open_database, reading
from db.integrity.dump import dump
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from tests import cards
from tests import prefect_servers as servers

PASSWORD = "s3cret-of-the-team"


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """A card of many small windows, and the settings that cut it so."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "small.toml").write_text("[windows]\nsize = 8\n")
    return cards.card(folder / "card", pictures=48), str(folder / "small.toml")


def dump_of(url: str) -> list[str]:
    engine = open_database(url)
    with reading(engine) as conn:
        lines = list(dump(conn))
    engine.dispose()
    return lines


@pytest.fixture(scope="module")
def serial(card, tmp_path_factory):
    """The dump of one plain run with one thread."""
    folder, settings = card
    url = f"sqlite:///{tmp_path_factory.mktemp('serial')}/one.db"
    run_job(
        RunOptions(card=str(folder), name="c", database=url, settings=settings, threads=1),
        as_flow=False,
    )
    return dump_of(url)


def _dask(*words: str) -> list[str]:
    return [sys.executable, "-m", "dask", *words]


def test_three_workers_one_killed_in_the_middle_give_what_a_serial_run_gives(
    card, serial, postgres_copy, prefect_server, tmp_path
):
    folder, settings = card
    env, _ = prefect_server
    url = str(sa.make_url(postgres_copy).set(password=PASSWORD).render_as_string(False))
    env = {**env, "CAMTRIAGE_DATABASE_URL": url}
    (tmp_path / "nas").symlink_to(folder.parent)  # where the workers see what we see elsewhere
    there = {**env, "CAMTRIAGE_PATH_MAP": f"{folder.parent}={tmp_path / 'nas'}"}
    port, engine = servers.free_port(), open_database(url)

    def windows_done() -> int:
        with engine.connect() as conn:
            return conn.exec_driver_sql("SELECT count(*) FROM window_done").scalar()

    with ExitStack() as stack:
        place = ("--host", "127.0.0.1", "--port", str(port))
        scheduler = _dask("scheduler", *place, "--no-dashboard")
        stack.enter_context(servers.running(scheduler, tmp_path / "scheduler.log", env))
        one = _dask("worker", f"tcp://127.0.0.1:{port}", "--nthreads", "1", "--no-nanny")
        one += ["--no-dashboard", "--host", "127.0.0.1"]
        workers = [
            stack.enter_context(servers.running(one, tmp_path / f"worker{n}.log", there))
            for n in range(3)
        ]
        run = [sys.executable, "-m", "flows.cli", "run", str(folder), "--name", "c"]
        run += ["--settings", settings, "--runner", f"dask://127.0.0.1:{port}"]
        coordinator = stack.enter_context(servers.running(run, tmp_path / "run.log", env))
        assert servers.until(windows_done, 180), (tmp_path / "run.log").read_text()
        os.kill(workers[0].pid, signal.SIGKILL)
        assert coordinator.wait(300) == 0, (tmp_path / "run.log").read_text()
    engine.dispose()
    assert dump_of(url) == serial
    assert not any(PASSWORD in one.read_text() for one in tmp_path.glob("*.log"))


def test_processes_of_this_machine_give_what_a_serial_run_gives(
    card, serial, prefect_server, tmp_path
):
    folder, settings = card
    env, _ = prefect_server
    url = f"sqlite:///{tmp_path}/dask.db"
    run = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        str(folder),
        "--name",
        "c",
        "--threads",
        "2",
    ]
    run += ["--settings", settings, "--runner", "dask", "--database", url]
    said = subprocess.run(run, env=env, cwd=servers.ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert dump_of(url) == serial
