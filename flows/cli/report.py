"""The pages: of one day, and of a study."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import (
    Begin,
    Database,
    Day1,
    End,
    OccasionDays,
    Out,
    Settings,
    Species,
    a_day,
)
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

    from flows.services.study.report import write_day

    for path in write_day(
        database_url(database), a_day(day), out, settings, show_people, thumbnails
    ):
        print(path)
    return 0


@app.command()
def population(
    out: Out,
    begin: Begin = None,
    end: End = None,
    species: Species = None,
    gap_min: Annotated[float, typer.Option(help="Minutes that part two events.")] = 30,
    rule: Annotated[
        str, typer.Option(help="What the gap is counted from: lastRecord or lastIndependentRecord.")
    ] = "lastRecord",
    effort: Annotated[
        str, typer.Option(help="How days are counted: exact, noon, inclusive or duration.")
    ] = "exact",
    occasion_days: OccasionDays = 7,
    day1: Day1 = "survey",
    least_days: Annotated[
        float | None, typer.Option(help="Days watched that an occasion needs; else any.")
    ] = None,
    sensitivity: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="The machine's hits measured elsewhere (scientific_name, se_hits, se_n, sp_hits,"
            " sp_n): adds Rogan and Gladen's numbers.",
        ),
    ] = None,
    database: Database = None,
) -> int:
    """A study as one page and CSV tables: how often, where, when in the day, is it rising.

    camtriage population --from 2026-05-01 --to 2026-07-31 --out study
    """
    from flows.services.study.population import asked, write_population

    ask = asked(begin, end, species, gap_min, rule, effort, occasion_days, day1, least_days)
    return write_population(database_url(database), ask, out, sensitivity)
