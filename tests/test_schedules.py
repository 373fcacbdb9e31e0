"""With a real Prefect server, worker and PostgreSQL: inbox, event, failure, death, the page."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from db.core.engine import open_database
from flows.cli import schedule
from flows.prefect import deploy
from flows.services.upkeep import doctor
from tests import cards
from tests import prefect_servers as servers
from tests.commands import typed
from tests.prefect_servers import ROOT, ask, until

STATE_COMPLETED = {"state": {"type": {"any_": ["COMPLETED"]}}}
PASSWORD = "s3cret-of-the-team"
PATIENCE_S = 600  # a busy machine starts a flow run in a minute or two


@pytest.fixture(scope="module")
def office(prefect_server, postgres_copy, tmp_path_factory):
    """An inbox, deployed after another one by our one command, and what its worker must know."""
    env, api = prefect_server
    folder = tmp_path_factory.mktemp("office")
    (folder / "small.toml").write_text("[windows]\nsize = 8\n")
    url = sa.make_url(postgres_copy).set(password=PASSWORD).render_as_string(False)
    env = {**env, "CAMTRIAGE_DATABASE_URL": url, "CAMTRIAGE_TIMEZONE": "Africa/Nairobi"}
    words = [sys.executable, "-m", "flows.cli", "deploy"]
    words += ["--out", str(folder / "reports"), "--settings", str(folder / "small.toml")]
    told = []
    for inbox in (folder / "first inbox", folder / "inbox"):
        inbox.mkdir()
        said = subprocess.run(
            [*words, str(inbox)], env=env, capture_output=True, text=True, cwd=ROOT
        )
        assert said.returncode == 0, said.stdout + said.stderr
        told.append(said.stdout)
    engine = open_database(url)
    yield SimpleNamespace(
        env=env,
        api=api,
        folder=folder,
        inbox=folder / "inbox",
        engine=engine,
        log=folder / "w.log",
        told=told,
    )
    engine.dispose()


@pytest.fixture(scope="module")
def worker(office):
    with servers.worker(office.env, office.log):
        yield office


def arrivals(office) -> dict[str, tuple]:
    with office.engine.connect() as conn:
        rows = conn.exec_driver_sql("SELECT folder, status, tries, message FROM arrivals").all()
    return {row[0]: tuple(row[1:]) for row in rows}


def start(office, deployment: str, **parameters) -> None:
    """Run a deployment now, as the button on its page does."""
    one = ask(office.api, f"/deployments/name/{deployment}")
    ask(office.api, f"/deployments/{one['id']}/create_flow_run", {"parameters": parameters})


def start_nothing_by_itself(office) -> None:
    """Pause what has a schedule of minutes: a run of it that dies as it begins keeps its place for
    ten of them, and the run that a test starts meanwhile is cancelled as one too many."""
    for one in ask(office.api, "/deployments/filter", {}):
        if one["name"] in ("inbox", "queue", "streams"):
            ask(office.api, f"/deployments/{one['id']}/pause_deployment", {})


def card_arrived(office, card: Path) -> None:
    """The event, as flows/README.md says to send it."""
    event = {
        "event": "camtriage.card.arrived",
        "resource": {"prefect.resource.id": "camtriage.card"},
        "payload": {"card": str(card)},
        "occurred": datetime.now(UTC).isoformat(),
        "id": str(uuid.uuid4()),
    }
    ask(office.api, "/events", [event])


def is_done(office, card: Path) -> bool:
    def has_ended() -> bool:
        return arrivals(office).get(str(card), ("",))[0] in ("done", "failed")

    assert until(has_ended, PATIENCE_S), office.log.read_text()
    return arrivals(office)[str(card)][0] == "done"


def test_everything_is_deployed_once_however_often_it_is_said(office):
    found = {one["name"]: one for one in ask(office.api, "/deployments/filter", {})}
    assert {one["work_pool_name"] for one in found.values()} == {"camtriage"}
    crons = {
        name: [(at["schedule"]["cron"], at["schedule"]["timezone"]) for at in one["schedules"]]
        for name, one in found.items()
    }
    assert crons["inbox"] == [("*/5 * * * *", None)] and crons["card"] == []
    assert crons["queue"] == crons["streams"] == [("*/5 * * * *", None)]
    assert crons["nightly"] == [("0 6 * * *", "Africa/Nairobi")]
    assert crons["weekly"] == [("0 5 * * 1", "Africa/Nairobi")]
    assert found["inbox"]["parameters"]["inbox"] == str(office.inbox)
    automations = [one["name"] for one in ask(office.api, "/automations/filter", {})]
    assert sorted(automations) == [
        "camtriage: a card arrived",
        "camtriage: a run whose worker died",
    ]


def test_every_parameter_of_a_card_is_explained_on_its_form(office):
    card = ask(office.api, "/deployments/name/camtriage-triage/card")
    form = card["parameter_openapi_schema"]["properties"]
    assert all(one["description"].endswith(".") for one in form.values())
    assert "database" not in form


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_serve_in_a_folder_with_a_db_py_runs_flows_and_ends_at_the_first_kill(office, tmp_path):
    """Started in the background of a script, too. Our packages' names are common words: a folder
    may hold files of its own that are called so."""
    for name in ("db", "flows", "pipeline"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the folder')\n")

    def as_a_script_does() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    words = [sys.executable, "-P", "-m", "flows.cli", "serve", str(office.inbox)]
    words += ["--out", str(office.folder / "reports")]
    words += ["--settings", str(office.folder / "small.toml")]
    env = {**office.env, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    said = tmp_path / "serve.log"
    with said.open("w") as log:
        serving = subprocess.Popen(
            words, env=env, cwd=tmp_path, stdout=log, stderr=log, preexec_fn=as_a_script_does
        )
    try:
        assert until(lambda: "started!" in said.read_text(), PATIENCE_S), said.read_text()
        start(office, "camtriage-report/nightly", day="2026-05-02", out=str(tmp_path / "reports"))
        page = until(lambda: [*(tmp_path / "reports").glob("*2026-05-02*.html")], PATIENCE_S)
        assert page, said.read_text()
        serving.terminate()
        assert serving.wait(20) == 0
    finally:
        serving.kill()
        serving.wait()


def _children(pid: int) -> list[int]:
    """What a process has started, and they."""
    import psutil

    return [one.pid for one in psutil.Process(pid).children(recursive=True)]


def test_a_card_whose_worker_and_run_were_killed_is_taken_again_without_a_hand(office, request):
    start_nothing_by_itself(office)
    [silent] = [
        one
        for one in ask(office.api, "/automations/filter", {})
        if one["name"] == "camtriage: a run whose worker died"
    ]
    assert silent["trigger"]["within"] == 90
    kept = {key: silent[key] for key in ("name", "description", "enabled", "actions")}

    def dead_after(seconds: int) -> None:
        trigger = {**silent["trigger"], "within": seconds}
        servers.put(office.api, f"/automations/{silent['id']}", {**kept, "trigger": trigger})

    dead_after(65)  # a heartbeat comes every 30 s; one may be lost
    card = cards.card(office.inbox / "long", pictures=40, cameras=1)
    with servers.worker(office.env, office.log) as doomed:
        start(office, "camtriage-watch/inbox", inbox=str(office.inbox), stable_s=1)

        def windows_done() -> int:
            with office.engine.connect() as conn:
                return conn.exec_driver_sql("SELECT count(*) FROM window_done").scalar()

        assert until(windows_done, PATIENCE_S, every=0.1), office.log.read_text()
        for pid in [*_children(doomed.pid), doomed.pid]:
            os.kill(pid, signal.SIGKILL)
    assert arrivals(office)[str(card)][:2] == ("taken", 1)
    died = {"flow_runs": {"state": {"type": {"any_": ["CRASHED"]}}}}
    [run] = until(lambda: ask(office.api, "/flow_runs/filter", died), PATIENCE_S)
    assert "no heartbeat" in run["state"]["message"]
    dead_after(PATIENCE_S)  # what runs from here on lives, however late a busy machine says so
    request.getfixturevalue("worker")
    start(office, "camtriage-watch/inbox", inbox=str(office.inbox), stable_s=1)
    assert until(lambda: arrivals(office)[str(card)][:2] == ("done", 2), PATIENCE_S)
    ended = {"flow_runs": {"name": {"any_": [f"triage {card}"]}, **STATE_COMPLETED}}
    assert until(lambda: ask(office.api, "/flow_runs/filter", ended), PATIENCE_S), (
        "a run that its worker cuts short would keep the one place that cards have"
    )
    with office.engine.connect() as conn:
        rows = conn.exec_driver_sql("SELECT status, message FROM run_summary ORDER BY run_id")
        first, second = (tuple(row) for row in rows)
    assert first[0] == "failed" and "no heartbeat" in first[1]
    assert second == ("finished", None)


def test_a_card_in_the_inbox_is_triaged_once(worker):
    card = cards.card(worker.inbox / "mara", pictures=12)
    (worker.inbox / "loose.jpg").write_bytes(b"jpeg")
    watched = {"flow_runs": STATE_COMPLETED}
    watched["flows"] = {"name": {"any_": ["camtriage-watch"]}}

    def looks() -> int:
        return len(ask(worker.api, "/flow_runs/filter", watched))

    before = looks()
    for _ in range(2):
        start(worker, "camtriage-watch/inbox", inbox=str(worker.inbox), stable_s=1)
        assert is_done(worker, card), arrivals(worker)
    assert until(lambda: looks() >= before + 2, PATIENCE_S)
    assert arrivals(worker)[str(card)] == ("done", 1, None)
    mine = {"flow_runs": {"name": {"any_": [f"triage {card}"]}}}
    assert len(ask(worker.api, "/flow_runs/filter", mine)) == 1
    looks_told = ask(worker.api, "/artifacts/filter", {"artifacts": {"key": {"any_": ["taken"]}}})
    told = [one["data"] for one in looks_told]
    assert any("will not be taken: 1 picture loose" in one and str(card) not in one for one in told)
    kinds = {one["key"]: one["type"] for one in ask(worker.api, "/artifacts/filter", {})}
    assert {"visits": "table", "summary": "markdown", "taken": "table"}.items() <= kinds.items()
    assert kinds["progress-score-windows"] == "progress"


def test_an_event_starts_the_triage_of_the_folder_it_names(worker):
    card = cards.card(worker.folder / "elsewhere" / "kaeng", pictures=6, cameras=1)
    card_arrived(worker, card)
    assert is_done(worker, card), arrivals(worker)


def test_a_run_that_fails_leaves_its_reason_in_the_database(worker):
    card = worker.folder / "elsewhere" / "no pictures"
    card.mkdir(parents=True)
    (card / "notes.txt").write_text("battery changed")
    card_arrived(worker, card)
    assert not is_done(worker, card)
    assert "no pictures among 1 file" in arrivals(worker)[str(card)][2]
    with worker.engine.connect() as conn:
        query = "SELECT message FROM run_summary WHERE status = 'failed' AND batch IS NULL"
        [line] = conn.exec_driver_sql(query).scalars()
    assert line.startswith(f"{card}: ")


def attack(api: str, marker: Path, head: dict[str, str]) -> None:
    """What whoever reaches the API may send: a deployment whose pull step is a command."""

    def post(path: str, body: object) -> dict:
        return servers.send(f"{api}{path}", json.dumps(body).encode(), head)

    shell = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {marker}"}}
    theirs = {"name": "theirs", "work_pool_name": "camtriage", "entrypoint": "theirs.py:theirs"}
    theirs |= {"flow_id": post("/flows/", {"name": "theirs"})["id"], "pull_steps": [shell]}
    made = post("/deployments/", theirs)
    post(f"/deployments/{made['id']}/create_flow_run", {})


def test_who_has_no_key_cannot_make_the_worker_run_a_command(worker, tmp_path):
    api, key, marker = worker.api, servers.key_of(worker.api), tmp_path / "theirs"
    token = servers.token_of(api)
    for head, code in (
        (servers.door(None, token), 401),
        (servers.door("camtriage:guessed", token), 401),
        (servers.door(key), 403),  # a page in the browser has no token
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            attack(api, marker, head)
        assert refused.value.code == code
        refused.value.close()
    assert not marker.exists()
    attack(api, marker, servers.door(key, token))  # so the key is all that keeps them out
    assert until(marker.exists, PATIENCE_S), worker.log.read_text()


def test_the_doctor_warns_of_a_server_that_asks_for_no_key(office, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", office.api)
    assert doctor._prefect_server().ok
    with servers.answering_everybody() as api:
        monkeypatch.setenv("PREFECT_API_URL", api)
        found = doctor._prefect_server()
    assert not found.ok and "any command" in found.detail and "camtriage server" in found.what_to_do


def test_the_nightly_page_is_written_and_shown(worker):
    start(worker, "camtriage-report/nightly", day="2026-05-01", out=str(worker.folder / "reports"))
    assert until(lambda: [*(worker.folder / "reports").glob("*2026-05-01*.html")], PATIENCE_S)
    shown = {"artifacts": {"key": {"any_": ["report"]}}}
    assert until(lambda: ask(worker.api, "/artifacts/filter", shown), PATIENCE_S)


def test_the_study_is_written_every_week(worker):
    with worker.engine.begin() as conn:  # as a person does with `camtriage deployments import`
        period = "started_at = '2026-04-30T00:00:00', ended_at = '2026-05-03T00:00:00'"
        conn.exec_driver_sql(f"UPDATE deployment SET {period}")
    start(worker, "camtriage-population/weekly", out=str(worker.folder / "study"))
    assert until(lambda: [*(worker.folder / "study").glob("*.html")], PATIENCE_S)


def test_the_databases_password_and_the_key_are_nowhere_in_prefect(worker):
    home = Path(worker.env["PREFECT_HOME"])
    places = [one for one in home.rglob("*") if one.is_file()]
    assert "prefect.db" in {one.name for one in places}
    for secret, keeper in ((PASSWORD, []), (servers.key_of(worker.api), [home / "api.key"])):
        told = [one for one in (*places, worker.log) if secret.encode() in one.read_bytes()]
        assert told == keeper
    if os.name != "nt":
        assert (home / "api.key").stat().st_mode & 0o777 == 0o600


def test_what_would_fail_only_at_night_is_refused_by_day(tmp_path, monkeypatch):
    monkeypatch.setattr(deploy, "STARTING_S", 1)

    def refusal(*words: str, **more: str) -> str:
        said = typed("deploy", *words, cwd=ROOT, **more)
        assert said.returncode == 2
        return said.stderr

    assert "no Prefect server is named" in refusal(str(tmp_path))
    api = {"PREFECT_API_URL": "http://127.0.0.1:1/api"}
    assert "make the inbox first" in refusal(str(tmp_path / "none"), **api)
    (tmp_path / "report").write_text("a file")
    odd = tmp_path / "odd.toml"
    odd.write_text("[blank]\nthreshhold = 0.5\n")
    for words in (("--settings", str(tmp_path / "none.toml")), ("--settings", str(odd))):
        assert words[1] in refusal(str(tmp_path), *words, **api)
    assert "a file, not a folder" in refusal(
        str(tmp_path), "--out", str(tmp_path / "report"), **api
    )
    away = {"PREFECT_API_URL": f"http://127.0.0.1:{servers.free_port()}/api"}
    assert "no Prefect server answers" in refusal(str(tmp_path), **away)
    here = {"CAMTRIAGE_DATABASE_URL": "sqlite:///here.db"}
    assert "its full path" in refusal(str(tmp_path), **api, **here)
    assert "No such option" in refusal(str(tmp_path), "--database", "sqlite:////c.db", **api)


def test_another_inbox_in_place_of_the_first_is_said_and_the_same_one_is_not(office, capsys):
    first, second = office.told
    assert "in place of" not in first
    assert f"it now watches {office.inbox} in place of {office.folder / 'first inbox'}" in second
    assert second.count("prefect worker start") == 1
    schedule._print_deployed(deploy.Deployed("page", "inbox", "inbox", False))
    assert "in place of" not in capsys.readouterr().out
