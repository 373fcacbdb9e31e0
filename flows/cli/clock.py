"""Commands about wrong clocks and about cameras that did not work."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Labeller, Labels, Pretrained, Settings, Sites
from flows.run_options import Job, database_url

app = typer.Typer()
clock = typer.Typer(no_args_is_help=True, help="Clocks that were wrong, repaired and undone.")
outages = typer.Typer(no_args_is_help=True, help="When cameras did not work: no effort.")
app.add_typer(clock, name="clock")
app.add_typer(outages, name="outages")

Deployment = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Its deploymentID.")]
Who = Annotated[str | None, typer.Option(metavar="NAME", help="Who says so.")]


@clock.command("suspects")
def clock_suspects(
    deployment: Annotated[
        list[str] | None, typer.Argument(metavar="DEPLOYMENT", help="Only these; else all.")
    ] = None,
    database: Database = None,
) -> int:
    """Clocks that look wrong, and the repair that may help.

    Never set, in the future, going back while the files go on, outside the deployment, or the sun
    elsewhere than the light of the pictures says.

    camtriage clock suspects
    """
    from flows.services.clocks import print_suspects

    return print_suspects(database_url(database), deployment)


@clock.command("shift")
def clock_shift(
    deployment: Deployment,
    by: Annotated[
        str | None, typer.Option(metavar="TIME", help="Move by this: +1h30m, -365d, 12:00:00.")
    ] = None,
    year: Annotated[
        int | None, typer.Option(help="The year that the first picture should have.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            metavar="OFFSET",
            help="The fixed offset that the clock ran at: +00:00, whatever EXIF says of it; from "
            "then on the times are at the deployment's offset.",
        ),
    ] = None,
    am_pm: Annotated[
        bool, typer.Option("--am-pm", help="Exchange morning and afternoon of each day.")
    ] = False,
    drift: Annotated[
        list[str] | None,
        typer.Option(metavar="CAMERA=TRUE", help="A known point; give two."),
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="First camera time touched.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Last camera time touched.")
    ] = None,
    from_file: Annotated[str | None, typer.Option(metavar="FILE", help="First file.")] = None,
    to_file: Annotated[str | None, typer.Option(metavar="FILE", help="Last file.")] = None,
    card: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only pictures of this batch.")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="Why.")] = None,
    who: Who = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write it; else it is only shown.")] = False,
    labels: Labels = "starter",
    sites: Sites = None,
    settings: Settings = None,
    labeller: Labeller = "starter",
    pretrained: Pretrained = None,
    database: Database = None,
) -> int:
    """Show what a repair of a clock makes of its pictures' times, and write it with --yes.

    What the camera wrote is never changed. Visits and flags are formed again; give the labels,
    sites and settings of the card's run where they were not the usual ones.

    camtriage clock shift K012-2026 --by +1h
    """
    from flows.services.clocks import Ask, shift

    ask = Ask(
        deployment, by, year, zone, am_pm, tuple(drift or ()), begin, end, from_file, to_file, card,
        who, comment,
    )  # fmt: skip
    url = database_url(database)
    job = Job("", None, url, settings, None, labels, sites, "", labeller, pretrained)
    return shift(job, ask, yes)


@clock.command("list")
def clock_list(database: Database = None) -> int:
    """Every repair with its number as CSV, also those that were undone.

    camtriage clock list
    """
    from flows.services.clocks import list_repairs

    return list_repairs(database_url(database))


@clock.command("undo")
def clock_undo(
    number: Annotated[int, typer.Argument(help="As `clock list` tells it.")],
    who: Who = None,
    labels: Labels = "starter",
    sites: Sites = None,
    settings: Settings = None,
    labeller: Labeller = "starter",
    pretrained: Pretrained = None,
    database: Database = None,
) -> int:
    """Take a repair back: its pictures have the times again that the camera wrote.

    camtriage clock undo 3
    """
    from flows.services.clocks import undo

    url = database_url(database)
    job = Job("", None, url, settings, None, labels, sites, "", labeller, pretrained)
    return undo(job, number, who)


@outages.command("add")
def outages_add(
    deployment: Deployment,
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="When it began; a day alone: all of it.")
    ],
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="When it ended. Else with the deployment."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Battery, snow, theft, ...")] = "",
    who: Who = None,
    database: Database = None,
) -> int:
    """Enter a time in which a camera did not work: it is no effort from now on.

    camtriage outages add K012-2026 --from 2026-05-03 --to 2026-05-09 --reason battery
    """
    from flows.services.outages import add

    return add(database_url(database), deployment, begin, end, reason, who)


@outages.command("import")
def outages_import(
    table: Annotated[
        Path, typer.Argument(metavar="CSV", help="Columns deploymentID, start, end, reason.")
    ],
    who: Who = None,
    database: Database = None,
) -> int:
    """Enter all outages of a table, or none of them. Known ones stay as they are.

    camtriage outages import outages.csv
    """
    from flows.services.outages import import_outages

    return import_outages(database_url(database), table, who)


@outages.command("list")
def outages_list(database: Database = None) -> int:
    """All outages as CSV, proposals and dismissed ones too.

    camtriage outages list > outages.csv
    """
    from flows.services.outages import list_outages

    return list_outages(database_url(database))


@outages.command("suggest")
def outages_suggest(
    deployment: Annotated[
        list[str] | None, typer.Argument(metavar="DEPLOYMENT", help="Only these; else all.")
    ] = None,
    database: Database = None,
) -> int:
    """Propose outages from long silence, missing time-lapse pictures, and changed views.

    Each camera is held against its own gaps. No proposal counts until it is accepted.

    camtriage outages suggest
    """
    from flows.services.outages import suggest

    return suggest(database_url(database), deployment)


@outages.command("accept")
def outages_accept(
    number: Annotated[list[int], typer.Argument(help="As `outages suggest` tells them.")],
    who: Who = None,
    database: Database = None,
) -> int:
    """Agree to proposals: their days are no effort from now on.

    camtriage outages accept 3 4 --who Amina
    """
    from flows.services.outages import accept

    return accept(database_url(database), number, who)


@outages.command("remove")
def outages_remove(
    number: Annotated[list[int], typer.Argument(help="As `outages list` tells them.")],
    database: Database = None,
) -> int:
    """Take outages out: their days are effort again.

    A proposal is dismissed: `outages suggest` does not make it again. Removed once more, it may.

    camtriage outages remove 3
    """
    from flows.services.outages import remove

    return remove(database_url(database), number)
