"""Alerts under fire: a receiver that is busy, broken, silent or away for three days, and a sender
that is killed. Is each flag told at least once, and once where the receiver can tell?

    python -m tests.benchmarks.alerts --flags 1000 --kills 50
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from tests.alerting import (
    MORNING,
    channels,
    drain,
    drain_in_a_process,
    flagged,
    queue_all,
    rows,
    states,
)
from tests.receivers import site

CHANNELS = """
live_hours = 90
[channels.ranger]
kind = "earthranger"
to = "{0}"
secret = "env:ER_TOKEN"
timeout_s = 1
[channels.sensor]
kind = "webhook"
to = "{0}/hook"
secret = "env:ER_TOKEN"
timeout_s = 1
"""
ROUND = timedelta(minutes=11)  # a lease is over


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--flags", type=int, default=1000, help="about so many")
    words.add_argument("--kills", type=int, default=50)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--database", help="an empty PostgreSQL database; else SQLite")
    given = words.parse_args()
    os.environ["ER_TOKEN"] = "key-of-the-site"
    with tempfile.TemporaryDirectory() as folder, site() as receiver:
        url = given.database or f"sqlite:///{folder}/alerts.db"
        print(campaign(url, Path(folder), receiver, given.flags, given.kills, given.seed))


def campaign(url: str, folder: Path, receiver, flags: int, kills: int, seed: int) -> str:
    """What happened, in lines."""
    luck, begun = random.Random(seed), time.monotonic()
    made = flagged(url, flags * 10)
    alerting = channels(folder, CHANNELS.format(receiver.url))
    away = channels(folder, CHANNELS.format("http://127.0.0.1:9"))
    queue_all(url, alerting, MORNING)
    at, killed, night = MORNING, 0, 0
    for _ in range(72):  # three days without a network
        drain(url, away, at)
        at += timedelta(hours=1)
    assert not receiver.asked
    faults = Counter[str]()
    while killed < kills:
        if not states(url).get("queued"):
            break
        every = [luck.choice((200, 200, 200, 429, 500, 409, "takes and hangs")) for _ in range(9)]
        receiver.answers.extend([*every, luck.choice((200, "hang"))])
        faults.update(map(str, every))
        before = historic(receiver)
        process = drain_in_a_process(url, alerting, at)
        receiver.wait_for(receiver.asked + luck.randint(1, 2 * made // kills), 10)
        time.sleep(luck.random() / 50)
        process.kill()
        process.join()
        killed += process.exitcode == -9
        receiver.answers.clear()
        night += (historic(receiver) - before) * is_night(at)
        at += ROUND
    while states(url).get("queued"):
        before = historic(receiver)
        told = drain(url, alerting, at)
        night += (historic(receiver) - before) * is_night(at)
        at += ROUND if told.sent else timedelta(hours=1)
    ids = Counter(event["event_details"]["id"] for event in receiver.events.values())
    keys = Counter(head["Idempotency-Key"] for head, _ in receiver.hooks)
    heard = rows(url, "SELECT channel, count(*) FROM alerts WHERE state = 'sent' GROUP BY channel")
    lines = [
        f"{made} flags, 2 channels, {killed} kills, {receiver.asked} requests, {dict(faults)}",
        f"states at the end: {states(url)}; sent by channel: {dict(heard)}",
        f"EarthRanger has {len(ids)} events, {sum(ids.values()) - len(ids)} of them twice",
        f"the webhook heard {len(keys)} keys, {sum(keys.values()) - len(keys)} of them again",
        f"historic ones: {historic(receiver)}, at night {night}; {time.monotonic() - begun:.0f} s",
    ]
    return "\n".join(lines)


def historic(receiver) -> int:
    """What it took of alerts that came too late."""
    events = [event["event_details"]["age"] for event in receiver.events.values()]
    hooks = [json.loads(body)["age"] for _, body in receiver.hooks]
    return [*events, *hooks].count("historic")


def is_night(at: datetime) -> bool:
    hour = (at + timedelta(hours=3)).hour  # in Nairobi
    return hour >= 18 or hour < 6


if __name__ == "__main__":
    main()
