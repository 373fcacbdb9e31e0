"""The pages: of one day, and of a study."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from pipeline.counted import counted

if TYPE_CHECKING:  # a command starts without what it does not need
    from flows.services.study.population import WrittenStudy

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
def evaluate(
    labels: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="What is true: a table with the columns of a review."),
    ] = None,
    reviews: Annotated[
        bool, typer.Option("--reviews", help="What is true: what people reviewed here.")
    ] = False,
    out: Out = Path("evaluation"),
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[
        bool, typer.Option("--show-people", help="Do not pixelate possible people.")
    ] = False,
) -> int:
    """How good blanks, people, vehicles and names are, against what is true: a page and tables.

    camtriage evaluate --reviews --out evaluation
    """
    from flows.services.reviewing.evaluate import write_evaluated
    from pipeline.errors import SettingsError

    if reviews == (labels is not None):
        raise SettingsError("give what is true: --labels TABLE or --reviews")
    done = write_evaluated(database_url(database), out, labels, settings, show_people)
    for path in done.paths:
        print(path)
    for why, count in done.left_out.items():
        print(f"left out: {counted(count, 'picture')} {why}", file=sys.stderr)
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
    from flows.services.study.population import study_request, write_study

    request = study_request(
        begin, end, species, gap_min, rule, effort, occasion_days, day1, least_days
    )
    written = write_study(database_url(database), request, out, sensitivity)
    for path in written.paths:
        print(path)
    for line in study_lines(written):
        print(line, file=sys.stderr)  # so that the paths alone can be piped
    if old := written.old:
        files = f"{counted(len(old), 'history file')} of other calls"
        print(f"{out}: {files}, left as found: {old[0].name}, ...", file=sys.stderr)
    return 0


def study_lines(written: "WrittenStudy") -> Iterator[str]:
    """What a person should know of the numbers."""
    tables, request = written.tables, written.request
    if tables.no_visit:
        yield tables.no_visit
    if tables.visits:
        yield "; ".join(_about_visits(written))
    yield (
        f"events: {request.rule}, {request.gap_s / 60:g} min; effort: {request.effort}; "
        f"outages: {tables.outages}; what was left out: about.csv"
    )
    yield from tables.clocks
    if tables.without_period:
        without = counted(len(tables.without_period), "deployment")
        yield (
            f"{without} without a period in no rate: fill in "
            "`camtriage deployments list`, then `camtriage deployments import` it"
        )


def _about_visits(written: "WrittenStudy") -> Iterator[str]:
    """Who named them, and whether the numbers are corrected by the random sample."""
    visits, reviewed = written.tables.visits, written.tables.reviewed
    if reviewed == visits:
        yield f"{counted(visits, 'visit')}, each told by people"
    else:
        yield (
            f"{counted(visits, 'visit')}, {reviewed} of them told by people, the rest by "
            "the machine"
        )
    if written.in_part:
        yield (
            f"of {counted(written.in_part, 'visit')} people reviewed single pictures alone: "
            "camtriage review sample asks for the whole"
        )
    if written.corrected:
        yield (
            f"{counted(written.corrected, 'answer')} of the random sample take the machine's errors"
            " out in corrected.csv and on the page, all else counts names as they stand"
        )
    elif reviewed < visits and not written.all_told:
        yield "raw numbers, the machine's errors uncorrected: camtriage review sample"
