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

from tests import cards

ROOT = Path(__file__).parents[1]


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


def test_both_flows_are_served_on_their_schedules_and_one_really_runs(server, tmp_path):
    env, api = server
    inbox = cards.card(tmp_path / "inbox", pictures=12)
    url = f"sqlite:///{tmp_path / 'served.db'}"
    words = ["-m", "flows.cli", "serve", str(inbox), "--out", str(tmp_path / "reports")]
    served = subprocess.Popen(
        [sys.executable, *words, "--database", url, "--triage-cron", "* * * * *"],
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
        assert run["name"] == f"triage {inbox}" and "password" not in json.dumps(run)
    finally:
        served.terminate()
        served.wait(20)
    said = subprocess.run(
        [sys.executable, "-m", "flows.cli", "check", "--database", url],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert said.returncode == 0, said.stdout + said.stderr


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
