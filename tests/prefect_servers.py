"""Real servers for tests, on loopback and free ports, stopped at the end: Prefect and others."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


HOMES: dict[str, Path] = {}  # of the servers that were started here, by the address of their API
CLIENT = str(uuid.uuid4())


def key_of(api: str) -> str:
    return (HOMES[api] / "api.key").read_text("utf-8")


def door(key: str | None, token: str | None = None) -> dict[str, str]:
    """The headers that let a client in."""
    head = {"Content-Type": "application/json"}
    if key:
        head["Authorization"] = f"Basic {base64.b64encode(key.encode()).decode()}"
    return head | ({"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": CLIENT} if token else {})


@cache
def token_of(api: str) -> str:
    return send(f"{api}/csrf-token?client={CLIENT}", None, door(key_of(api)))["token"]


def ask(api: str, path: str, body: object = None, method: str | None = None):
    """The server's answer as JSON."""
    data = None if body is None else json.dumps(body).encode()
    healthy = path == "/health"
    head = {} if healthy else door(key_of(api), token_of(api) if data else None)
    return send(f"{api}{path}", data, head, method)


def send(url: str, data: bytes | None, head: dict[str, str], method: str | None = None):
    request = urllib.request.Request(url, data, head, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
    except urllib.error.HTTPError as why:
        if why.code != 503:  # its SQLite is busy, it says: ask again
            raise
        time.sleep(1)
        return send(url, data, head, method)
    return json.loads(text) if text else None


def put(api: str, path: str, body: object) -> None:
    ask(api, path, body, "PUT")


def until(what, seconds: float, every: float = 1.0):
    """The first true answer within some seconds, asked every so often, else the last one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if answer := what():
                return answer
        except OSError:
            pass
        time.sleep(every)
    return what()


@contextmanager
def running(words: list[str], log: Path, env: dict | None = None, cwd: Path = ROOT, **more):
    """A program until the end of the block; what it says is in `log`."""
    with log.open("a") as said:
        process = subprocess.Popen(words, env=env, cwd=cwd, stdout=said, stderr=said, **more)
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
    HOMES[f"http://127.0.0.1:{port}/api"] = home
    return {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def prefect_server(home: Path):
    """Our Prefect server with a home of its own: (environment, address of its API)."""
    home.mkdir(exist_ok=True)
    port = free_port()
    env = prefect_environment(home, port)
    words = [sys.executable, "-m", "flows.cli", "server", "--port", str(port)]
    plain = {name: value for name, value in env.items() if name != "PREFECT_API_URL"}
    with running(words, home / "server.log", plain):
        api = env["PREFECT_API_URL"]
        assert until(lambda: ask(api, "/health"), 180), (home / "server.log").read_text()
        yield env, api


def worker(env: dict, log: Path):
    words = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "camtriage"]
    key = key_of(env["PREFECT_API_URL"])  # as flows/README.md says to hand it to Prefect's programs
    more = {"PREFECT_API_AUTH_STRING": key, "PREFECT_WORKER_QUERY_SECONDS": "2"}
    return running(words, log, {**env, **more})


@contextmanager
def answering_everybody():
    """The address of an API that asks for no key, as Prefect's does unless it is told to."""

    class Open(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Nothing is said of a request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Open)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()
