"""Pictures of people as they are: who asks or is shown them is written down."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import sqlalchemy as sa

from db.core.engine import reading, writing
from db.queries.reviewing.shown import sha256_of
from db.store.reviewing.access import save_access
from flows.execution.databases import known_database
from pipeline.errors import CamtriageError, InputError, in_one_line

MOST_TOLD = 200_000  # looks that are remembered, so that each is written once


def ask_for_people(database: str, sha256s: Sequence[str], reviewer: str, task: str) -> None:
    """Write down that a reviewer sees these pictures unpixelated; when this returns they may be
    shown. InputError where nobody is named or a picture is not here: then nothing may be.

    task   in which part of the review screen: flags, review, ...
    """
    if not (reviewer := reviewer.strip()):
        raise InputError("say who you are before you look at people")
    with writing(known_database(database)) as conn:
        if unknown := save_access(conn, sha256s, reviewer, task):
            raise InputError(f"no such picture: {unknown[0][:64]}")


@dataclass(slots=True)
class Looks:
    """What the queues that show people showed: written down once a picture, reviewer and task, just
    after it was sent, so that no key waits for it. Several threads may tell at once."""

    database: str
    _told: set[tuple[str, str, int]] = field(default_factory=set)  # reviewer, task, picture
    _due: list[tuple[str, str, int]] = field(default_factory=list)
    _one_at_a_time: Lock = field(default_factory=Lock)

    def tell(self, reviewer: str, task: str, media_id: int) -> None:
        """A reviewer is shown a picture as it is."""
        with self._one_at_a_time:
            if len(self._told) >= MOST_TOLD:
                self._told.clear()
            if (look := (reviewer, task, media_id)) not in self._told:
                self._told.add(look)
                self._due.append(look)

    def write(self) -> None:
        """Write down what was told since; where the database is held or away, the next time."""
        with self._one_at_a_time:
            due, self._due = self._due, []
        if not due:
            return
        try:
            engine = known_database(self.database)
            with reading(engine) as conn:
                sha256s = sha256_of(conn, {media_id for *_, media_id in due})
            shown: dict[tuple[str, str], list[str]] = defaultdict(list)
            for reviewer, task, media_id in due:
                shown[reviewer, task].append(sha256s[media_id])
            with writing(engine) as conn:
                for (reviewer, task), pictures in shown.items():
                    save_access(conn, pictures, reviewer, task)
        except (CamtriageError, sa.exc.SQLAlchemyError) as why:
            said = "who saw people is written down later: %s"
            logging.getLogger("camtriage").warning(said, in_one_line(why))
            with self._one_at_a_time:
                self._due = due + self._due
