"""Commands about the machine and the database."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Settings
from flows.run_options import MOST_THREADS, RunOptions, database_url

app = typer.Typer()
db = typer.Typer(no_args_is_help=True, help="The database itself.")
app.add_typer(db, name="db")


@app.command()
def doctor(
    database: Database = None,
    settings: Settings = None,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="Instead, how fast each part of a run is here.")
    ] = False,
    threads: Annotated[
        int,
        typer.Option(min=0, max=MOST_THREADS, help="Of the benchmark. 0: one per core."),
    ] = 0,
) -> int:
    """What works on this machine, and what to do about the rest."""
    from flows.services.models import print_benchmark, print_doctor

    if benchmark:
        return print_benchmark(RunOptions(threads=threads).workers())
    return print_doctor(database_url(database), settings)


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
    from flows.services.database import check_and_print

    return check_and_print(database_url(database), dump, files)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    database: Database = None,
) -> int:
    """Copy the whole database into one file, also while a run writes into it.

    camtriage backup /backups/camtriage-2026-11-27.db
    """
    from flows.services.database import backup_and_print

    return backup_and_print(database_url(database), file)


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
    from flows.services.database import restore_and_print

    return restore_and_print(database_url(database), file, replace)


@db.command("migrate")
def db_migrate(database: Database = None) -> int:
    """Bring the database up to this version (SQLite does so by itself, after a backup).

    camtriage db migrate --database postgresql://team@host/camtriage
    """
    from flows.services.database import migrate_and_print

    return migrate_and_print(database_url(database))
