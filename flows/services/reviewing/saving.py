"""Answers of the review screen: saved before the next picture is shown, taken back, given again."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.rows import now_here
from db.queries.reviewing import shown as rows
from db.store.reviewing import favourites, withdrawn
from db.store.reviewing.reviews import names_in_use, save_reviews
from flows.execution.databases import known_database
from flows.services.reviewing.shown import Said, said_in
from pipeline.answers import animals
from pipeline.errors import InputError
from pipeline.records import LIFE_STAGES, SEXES, Review
from pipeline.species.labelset import LabelSet, load_labelset
from pipeline.species.spelling import meant

TYPES = ("animal", "human", "vehicle", "blank", "unknown")
MOST_ANIMALS = 1_000_000  # in one picture
MOST_ROWS = 50  # of one answer
MOST_PLACES = 500  # pictures that one key press is about
LONGEST = {"name": 200, "behavior": 200, "individual_id": 100, "comment": 2000}
NAMES_S = 60  # after which the names in use are read again


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back or given again: the screen shows it."""

    media_ids: tuple[int, ...]  # that one key press was about
    of_visit: bool
    said: tuple[Said, ...]  # of the first of them

    @property
    def media_id(self) -> int:
        """The first of them."""
        return self.media_ids[0]


def said_of(given: object) -> tuple[Said, ...]:
    """The rows of an answer from what the screen sent; InputError says what is wrong with it."""
    if not isinstance(given, list) or not 0 < len(given) <= MOST_ROWS:
        raise InputError(f"an answer has 1 to {MOST_ROWS} rows")
    rows = tuple(_said(row) for row in given)
    kinds = {row.observation_type for row in rows}
    if "blank" in kinds and len(rows) > 1:
        raise InputError("blank beside something else")
    same = [animals(_review(row, "", "", "")) for row in rows]
    if len(set(same)) < len(same):
        raise InputError("two rows say the same: give one row with the number of both")
    return rows


def _said(row: object) -> Said:
    if not isinstance(row, Mapping) or not set(row) <= {*Said.__slots__}:
        raise InputError("a row of an answer is not what the screen sends")
    kind, count = row.get("observation_type"), row.get("count")
    if kind not in TYPES:
        raise InputError(f"unknown type {str(kind)[:50]}; known: {', '.join(TYPES)}")
    if count is not None and (type(count) is not int or not 1 <= count <= MOST_ANIMALS):
        raise InputError(f"count: a whole number from 1 to {MOST_ANIMALS}")
    said = Said(
        kind,
        _text(row, "name"),
        count,
        life_stage=_choice(row, "life_stage", LIFE_STAGES),
        sex=_choice(row, "sex", SEXES),
        behavior=_text(row, "behavior"),
        individual_id=_text(row, "individual_id"),
        comment=_text(row, "comment"),
    )
    described = (said.name, said.count, said.life_stage, said.sex, said.individual_id)
    if kind == "blank" and any(described):
        raise InputError("blank, but with a name, a count or an animal described")
    return said


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST[name]:
        raise InputError(f"{name}: a text of at most {LONGEST[name]} characters")
    return " ".join("".join(c if c.isprintable() else " " for c in value).split()) or None


def _choice(row: Mapping[str, Any], name: str, known: Sequence[str]) -> str | None:
    value = row.get(name) or None
    if value is not None and value not in known:
        raise InputError(f"unknown {name}; known: {', '.join(known)}")
    return value


@dataclass(slots=True)
class Answers:
    """What people answer in one database. Several threads may save at once."""

    database: str
    labels: str = "starter"  # a label set, by whose names answers are spelled
    _labels: LabelSet | None = None  # read once: an answer waits for it
    _names: set[str] | None = None
    _read_at: float = 0.0
    _one_at_a_time: Lock = field(default_factory=Lock)

    def save(
        self, reviewer: str, media_ids: Sequence[int], purpose: str, said: Sequence[Said]
    ) -> int:
        """Save one answer for each of these pictures, or for the visits that begin with them
        (purpose event); committed when it returns the number of rows.

        InputError: one of the pictures is not here; nothing is saved.
        """
        return self.save_each(reviewer, dict.fromkeys(media_ids, tuple(said)), purpose)

    def save_each(self, reviewer: str, said: Mapping[int, Sequence[Said]], purpose: str) -> int:
        """The same of an answer for each picture: all of them are taken back together."""
        # Who holds a visit is not asked again. A claim saves work only: where it ran out and
        # another answered meanwhile, both answers stay as rows, the newest counts, and
        # `review agreement` compares them.
        if not 0 < len(said) <= MOST_PLACES:
            raise InputError(f"an answer is about 1 to {MOST_PLACES} pictures")
        source, at = f"{withdrawn.SCREEN}{secrets.token_hex(8)}", now_here()
        with writing(known_database(self.database)) as conn:
            known = rows.sha256_of(conn, said.keys())
            if lost := said.keys() - known.keys():
                raise InputError(f"{len(lost)} of the pictures are not in the database any more")
            written = {one: self._as_known(conn, one) for one in map(tuple, said.values())}
            reviews = [
                replace(_review(row, known[key], reviewer, purpose), reviewed_at=at)
                for key, one in said.items()
                for row in written[tuple(one)]
            ]
            withdrawn.end_redo(conn, reviewer)
            saved, _ = save_reviews(conn, reviews, source)
        return saved

    def _as_known(self, conn: Connection, said: Sequence[Said]) -> list[Said]:
        """The same rows, with names as they are known here."""
        named = {row.name: 1 for row in said if row.name}
        if not named:
            return list(said)
        with self._one_at_a_time:
            if self._names is None or monotonic() - self._read_at > NAMES_S:
                self._names, self._read_at = names_in_use(conn), monotonic()
            self._labels = self._labels or load_labelset(self.labels)
            respelled, _ = meant(named, self._names, self._labels)
            written = [replace(row, name=respelled.get(row.name or "", row.name)) for row in said]
            self._names |= {row.name for row in written if row.name}
        return written

    def undo(self, reviewer: str) -> Undone | None:
        """Take back what this reviewer saved last, whenever that was; None: nothing is left."""
        with writing(known_database(self.database)) as conn:
            return _undone(withdrawn.take_back(conn, reviewer))

    def redo(self, reviewer: str) -> Undone | None:
        """Give again what was taken back last; None where an answer was saved since."""
        with writing(known_database(self.database)) as conn:
            return _undone(withdrawn.give_again(conn, reviewer))

    def turn_favourite(self, reviewer: str, media_id: int) -> bool:
        """Make a picture a favourite, or none any more; whether it is one now."""
        with writing(known_database(self.database)) as conn:
            if media_id not in rows.sha256_of(conn, [media_id]):
                raise InputError("this picture is not in the database any more")
            return favourites.turn_favourite(conn, media_id, reviewer)

    def sha256_of(self, media_ids: Sequence[int]) -> dict[int, str]:
        """sha-256 by key, of those that are here."""
        with reading(known_database(self.database)) as conn:
            return rows.sha256_of(conn, media_ids)

    def visit_of(self, media_id: int) -> int:
        """First picture of the visit that a picture belongs to."""
        with reading(known_database(self.database)) as conn:
            return rows.visit_of(conn, media_id)


def _review(said: Said, sha256: str, reviewer: str, purpose: str) -> Review:
    return Review(
        sha256,
        said.observation_type,
        said.name,
        said.count,
        reviewer,
        None,
        purpose,
        said.comment,
        said.life_stage,
        said.sex,
        said.behavior,
        said.individual_id,
    )


def _undone(marked: Sequence[Any]) -> Undone | None:
    if not marked:
        return None
    keys = tuple(dict.fromkeys(row.media_id for row in marked))
    said = tuple(said_in(row) for row in marked if row.media_id == keys[0])
    return Undone(keys, marked[0].purpose == "event", said)
