"""Options that several commands share. Those of a run come from flows/run_options.py."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import Field, fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from flows.run_options import NamingOptions, RunOptions, database_url, parameters, spread

Result = TypeVar("Result")


def _option(described: "Field[Any]") -> Any:
    """What Typer is told of a field of RunOptions."""
    about = described.metadata
    if described.name == "card":
        return typer.Argument(metavar=about["metavar"], help=about["help"])
    low, high = about["within"] or (None, None)
    words = f"--{described.name.replace('_', '-')}"  # in full: a flag has no `--no-...`
    return typer.Option(words, metavar=about["metavar"], help=about["help"], min=low, max=high)


_OF_A_RUN = {described.name: _option(described) for described in fields(RunOptions)}
Database = Annotated[str | None, _OF_A_RUN["database"]]
Settings = Annotated[str | None, _OF_A_RUN["settings"]]
Frame = Annotated[str, _OF_A_RUN["frame"]]
Name = Annotated[str | None, typer.Option(help="Only the batch of this name; else every batch.")]
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
    from pipeline.tables.times import option_day

    return date.today() if text is None else option_day("--date", text)


def with_options(
    kind: type[NamingOptions], only: Iterable[str] | None = None
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """The fields of an options class (or `only` these) as the options of a command, which gets one
    object in their place."""
    given = [_parameter(described, named) for described, named in parameters(kind, only)]

    def make(database: str | None = None, **values: Any) -> NamingOptions:
        return kind(database=database_url(database), **values)

    return lambda command: spread(command, given, make)


def _parameter(described: "Field[Any]", named: inspect.Parameter) -> inspect.Parameter:
    option = _OF_A_RUN[described.name]
    if described.name == "card":
        return named.replace(annotation=Annotated[str, option], default=inspect.Parameter.empty)
    if described.metadata["secret"]:  # not given is not the same as given and empty
        return named.replace(annotation=Database, default=None)
    return named.replace(annotation=Annotated[named.annotation, option])
