"""Queues of the review screen: what is asked next, and of whom."""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import Lock, Thread

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.queries.population.sample import sample_in_force
from db.queries.reviewing import queues as rows
from db.queries.reviewing.named import Named, named_by
from db.queries.reviewing.queues import VisitFilter
from db.store.reviewing.claims import claim, held_by_others, release
from flows.execution.databases import known_database
from flows.services.reviewing.agreement import second_visits
from flows.services.study.sample import open_visits
from pipeline.errors import CamtriageError, InputError
from pipeline.population.correction.sample import place
from pipeline.population.events.sightings import StudyRequest

VISITS, PICTURES = "visits", "pictures"  # what a queue asks about
KINDS = {  # of queues -> (what they ask about, their title)
    "visits": (VISITS, "Visits"),
    "doubtful": (VISITS, "Doubtful names"),
    "people": (VISITS, "People and vehicles"),
    "flags": (VISITS, "Flags"),
    "sample": (VISITS, "Random sample of visits"),
    "second": (VISITS, "A second look"),
    "cells": (VISITS, "Open cells of occupancy"),
    "audit": (PICTURES, "Audit of the blanks"),
    "query": (VISITS, "Visits of the query"),
    "query_pictures": (PICTURES, "Pictures of the query"),
}
LISTED = (
    *("flags", "sample", "cells", "audit"),
    *("query", "query_pictures"),
)  # whose order is made once for all; others go by keys
SHOWS_PEOPLE = ("flags", "people")  # whose pictures are not pixelated
DOUBTFUL = 0.8  # names with a lower probability, where nobody says another
REFRESH_S = 60  # after which a listed queue is made again,
RESTS = 20  # or after so many times as long as it took
LONGEST = 200  # characters of a filter
LONGEST_SQL = 100_000  # bytes of a file with a SELECT


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as somebody asked for it."""

    kind: str
    filter: VisitFilter = field(default_factory=VisitFilter)

    @property
    def of_visits(self) -> bool:
        return KINDS[self.kind][0] == VISITS

    @property
    def title(self) -> str:
        """What it is called on the page."""
        f = self.filter
        parts = [f.deployment, f.species, f.first_day and f"from {f.first_day}"]
        parts.append(f.last_day and f"to {f.last_day}")
        said = ", ".join(part for part in parts if part)
        title = KINDS[self.kind][1]
        return f"{title}: {said}" if said else title

    @property
    def shows_people(self) -> bool:
        return self.kind in SHOWS_PEOPLE

    @property
    def blind(self) -> bool:
        """Whether nobody is shown what another answered."""
        return self.kind == "second"


@dataclass(frozen=True, slots=True)
class Item:
    """One visit or picture of a queue."""

    media_id: int  # of the picture, or of the first one of the visit
    cursor: int  # where the queue goes on after it
    question: str = ""  # empty: what is on it


def asked_queue(words: Mapping[str, str]) -> Queue:
    """A queue from the words of an address; InputError names what is not understood."""
    known = ("kind", "deployment", "species", "from", "to", "below", "answered")
    if unknown := sorted(set(words) - set(known)):
        raise InputError(f"unknown filter {unknown[0][:LONGEST]}; known: {', '.join(known)}")
    for name, value in words.items():
        if len(value) > LONGEST:
            raise InputError(f"{name}: at most {LONGEST} characters")
    kind = words.get("kind") or "visits"
    if kind not in KINDS:
        raise InputError(f"unknown queue {kind}; known: {', '.join(KINDS)}")
    return Queue(
        kind,
        VisitFilter(
            deployment=words.get("deployment") or None,
            species=words.get("species") or None,
            first_day=_day("from", words),
            last_day=_day("to", words),
            doubtful=_share(words) if kind == "doubtful" else None,
            people=kind == "people",
            answered=words.get("answered") == "yes",
        ),
    )


def _day(name: str, words: Mapping[str, str]) -> str | None:
    text = words.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(f"{name}: write a day as YYYY-MM-DD, not {text}") from None


def _share(words: Mapping[str, str]) -> float:
    text = words.get("below")
    try:
        share = float(text) if text else DOUBTFUL
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InputError(f"below: write a probability from 0 to 1, not {text}")
    return share


def named_by_file(database: str, file: Path) -> Named:
    """What the SELECT in a file names; InputError in one line."""
    try:
        with file.open("rb") as opened:
            written = opened.read(LONGEST_SQL + 1)
        sql = written.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        said = why.strerror if isinstance(why, OSError) else "it is no text in UTF-8"
        raise InputError(f"{file}: cannot be read: {said}") from why
    if len(written) > LONGEST_SQL:
        raise InputError(f"{file}: a SELECT is no longer than {LONGEST_SQL // 1000} kB")
    engine = known_database(database)
    try:
        return named_by(engine, sql)
    except InputError as why:
        raise InputError(f"{file}: {why}") from why


@dataclass(slots=True)
class _List:
    stands_until: float
    keys: list[int]
    places: dict[int, int]  # of each key in the list
    questions: dict[int, str]  # by key, where the queue asks about something


@dataclass(slots=True)
class Queues:
    """The queues of one database. Several threads may ask at once."""

    database: str
    _lists: dict[str, _List] = field(default_factory=dict)
    _making: dict[str, Lock] = field(default_factory=lambda: {kind: Lock() for kind in LISTED})

    @property
    def kinds(self) -> list[str]:
        """Those that are offered by name; of a query only where there is one."""
        lists = [kind for kind in ("query", "query_pictures") if kind in self._lists]
        return [*lists, *(kind for kind in KINDS if not kind.startswith(("visits", "query")))]

    def add_query(self, named: Named) -> None:
        """What a SELECT named is a queue; its list stays what it is while the screen runs."""
        kind = "query" if named.column == "event_id" else "query_pictures"
        keys = list(named.media_ids)
        places = {key: number for number, key in enumerate(keys)}
        self._lists[kind] = _List(math.inf, keys, places, dict.fromkeys(keys, ""))

    def next_items(
        self, queue: Queue, reviewer: str, after: int, most: int, keep: Collection[int] = ()
    ) -> list[Item]:
        """The next ones that nobody answered and nobody else has before him; from now on they are
        this reviewer's.

        after   cursor of the last one; 0: from the beginning
        keep    what he still has before him; the rest of his is given back
        """
        found: list[Item] = []
        engine = known_database(self.database)
        self._prepare(queue.kind)
        with writing(engine) as conn:
            release(conn, reviewer, keep)
            claim(conn, keep, reviewer)
            while len(found) < most:
                some = self._open(conn, queue, reviewer, after, most - len(found) + 8)
                if not some:
                    break
                others = held_by_others(conn, reviewer)
                free = [item for item in some if item.media_id not in others]
                free = [item for item in free if item.media_id not in keep]
                wanted = free[: most - len(found)]
                mine = claim(conn, [item.media_id for item in wanted], reviewer)
                still = self._still_open(conn, queue, mine)
                found += [item for item in wanted if item.media_id in still]
                after = wanted[-1].cursor if wanted else some[-1].cursor
        return found

    def candidates(
        self, queue: Queue, reviewer: str, after: int, most: int, without: Collection[int]
    ) -> list[Item]:
        """Some of the next `most` that nobody answered and nobody else has, but for `without`;
        empty: there is none. They are not yet his."""
        self._prepare(queue.kind)
        with reading(known_database(self.database)) as conn:
            others = held_by_others(conn, reviewer).union(without)
            while some := self._open(conn, queue, reviewer, after, most):
                if free := [item for item in some if item.media_id not in others]:
                    return free
                after = some[-1].cursor
        return []

    def take(
        self, queue: Queue, reviewer: str, items: Sequence[Item], keep: Collection[int]
    ) -> list[Item]:
        """Make these a reviewer's: those that are still free and without an answer.

        keep    what he still has before him; the rest of his is given back
        """
        with writing(known_database(self.database)) as conn:
            release(conn, reviewer, keep)
            claim(conn, keep, reviewer)
            mine = claim(conn, [item.media_id for item in items], reviewer)
            still = self._still_open(conn, queue, mine)
        return [item for item in items if item.media_id in still]

    def hold(self, reviewer: str, keep: Collection[int]) -> None:
        """What a reviewer has before him stays his for a while longer."""
        with writing(known_database(self.database)) as conn:
            claim(conn, keep, reviewer)

    def size(self, queue: Queue, reviewer: str) -> tuple[int, int]:
        """How many visits or pictures it has for this reviewer, and how many are answered."""
        self._prepare(queue.kind)
        with reading(known_database(self.database)) as conn:
            if queue.blind:
                left, done = (second_visits(conn, reviewer, done) for done in (False, True))
                return len(left) + len(done), len(done)
            if queue.kind not in LISTED:
                return rows.count_visits(conn, queue.filter)
            keys = self._lists[queue.kind].keys
            return len(keys), len(keys) - len(rows.open_of(conn, keys, queue.of_visits))

    def _open(
        self, conn: Connection, queue: Queue, reviewer: str, after: int, most: int
    ) -> list[Item]:
        """The next ones without an answer, whoever has them before him."""
        if queue.blind:
            left = [key for key in second_visits(conn, reviewer, False) if key > after]
            return [Item(key, key) for key in left[:most]]
        if queue.kind not in LISTED:
            visits = rows.next_visits(conn, queue.filter, after, most)
            return [Item(media_id, key) for key, media_id in visits]
        listed, found = self._lists[queue.kind], list[Item]()
        at = after
        while at < len(listed.keys) and len(found) < most:
            part = listed.keys[at : at + 200]
            unanswered = rows.open_of(conn, part, queue.of_visits)
            found += [
                Item(key, at + i + 1, listed.questions.get(key, ""))
                for i, key in enumerate(part)
                if key in unanswered
            ]
            at += len(part)
        return found[:most]

    def _still_open(self, conn: Connection, queue: Queue, mine: Collection[int]) -> set[int]:
        """Another may have answered between our look and our claim."""
        if queue.filter.answered or queue.blind:
            return set(mine)
        return rows.open_of(conn, list(mine), queue.of_visits)

    def _prepare(self, kind: str) -> None:
        """Make the list of a listed queue where there is none. An old one stands until the next is
        made, for which nobody waits: in a large database the cells take seconds."""
        if kind not in LISTED:
            return
        known, making = self._lists.get(kind), self._making[kind]
        if known is None and kind.startswith("query"):
            raise InputError("there is no query: camtriage review --query FILE.sql brings one")
        if known is None:
            with making:
                if kind not in self._lists:
                    self._make(kind)
        elif time.monotonic() > known.stands_until and making.acquire(blocking=False):
            Thread(target=self._renew, args=(kind,), name=f"queue {kind}", daemon=True).start()

    def _renew(self, kind: str) -> None:
        try:
            self._make(kind)
        except (CamtriageError, sa.exc.SQLAlchemyError):
            self._lists.pop(kind)  # who asks next is told
        finally:
            self._making[kind].release()

    def _make(self, kind: str) -> None:
        known, begun = self._lists.get(kind), time.monotonic()
        new = _listed(self.database, kind)
        same = known is not None and new.keys() <= known.places.keys()
        keys = known.keys if known and same else list(new)  # cursors stay what they are
        places = {key: number for number, key in enumerate(keys)}
        done = time.monotonic()
        stands = max(REFRESH_S, RESTS * (done - begun))
        self._lists[kind] = _List(done + stands, keys, places, new)


def _listed(database: str, kind: str) -> dict[int, str]:
    """The keys of a listed queue in its order, each with its question."""
    asked = open_visits(database, StudyRequest()) if kind == "cells" else {}
    with reading(known_database(database)) as conn:
        if kind == "cells":
            keys = rows.keys_of(conn, list(asked))
            return {key: " ".join(f"{name}?" for name in asked[sha]) for key, sha in keys}
        if kind == "audit":
            return {key: "" for key, _ in rows.drawn_for_audit(conn)}
        if kind == "flags":
            return {key: "" for key, _ in rows.flagged(conn)}
        sample = sample_in_force(conn)
        if sample is None:
            return {}
        drawn, about = sample  # in the order of the draw: answers count from its top without a gap
        queued = sorted(drawn, key=lambda sha: place(about["seed"], sha))
        return {key: "" for key, _ in rows.keys_of(conn, queued)}
