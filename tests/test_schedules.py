"""With a real Prefect server: what is served gets its runs, and `prefect deploy` works."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests import cards
from tests.conftest import in_database, making_databases

ROOT = Path(__file__).parents[1]
SECRET = "correct-horse-battery"


def _ask(api: str, path: str, body: dict | None = None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _until(what, seconds: float):
    """The first true answer within some seconds, else the last one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if answer := what():
                return answer
        except OSError:
            pass
        time.sleep(0.5)
    return what()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Prefect server of its own on a free port of this machine: (environment, api address)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("prefect-server")
    api = f"http://127.0.0.1:{port}/api"
    env = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = (home / "server.log").open("w")
    process = subprocess.Popen([sys.executable, *words], env=env, stdout=log, stderr=log)
    try:
        assert _until(lambda: _ask(api, "/health"), 120), (home / "server.log").read_text()
        yield {**env, "PREFECT_API_URL": api}, api
    finally:
        process.terminate()
        process.wait(20)


def _scheduled(api: str, name: str) -> list:
    runs = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    runs |= {"deployments": {"name": {"any_": [name]}}}
    return _ask(api, "/flow_runs/filter", runs)


@pytest.fixture
def bare_postgres(postgres_url):
    """An empty database of a PostgreSQL, by a URL with a password that nobody may see."""
    with making_databases(postgres_url) as run:
        run("DROP DATABASE IF EXISTS camtriage_served")
        run("CREATE DATABASE camtriage_served")
    yield make_url(in_database(postgres_url, "camtriage_served")).set(password=SECRET)
    with making_databases(postgres_url) as run:
        run("DROP DATABASE camtriage_served WITH (FORCE)")


def test_both_flows_are_served_on_their_schedules_and_one_really_runs(
    server, bare_postgres, tmp_path
):
    """The services of docker/compose.yaml in their order: database, migrate, Prefect, worker."""
    env, api = server
    inbox = cards.card(tmp_path / "inbox", pictures=12)
    url = bare_postgres.render_as_string(hide_password=False)
    env = {**env, "CAMTRIAGE_DATABASE_URL": url}
    camtriage = [sys.executable, "-m", "flows.cli"]
    subprocess.run([*camtriage, "db", "migrate"], env=env, cwd=ROOT, check=True)
    served = subprocess.Popen(
        [*camtriage, "serve", inbox, "--out", tmp_path / "reports", "--triage-cron", "* * * * *"],
        env=env,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert _until(lambda: _scheduled(api, "inbox"), 60)
        assert _until(lambda: _scheduled(api, "nightly"), 60)
        finished = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}}}
        [run, *_] = _until(lambda: _ask(api, "/flow_runs/filter", finished), 150)
        assert run["state"]["type"] == "COMPLETED", run["state"]["message"]
        assert run["name"] == f"triage {inbox}"
        for what in ("flow_runs", "deployments", "task_runs", "artifacts", "logs"):
            assert SECRET not in json.dumps(_ask(api, f"/{what}/filter", {})), what
    finally:
        served.terminate()
        served.wait(20)
    for words in (["check"], ["report", "--out", tmp_path / "reports"]):
        said = subprocess.run(
            [*camtriage, *words], env=env, cwd=ROOT, capture_output=True, text=True
        )
        assert said.returncode == 0, said.stdout + said.stderr
    page = next((tmp_path / "reports").glob("*.html"))
    assert SECRET not in page.read_text("utf-8") and "inbox" in page.read_text("utf-8")


def test_prefect_deploy_takes_both_deployments_and_schedules_them(server):
    env, api = server
    env = {**env, "CAMTRIAGE_HOME": str(ROOT), "CAMTRIAGE_INBOX": "/cards/in"}
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    pool = [*prefect, "work-pool", "create", "camtriage", "--type", "process"]
    subprocess.run(pool, env=env, check=True, capture_output=True, cwd=ROOT)
    deploy = [*prefect, "deploy", "--all", "--prefect-file", "flows/prefect.yaml"]
    said = subprocess.run(deploy, env=env, capture_output=True, text=True, cwd=ROOT)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Traceback" not in said.stdout + said.stderr
    found = {one["name"]: one for one in _ask(api, "/deployments/filter", {})}
    assert found["inbox"]["work_pool_name"] == "camtriage"
    assert found["inbox"]["parameters"]["card"] == "/cards/in"
    assert [one["schedule"]["cron"] for one in found["nightly"]["schedules"]] == ["0 6 * * *"]
