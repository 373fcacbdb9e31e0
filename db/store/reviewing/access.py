"""Who was shown which picture of people as it is. Append-only."""

from collections.abc import Iterable

from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks, media_ids, now


def save_access(conn: Connection, sha256s: Iterable[str], reviewer: str, task: str) -> list[str]:
    """Write that somebody asked for these pictures, each once; those that are not here.

    task   in which part of the review screen: flags, review, ...
    """
    unknown, at = [], now()
    for part in chunks(dict.fromkeys(sha256s)):
        ids = media_ids(conn, part)
        unknown += [sha for sha in part if sha not in ids]
        rows = [
            {"media_id": ids[sha], "reviewer": reviewer, "task": task, "asked_at": at}
            for sha in part
            if sha in ids
        ]
        if rows:
            conn.execute(schema.access_to_people.insert(), rows)
    return unknown
