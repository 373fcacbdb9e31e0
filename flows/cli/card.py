"""Commands about a card and its pictures."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database, Name, with_options
from flows.run_options import NamingOptions, RunOptions, database_url
from pipeline.counted import counted

if TYPE_CHECKING:  # a command starts without what it does not need
    from flows.steps.card import Card
    from flows.steps.summary import Summary

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
    from flows.prefect.run import run_as_configured

    started = time.perf_counter()
    summary = run_as_configured(options, prefect, runner)
    return _print_summary(summary, time.perf_counter() - started)


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
    from flows.services import ingest

    card = ingest.read(options)
    _print_card(card)
    if not dry_run:
        print(f"batch {ingest.save(options, card)}: saved; `camtriage run` looks at it")
    return 0


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where card, database and report go.")] = Path(
        "demo"
    ),
) -> int:
    """Draw a small card, run the flow on it with the starter models, and write its report."""
    from flows.prefect import demo

    if demo.prepare(folder):
        print(f"drawing a demo card in {demo.card_of(folder)} ...")
        demo.draw(folder)
    started = time.perf_counter()
    made = demo.run_demo(folder)
    code = _print_summary(made.summary, time.perf_counter() - started)
    print(f"report:   {made.page}\ndatabase: {made.database}")
    return code


@app.command()
@with_options(NamingOptions)
def relabel(options: NamingOptions, name: Name = None) -> int:
    """Name everything again: with another label set, or with another program's names.

    camtriage relabel --labels mara.toml
    camtriage relabel --name mara-2026-11 --answers predictions.json
    """
    from flows.services.relabel import relabel

    started = time.perf_counter()
    done = relabel(options, name)
    if done.labelset:
        taxa, digest = len(done.labelset.taxa), done.labelset.digest[:12]
        print(f"label set {done.labelset.name}: {taxa} taxa, digest {digest}")
    seconds = time.perf_counter() - started
    return max((_print_summary(summary, seconds) for summary in done.summaries), default=0)


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
    from flows.services.exchange.hand_over import copy_pictures, pictures_in_state

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


def _print_card(card: "Card") -> None:
    """Deployments as a table, and the counts of files."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(Column("deployment", overflow="fold"), "pictures", "first", "last", "camera")
    for row in card.by_deployment():
        table.add_row(*(escape(str(cell)) for cell in row))
    Console(highlight=False).print(table)
    print(card.counted())


def _print_summary(summary: "Summary", seconds: float) -> int:
    """The numbers of a run as a table, and its last line; gives back the exit code."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from flows.steps.summary import exit_code, last_line, rows

    title = escape(f"batch {summary.batch}")
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in rows(summary):
        table.add_row(name, escape(value))
    Console(highlight=False).print(table)
    print(last_line(summary, seconds))
    return exit_code(summary)
