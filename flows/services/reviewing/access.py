"""Pictures of people as they are: first it is written down who asks, then they may be shown."""

from collections.abc import Sequence

from db.core.engine import writing
from db.store.reviewing.access import save_access
from flows.execution.databases import known_database
from pipeline.errors import InputError


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
