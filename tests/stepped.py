"""camtriage as a child process that says where it is, so that it can be stopped at any place.

    python -m tests.stepped TELL HEAR STEP NTH -- run card --name c

TELL and HEAR are descriptors of two pipes. The child tells `begin STEP` and, as STEP ends, `end
STEP SECONDS STATEMENTS`; at the NTH statement to the database (a commit is one) of STEP it tells
`here` and waits for a line. Nothing else is changed: it is the program itself that runs.
"""

import functools
import os
import sys
import threading
import time
from datetime import datetime

STEPS = ("ingest", "save_card", "score_windows", "audit", "label", "visits", "flags", "finish")


class Told:
    """What has been told, and where to stop."""

    def __init__(self, tell: int, hear: int, step: str, nth: int) -> None:
        self.out, self.hear = tell, os.fdopen(hear, "rb")
        self.step, self.nth = step, nth
        self.now, self.statements = "start", 0
        self.lock = threading.Lock()

    def say(self, line: str) -> None:
        os.write(self.out, f"{line}\n".encode())

    def wrapped(self, function):
        """The same step, announced."""

        @functools.wraps(function)
        def announced(*args, **more):
            with self.lock:
                if self.now != function.__name__:  # windows are looked at side by side
                    self.now, self.statements = function.__name__, 0
                self.say(f"begin {self.now}")
            begun = time.perf_counter()
            try:
                return function(*args, **more)
            finally:
                seconds = time.perf_counter() - begun
                self.say(f"end {function.__name__} {seconds:.4f} {self.statements}")

        return announced

    def statement(self, *_) -> None:
        with self.lock:
            self.statements += 1
            if (self.now, self.statements) == (self.step, self.nth):
                self.say("here")
                self.hear.readline()


def main() -> None:
    tell, hear, step, nth, _, *words = sys.argv[1:]
    told = Told(int(tell), int(hear), step, int(nth))
    from sqlalchemy import Engine, event

    import db.core.engine
    import db.core.rows
    import db.store.batches
    import flows.steps.chain
    import flows.steps.ingest
    from flows.cli import main as cli
    from flows.execution import retry as patience

    if seconds := os.environ.get("CAMTRIAGE_TEST_BUSY_S"):  # how long for another's lock
        db.core.engine.BUSY_S = float(seconds)
    if waits := os.environ.get("CAMTRIAGE_TEST_WAITS_S"):  # how long it waits for its database
        patience.WAITS_S = tuple(float(one) for one in waits.split())

    if moment := os.environ.get("CAMTRIAGE_TEST_NOW"):  # what the computer's clock says
        db.core.rows.now = db.store.batches.now = lambda: datetime.fromisoformat(moment)
    for name in STEPS:
        room = flows.steps.ingest if name == "save_card" else flows.steps.chain
        setattr(room, name, told.wrapped(getattr(room, name)))
    event.listen(Engine, "before_cursor_execute", told.statement)
    event.listen(Engine, "commit", told.statement)
    sys.argv[1:] = words
    cli.main()


if __name__ == "__main__":
    main()
