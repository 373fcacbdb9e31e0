"""Real servers for tests, on loopback and free ports, stopped at the end: Prefect and others."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ask(api: str, path: str, body: object = None, method: str | None = None):
    """The server's answer as JSON."""
    data = None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{api}{path}", data, head, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
    except urllib.error.HTTPError as why:
        if why.code != 503:  # its SQLite is busy, it says: ask again
            raise
        time.sleep(1)
        return ask(api, path, body, method)
    return json.loads(text) if text else None


def put(api: str, path: str, body: object) -> None:
    ask(api, path, body, "PUT")


def until(what, seconds: float):
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


@contextmanager
def running(words: list[str], log: Path, env: dict | None = None):
    """A program until the end of the block; what it says is in `log`."""
    with log.open("a") as said:
        process = subprocess.Popen(words, env=env, cwd=ROOT, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def prefect_environment(home: Path, port: int) -> dict[str, str]:
    """What a server, its workers and our commands are started with."""
    return {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def prefect_server(home: Path):
    """A Prefect server with a home of its own: (environment, address of its API)."""
    home.mkdir(exist_ok=True)
    port = free_port()
    env = prefect_environment(home, port)
    words = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    plain = {name: value for name, value in env.items() if name != "PREFECT_API_URL"}
    with running(words, home / "server.log", plain):
        api = env["PREFECT_API_URL"]
        assert until(lambda: ask(api, "/health"), 180), (home / "server.log").read_text()
        yield env, api


def worker(env: dict, log: Path):
    words = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "camtriage"]
    return running(words, log, {**env, "PREFECT_WORKER_QUERY_SECONDS": "1"})
