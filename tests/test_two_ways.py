"""One list of steps, run directly, as a Prefect flow, in pieces and in any order: one database."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.core.engine import open_database
from db.integrity.dump import dump
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.steps.summary import exit_code
from tests import cards
from tests.prefect_servers import until
from tests.receivers import site


def dump_of(database: str) -> str:
    with open_database(database).connect() as conn:
        return "\n".join(dump(conn))


def _url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A card, and the dump of one plain run of it with one thread."""
    folder = tmp_path_factory.mktemp("undisturbed")
    card = cards.card(folder / "card", pictures=36)
    run_job(
        RunOptions(card=str(card), name="c", database=_url(folder, "one"), threads=1), as_flow=False
    )
    return card, dump_of(_url(folder, "one"))


def test_four_threads_give_what_one_gives(undisturbed, tmp_path):
    card, expected = undisturbed
    run_job(
        RunOptions(card=str(card), name="c", database=_url(tmp_path, "four"), threads=4),
        as_flow=False,
    )
    assert dump_of(_url(tmp_path, "four")) == expected


def test_a_renamed_folder_with_files_in_another_order_gives_the_same(undisturbed, tmp_path):
    card, expected = undisturbed
    other = tmp_path / "another name"
    paths = sorted(one for one in card.rglob("*") if one.is_file())
    random.Random(1).shuffle(paths)
    for one in paths:
        target = other / one.relative_to(card)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(one, target)
    run_job(
        RunOptions(card=str(other), name="c", database=_url(tmp_path, "renamed")), as_flow=False
    )
    assert dump_of(_url(tmp_path, "renamed")) == expected


def test_a_prefect_flow_that_knows_nothing_of_a_killed_run_ends_as_an_undisturbed_one(
    undisturbed, tmp_path
):
    """Prefect's home may be lost: what is done stands in our database alone."""
    card, expected = undisturbed
    url = _url(tmp_path, "flow")
    command = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", "c"]
    command += ["--database", url, "--threads", "1"]
    killed = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def windows_done() -> int:
        if not (tmp_path / "flow.db").exists():
            return 0
        with open_database(url).connect() as conn:
            return conn.exec_driver_sql("SELECT count(*) FROM window_done").scalar()

    assert until(windows_done, 240, every=0.05)
    killed.kill()
    killed.wait()
    run_job(RunOptions(card=str(card), name="c", database=url), as_flow=True)
    assert dump_of(url) == expected
    with open_database(url).connect() as conn:
        rows = conn.exec_driver_sql("SELECT status, unprocessed FROM run_summary ORDER BY run_id")
        assert [tuple(row) for row in rows] == [("running", 0), ("finished", 0)]


def test_running_again_changes_nothing_and_says_so(undisturbed, tmp_path):
    card, expected = undisturbed
    job = RunOptions(card=str(card), name="c", database=_url(tmp_path, "again"))
    assert not run_job(job, as_flow=False).known
    assert run_job(job, as_flow=False).known
    assert dump_of(job.database) == expected


def test_a_run_killed_ten_times_ends_as_an_undisturbed_one(undisturbed, tmp_path):
    card, expected = undisturbed
    url, moments = _url(tmp_path, "killed"), random.Random(7)
    command = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", "c"]
    command += ["--database", url, "--threads", "2"]
    for _ in range(10):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.3, 4.0))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert dump_of(url) == expected


@pytest.fixture
def live(tmp_path, monkeypatch):
    """A card of this minute with a group of people on it: (how to run it, receiver)."""
    begin = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=5)
    for n in range(4):
        at = begin + timedelta(seconds=n)
        cards.save(cards.picture(n, animal=True), tmp_path / f"live/Cam0/P{n}.JPG", at)
    group = [{"category": "2", "conf": 0.9, "bbox": [x / 10, 0.3, 0.1, 0.3]} for x in (1, 4, 7)]
    results = {"images": [{"file": f"Cam0/P{n}.JPG", "detections": group} for n in range(4)]}
    results["detection_categories"] = {"2": "person"}
    (tmp_path / "boxes.json").write_text(json.dumps(results))
    monkeypatch.setenv("CAMTRIAGE_ALERTS", str(tmp_path / "alerts.toml"))
    monkeypatch.setenv("HOOK_KEY", "signed-with-this")
    with site() as receiver:
        boxes = str(tmp_path / "boxes.json")
        yield RunOptions(card=str(tmp_path / "live"), name="l", boxes=boxes), receiver


def tell(folder: Path, address: str) -> None:
    hook = f'[channels.hook]\nkind = "webhook"\nto = "{address}/hook"\nsecret = "env:HOOK_KEY"\n'
    (folder / "alerts.toml").write_text(f'timezone = "UTC"\n{hook}')


def test_a_live_alert_goes_out_at_the_end_of_its_run(live, tmp_path):
    options, receiver = live
    tell(tmp_path, receiver.url)
    ended = run_job(replace(options, database=_url(tmp_path, "live")), as_flow=True)
    assert len(receiver.hooks) == 1 and "1 live alert sent." in ended.warnings


def test_a_receiver_that_is_away_fails_no_run(live, tmp_path):
    options, _ = live
    tell(tmp_path, "http://127.0.0.1:9")
    ended = run_job(replace(options, database=_url(tmp_path, "away")), as_flow=False)
    assert exit_code(ended) == 0
    assert any("hook: tried again later: not reached" in line for line in ended.warnings)
