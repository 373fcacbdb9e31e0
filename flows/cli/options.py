"""Options that several commands share, said once."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import SettingsError

Card = Annotated[str, typer.Argument(metavar="CARD", help="Folder of the card's pictures.")]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Else CAMTRIAGE_DATABASE_URL, else camtriage.db here."),
]
Name = Annotated[
    str | None, typer.Option(help="Name of the batch; without one the card's content decides.")
]
Settings = Annotated[str | None, typer.Option(metavar="TOML", help="The study's own numbers.")]
Deployments = Annotated[
    str | None,
    typer.Option(metavar="CSV", help="Camtrap DP deployments.csv: who hung where, when."),
]
Labels = Annotated[str, typer.Option(help="Label set: a name, or a TOML file.")]
Sites = Annotated[str | None, typer.Option(metavar="FILE", help="Species that may occur here.")]
Frame = Annotated[str, typer.Option(help="Frame model: starter, or a folder.")]
Labeller = Annotated[
    str, typer.Option(help="starter, hf-hub:ORG/REPO, local-dir:FOLDER, or an open_clip name.")
]
Pretrained = Annotated[str | None, typer.Option(help="Tag or file for an open_clip name.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder to write into.")]
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
Who = Annotated[str | None, typer.Option(metavar="NAME", help="Who says so.")]


def a_day(text: str | None) -> date:
    """A day as it is typed, today without one; SettingsError says how to write it."""
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError as why:
        raise SettingsError(f"--date {text}: write it as 2026-11-21") from why
