"""Places and periods: which camera hung where, and when."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database
from flows.run_options import database_url

app = typer.Typer()
deployments = typer.Typer(no_args_is_help=True, help="Which camera hung where, and when.")
app.add_typer(deployments, name="deployments")


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
