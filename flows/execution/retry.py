"""A database that does not answer, or that another run changes: wait, and run the step again.

Every step saves what it made in whole transactions and looks first at what is saved, so that doing
it again is always right. SQLite waits for locks by itself, and has one writer (db.core.engine); on
PostgreSQL a second run of the same card may replace a visit while this one points to it.
"""

import functools
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import IntegrityError, OperationalError

from pipeline.errors import CamtriageError, DatabaseAway, in_one_line

WAITS_S = (1, 2, 4, 8, 15, 15, 15)  # a server is started again within a minute, or by a person


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def patient(step: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The same step, run again as long as its error may pass within WAITS_S."""

    @functools.wraps(step)
    def waiting(*args: Arguments.args, **more: Arguments.kwargs) -> Result:
        for wait in WAITS_S:
            try:
                return step(*args, **more)
            except (OperationalError, IntegrityError, DatabaseAway) as why:
                if isinstance(getattr(why, "orig", None), sqlite3.Error):
                    raise  # no lost connection, server that starts up, or another run's change
                said = "the database is away or busy, trying again in %s s: %s"
                logging.getLogger("camtriage").warning(said, wait, in_one_line(why))
                time.sleep(wait)
        return step(*args, **more)

    return waiting


def ends_the_run(why: Exception) -> bool:
    """The database is full, locked or away: no other window will do better."""
    return isinstance(why, CamtriageError | OperationalError)
