"""Pictures of the review screen, made small from the originals; those of people as blocks."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Semaphore
from typing import TypeAlias

import sqlalchemy as sa

from db.core.engine import reading
from db.queries.reviewing import shown as rows
from flows.execution.databases import known_database
from pipeline.card.scan import os_path
from pipeline.errors import InputError
from pipeline.records import NAMED, VISIT
from pipeline.report.day import shows_people
from pipeline.report.thumbnails import film, jpeg

SIZES = {  # pixels, at most
    "strip": (240, 180),
    "tile": (480, 360),
    "big": (1920, 1200),
    "full": (10_000, 10_000),
}
CACHE = 192 * 1024 * 1024  # bytes of pictures ready to be sent
AT_ONCE = max(1, (os.cpu_count() or 1) - 1)  # pictures being made: an answer finds a core free
Key: TypeAlias = tuple[int, str, bool, int | None]  # picture, size, as blocks, frame of a clip
MOST_PEOPLE = 50_000  # pictures of which we remember whether people may be on them


class Missing(InputError):
    """The original is not where the card lay."""


@dataclass(frozen=True, slots=True)
class Roots:
    """Folders in which cards lie now: by the card's name, and those to look through for any."""

    by_name: Mapping[str, Path] = field(default_factory=dict)
    of_any: tuple[Path, ...] = ()

    def of(self, batch: str, root: str) -> list[Path]:
        """Where a card may lie, the likeliest first."""
        named = [self.by_name[batch]] if batch in self.by_name else []
        return [*named, Path(root), *self.of_any, *(place / batch for place in self.of_any)]


def roots(given: list[str]) -> Roots:
    """From the words of --root: NAME=FOLDER for one card, FOLDER for any; InputError: no folder."""
    by_name, of_any = {}, []
    for text in given:
        name, equals, folder = text.partition("=")
        if not equals or Path(text).is_dir():
            name, folder = "", text
        if not Path(folder).is_dir():
            raise InputError(f"--root {text}: there is no folder {folder}")
        if name:
            by_name[name] = Path(folder)
        else:
            of_any.append(Path(folder))
    return Roots(by_name, tuple(of_any))


@dataclass(slots=True)
class Pictures:
    """The pictures of one database. Several threads may ask at once."""

    database: str
    roots: Roots
    bar: float  # p_human from which people may be on a picture
    _made: OrderedDict[Key, bytes] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _people: dict[int, bool] = field(default_factory=dict)
    _one_at_a_time: Lock = field(default_factory=Lock)
    _making: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))

    def picture(self, media_id: int, size: str, clear: bool, number: int | None = None) -> bytes:
        """A JPEG, upright, without what the camera wrote into the original.

        clear   False: where people may be on it, as blocks
        number  of a clip's frame; None: the one that shows most
        Missing: the original is not there. InputError: no such picture or size.
        """
        if size not in SIZES:
            raise InputError(f"unknown size; known: {', '.join(SIZES)}")
        blocks = not clear and self.people_on(media_id)
        key = media_id, size, blocks, number
        if (known := self._known(key)) is not None:
            return known
        with reading(known_database(self.database)) as conn:
            best = rows.frame_shown(conn, media_id)
        with self._making:
            if (known := self._known(key)) is not None:
                return known
            return self._make(key, best)

    def _known(self, key: Key) -> bytes | None:
        with self._one_at_a_time:
            if (known := self._made.get(key)) is not None:
                self._made.move_to_end(key)
            return known

    def _make(self, key: Key, best: int | None) -> bytes:
        """Make a picture and remember it.

        best   of a clip the frame that shows most; None: a picture, which has no other frames"""
        media_id, size, blocks, number = key
        data, within = self._original(media_id), SIZES[size]
        if best is None or number is None:
            made = {key: jpeg(data, within, blocks, best)}
        elif size == "strip":  # all of a clip's at once: each alone would be decoded from its key
            found = film(data, within, blocks)
            made = {(media_id, size, blocks, at): jpg for at, jpg in found.items()}
        else:
            made = {}
        if key not in made:
            made[key] = jpeg(data, within, blocks, number)
        with self._one_at_a_time:
            for place, jpg in made.items():
                if place not in self._made:
                    self._made[place] = jpg
                    self._bytes += len(jpg)
            while self._bytes > CACHE:
                _, old = self._made.popitem(last=False)
                self._bytes -= len(old)
        return made[key]

    def people_on(self, media_id: int) -> bool:
        """Whether people may be on a picture, or on another one of its visit."""
        with self._one_at_a_time:
            known = self._people.get(media_id)
        if known is None:
            with reading(known_database(self.database)) as conn:
                known = any(
                    shows_people(row.p_human, row.observation_type, self.bar)
                    for row in rows.people_on(conn, media_id)
                )
            with self._one_at_a_time:
                if len(self._people) >= MOST_PEOPLE:
                    self._people.clear()
                self._people[media_id] = known
        return known

    def forget(self, media_ids: list[int]) -> None:
        """Somebody answered: what is on these pictures is asked again."""
        with self._one_at_a_time:
            for key in media_ids:
                self._people.pop(key, None)

    def missing(self, media_id: int) -> str | None:
        """What to do where the original is not there; None: it is."""
        try:
            self._path(media_id)
        except Missing as why:
            return str(why)
        return None

    def _original(self, media_id: int) -> bytes:
        path = self._path(media_id)
        try:
            return path.read_bytes()
        except OSError as why:
            raise Missing(f"{path}: cannot be read: {why.strerror}") from None

    def _path(self, media_id: int) -> Path:
        with reading(known_database(self.database)) as conn:
            copies = rows.copies_of(conn, media_id)
            sha256 = rows.sha256_of(conn, [media_id]).get(media_id)
        if sha256 is None:
            raise InputError("no such picture")
        if sha256.startswith((NAMED, VISIT)):
            raise Missing("a data set named it without its bytes: run the card that has it")
        for copy in copies:
            for root in self.roots.of(copy.batch, copy.root):
                path = root / os_path(copy.path)
                if _is_it(root, path, copy):
                    return path
        first = copies[0]
        raise Missing(
            f"card {first.batch} is not at {first.root}: put it in, or start again with "
            f"--root {first.batch}=FOLDER"
        )


def _is_it(root: Path, path: Path, copy: "sa.Row[tuple[object, ...]]") -> bool:
    """A file within the card, as large as the one that was found."""
    try:
        inside = path.resolve().is_relative_to(root.resolve())
        return inside and path.is_file() and path.stat().st_size == copy.size
    except (OSError, ValueError):
        return False
