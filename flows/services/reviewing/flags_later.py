"""What people saw counts for the poaching rules too: the flags of a deployment are formed again
once its reviewer pauses, so that no key waits for it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import sqlalchemy as sa

from db.core import schema
from db.core.engine import reading, writing
from db.store.deployments import all_deployments
from db.store.reviewing.withdrawn import SCREEN
from flows.execution.databases import known_database
from pipeline.errors import CamtriageError, in_one_line

PAUSE_S = 5.0  # without an answer
LOOKED_BACK = 500  # rows: answers of a screen that was killed before it came to the flags


@dataclass(slots=True)
class FlagsLater:
    """The deployments of one database whose flags are to be formed again."""

    database: str
    pause_s: float = PAUSE_S
    _due: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _told: Event = field(default_factory=Event)
    _ended: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin, with the deployments of the last answers of an earlier screen."""
        r, m, d = schema.review.c, schema.media.c, schema.deployment.c
        last = sa.select(r.media_id, r.source).order_by(r.id.desc()).limit(LOOKED_BACK).subquery()
        names = (
            sa.select(d.name)
            .join(schema.media, m.deployment_id == d.id)
            .join(last, last.c.media_id == m.id)
            .where(last.c.source.startswith(SCREEN))
            .distinct()
        )
        with reading(known_database(self.database)) as conn:
            self._due |= set(conn.execute(names).scalars())
        self._told.set()
        self._thread = Thread(target=self._work, name="flags", daemon=True)
        self._thread.start()

    def tell(self, media_ids: Iterable[int]) -> None:
        """Somebody answered about these pictures."""
        m, d = schema.media.c, schema.deployment.c
        names = sa.select(d.name).join(schema.media, m.deployment_id == d.id)
        with reading(known_database(self.database)) as conn:
            found = conn.execute(names.where(m.id.in_(list(media_ids))).distinct()).scalars().all()
        with self._lock:
            self._due |= set(found)
        self._told.set()

    def end(self) -> None:
        """Form what is due, and stop."""
        self._ended.set()
        self._told.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._ended.is_set():
            self._told.wait()
            self._told.clear()
            while not self._ended.is_set() and self._told.wait(self.pause_s):
                self._told.clear()  # he goes on: wait for the next pause
            self._form()

    def _form(self) -> None:
        """One transaction a deployment: an answer waits for one of them at most."""
        from flows.services.flags_again import flags_again  # slow to import

        with self._lock:
            due, self._due = self._due, set()
        try:
            for name in sorted(due):
                with writing(known_database(self.database)) as conn:
                    places = [one for one in all_deployments(conn) if one.deployment_id == name]
                    for _ in flags_again(conn, places):
                        pass
        except (CamtriageError, sa.exc.SQLAlchemyError) as why:
            logging.getLogger("camtriage").warning("flags are formed later: %s", in_one_line(why))
            with self._lock:
                self._due |= due
