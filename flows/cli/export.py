"""Commands that hand results to other programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database, Name, Settings
from flows.run_options import database_url
from pipeline.counted import counted

if TYPE_CHECKING:  # a command starts without what it does not need
    from flows.services.exchange.outgoing import Written

Project = Annotated[Path, typer.Option(metavar="TOML", help="Title, contributors, licences.")]
Exact = Annotated[bool, typer.Option("--exact", help="Do not round coordinates.")]
Protected = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Names of any rank, one a line; where they were seen, 0.1 of a degree, whatever else.",
    ),
]
People = Annotated[bool, typer.Option("--people", help="People and vehicles too.")]
MediaUrl = Annotated[
    str | None,
    typer.Option("--media-url", metavar="URL", help="Where the pictures lie, before their paths."),
]
Labels = Annotated[
    str, typer.Option(help="Label set that knows families and orders: a name, or a TOML file.")
]
MOST_NAMED = 10  # deployments, in one line
app = typer.Typer()
export = typer.Typer(no_args_is_help=True, help="Hand results to other programs.")
app.add_typer(export, name="export")


@export.command("camtrap-dp")
def camtrap_dp(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    project: Project,
    database: Database = None,
    name: Name = None,
    exact: Exact = False,
    protected: Protected = None,
    settings: Settings = None,
) -> int:
    """A Camtrap DP 1.0.2 data package. Reviewers' names and comments go out as they were written.

    camtriage export camtrap-dp package --project project.toml
    """
    from flows.services.exchange.export import export_camtrap_dp

    url = database_url(database)
    done = export_camtrap_dp(url, folder, project, name, exact, settings, protected)
    print(f"{folder}: {_counts(done.counts)}")
    if empty := done.deployments_left_out:
        some = ", ".join(empty[:MOST_NAMED]) + (", ..." if len(empty) > MOST_NAMED else "")
        why = "they belong to no card" if name else "their place, period or offset is not known"
        print(f"{counted(len(empty), 'deployment')} without pictures left out, {why}: {some}")
    if done.left_out:
        print(f"{counted(done.left_out, 'picture')} without a time: left_out.csv")
    if done.time_lapse:
        own = "with their own observations" if "media" in done.levels else "without any"
        visits = counted(done.time_lapse, "time-lapse visit")
        print(f"{visits} without an event: pictures in media.csv, {own}")
    return 0


@export.command("megadetector")
def megadetector(
    file: Annotated[Path, typer.Argument(metavar="JSON")],
    database: Database = None,
    name: Name = None,
) -> int:
    """MegaDetector results, format 1.6, as Timelapse and others read them.

    camtriage export megadetector results.json --name mara-2026-11
    """
    from flows.services.exchange.export import export_megadetector

    done = export_megadetector(database_url(database), file, name)
    print(f"{file}: {_counts(done.counts)}")
    return 0


@export.command("darwin-core")
def darwin_core(
    file: Annotated[Path, typer.Argument(metavar="ZIP")],
    project: Project,
    database: Database = None,
    name: Name = None,
    exact: Exact = False,
    protected: Protected = None,
    media_url: MediaUrl = None,
    labels: Labels = "starter",
    settings: Settings = None,
) -> int:
    """A Darwin Core archive, as GBIF takes it: animals and their public pictures; no people.

    camtriage export darwin-core archive.zip --project project.toml --protected protected.txt
    """
    from flows.services.exchange.outgoing import Sharing, export_darwin_core

    sharing = Sharing(name, exact, protected, labels=labels)
    url = database_url(database)
    _say(export_darwin_core(url, file, project, sharing, settings, media_url))
    return 0


@export.command("wildlife-insights")
def wildlife_insights(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    project: Project,
    database: Database = None,
    name: Name = None,
    exact: Exact = False,
    protected: Protected = None,
    people: People = False,
    media_url: MediaUrl = None,
    labels: Labels = "starter",
) -> int:
    """Wildlife Insights' tables for bulk upload: projects, cameras, deployments, images.

    camtriage export wildlife-insights upload --project project.toml --media-url gs://bucket/mara/
    """
    from flows.services.exchange.outgoing import Sharing, export_wildlife_insights

    sharing = Sharing(name, exact, protected, people, labels)
    _say(export_wildlife_insights(database_url(database), folder, project, sharing, media_url))
    return 0


@export.command("timelapse")
def timelapse(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    database: Database = None,
    name: Name = None,
) -> int:
    """A table that Timelapse imports, and recognitions to copy beside the pictures.

    camtriage export timelapse for-timelapse --name mara-2026-11
    """
    from flows.services.exchange.outgoing import export_for_timelapse

    _say(export_for_timelapse(database_url(database), folder, name))
    return 0


@export.command("speciesnet")
def speciesnet(
    file: Annotated[Path, typer.Argument(metavar="JSON")],
    database: Database = None,
    name: Name = None,
    labels: Labels = "starter",
) -> int:
    """The models' results as SpeciesNet's predictions, labels with seven fields.

    camtriage export speciesnet predictions.json --name mara-2026-11
    """
    from flows.services.exchange.outgoing import Sharing, export_speciesnet

    _say(export_speciesnet(database_url(database), file, Sharing(name, labels=labels)))
    return 0


@export.command("map")
def map_(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    database: Database = None,
    name: Name = None,
    exact: Exact = False,
    protected: Protected = None,
    people: People = False,
    labels: Labels = "starter",
) -> int:
    """Stations and visits as points: .geojson, or .gpkg for QGIS.

    camtriage export map mara.gpkg --protected protected.txt
    """
    from flows.services.exchange.outgoing import Sharing, export_map

    _say(export_map(database_url(database), file, Sharing(name, exact, protected, people, labels)))
    return 0


def _say(done: "Written") -> None:
    print(f"{done.path}: {_counts(done.counts)}")
    if done.rounded:
        places = counted(done.rounded, "deployment")
        print(f"{places} at places of protected species, rounded to 0.1 of a degree")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())
