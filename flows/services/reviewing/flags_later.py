"""What people saw counts for the poaching rules too: the flags of a deployment are formed again
once its reviewer pauses, so that no key waits for it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import sqlalchemy as sa

from db.core import schema
from db.core.engine import reading, writing
from db.core.rows import chunks
from db.store.deployments import all_deployments
from db.store.reviewing.withdrawn import SCREEN
from flows.execution.databases import known_database
from pipeline.errors import CamtriageError, in_one_line
from pipeline.records import Deployment

PAUSE_S = 5.0  # without an answer
LAST_S = 10.0  # at the end
LOOKED_BACK = 500  # rows: answers of a screen that was killed before it came to the flags


@dataclass(slots=True)
class FlagsLater:
    """The deployments of one database whose flags are to be formed again."""

    database: str
    pause_s: float = PAUSE_S
    _due: set[int] = field(default_factory=set)  # pictures that somebody answered about
    _lock: Lock = field(default_factory=Lock)
    _told: Event = field(default_factory=Event)
    _ended: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin, with the deployments of the last answers of an earlier screen."""
        r = schema.review.c
        last = sa.select(r.media_id, r.source).order_by(r.id.desc()).limit(LOOKED_BACK)
        with reading(known_database(self.database)) as conn:
            found = conn.execute(last).all()
        self._due |= {row.media_id for row in found if row.source.startswith(SCREEN)}
        self._told.set()
        self._thread = Thread(target=self._work, name="flags", daemon=True)
        self._thread.start()

    def tell(self, media_ids: Iterable[int]) -> None:
        """Somebody answered about these pictures."""
        with self._lock:
            self._due |= set(media_ids)
        self._told.set()

    def end(self) -> None:
        """Form what is due, and stop. What takes longer is formed when a screen starts again."""
        self._ended.set()
        self._told.set()
        if self._thread is not None:
            self._thread.join(LAST_S)

    def _work(self) -> None:
        while not self._ended.is_set():
            self._told.wait()
            self._told.clear()
            while not self._ended.is_set() and self._told.wait(self.pause_s):
                self._told.clear()  # he goes on: wait for the next pause
            self._form()
        self._form()  # what came in while the last ones were formed

    def _form(self) -> None:
        """One transaction a deployment: an answer waits for one of them at most."""
        from flows.services.flags_again import flags_again  # slow to import

        with self._lock:
            due, self._due = self._due, set()
        if not due:
            return
        try:
            for place in self._places(due):
                with writing(known_database(self.database)) as conn:
                    for _ in flags_again(conn, [place]):
                        pass
        except (CamtriageError, sa.exc.SQLAlchemyError) as why:
            logging.getLogger("camtriage").warning("flags are formed later: %s", in_one_line(why))
            with self._lock:
                self._due |= due

    def _places(self, media_ids: set[int]) -> list[Deployment]:
        m, d = schema.media.c, schema.deployment.c
        names = sa.select(d.name).join(schema.media, m.deployment_id == d.id).distinct()
        with reading(known_database(self.database)) as conn:
            found: set[str] = set()
            for part in chunks(media_ids):
                found |= set(conn.execute(names.where(m.id.in_(part))).scalars())
            return [place for place in all_deployments(conn) if place.deployment_id in found]
