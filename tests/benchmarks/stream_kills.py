"""Is a stream that is killed over and over the same as one that was left alone?

    python -m tests.benchmarks.stream_kills --pictures 8 --kills 30 --seed 5

Drawn pictures arrive one after the other. Each look is a process of its own, and is killed
(SIGKILL) at a random moment until its share of the kills is used up. At the end the canonical dump
of the database must be that of an undisturbed one, and the receiver must have heard each alert.
"""

import argparse
import math
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from db.core.rows import now
from flows.execution import databases
from flows.run_options import RunOptions
from flows.services.streams.watch import Watch
from pipeline.alerts.channels import load_alerting
from pipeline.streams import settle
from tests import cards
from tests.alerting import drain, states
from tests.receivers import site
from tests.test_two_ways import dump_of

CHANNEL = """live_hours = 48
[channels.hook]
kind = "webhook"
to = "{0}/hook"
secret = "env:HOOK"
"""
TEN = datetime.now().replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--pictures", type=int, default=8, help="from the fifth on the lens is dark")
    words.add_argument("--kills", type=int, default=30)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    os.environ["HOOK"] = "signed with this"
    settle.QUIET_S = 0.0  # what lies there has arrived
    luck, begun, ended = random.Random(given.seed), time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, site() as receiver:
        base = Path(folder)
        (base / "alerts.toml").write_text(CHANNEL.format(receiver.url))
        os.environ["CAMTRIAGE_ALERTS"] = str(base / "alerts.toml")
        shortest = math.inf  # of the looks that nobody kills
        for name, kills in (("whole", 0), ("killed", given.kills)):
            for number in range(given.pictures):
                send(base / name / "streams", number)
                share = kills // given.pictures + (number < kills % given.pictures)
                for _ in range(share):
                    ended[how := look(base / name, luck.uniform(0, shortest))] += 1
                    if how == "finished":
                        break
                took = time.monotonic()
                assert look(base / name) == "finished"
                if not kills:
                    shortest = min(shortest, time.monotonic() - took)
        for name in ("whole", "killed"):  # what a killed look had in hand: after its lease
            later = now() + timedelta(minutes=11)
            drain(url_of(base / name), load_alerting(base / "alerts.toml"), later)
        dumps = [dump_of(url_of(base / name)) for name in ("whole", "killed")]
        alerts = [states(url_of(base / name)) for name in ("whole", "killed")]
        keys = Counter(head["Idempotency-Key"] for head, _ in receiver.hooks)
    print(f"{given.pictures} pictures, looks that should be killed: {dict(ended)}")
    print(f"the dumps are {'the same' if dumps[0] == dumps[1] else 'NOT the same'}")
    print(f"alerts: {alerts[0]} and {alerts[1]}; requests by alert, of both: {[*keys.values()]}")
    print(f"{time.monotonic() - begun:.0f} s")


def send(streams: Path, number: int) -> None:
    image = cards.picture(number, animal=number % 4 == 0)
    if number >= 4:  # covered by day, which is a flag
        image = Image.new("RGB", image.size, (2, 2, number))
    at = TEN + timedelta(minutes=15 * number)
    cards.save(image, streams / "CamA" / f"P{number}.JPG", at)


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'camtriage.db'}"


def look(folder: Path, kill_after_s: float | None = None) -> str:
    """One look in a process of its own: finished, or killed."""
    for engine in databases._engines.values():
        engine.dispose()
    databases._engines.clear()
    process = multiprocessing.get_context("fork").Process(target=_once, args=(folder,))
    process.start()
    process.join(kill_after_s)
    if process.is_alive():
        process.kill()
        process.join()
    return "finished" if process.exitcode == 0 else "killed"


def _once(folder: Path) -> None:
    watch = Watch(folder / "streams", RunOptions(database=url_of(folder), threads=1))
    for told in watch.once():
        assert not told.wrong, told.line


if __name__ == "__main__":
    main()
