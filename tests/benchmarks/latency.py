"""From a picture that has arrived to the alert that a real receiver has: cards, files, FTP, mail.

    python -m tests.benchmarks.latency --pictures 20 --originals /cards/people

The pictures of --originals show people by day; each is sent with a time of its own, so that each
is a visit and an alert. `camtriage stream` and `camtriage run` are the programs themselves; the
inbox is watched by `camtriage server` and `camtriage serve`, each card laid into it at a moment of
its own between two polls. Seconds run from the last byte in the folder, or the message in the
mailbox, to the request in the receiver's log.
"""

import argparse
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from ftplib import FTP
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from db.core.engine import open_database, writing
from db.store.deployments import save_deployments
from flows.run_options import RunOptions
from flows.steps.card import read_card
from pipeline.records import Deployment
from tests import prefect_servers as servers
from tests.cards import save
from tests.mailboxes import imap
from tests.receivers import site

WAIT_S = 180
CHANNEL = (
    'live_hours = 12\n[channels.hook]\nkind = "webhook"\nto = "{0}/hook"\nsecret = "env:HOOK"\n'
)
MAILBOX = """server = "127.0.0.1"
port = {0}
user = "cameras"
secret = "env:IMAP_PASSWORD"
[cameras.CamM]
subject = "motion"
"""


class Log(list):
    """What the receiver took, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, taken: object) -> None:
        self.times.append(time.monotonic())
        super().append(taken)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--originals", type=Path, required=True, help="pictures of people by day")
    words.add_argument("--pictures", type=int, default=20, help="of each way")
    words.add_argument("--ways", default=",".join(WAYS), help="parted by commas")
    words.add_argument("--poll", type=int, default=5, help="minutes between looks at the inbox")
    given = words.parse_args()
    originals = sorted(given.originals.glob("*.[jJ][pP]*"))
    with tempfile.TemporaryDirectory() as folder, site() as receiver, imap(Path(folder)) as box:
        receiver.hooks = log = Log()
        base = Path(folder)
        (base / "alerts.toml").write_text(CHANNEL.format(receiver.url))
        (base / "mail.toml").write_text(MAILBOX.format(box.port))
        os.environ |= {"CAMTRIAGE_ALERTS": str(base / "alerts.toml"), "HOOK": "signed with this"}
        os.environ |= {"IMAP_PASSWORD": box.password, "SSL_CERT_FILE": box.certificate}
        print(f"{'way':<42}{'alerts':>8}{'median s':>10}{'p95 s':>8}{'longest':>9}")
        for way in given.ways.split(","):
            pictures = list(islice(cycle(originals), given.pictures))
            bench = Bench(base / way, pictures, log, given.poll)
            name, seconds = WAYS[way](bench, box)
            print(line(name, seconds, given.pictures), flush=True)


def line(name: str, seconds: list[float], sent: int) -> str:
    if not seconds:
        return f"{name:<42}{0:>5}/{sent}"
    p95 = sorted(seconds)[max(0, -(-95 * len(seconds) // 100) - 1)]
    median = statistics.median(seconds)
    return f"{name:<42}{len(seconds):>5}/{sent}{median:>10.1f}{p95:>8.1f}{max(seconds):>9.1f}"


class Bench:
    """A database of its own, and pictures that are each a visit of this day."""

    def __init__(self, folder: Path, originals: list[Path], log: Log, poll: int) -> None:
        self.folder, self.originals, self.log, self.poll_s = folder, originals, log, 60 * poll
        folder.mkdir()
        self.database = f"sqlite:///{folder / 'camtriage.db'}"
        self.begin = datetime.now() - timedelta(minutes=5 * len(originals))

    def closed(self, deployment: str) -> None:
        """Nobody may be there: people are flagged."""
        engine = open_database(self.database)
        with writing(engine) as conn:
            place = Deployment(deployment, tags="access:closed", source="table")
            save_deployments(conn, [place])
        engine.dispose()

    def picture(self, number: int, place: Path) -> Path:
        with Image.open(self.originals[number]) as image:
            save(image.convert("RGB"), place, self.begin + timedelta(minutes=5 * number), "")
        return place

    @contextmanager
    def streaming(self, camera: str, **more: str) -> Iterator[Path]:
        """`camtriage stream` at work; gives the camera's folder."""
        streams = self.folder / "streams"
        (streams / camera).mkdir(parents=True)
        self.closed(f"streams/{camera}")
        words = ["stream", str(streams), "--database", self.database]
        with (self.folder / "said.txt").open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", *words],
                env={**os.environ, **more},
                stdout=said,
            )
        try:
            while "watching" not in (self.folder / "said.txt").read_text():
                time.sleep(0.1)
            yield streams / camera
        finally:
            process.terminate()
            process.wait()

    def each(self, send: Callable[[int], None], wait_s: float = WAIT_S) -> list[float]:
        """Seconds from `send` of each picture to its alert; one without an alert has none."""
        found = []
        for number in range(len(self.originals)):
            before = len(self.log.times)
            send(number)
            sent = time.monotonic()
            while len(self.log.times) == before and time.monotonic() - sent < wait_s:
                time.sleep(0.01)
            found += [self.log.times[before] - sent] if len(self.log.times) > before else []
        return found


def by_file(bench: Bench, _box) -> tuple[str, list[float]]:
    def send(number: int) -> None:
        bench.picture(number, bench.folder / "streams" / "CamA" / f"P{number:03}.JPG")

    with bench.streaming("CamA"):
        return "a file in a stream folder", bench.each(send)


def by_ftp(bench: Bench, _box) -> tuple[str, list[float]]:
    """A real server that cameras know, pyftpdlib, and a client that uploads as they do."""
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())  # else it tells all
    with bench.streaming("CamF") as folder:
        authorizer = DummyAuthorizer()
        authorizer.add_user("CamF", "secret", str(folder), perm="elmw")
        handler = type("Handler", (FTPHandler,), {"authorizer": authorizer})
        server = FTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def send(number: int) -> None:
            file = bench.picture(number, bench.folder / "card.jpg")
            with FTP() as client, file.open("rb") as data:
                client.connect(*server.address)
                client.login("CamF", "secret")
                client.storbinary(f"STOR P{number:03}.JPG", data)

        found = bench.each(send)
        server.close_all()
    return "a file by FTP", found


def by_mail(bench: Bench, box) -> tuple[str, list[float]]:
    def send(number: int) -> None:
        message = EmailMessage()
        message["From"], message["Subject"] = "cam@modem.example", f"motion {number}"
        data = bench.picture(number, bench.folder / "card.jpg").read_bytes()
        message.add_attachment(data, maintype="image", subtype="jpeg", filename="P.JPG")
        box.deliver(message.as_bytes())

    with bench.streaming("CamM", CAMTRIAGE_MAIL=str(bench.folder.parent / "mail.toml")):
        return "a message in a mailbox", bench.each(send)


def by_card(bench: Bench, _box) -> tuple[str, list[float]]:
    """`camtriage run` of a card of one picture, from its start: models are loaded each time."""

    def send(number: int) -> None:
        card = bench.folder / f"card{number}"
        bench.picture(number, card / "CamC" / "P.JPG")
        bench.closed(f"card{number}/CamC")
        words = ["run", str(card), "--name", card.name, "--database", bench.database]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.Popen([sys.executable, "-m", "flows.cli", *words], **quiet)

    return "a card, from the run's start", bench.each(send)


def by_inbox(bench: Bench, _box) -> tuple[str, list[float]]:
    """A card of one picture copied into the inbox, as `camtriage serve` deploys it."""
    inbox, shipped = bench.folder / "inbox", servers.ROOT / "flows" / "prefect" / "prefect.yaml"
    inbox.mkdir()
    schedules = bench.folder / "schedules.yaml"
    every = f"*/{bench.poll_s // 60} * * * *"
    schedules.write_text(shipped.read_text("utf-8").replace("*/5 * * * *", every, 1), "utf-8")

    def send(number: int) -> None:
        card = bench.folder / f"card{number}"
        bench.picture(number, card / "CamC" / "P.JPG")
        [place] = read_card(RunOptions(card=str(card))).deployments
        bench.closed(place.deployment_id)
        time.sleep(random.uniform(0, bench.poll_s))
        card.rename(inbox / card.name)

    words = ["serve", str(inbox), "--database", bench.database, "--file", str(schedules)]
    words += ["--out", str(bench.folder / "reports")]
    command, log = [sys.executable, "-m", "flows.cli", *words], bench.folder / "worker.log"
    home = bench.folder / "home"
    with servers.prefect_server(home) as (env, api), servers.running(command, log, env):
        if not servers.until(lambda: "deployed" in log.read_text(), WAIT_S):
            raise SystemExit(log.read_text())
        assert servers.ask(api, "/deployments/name/camtriage-watch/inbox")
        found = bench.each(send, WAIT_S + 2 * bench.poll_s)
    return f"a card in the inbox, a look each {bench.poll_s // 60} min", found


WAYS = {"stream": by_file, "ftp": by_ftp, "mail": by_mail, "card": by_card, "inbox": by_inbox}

if __name__ == "__main__":
    main()
