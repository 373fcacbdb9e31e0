"""Commands about a card and its pictures."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Name, with_options
from flows.run_options import NamingOptions, RunOptions, database_url
from pipeline.counted import counted

app = typer.Typer()


@app.command()
@with_options(RunOptions)
def run(
    options: RunOptions,
    prefect: Annotated[
        bool, typer.Option("--prefect", help="Run as a Prefect flow, with or without a server.")
    ] = False,
    runner: Annotated[
        str | None,
        typer.Option(help="Who does the windows of the flow: threads, dask, dask://HOST:PORT."),
    ] = None,
) -> int:
    """Take a card from files to results in the database.

    camtriage run /media/card --name mara-2026-11
    """
    from flows.prefect.run import run_and_print

    return run_and_print(options, prefect, runner)


@app.command()
@with_options(RunOptions, only=("card", "name", "database", "settings", "deployments", "file_date"))
def ingest(
    options: RunOptions,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what is found and write nothing.")
    ] = False,
) -> int:
    """Only the first step: what files and deployments a card holds.

    camtriage ingest /media/card --dry-run
    """
    from flows.prefect.run import ingest_and_print

    return ingest_and_print(options, dry_run)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where card, database and report go.")] = Path(
        "demo"
    ),
) -> int:
    """Draw a small card, run the flow on it with the starter models, and write its report."""
    from flows.prefect.demo import run_demo

    return run_demo(folder)


@app.command()
@with_options(NamingOptions)
def relabel(options: NamingOptions, name: Name = None) -> int:
    """Name everything again from the stored vectors: another label set, no picture touched.

    camtriage relabel --labels mara.toml
    """
    from flows.prefect.run import relabel_and_print

    return relabel_and_print(options, name)


@app.command()
def blanks(
    database: Database = None,
    name: Name = None,
    listed: Annotated[
        bool,
        typer.Option(
            "--list", help="Print p_blank and path, surest blanks first; without --copy so."
        ),
    ] = False,
    copy: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy them there.")] = None,
) -> int:
    """The pictures called blank, for other tools. Nothing is moved or deleted.

    camtriage blanks --copy /data/blanks
    """
    return _hand_over(database_url(database), "blank", name, copy, listed or copy is None)


@app.command()
def kept(
    database: Database = None,
    name: Name = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Print p_blank and path; without --copy so.")
    ] = False,
    copy: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy them there.")] = None,
) -> int:
    """The pictures that were kept, for other tools.

    camtriage kept --list
    """
    return _hand_over(database_url(database), "kept", name, copy, listed or copy is None)


def _hand_over(url: str, state: str, batch: str | None, copy: Path | None, listed: bool) -> int:
    """Print the pictures in a state, or copy them. 1: some are not there any more."""
    from flows.services.hand_over import copy_pictures, pictures_in_state

    pictures = pictures_in_state(url, state, batch)
    if listed:
        for picture in pictures:
            print(f"{picture.p_blank:.3f}\t{picture.root}/{picture.path}")
    if copy is None:
        return 0
    done = copy_pictures(pictures, copy)
    gone = f"; {len(done.gone)} not there any more" if done.gone else ""
    print(f"{counted(done.copied, 'picture')} in {copy}{gone}")
    return 1 if done.gone else 0
