"""Commands that hand results to other programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Name, Settings
from flows.run_options import database_url
from pipeline.counted import counted

app = typer.Typer()
export = typer.Typer(no_args_is_help=True, help="Hand results to other programs.")
app.add_typer(export, name="export")


@export.command("camtrap-dp")
def camtrap_dp(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    project: Annotated[Path, typer.Option(metavar="TOML", help="Title, contributors, licences.")],
    database: Database = None,
    name: Name = None,
    exact: Annotated[bool, typer.Option("--exact", help="Do not round coordinates.")] = False,
    settings: Settings = None,
) -> int:
    """A Camtrap DP 1.0.2 data package. Reviewers' names and comments go out as they were written.

    camtriage export camtrap-dp package --project project.toml
    """
    from flows.services.exchange.export import export_camtrap_dp

    done = export_camtrap_dp(database_url(database), folder, project, name, exact, settings)
    print(f"{folder}: {_counts(done.counts)}")
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


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())
