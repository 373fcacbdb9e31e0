"""The services of docker/compose.yaml, in their order and with their words, as plain processes."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from db.core.engine import open_database
from tests import cards
from tests import prefect_servers as servers
from tests.conftest import a_copy
from tests.prefect_servers import ROOT, ask, until

SERVICES = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text("utf-8"))["services"]
BIN = Path(sys.executable).parent


def in_order() -> list[str]:
    """Each service after those that it depends on."""
    order: list[str] = []
    while left := [name for name in SERVICES if name not in order]:
        ready = [one for one in left if set(SERVICES[one].get("depends_on", ())) <= {*order}]
        assert ready, f"{left} wait for each other"
        order += ready
    return order


def words_of(name: str, places: dict[str, str]) -> list[str]:
    """What the service runs, with the container's places exchanged for this machine's."""
    service = SERVICES[name]
    program = service.get("entrypoint", ["camtriage"])
    words = [places.get(one, one) for one in (*program, *service["command"])]
    return [str(BIN / words[0]), *words[1:]]


@pytest.fixture
def places(tmp_path) -> dict[str, str]:
    for name in ("cards", "reports", "home"):
        (tmp_path / name).mkdir()
    here = {"/cards": str(tmp_path / "cards"), "/reports": str(tmp_path / "reports")}
    return {**here, "4200": str(servers.free_port()), "0.0.0.0": "127.0.0.1"}


def test_started_as_the_compose_file_says_a_card_gets_through(postgres_url, places, tmp_path):
    assert in_order()[0] == "database" and in_order()[-1] == "worker"
    with a_copy(postgres_url, "template0") as url, ExitStack() as running:
        env = servers.prefect_environment(tmp_path / "home", int(places["4200"]))
        env |= {"CAMTRIAGE_DATABASE_URL": url, "PREFECT_WORKER_QUERY_SECONDS": "1"}
        api, log = env["PREFECT_API_URL"], tmp_path / "worker.log"
        for name in in_order()[1:]:  # the database is there
            words = words_of(name, places)
            if SERVICES[name]["restart"] == "no":  # the next one waits until it has ended
                ended = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True)
                assert ended.returncode == 0, ended.stderr
                continue
            plain = {k: v for k, v in env.items() if name == "worker" or k != "PREFECT_API_URL"}
            running.enter_context(servers.running(words, log, plain))
            if name == "prefect":
                assert until(lambda: ask(api, "/health"), 180), log.read_text()
        card = cards.card(Path(places["/cards"]) / "mara", pictures=12, cameras=1)
        old = time.time() - 3600  # copied an hour ago: it has settled
        for one in card.rglob("*"):
            os.utime(one, (old, old))
        found = until(lambda: ask(api, "/deployments/name/camtriage-watch/inbox"), 120)
        ask(api, f"/deployments/{found['id']}/create_flow_run", {})
        with open_database(url).connect() as conn:

            def told() -> list[tuple]:
                rows = conn.exec_driver_sql("SELECT folder, status FROM arrivals").all()
                conn.rollback()
                return [tuple(one) for one in rows]

            assert until(lambda: told() == [(str(card), "done")], 240), log.read_text()
    said = log.read_text()
    assert "this is now a worker" in said and "start a worker" not in said
