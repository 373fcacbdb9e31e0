"""Commands about the database as a whole."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database
from flows.run_options import database_url
from pipeline.counted import counted

app = typer.Typer()
db = typer.Typer(no_args_is_help=True, help="The database itself.")
app.add_typer(db, name="db")


@app.command()
def check(
    database: Database = None,
    dump: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the canonical dump.")
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="Also read the originals again and compare.")
    ] = False,
) -> int:
    """Verify the database: references, counts, windows; and the originals if asked.

    camtriage check --dump dump.txt
    """
    from flows.services.database import check_database

    faults = check_database(database_url(database), dump, files).faults
    for fault in faults:
        print(fault)
    print(counted(len(faults), "fault") if faults else "no fault found")
    return 1 if faults else 0


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    database: Database = None,
) -> int:
    """Copy the whole database into one file, also while a run writes into it.

    camtriage backup /backups/camtriage-2026-11-27.db
    """
    from flows.services.database import backup_database

    written = backup_database(database_url(database), file)
    print(f"{written.file}: {written.size} bytes; `camtriage restore` brings it back")
    return 0


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `camtriage backup` wrote.")],
    database: Database = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also over a database that holds cards.")
    ] = False,
) -> int:
    """Put a backup in the database's place, after it was verified. What was there is kept beside.

    camtriage restore /backups/camtriage-2026-11-27.db --replace
    """
    from flows.services.database import restore_database

    restore_database(database_url(database), file, replace, report=print)
    print(f"restored from {file}")
    return 0


@db.command("migrate")
def db_migrate(database: Database = None) -> int:
    """Bring the database up to this version (SQLite does so by itself, after a backup).

    camtriage db migrate --database postgresql://team@host/camtriage
    """
    from flows.services.database import migrate_database

    migrate_database(database_url(database), report=print)
    print("the database is up to date")
    return 0
