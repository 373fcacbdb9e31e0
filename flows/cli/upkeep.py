"""Commands that look after this machine and the database as a whole."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Settings
from flows.run_options import MOST_THREADS, RunOptions, database_url
from pipeline.counted import counted

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
    if benchmark:
        _benchmark(RunOptions(threads=threads).workers())
    else:
        _examine(database_url(database), settings)
    return 0


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
    from flows.services.upkeep.database import check_database

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
    from flows.services.upkeep.database import backup_database

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
    from flows.services.upkeep.database import restore_database

    restore_database(database_url(database), file, replace, report=print)
    print(f"restored from {file}")
    return 0


@db.command("migrate")
def db_migrate(database: Database = None) -> int:
    """Bring the database up to this version (SQLite does so by itself, after a backup).

    camtriage db migrate --database postgresql://team@host/camtriage
    """
    from flows.services.upkeep.database import migrate_database

    migrate_database(database_url(database), report=print)
    print("the database is up to date")
    return 0


def _examine(url: str, settings: str | None) -> None:
    """Every check on a line; what does not work says what to do about it."""
    from flows.services.upkeep.doctor import examine

    for check in examine(url, settings):
        print(f"{'works' if check.ok else 'look '}  {check.name}: {check.detail}")
        if check.what_to_do:
            print(f"       -> {check.what_to_do}")


def _benchmark(threads: int) -> None:
    """Pictures a second of each part on this machine, and what a run would use."""
    from flows.services.upkeep.benchmark import measure
    from pipeline.models.runtime import has_onnxruntime

    for speed in measure(threads):
        note = "" if speed.used else "   (not used, to compare)"
        print(f"{speed.per_second:8.1f} pictures/s  {speed.part}{note}", flush=True)
    by = "ONNX Runtime on the processor" if has_onnxruntime() else "PyTorch"
    print(f"a run uses {by} and {threads} threads (--threads N for fewer)")
