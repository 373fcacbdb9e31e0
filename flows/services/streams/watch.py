"""Cameras that send their pictures are watched: what has arrived is looked at within seconds, and
who is to be told of it is told. The models stay loaded from one look to the next.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from flows.execution.databases import ready_database
from flows.execution.directly import silently
from flows.facts.alerts import alerting_of
from flows.run_options import RunOptions
from flows.services.alerts.send import send_alerts
from flows.services.streams.look import Came, came, look, of_camera, taken
from flows.services.streams.mail import Fetched, Post, mailbox_of
from flows.steps.chain import check_inputs
from flows.steps.summary import Summary, exit_code
from pipeline.alerts.channels import Alerting
from pipeline.card.inbox import loose_in, subfolders
from pipeline.counted import counted
from pipeline.errors import CamtriageError, CardError, in_one_line
from pipeline.streams.settle import Arriving

EVERY_S = 1.0  # between two looks into the folders
SHARE = 9  # listing large folders takes at most a tenth of the time,
LONGEST_PAUSE_S = 30.0  # but a picture is seen within a minute
AGAIN_S = 30.0  # after a look that failed
FAILURES = (CamtriageError, SQLAlchemyError, OSError)  # that may pass; others end the watch
FETCH_EVERY_S = 30.0
SEND_EVERY_S = 30.0  # alerts that wait for their hour or their next try


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened, in one line."""

    line: str
    wrong: bool = False


@dataclass(slots=True)
class _Camera:
    options: RunOptions
    arriving: Arriving
    taken: dict[str, int] = field(default_factory=dict)
    left: bool = True  # an earlier look may have left something
    not_before: float = 0.0


class Fetching:
    """A mailbox that is asked every half minute, beside the looks: its server may be slow."""

    def __init__(self, post: Post) -> None:
        self.post, self.pool = post, ThreadPoolExecutor(1, "mail")
        self.running: Future[Fetched] | None = None
        self.not_before = float("-inf")

    def news(self) -> list[Told]:
        """What came of the last fetch, once; begins the next one when it is time."""
        told: list[Told] = []
        if self.running and self.running.done():
            try:
                fetched = self.running.result()
                told += [Told(line, wrong=True) for line in fetched.left]
            except FAILURES as why:
                told.append(Told(in_one_line(why), wrong=True))
            self.running, self.not_before = None, time.monotonic() + FETCH_EVERY_S
        if self.running is None and time.monotonic() >= self.not_before:
            self.running = self.pool.submit(self.post.fetch)
        return told


class Watch:
    """The folders of a stream, from now on."""

    def __init__(self, streams: Path, options: RunOptions) -> None:
        self.streams, self.options = streams, options
        if not streams.exists():
            raise CardError(f"{streams}: no such folder; make it, and in it one for each camera")
        check_inputs(replace(options, card=str(streams)))  # the models are loaded here
        ready_database(options.database)
        self.alerting = alerting_of()
        mailbox = mailbox_of()
        self.post = Fetching(Post(mailbox, streams)) if mailbox else None
        self.way = silently()  # windows in their order: each has those before
        self.cameras: dict[str, _Camera] = {}
        self.said: set[str] = set()
        self.sent_at = float("-inf")
        self.listing_s = 0.0  # of all folders, the last time

    def once(self) -> Iterator[Told]:
        """Look into every folder once. Raises CardError where the streams' folder is not there."""
        looked, self.listing_s = False, 0.0
        for told in self.post.news() if self.post else ():
            if told.wrong:
                yield from self._once_said(told.line)
            else:
                yield told
        if line := loose_in(self.streams):
            yield from self._once_said(line)
        for folder in subfolders(self.streams):
            try:
                news = self._camera(folder)
            except FAILURES as why:
                yield from self._failed(folder, why)
                continue
            if news:
                looked = True
                yield news
        if self.alerting and (looked or time.monotonic() - self.sent_at >= SEND_EVERY_S):
            try:
                yield from self._send(self.alerting)
            except FAILURES as why:
                yield from self._once_said(in_one_line(why))

    def _camera(self, folder: Path) -> Told | None:
        camera = self.cameras.get(folder.name)
        if camera is None:
            options = of_camera(self.options, folder)
            known = taken(options)
            camera = _Camera(options, Arriving(folder), known or {}, left=known is not None)
            self.cameras[folder.name] = camera
        if time.monotonic() < camera.not_before:
            return None
        began = time.monotonic()
        found = camera.arriving.arrived(camera.taken)
        self.listing_s += time.monotonic() - began
        if not found and not camera.left:
            return None
        began = time.monotonic()
        summary = look(camera.options, found, self.way)
        camera.taken = taken(camera.options) or {}
        camera.left = exit_code(summary) != 0
        camera.not_before = began + AGAIN_S if camera.left else 0.0
        seconds = time.monotonic() - began
        return _line(summary, came(camera.options, found), len(found), seconds)

    def _failed(self, folder: Path, why: Exception) -> Iterator[Told]:
        if camera := self.cameras.get(folder.name):
            camera.left, camera.not_before = True, time.monotonic() + AGAIN_S
        yield from self._once_said(in_one_line(why))

    def _once_said(self, line: str) -> Iterator[Told]:
        if line not in self.said:
            self.said.add(line)
            yield Told(line, wrong=True)

    def _send(self, alerting: Alerting) -> Iterator[Told]:
        self.sent_at = time.monotonic()
        told = send_alerts(self.options.database, alerting)
        if told.sent:
            yield Told(f"sent {counted(told.sent, 'alert')}")
        for line in told.troubles:
            yield from self._once_said(line)


def watch_streams(
    streams: Path, options: RunOptions, go_on: Callable[[], bool] = lambda: True
) -> Iterator[Told]:
    """Look again and again, as long as `go_on` says so; once in any case. The first line says that
    it watches: folder, models and database are as they must be."""
    watch = Watch(streams, options)
    yield Told(f"watching {streams}")
    while True:
        yield from watch.once()
        if not go_on():
            return
        time.sleep(min(LONGEST_PAUSE_S, max(EVERY_S, SHARE * watch.listing_s)))


def _line(summary: Summary, came: Came, files: int, seconds: float) -> Told | None:
    if summary.known and not files:
        return None
    wrong = exit_code(summary) != 0
    whole = Came(summary.states, summary.flags, summary.problems)
    line = (
        f"{summary.batch}: {counted(files, 'file')} in {seconds:.1f} s: {_in_words(came)}; "
        f"{_in_words(whole)} in all"
    )
    return Told(line + ("; NOT finished, tried again" if wrong else ""), wrong)


def _in_words(came: Came) -> str:
    kept, blank = came.states.get("kept", 0), came.states.get("blank", 0)
    problems = f", {counted(came.problems, 'problem')}" if came.problems else ""
    return f"{kept} kept, {blank} blank, {counted(came.flags, 'flag')}{problems}"
