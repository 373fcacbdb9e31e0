"""The database as a whole: verified, backed up, restored, brought up to date."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from db.core import backup, engine
from db.integrity.check import check
from db.integrity.dump import dump
from db.store.batches import all_batches
from flows.execution.databases import known_database
from flows.facts.originals import check_files

Report = Callable[[str], None]  # is given what happens meanwhile, a line at a time


@dataclass(frozen=True, slots=True)
class CheckedDatabase:
    """What a verification found."""

    faults: tuple[str, ...]  # a line each


@dataclass(frozen=True, slots=True)
class WrittenBackup:
    """A backup that was written."""

    file: Path
    size: int  # bytes


def check_database(
    database: str, dump_to: Path | None = None, files: bool = False
) -> CheckedDatabase:
    """Verify the database: references, counts, windows.

    dump_to   also write the canonical dump into this file
    files     also read the originals again and compare
    """
    with engine.reading(known_database(database)) as conn:
        faults = check(conn)
        for batch_id in all_batches(conn) if files else ():
            faults += check_files(conn, batch_id)
        if dump_to is not None:
            dump_to.write_text("\n".join(dump(conn)) + "\n", "utf-8")
    return CheckedDatabase(tuple(faults))


def migrate_database(database: str, report: Report) -> None:
    """Bring the database up to this version; SQLite after a backup, whose place is reported."""
    engine.migrate(database, tell=report)


def backup_database(database: str, file: Path) -> WrittenBackup:
    """Copy the whole database into one new file, also while a run writes into it."""
    backup.backup(database, file)
    return WrittenBackup(file, file.stat().st_size)


def restore_database(database: str, file: Path, replace: bool, report: Report) -> None:
    """Put a backup in the database's place, after it was verified.

    replace   also over a database that holds cards; what was there is kept and its place reported
    """
    backup.restore(database, file, replace, tell=report)
