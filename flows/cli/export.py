"""Commands that hand results to other programs."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Name
from flows.run_options import database_url

app = typer.Typer()
export = typer.Typer(no_args_is_help=True, help="Hand results to other programs.")
app.add_typer(export, name="export")


@export.command("camtrap-dp")
def export_camtrap_dp(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    project: Annotated[Path, typer.Option(metavar="TOML", help="Title, contributors, licences.")],
    database: Database = None,
    name: Name = None,
    exact: Annotated[bool, typer.Option("--exact", help="Do not round coordinates.")] = False,
) -> int:
    """A Camtrap DP 1.0.2 data package.

    camtriage export camtrap-dp package --project project.toml
    """
    from flows.services.export import camtrap_dp

    return camtrap_dp(database_url(database), folder, project, name, exact)


@export.command("megadetector")
def export_megadetector(
    file: Annotated[Path, typer.Argument(metavar="JSON")],
    database: Database = None,
    name: Name = None,
) -> int:
    """MegaDetector results, format 1.6, as Timelapse and others read them.

    camtriage export megadetector results.json --name mara-2026-11
    """
    from flows.services.export import megadetector

    return megadetector(database_url(database), file, name)
