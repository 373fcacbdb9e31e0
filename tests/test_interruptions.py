"""What goes wrong in the middle of a run: the card is pulled out, a run dies over one picture."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

import db.store.batches
from db.core.backup import backup, restore
from db.core.engine import open_database, reading, writing
from db.store.batches import end_run, save_batch, start_run
from db.store.windows import windows_left
from flows.execution.directly import Directly
from flows.execution.retry import patient
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.steps.chain import run_card
from flows.steps.ingest import ingest
from flows.steps.score import score_windows
from pipeline.errors import CardError, DatabaseChanged
from pipeline.exchange.columns import DEPLOYMENTS
from pipeline.exchange.deployments import rows_of
from pipeline.records import Deployment
from pipeline.tables.writer import table_text
from tests import cards
from tests.commands import typed
from tests.test_two_ways import dump_of


def _a_card_of_small_windows(folder: Path) -> tuple[Path, str]:
    """A card of six windows, and the settings that cut it so."""
    (folder / "small.toml").write_text("[windows]\nsize = 4\n")
    return cards.card(folder / "card", pictures=24, cameras=1), str(folder / "small.toml")


def _windows_done(path) -> int:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as conn:
            return conn.execute("SELECT count(*) FROM window_done").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_a_card_pulled_out_ends_the_run_and_the_next_one_goes_on(tmp_path):
    card, small = _a_card_of_small_windows(tmp_path)
    run_job(
        RunOptions(
            card=str(card),
            name="c",
            settings=small,
            database=f"sqlite:///{tmp_path / 'whole.db'}",
            detector="none",
        ),
        as_flow=False,
    )
    path = tmp_path / "pulled.db"
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        str(card),
        "--name",
        "c",
        "--threads",
        "1",
    ]
    command += ["--database", f"sqlite:///{path}", "--settings", small, "--detector", "none"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not _windows_done(path) and process.poll() is None:
        time.sleep(0.02)
    away = card.rename(tmp_path / "in the pocket")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1 and "the card is gone" in said
    with sqlite3.connect(path) as conn:
        [(status, message)] = conn.execute("SELECT status, message FROM run_summary")
    assert status == "unfinished" and "the card is gone" in message
    away.rename(card)
    assert typed(*command[3:], cwd=tmp_path).returncode == 0
    assert dump_of(f"sqlite:///{path}") == dump_of(f"sqlite:///{tmp_path / 'whole.db'}")


def test_a_run_stopped_by_hand_says_so_and_goes_on(tmp_path):
    card, small = _a_card_of_small_windows(tmp_path)
    path = tmp_path / "c.db"
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        str(card),
        "--name",
        "c",
        "--threads",
        "1",
    ]
    command += ["--database", f"sqlite:///{path}", "--settings", small, "--detector", "none"]
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}  # also with nohup
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **heard)
    while not _windows_done(path) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in said
    assert "stopped; what was done is kept, run it again" in said
    query = "SELECT status, message FROM run_summary ORDER BY run_id"
    with sqlite3.connect(path) as conn:
        [(status, message)] = conn.execute(query)
    assert status == "unfinished" and message.startswith("stopped by hand")
    assert typed(*command[3:], cwd=tmp_path).returncode == 0
    with sqlite3.connect(path) as conn:
        assert [status for status, _ in conn.execute(query)] == ["unfinished", "finished"]


def test_a_run_whose_database_is_replaced_meanwhile_stops_and_leaves_the_other_alone(tmp_path):
    """The other database has a card and a run by the very same keys."""
    small, other = (cards.card(tmp_path / f"{n}", pictures=n) for n in (8, 12))
    elsewhere, url = (f"sqlite:///{tmp_path / name}.db" for name in ("elsewhere", "c"))
    run_job(RunOptions(card=str(small), name="x", database=elsewhere), as_flow=False)
    backup(elsewhere, tmp_path / "b")

    class Meanwhile(Directly):
        def each(self, function, *more):
            restore(url, tmp_path / "b", replace=True)
            return super().each(function, *more)

    with pytest.raises(DatabaseChanged, match="batch other: the database was replaced"):
        run_card(RunOptions(card=str(other), name="other", database=url), Meanwhile(1))
    assert dump_of(url) == dump_of(elsewhere)
    with sqlite3.connect(tmp_path / "c.db") as conn:
        query = "SELECT batch, status, message FROM run_summary"
        assert conn.execute(query).fetchall() == [("x", "finished", None)]


def test_a_window_seen_after_the_database_was_replaced_is_not_written_into_the_other(tmp_path):
    """The other one knows the same card by another name, and nobody has looked at it."""
    card = cards.card(tmp_path / "card", pictures=6, broken=False)
    elsewhere, url = (f"sqlite:///{tmp_path / name}.db" for name in ("elsewhere", "c"))
    ingest(RunOptions(card=str(card), name="x", database=elsewhere))
    backup(elsewhere, tmp_path / "b")
    begun = ingest(RunOptions(card=str(card), name="c", database=url))
    with reading(open_database(url)) as conn:
        windows = windows_left(conn, begun.batch_id, begun.look)
    restore(url, tmp_path / "b", replace=True)
    with pytest.raises(DatabaseChanged, match="batch c: the database was replaced"):
        score_windows(windows, RunOptions(card=str(card), name="c", database=url), begun)
    assert dump_of(url) == dump_of(elsewhere)
    assert not _windows_done(tmp_path / "c.db")


def _write_tags(table: Path, tags: str) -> None:
    cameras = [Deployment(f"Cam{n}", tags=tags) for n in (0, 1)]
    table.write_text(table_text(DEPLOYMENTS, rows_of(cameras)))


def test_a_run_that_was_killed_at_its_end_is_not_taken_for_done(tmp_path):
    """Its results are shown already, and what the rules ask again is not written."""
    card, table = cards.card(tmp_path / "card", pictures=6, broken=False), tmp_path / "d.csv"
    job = RunOptions(
        card=str(card), name="c", database=f"sqlite:///{tmp_path}/c.db", deployments=str(table)
    )
    _write_tags(table, "access:public")
    run_job(job, as_flow=False)
    _write_tags(table, "access:closed")
    ingest(job)  # all that a run does before it is killed
    summary = run_job(job, as_flow=False)
    assert not summary.known
    assert run_job(job, as_flow=False).known


def test_two_runs_that_died_make_the_next_one_decode_its_first_windows_apart(tmp_path, monkeypatch):
    (tmp_path / "small.toml").write_text("[windows]\nsize = 4\n")
    card = cards.card(tmp_path / "card", pictures=12, cameras=1, broken=False)
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("whole", "died")]
    jobs = [
        RunOptions(
            card=str(card), name="c", database=url, settings=str(tmp_path / "small.toml"), threads=1
        )
        for url in urls
    ]
    run_job(jobs[0], as_flow=False)
    assert [ingest(jobs[1]).careful for _ in range(2)] == [(), ()]
    child = tmp_path / "child"
    child.write_text(f'#!/bin/sh\necho >> {tmp_path}/children\nexec {sys.executable} "$@"\n')
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    run_job(jobs[1], as_flow=False)
    assert len((tmp_path / "children").read_text()) == 6, "a child for each picture of two windows"
    assert dump_of(urls[1]) == dump_of(urls[0])


def test_two_runs_that_died_over_the_same_windows_make_the_next_one_careful(database):
    with writing(database) as conn:
        batch = save_batch(conn, "c", "/card", None)
        start_run(conn, batch, "1", {}, {}, left=5)
        assert not db.store.batches.stuck(conn, batch, 5)
        start_run(conn, batch, "1", {}, {}, left=5)
    with reading(database) as conn:
        assert db.store.batches.stuck(conn, batch, 5)
        assert not db.store.batches.stuck(conn, batch, 4), "a window was finished in between"


def test_a_run_that_ended_well_ends_the_care(database):
    with writing(database) as conn:
        batch = save_batch(conn, "c", "/card", None)
        start_run(conn, batch, "1", {}, {}, left=5)
        last = start_run(conn, batch, "1", {}, {}, left=5)
        end_run(conn, last, "unfinished", {"files": 1})
        assert not db.store.batches.stuck(conn, batch, 5)


def test_a_step_that_another_run_got_in_the_way_of_is_done_again():
    tries = []

    @patient
    def visits() -> str:
        tries.append(1)
        if len(tries) == 1:
            why = psycopg.errors.ForeignKeyViolation("a visit that is not there any more")
            raise IntegrityError("INSERT", {}, why)
        return "saved"

    assert visits() == "saved" and len(tries) == 2


def test_an_item_that_fails_leaves_the_others_their_turn():
    def score_windows(item: int, by: int) -> float:
        return item / by if item else item / 0

    assert sorted(Directly(2).each(score_windows, [4, 0, 6], lambda item: 1, 2)) == [2.0, 3.0]


def test_bad_input_found_in_an_item_ends_the_run():
    def score_windows(item: int) -> None:
        raise CardError("the card is gone")

    with pytest.raises(CardError):
        Directly(2).each(score_windows, [1, 2], lambda item: 1)
