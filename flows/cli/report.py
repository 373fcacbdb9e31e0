"""The page of a day."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Out, Settings, a_day
from flows.run_options import database_url

app = typer.Typer()


@app.command()
def report(
    day: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Default: today.")
    ] = None,
    out: Out = Path("reports"),
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[
        bool, typer.Option("--show-people", help="Do not pixelate possible people.")
    ] = False,
    thumbnails: Annotated[bool, typer.Option(help="Show pictures at all.")] = True,
) -> int:
    """The page of one day: HTML, Markdown and CSV.

    camtriage report --date 2026-11-21 --out reports
    """

    from flows.services.report import write_day

    for path in write_day(
        database_url(database), a_day(day), out, settings, show_people, thumbnails
    ):
        print(path)
    return 0
