"""What `camtriage check`, `backup`, `restore` and `db migrate` do and print."""

from pathlib import Path

from db.core.engine import migrate, reading
from flows.execution.databases import known_database
from pipeline.counted import counted


def check_and_print(database: str, dump_to: Path | None, files: bool) -> int:
    """Verify the database, and the originals if asked. 0: nothing found; 1: every fault a line."""
    from db.integrity.check import check, check_files
    from db.integrity.dump import dump
    from db.store.batches import all_batches

    with reading(known_database(database)) as conn:
        faults = check(conn)
        for batch_id in all_batches(conn) if files else ():
            faults += check_files(conn, batch_id)
        if dump_to is not None:
            dump_to.write_text("\n".join(dump(conn)) + "\n", "utf-8")
    for line in faults:
        print(line)
    print(counted(len(faults), "fault") if faults else "no fault found")
    return 1 if faults else 0


def migrate_and_print(database: str) -> int:
    migrate(database, tell=print)
    print("the database is up to date")
    return 0


def backup_and_print(database: str, file: Path) -> int:
    from db.core.backup import backup

    backup(database, file)
    print(f"{file}: {file.stat().st_size} bytes; `camtriage restore` brings it back")
    return 0


def restore_and_print(database: str, file: Path, replace: bool) -> int:
    from db.core.backup import restore

    restore(database, file, replace, tell=print)
    print(f"restored from {file}")
    return 0
