"""All answers as a table that `review import` reads back."""

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from db.core.engine import reading
from db.queries.reviewing.answers import all_answers
from flows.execution.databases import known_database
from pipeline.answers import given_at
from pipeline.errors import InputError
from pipeline.tables.writer import write_table

COLUMNS = (
    *("media_id", "batch", "deployment_id", "path", "purpose", "answer_number", "counts"),
    *("observation_type", "scientific_name", "count", "life_stage", "sex", "behavior"),
    *("individual_id", "reviewer", "reviewed_at", "comment", "source"),
)


def export_answers(database: str, file: Path) -> int:
    """Write every answer that stands into a new table; its number of rows.

    Read back where they are from, they add nothing; in another database that has the same pictures
    the same answers count. An answer without a time gets that at which it was saved.
    """
    if file.exists():
        raise InputError(f"{file}: is there already; give another name")
    try:
        with reading(known_database(database)) as conn:
            return write_table(file, COLUMNS, map(_row, all_answers(conn)), mark=True)
    except OSError as why:
        raise InputError(f"{file}: cannot be written: {why.strerror}; choose another file") from why


def _row(row: sa.RowMapping) -> Iterator[object]:
    yield from (row["sha256"], row["batch"], row["deployment_id"], row["path"], row["purpose"])
    yield from (row["answer"], "yes" if row["counts"] else "no")
    yield from (row["observation_type"], row["name"], row["count"], row["life_stage"], row["sex"])
    yield from (row["behavior"], row["individual_id"], row["reviewer"])
    yield from (given_at(row["reviewed_at"], row["saved_at"]), row["comment"], row["source"])
