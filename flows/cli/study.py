"""Commands of a study: reviews, places and periods, the day's page, population."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Name, Out, Settings, a_day
from flows.run_options import database_url

app = typer.Typer()
audit = typer.Typer(no_args_is_help=True, help="A random sample of the blanks, for a person.")
review = typer.Typer(no_args_is_help=True, help="What people saw in pictures.")
deployments = typer.Typer(no_args_is_help=True, help="Which camera hung where, and when.")
app.add_typer(audit, name="audit")
app.add_typer(review, name="review")
app.add_typer(deployments, name="deployments")


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


Begin = Annotated[
    str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day, included.")
]
End = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day, included.")]
Species = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Only this; may be repeated. Else every animal.",
    ),
]
OccasionDays = Annotated[int, typer.Option(help="Days of a history's occasion.")]
Day1 = Annotated[
    str,
    typer.Option("--day1", help="Where histories begin: survey, station (its own), or a date."),
]


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
    from flows.services.population import asked, write_population

    ask = asked(begin, end, species, gap_min, rule, effort, occasion_days, day1, least_days)
    return write_population(database_url(database), ask, out, sensitivity)


@audit.command("sheet")
def audit_sheet(
    out: Out = Path("audit"),
    name: Name = None,
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[bool, typer.Option("--show-people")] = False,
) -> int:
    """One page of the drawn blanks, and a CSV to fill in.

    camtriage audit sheet --out audit
    """
    from flows.services.reviews import write_sheet

    for path in write_sheet(database_url(database), out, name, settings, show_people):
        print(path)
    return 0


@review.command("import")
def review_import(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="The filled-in sheet.")],
    database: Database = None,
    reviewer: Annotated[
        str | None, typer.Option(help="Who looked, if the CSV does not say.")
    ] = None,
) -> int:
    """Read back what a person saw. Append-only: the newest word wins in every view.

    camtriage review import audit/audit.csv --reviewer Amina
    """
    from flows.services.reviews import import_reviews

    return import_reviews(database_url(database), table, reviewer)


@review.command("sample")
def review_sample(
    out: Out = Path("sample"),
    events: Annotated[int, typer.Option(help="Visits to draw in all.")] = 300,
    seed: Annotated[
        int, typer.Option(help="Of the draw; keep it, and a larger sample holds the smaller one.")
    ] = 1,
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[bool, typer.Option("--show-people")] = False,
) -> int:
    """A random sample of visits to look at: corrects the machine's errors in every number.

    camtriage review sample --events 300 --out sample
    """
    from flows.services.sample import write_sample

    for path in write_sample(database_url(database), out, events, seed, settings, show_people):
        print(path)
    return 0


@review.command("queue")
def review_queue(
    out: Out = Path("queue"),
    begin: Begin = None,
    end: End = None,
    species: Species = None,
    occasion_days: OccasionDays = 7,
    day1: Day1 = "survey",
    most: Annotated[int, typer.Option(help="Visits in the sheet.")] = 500,
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[bool, typer.Option("--show-people")] = False,
) -> int:
    """The visits that settle occupancy: one for each station and occasion nobody has confirmed.

    camtriage review queue --species "Panthera leo" --out queue
    """
    from flows.services.population import asked
    from flows.services.sample import write_queue

    ask = asked(begin, end, species, occasion_days=occasion_days, day1=day1)
    for path in write_queue(database_url(database), out, ask, settings, show_people, most):
        print(path)
    return 0


@deployments.command("list")
def deployments_list(database: Database = None) -> int:
    """Everything known, as a Camtrap DP deployments.csv to fill in.

    camtriage deployments list > deployments.csv
    """
    from flows.services.deployments import list_deployments

    return list_deployments(database_url(database))


@deployments.command("import")
def deployments_import(
    table: Annotated[Path, typer.Argument(metavar="CSV")], database: Database = None
) -> int:
    """Read the table back: places, periods, offsets, tags. All of it or nothing.

    camtriage deployments import deployments.csv
    """
    from flows.services.deployments import import_deployments

    return import_deployments(database_url(database), table)


@deployments.command("edit")
def deployments_edit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its deploymentID.")],
    location: Annotated[str | None, typer.Option(help="locationID: the station.")] = None,
    location_name: Annotated[str | None, typer.Option(help="The place in words.")] = None,
    latitude: Annotated[str | None, typer.Option(metavar="DEGREES")] = None,
    longitude: Annotated[str | None, typer.Option(metavar="DEGREES")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Set up: 2026-05-01T09:30:00.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Taken down.")] = None,
    offset: Annotated[
        str | None, typer.Option(metavar="+HH:MM", help="Fixed offset of the camera's clock.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="cameraID, or its serial number.")] = None,
    tags: Annotated[
        str | None, typer.Option(help='deploymentTags: "access:closed | site:A".')
    ] = None,
    database: Database = None,
) -> int:
    """Change some columns of one deployment; "" clears one. Checked as an imported table is.

    camtriage deployments edit mara/CamA --location A --start 2026-05-01T09:30 --offset +03:00
    """
    from flows.services.deployments import edit_deployment

    columns = {
        "locationID": location,
        "locationName": location_name,
        "latitude": latitude,
        "longitude": longitude,
        "deploymentStart": start,
        "deploymentEnd": end,
        "cameraID": camera,
        "deploymentTags": tags,
    }
    given = {column: text for column, text in columns.items() if text is not None}
    return edit_deployment(database_url(database), name, given, offset)


@deployments.command("remove")
def deployments_remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its deploymentID.")],
    database: Database = None,
) -> int:
    """Forget a deployment to which no picture belongs: a slip in a table.

    camtriage deployments remove mara/CamX
    """
    from flows.services.deployments import remove_deployment

    return remove_deployment(database_url(database), name)


@deployments.command("check")
def deployments_check(database: Database = None) -> int:
    """What is missing or contradicts itself: ends, places, cameras in two places, pictures outside.

    camtriage deployments check
    """
    from flows.services.deployments import check_deployments

    return check_deployments(database_url(database))
