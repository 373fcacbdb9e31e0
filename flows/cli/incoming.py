"""The command that brings in what exists: data sets of others."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database
from flows.run_options import database_url
from pipeline.counted import counted
from pipeline.exchange.incoming.dataset import FORMATS

if TYPE_CHECKING:
    from flows.services.exchange.incoming import ImportedDataSet

MOST_NAMED = 20
app = typer.Typer()


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Its folder, zip or CSV.")],
    database: Database = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}; else as it looks."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Under which it is kept; else as it calls itself.")
    ] = None,
    columns: Annotated[
        Path | None,
        typer.Option(metavar="TOML", help="Which columns of a Timelapse table are what."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
    ] = False,
) -> int:
    """Bring in a data set of others, with or without its pictures: all of it or nothing.

    What people said becomes reviews with their names; what machines said stays apart. The same
    again adds nothing.

    camtriage import package --dry-run
    """
    from flows.services.exchange.incoming import import_data_set

    done = import_data_set(database_url(database), source, form, name, columns, dry_run)
    _print(done)
    if dry_run:
        print("dry run: nothing was written", file=sys.stderr)
    return 0


def _print(done: "ImportedDataSet") -> None:
    rows = ", ".join(f"{many} {table}" for table, many in done.rows.items())
    print(f"{done.name} ({done.form}): {rows}")
    places, pictures = done.places, done.pictures
    print(f"deployments: {len(places.new)} new, {places.known} known")
    for line in places.differs[:MOST_NAMED]:
        print(f"  {line}; ours stays")
    print(
        f"pictures: {pictures.new} new, known by name alone; {pictures.met} met their bytes; "
        f"{pictures.known} known already"
    )
    for (theirs, ours), many in [*pictures.apart.items()][:MOST_NAMED]:
        print(
            f"  {counted(many, 'picture')} of {theirs} stay in {ours}, as the card calls it: "
            f"{theirs} has its effort without them"
        )
    if pictures.apart:
        print("  one camera is two deployments then: in a new database import first, run after it")
    if pictures.standing:
        print(f"  {counted(pictures.standing, 'visit')} without any picture: one stands for each")
    if pictures.doubtful:
        some = ", ".join(pictures.doubtful[:MOST_NAMED])
        print(f"  {counted(len(pictures.doubtful), 'picture')} might be several here: {some}")
    if pictures.gone:
        print(
            f"  {counted(pictures.gone, 'picture')} of an earlier import not in it now: they stay"
        )
    said = {"human": "by people", "machine": "by machines", "unclassified": "unclassified"}
    seen = ", ".join(f"{done.seen.get(kind, 0)} {words}" for kind, words in said.items())
    print(f"observations: {seen}; {counted(done.visits, 'visit')}")
    print(f"answers: {counted(done.answers, 'row')} new")
    if done.as_others:
        rows = counted(done.as_others, "row")
        print(f"  {rows} by people went into others of the same picture or visit")
    if done.outages:
        print(f"{counted(done.outages, 'outage')} entered")
    if done.new_names:
        fresh = [f"{name!r} ({many})" for name, many in done.new_names.items()]
        more = len(fresh) - MOST_NAMED
        print(
            f"names new here: {', '.join(fresh[:MOST_NAMED])}"
            f"{f' and {more} more' if more > 0 else ''}"
        )
    if done.unknown:
        print(f"columns that nothing reads: {', '.join(done.unknown)}")
    for reason, many in done.left_out.items():
        print(f"left out: {many} {reason}")
