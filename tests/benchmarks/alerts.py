"""Alerts under fire: receivers that are busy, broken, silent or away for three days, and a sender
that is killed. Is each flag told on every channel, once where the receiver can tell a repetition,
and nothing historic at night?

    python -m tests.benchmarks.alerts --flags 1000 --kills 50 [--postgresql]

EarthRanger, a webhook, Telegram, an SMTP server and a program of this machine are real receivers on
loopback. The sender is a fork of this process, which has imported everything, killed by SIGKILL.
"""

import argparse
import json
import os
import random
import re
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from db.core import schema
from db.core.engine import migrate, open_database, writing
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
from tests.cards import picture, save
from tests.receivers import Mailbox, Site, mailbox, site
from tests.servers import postgresql

CHANNELS = """
live_hours = 90
[channels.ranger]
kind = "earthranger"
to = "{0}"
secret = "env:ER_TOKEN"
timeout_s = 1
[channels.hook]
kind = "webhook"
to = "{0}/hook"
secret = "env:ER_TOKEN"
timeout_s = 1
[channels.chat]
kind = "telegram"
to = "42"
server = "{0}"
secret = "env:ER_TOKEN"
digest = false
timeout_s = 1
[channels.mail]
kind = "email"
to = "ranger@reserve.example"
sender = "camtriage@reserve.example"
server = "{1}"
tls = "none"
digest = false
timeout_s = 1
[channels.morning]
kind = "email"
to = "office@reserve.example"
sender = "camtriage@reserve.example"
server = "{1}"
tls = "none"
timeout_s = 1
[channels.radio]
kind = "command"
to = "{2}"
timeout_s = 1
"""
AWAY = "127.0.0.1:9"
RADIO = """#!/bin/sh
heard=$(cat)
case $(cat {0}/radio.says) in
busy) exit 75;;
hangs) printf '%s\\n' "$heard" >> {0}/radio.log; exec sleep 3;;
*) printf '%s\\n' "$heard" >> {0}/radio.log;;
esac
"""
ROUND = timedelta(minutes=11)  # a lease is over
HTTP = (200, 200, 200, 429, 500, 409, "takes and hangs")
SMTP = ("250 ok", "250 ok", "250 ok", "451 try later", "421 closing")
MANY = re.compile(r"(\d[\d,]*) historic alert")


@dataclass
class Ears:
    """All receivers, and what they hold."""

    http: Site
    post: Mailbox
    folder: Path
    luck: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    read: list[tuple[str, tuple[str, str, bool]]] = field(default_factory=list)  # of the letters

    def trouble(self) -> None:
        """What they will answer next."""
        every = [self.luck.choice(HTTP) for _ in range(9)]
        every.append(self.luck.choice((200, "hang")))
        self.http.answers.extend(every)
        self.http.retry_after = self.luck.choice((None, "90", "3600"))
        letters = [self.luck.choice(SMTP) for _ in range(9)]
        self.post.answers.extend(letters)
        radio = self.luck.choice(("hears", "hears", "busy", "hangs"))
        (self.folder / "radio.says").write_text(radio)
        self.faults.update(map(str, [*every, *(one[:3] for one in letters), f"radio {radio}"]))

    def peace(self) -> None:
        self.http.answers.clear()
        self.post.answers.clear()
        (self.folder / "radio.says").write_text("hears")

    def radio(self) -> list[dict]:
        """What the program heard to its end; of a sender that was killed it hears a half."""
        lines = (self.folder / "radio.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def asked(self) -> int:
        heard = (self.folder / "radio.log").read_bytes().count(b"\n")
        return self.http.asked + len(self.post.letters) + heard

    def heard(self) -> dict[str, list[tuple[str, str, bool]]]:
        """By channel: (key of the message, flag, whether it came too late). A digest: no flag."""
        events = [event["event_details"] for event in self.http.events.values()]
        hooks = [(head["Idempotency-Key"], json.loads(body)) for head, body in self.http.hooks]
        chat = [one.get("text") or one["caption"] for one in self.http.messages]
        words = [text if isinstance(text, str) else text.decode() for text in chat]
        for one in self.post.letters[len(self.read) :]:  # each is read once: that takes longest
            self.read.append((one["To"], (one["Message-ID"], *_subject(one))))
        return {
            "ranger": [(one["id"], one["flag"], one["age"] == "historic") for one in events],
            "hook": [(key, one["flag"], one["age"] == "historic") for key, one in hooks],
            "radio": [(one["id"], one["flag"], one["age"] == "historic") for one in self.radio()],
            "chat": [("", _flag(text), "(historic)" in text) for text in words],
            "mail": [told for to, told in self.read if to.startswith("ranger")],
            "morning": [told for to, told in self.read if to.startswith("office")],
        }

    def historic(self) -> int:
        return sum(late for told in self.heard().values() for _, _, late in told)


def _flag(line: str) -> str:
    found = re.search(r"\[([0-9a-f]{12})\]", line)
    return found[1] if found else ""


def _subject(letter) -> tuple[str, bool]:
    words = letter["Subject"]
    return _flag(words), "(historic)" in words or bool(MANY.search(words))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--flags", type=int, default=1000, help="about so many")
    words.add_argument("--kills", type=int, default=50)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--postgresql", action="store_true", help="else SQLite")
    given = words.parse_args()
    os.environ["ER_TOKEN"] = "key-of-the-site"
    with tempfile.TemporaryDirectory() as place, ExitStack() as on:
        http, post = on.enter_context(site()), on.enter_context(mailbox())
        folder = Path(place)
        url = f"sqlite:///{folder}/alerts.db"
        if given.postgresql:
            url = on.enter_context(postgresql())
            migrate(url)
        ears = Ears(http, post, folder, random.Random(given.seed))
        print(campaign(url, ears, given.flags, given.kills))


def campaign(url: str, ears: Ears, flags: int, kills: int) -> str:
    """What happened, in lines."""
    begun, folder = time.monotonic(), ears.folder
    script = folder / "radio.sh"
    script.write_text(RADIO.format(folder))
    script.chmod(0o700)
    (folder / "radio.log").touch()
    ears.peace()
    made = flagged(url, flags * 10)
    with_pictures(url, folder)
    alerting = channels(folder, CHANNELS.format(ears.http.url, ears.post.server, script))
    away = channels(folder, CHANNELS.format(f"http://{AWAY}", AWAY, folder / "not-there"))
    queued = queue_all(url, alerting, MORNING)
    at = MORNING
    for _ in range(24):  # three days without a network
        told = drain(url, away, at)
        assert not (told.sent or told.failed), told
        at += timedelta(hours=3)
    assert not ears.asked()
    print(f"{made} flags, {queued} alerts; three days are over", flush=True)
    at, killed, night = under_fire(url, alerting, ears, kills, at, max(2, 2 * queued // kills))
    while states(url).get("queued"):
        before = ears.historic()
        told = drain(url, alerting, at)
        night += (ears.historic() - before) * is_night(at)
        at += ROUND if told.sent else timedelta(hours=1)
    head = f"{made} flags, 6 channels, {killed} kills, {ears.asked()} asked, {dict(ears.faults)}"
    end = f"historic ones: {ears.historic()}, at night {night}; {time.monotonic() - begun:.0f} s"
    return "\n".join([head, f"states at the end: {states(url)}", *report(url, ears), end])


def under_fire(url, alerting, ears: Ears, kills: int, at: datetime, most: int):
    """Send, and be killed; (the hour, kills, historic ones that went out at night)."""
    killed = night = 0
    while killed < kills and states(url).get("queued"):
        ears.trouble()
        before, asked = ears.historic(), ears.asked()
        process = drain_in_a_process(url, alerting, at)
        wanted, end = asked + ears.luck.randint(1, most), time.monotonic() + 30
        while ears.asked() < wanted and time.monotonic() < end and process.is_alive():
            time.sleep(0.01)
        time.sleep(ears.luck.random() / 50)
        process.kill()
        process.join()
        killed += process.exitcode == -9
        ears.peace()
        night += (ears.historic() - before) * is_night(at)
        at += ROUND
    return at, killed, night


def report(url: str, ears: Ears) -> list[str]:
    """A line a channel: which flags it never heard of, and what it heard again."""
    flags = {row[0][:12] for row in rows(url, "SELECT flag_id FROM flags")}
    lines = []
    for channel, told in ears.heard().items():
        if channel == "morning":
            many = [MANY.search(one["Subject"]) for one in ears.post.letters]
            digests = {
                one["Message-ID"]: int(found[1].replace(",", ""))
                for one, found in zip(ears.post.letters, many, strict=True)
                if found
            }
            single = {flag for _, flag, _ in told if flag}
            told_of = f"{len(single)} flags, and {sum(digests.values())} in {len(digests)} digests"
            lines.append(f"{channel}: {len(told)} letters tell of {told_of}, of {len(flags)}")
            continue
        keys = Counter(key or flag for key, flag, _ in told)
        missing = flags - {flag for _, flag, _ in told}
        again = sum(keys.values()) - len(keys)
        lines.append(f"{channel}: {len(keys)} heard, {len(missing)} never, {again} heard again")
    return lines


def with_pictures(url: str, folder: Path) -> None:
    """Every picture is a real file, one for all."""
    engine, original = open_database(url), folder / "original.jpg"
    save(picture(1, animal=True), original, None)
    with writing(engine) as conn:
        for card in conn.execute(sa.select(schema.batch)).all():
            root = folder / card.name
            paths = sa.select(schema.media.c.path).where(schema.media.c.batch_id == card.id)
            for path in conn.execute(paths).scalars():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                os.link(original, root / path)
            where = schema.batch.c.id == card.id
            conn.execute(sa.update(schema.batch).where(where).values(root=str(root)))
    engine.dispose()


def is_night(at: datetime) -> bool:
    hour = (at + timedelta(hours=3)).hour  # in Nairobi
    return hour >= 18 or hour < 6


if __name__ == "__main__":
    main()
