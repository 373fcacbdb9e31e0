"""Kill a run in every step, hundreds of times: does it end as if nothing had happened?

    python -m tests.benchmarks.kills [--kills 240] [--seed 1]

A life is one database from its first run to its last. In each of its steps the run is killed with
SIGKILL, at a random moment or at a random statement to the database, and started again with the
same command; the last run is left alone. Then `camtriage check` must find no fault and the
canonical dump must be that of a run that was never disturbed. What is killed is, by kind,

    direct       the program, as `camtriage run`
    flow         the same as a Prefect flow, with a server that lives on
    postgresql   the database's server with all its processes, which is started again
    served       `camtriage serve` and the flow's process that it started, both at once
"""

import argparse
import json
import multiprocessing
import os
import random
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from db.core.engine import migrate, open_database, reading
from db.integrity.check import check
from db.integrity.dump import dump
from tests import cards, stepped
from tests.conftest import in_database
from tests.prefect_servers import key_of, prefect_server
from tests.servers import PostgreSQL, making_databases
from tests.stepped import STEPS

ROOT = Path(__file__).parents[2]
SETTINGS = "[windows]\nsize = 4\n[blank]\nthreshold = 0.2\n[audit]\npictures = 4\nper_stratum = 1\n"
LEASE = "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION"
IMPORTED = [
    "tests.benchmarks.kills",
    "flows.prefect.run",
    "flows.cli.main",
    "onnxruntime",
    "psycopg",
]
LIMIT_S = 300  # a run that lives longer hangs


@dataclass
class Card:
    """A small card with blanks, people and broken files, and how it goes undisturbed."""

    folder: Path
    expected: str = ""
    seconds: dict[str, float] = field(default_factory=dict)  # by step
    statements: dict[str, int] = field(default_factory=dict)  # by step

    @property
    def words(self) -> list[str]:
        options = {"--settings": "s.toml", "--boxes": "boxes.json"}
        named = [part for key, name in options.items() for part in (key, str(self.folder / name))]
        return ["run", str(self.folder / "card"), "--name", "c", "--threads", "2", *named]


def a_card(folder: Path, pictures: int = 12) -> Card:
    """Draw it, run it once from end to end, and remember what that gave."""
    cards.card(folder / "card", pictures=pictures)
    (folder / "s.toml").write_text(SETTINGS)
    group = [{"category": "2", "conf": 0.9, "bbox": [x / 10, 0.3, 0.1, 0.3]} for x in (1, 4, 7)]
    shown = ["Cam0/DCIM/100RECNX/RCNX0005.JPG", "Cam1/DCIM/100RECNX/RCNX0002.JPG"]
    boxes = {
        "info": {"format_version": "1.6"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "images": [{"file": one, "detections": group} for one in shown],
    }
    (folder / "boxes.json").write_text(json.dumps(boxes))
    card, url = Card(folder), f"sqlite:///{folder / 'whole.db'}"
    open_database(url).dispose()  # so that it is not made within a step
    run = Run(card, url)
    while line := run.line():
        if line.startswith("end "):
            _, step, seconds, statements = line.split()
            card.seconds[step] = card.seconds.get(step, 0) + float(seconds)
            card.statements[step] = int(statements)
    card.seconds["score_windows"] /= 4  # two threads, and so that some windows are left
    card.statements["score_windows"] //= 2
    assert run.ended() == 0, run.said
    card.expected = dump_of(url)
    for table in ("audit_draw ", "label ", "visit ", "flag ", "window_done "):
        assert card.expected.count(f"\n{table}") > 1, f"no {table}in the card's dump"
    return card


def stepped_child(tell, hear, errors, words: list[str], environment: dict[str, str]) -> None:
    """tests/stepped.py in a fork of a process that has imported all: most of a short run's time."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(errors.fileno(), 2)
    sys.argv = ["stepped", str(tell.fileno()), str(hear.fileno()), *words]
    stepped.main()


class Forked:
    """What a test asks of a process, of one that the fork server starts."""

    def __init__(self, tell: int, hear: int, errors: int, words: list[str]) -> None:
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(IMPORTED)  # no model runs there: no thread holds a lock
        ends = Connection(os.dup(tell)), Connection(os.dup(hear)), Connection(os.dup(errors))
        self.process = forks.Process(target=stepped_child, args=(*ends, words, {**os.environ}))
        self.process.start()
        self.kill = self.process.kill
        for one in ends:
            one.close()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, seconds: float = LIMIT_S) -> int:
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.kill()
            raise TimeoutError("the run hangs")
        return self.process.exitcode


class Run:
    """One `camtriage run` that says where it is (tests/stepped.py)."""

    def __init__(self, card: Card, url: str, step="none", nth=0, env: dict | None = None) -> None:
        self.reads, tell = os.pipe()
        hear, self.writes = os.pipe()
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.said, self.heard = "", b""
        words = [step, str(nth), "--", *card.words, "--database", url]
        if env is None:
            self.process = Forked(tell, hear, self.errors.fileno(), words)
        else:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.stepped", str(tell), str(hear), *words],
                pass_fds=(tell, hear),
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                env=env,
                cwd=ROOT,
            )
        os.close(tell)
        os.close(hear)

    def line(self, seconds: float | None = None) -> str | None:
        """The next line; none within these seconds: None; the run has ended: nothing."""
        while b"\n" not in self.heard:
            begun = time.monotonic()
            if not select.select([self.reads], [], [], seconds)[0]:
                return None
            seconds = seconds and max(0.0, seconds - (time.monotonic() - begun))
            if not (more := os.read(self.reads, 4096)):
                return ""
            self.heard += more
        line, _, self.heard = self.heard.partition(b"\n")
        return line.decode()

    def goes_on(self) -> None:
        with suppress(BrokenPipeError):  # it has ended already
            os.write(self.writes, b"\n")

    def kill(self) -> bool:
        """False where it had ended by itself."""
        alive = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        self._close()
        return alive

    def ended(self) -> int:
        """Its exit code, and what it had to say about it."""
        code = self.process.wait(LIMIT_S)
        self._close()
        self.errors.seek(0)
        self.said = self.errors.read()
        assert "Traceback" not in self.said, self.said
        return code

    def _close(self) -> None:
        for one in (self.reads, self.writes):
            os.close(one)


def reached(run: Run, card: Card, step: str, at_statement: bool, dice: random.Random) -> str:
    """Wait for the moment of the kill; the step it falls into, or nothing when the run has ended.

    It is told (`here`), or a random time after the step has begun; at the latest as the next one
    begins, so that a quick machine does not finish before it is killed.
    """
    end = None
    while (line := run.line(end and max(0.0, end - time.monotonic()))) is not None:
        if line == "":
            return ""
        word, now, *_ = [*line.split(), ""]
        if word == "here" or (word == "begin" and STEPS.index(now) > STEPS.index(step)):
            return step if word == "here" else now
        if word == "begin" and now == step and not at_statement and end is None:
            end = time.monotonic() + dice.uniform(0, card.seconds[step])
    return step


def kill_once(card: Card, url: str, step: str, dice, server: PostgreSQL | None, env) -> str:
    """Start the run, kill it (or its server) somewhere in `step`; where that was."""
    at_statement = dice.random() < 0.5
    nth = dice.randint(1, card.statements[step]) if at_statement else 0
    run = Run(card, url, step, nth, env)
    where = reached(run, card, step, at_statement, dice)
    if server is None:
        killed = run.kill()
        return where if killed else ""
    if where:
        server.kill()
        time.sleep(dice.choice((0, 0.5, 2)))
        server.start()
        run.goes_on()
    assert run.ended() in (0, 1, 2), run.said  # 2: it had only just begun to open it
    return where


def a_life(card: Card, url: str, dice, env=None) -> Counter:
    """Twice through all steps with a kill in each, then one run in peace; kills by step."""
    kills = Counter()
    for step in (step for step in STEPS for _ in range(2)):
        kills[kill_once(card, url, step, dice, None, env)] += 1
    del kills[""]  # the run had ended before
    finish(card, url, env)
    return kills


def waiting_lives(card: Card, dice, server: PostgreSQL) -> Counter:
    """The server is killed and started again in each step: the run waits for it and goes on."""
    kills = Counter()
    for step in STEPS:
        url = new_postgres(server)
        kills[kill_once(card, url, step, dice, server, None)] += 1
        finish(card, url)
    del kills[""]
    return kills


def finish(card: Card, url: str, env=None) -> None:
    """The last run, left alone: it must end well, and as if nothing had ever happened."""
    run = Run(card, url, env=env)
    while run.line():
        pass
    assert run.ended() == 0, run.said
    engine = open_database(url)
    with reading(engine) as conn:
        assert check(conn) == []
    engine.dispose()
    assert dump_of(url) == card.expected, f"{url}: not the dump of an undisturbed run"


def dump_of(url: str) -> str:
    engine = open_database(url)
    with reading(engine) as conn:
        lines = "\n".join(dump(conn))
    engine.dispose()
    return lines


def a_served_life(card: Card, url: str, dice, env: dict, kills: int = 3) -> Counter:
    """`camtriage serve` and a card given to it; it and the flow's process killed at any moment."""
    env, inbox = {**env, "CAMTRIAGE_DATABASE_URL": url}, card.folder / "inbox"
    inbox.mkdir(exist_ok=True)
    words = [sys.executable, "-m", "flows.cli", "serve", str(inbox)]
    words += ["--settings", str(card.folder / "s.toml")]
    deploy = [sys.executable, "-m", "prefect", "deployment", "run", "camtriage-triage/card"]
    deploy += [
        "--param",
        f"card={card.folder / 'card'}",
        "--param",
        "name=c",
        "--param",
        f"boxes={card.folder / 'boxes.json'}",
    ]
    let_in = {**env, "PREFECT_API_AUTH_STRING": key_of(env["PREFECT_API_URL"])}
    done = Counter()
    for _ in range(kills):
        served = subprocess.Popen(
            [*words, "--database", url, "--out", str(card.folder / "reports")],
            **{"env": env, "cwd": ROOT, "start_new_session": True},
            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL},
        )
        try:
            until(lambda: subprocess.run(deploy, env=let_in, capture_output=True).returncode == 0)
            process = until(lambda runner=served.pid: flow_process(runner))
            time.sleep(dice.uniform(2, 9))
            done["anywhere"] += process.is_running()
        finally:
            os.killpg(served.pid, signal.SIGKILL)
            served.wait()
    finish(card, url)
    return done


def flow_process(runner: int):
    """The process in which the runner lets the flow run."""
    import psutil

    for one in psutil.Process(runner).children(recursive=True):
        with suppress(psutil.Error):  # it ended meanwhile
            words = " ".join(one.cmdline())
            if "flow_engine" in words or "prefect.engine" in words:
                return one
    return None


def until(what, seconds: float = 240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.3)
    raise TimeoutError(what)


def new_postgres(server: PostgreSQL) -> str:
    name = f"life_{secrets.token_hex(4)}"
    with making_databases(server.url) as run:
        run(f"CREATE DATABASE {name}")
    url = in_database(server.url, name)
    migrate(url)
    return url


def campaign(wanted: int, seed: int) -> dict[tuple[str, str], Counter]:
    """Lives of every kind in turn until there were `wanted` kills; kills by kind and step."""
    dice, kills = random.Random(seed), {}
    os.environ["PYTHONWARNINGS"] = "ignore::RuntimeWarning:runpy"  # it is imported beforehand
    os.environ[LEASE] = "30"  # s, for which Prefect holds a killed flow's place; 300 by itself
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        card = a_card(folder)
        print("an undisturbed run:", {k: round(v, 2) for k, v in card.seconds.items()}, flush=True)
        server = PostgreSQL()
        stack.callback(server.end)
        nth = 0
        while sum(sum(one.values()) for one in kills.values()) < wanted:
            nth += 1
            for kind, life in _round(card, nth, dice, server):
                begun = time.monotonic()
                done = life()
                kills[kind] = kills.get(kind, Counter()) + done
                seconds = time.monotonic() - begun
                print(*kind, f"{sum(done.values())} kills, {seconds:.0f} s, same dump", flush=True)
    return kills


def _round(card: Card, nth: int, dice, server: PostgreSQL):
    """(kind, life) of each kind; the two that need a Prefect server in each fourth round."""
    lite = f"sqlite:///{card.folder}/{{}}{nth}.db".format
    yield ("direct", "sqlite"), lambda: a_life(card, lite("direct"), dice)
    yield ("direct", "postgresql"), lambda: a_life(card, new_postgres(server), dice)
    yield ("postgresql", "postgresql"), lambda: waiting_lives(card, dice, server)
    if nth % 4 != 1:
        return
    home = card.folder / f"prefect{nth}"
    home.mkdir()
    with prefect_server(home) as (env, _):
        yield ("flow", "sqlite"), lambda: a_life(card, lite("flow"), dice, env)
        yield ("served", "sqlite"), lambda: a_served_life(card, lite("served"), dice, env)


def table(kills: dict[tuple[str, str], Counter]) -> str:
    steps = ["anywhere", *STEPS]
    lines = [f"{'killed':<12}{'database':<12}" + "".join(f"{one:>11}" for one in steps)]
    for (kind, database), done in sorted(kills.items()):
        lines.append(f"{kind:<12}{database:<12}" + "".join(f"{done[one]:>11}" for one in steps))
    total = sum(kills.values(), Counter())
    lines.append(f"{'all':<24}" + "".join(f"{total[one]:>11}" for one in steps))
    return "\n".join([*lines, f"{sum(total.values())} kills; every life ended in the same dump"])


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--kills", type=int, default=240)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    print(table(campaign(given.kills, given.seed)))
