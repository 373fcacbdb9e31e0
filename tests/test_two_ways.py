"""One list of steps, run directly, as a Prefect flow, in pieces and in any order: one database."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.core.engine import open_database
from db.integrity.dump import dump
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from tests import cards


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


def test_the_prefect_flow_gives_what_the_direct_run_gives(undisturbed, tmp_path):
    card, expected = undisturbed
    run_job(RunOptions(card=str(card), name="c", database=_url(tmp_path, "flow")), as_flow=True)
    assert dump_of(_url(tmp_path, "flow")) == expected


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
