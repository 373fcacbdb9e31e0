"""Commands about wrong clocks."""

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database, Who, with_options
from flows.run_options import NamingOptions, database_url
from flows.terminal import print_table
from pipeline.counted import counted

if TYPE_CHECKING:  # a command starts without what it does not need
    from collections.abc import Sequence

    from flows.services.clocks import ChangedClock, ShiftPreview

# what names of visits are made of; those of another program need nothing
NAMED_WITH = ("database", "settings", "labels", "sites", "labeller", "pretrained")
app = typer.Typer()
clock = typer.Typer(no_args_is_help=True, help="Clocks that were wrong, repaired and undone.")
app.add_typer(clock, name="clock")

REPAIRS = (
    *("number", "deploymentID", "repair", "stretch", "pictures", "made", "by", "undone"),
    *("undone_by", "comment"),
)
FixedOffset = Annotated[
    str | None,
    typer.Option(
        metavar="OFFSET",
        help="The fixed offset that the clock ran at: +00:00, whatever EXIF says of it; from "
        "then on the times are at the deployment's offset.",
    ),
]
KnownPoints = Annotated[
    list[str] | None, typer.Option(metavar="CAMERA=TRUE", help="A known point; give two.")
]
SHOWN = 6  # pictures before and after: the first, the last, and some between


@clock.command("suspects")
def clock_suspects(
    deployment: Annotated[
        list[str] | None, typer.Argument(metavar="DEPLOYMENT", help="Only these; else all.")
    ] = None,
    database: Database = None,
) -> int:
    """Clocks that look wrong, and the repair that may help.

    Without a time or its hour, dated by the file alone, never set, in the future, following summer
    time, going back while the files go on, outside the deployment, or the sun elsewhere than the
    light of the pictures says: for that a deployment needs 5 pictures in colour and 5 in infrared,
    and those with fewer are named. Packages mark the doubted deployments with timestampIssues.

    camtriage clock suspects
    """
    from flows.services.clocks import suspects
    from pipeline.card.suspects import ENOUGH

    found = suspects(database_url(database), deployment)
    for suspect in found.suspects:
        print(f"{suspect.deployment_id}: {suspect.sentence}")
        if suspect.options:
            name = shlex.quote(suspect.deployment_id)
            print(f"    camtriage clock shift {name} {suspect.options}")
    if not found.suspects:
        print("no clock looks wrong")
    if found.unjudged:
        print(
            f"too few pictures to judge by light, {ENOUGH} in colour and {ENOUGH} in infrared at "
            f"least: {', '.join(found.unjudged)}"
        )
    return 0


@clock.command("shift")
@with_options(NamingOptions, NAMED_WITH)
def clock_shift(
    options: NamingOptions,
    deployment: Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Its deploymentID.")],
    by: Annotated[
        str | None, typer.Option(metavar="TIME", help="Move by this: +1h30m, -365d, 12:00:00.")
    ] = None,
    year: Annotated[int | None, typer.Option(help="The true year of the first picture.")] = None,
    zone: FixedOffset = None,
    am_pm: Annotated[
        bool, typer.Option("--am-pm", help="Exchange morning and afternoon of each day.")
    ] = False,
    drift: KnownPoints = None,
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
) -> int:
    """Show what a repair of a clock makes of its pictures' times, and write it with --yes.

    What the camera wrote is never changed. Visits and flags are formed again; give the labels,
    sites and settings of the card's run where they were not the usual ones.

    camtriage clock shift K012-2026 --by +1h
    """
    from flows.services.clocks import RepairRequest, preview_shift, write_shift

    request = RepairRequest(
        deployment=deployment,
        by=by,
        year=year,
        zone=zone,
        am_pm=am_pm,
        drift=tuple(drift or ()),
        begin=begin,
        end=end,
        first_file=from_file,
        last_file=to_file,
        card=card,
        who=who,
        comment=comment,
    )
    _print_preview(preview_shift(options.database, request))
    _print_written([write_shift(options, request)] if yes else [])
    return 0


@clock.command("set")
@with_options(NamingOptions, NAMED_WITH)
def clock_set(
    options: NamingOptions,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="CSV: path (and batch or deployment), time.")
    ],
    comment: Annotated[str | None, typer.Option(help="From where the times are.")] = None,
    who: Who = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write it; else it is only shown.")] = False,
) -> int:
    """Enter times of pictures that have none, or a day alone; shown first, written with --yes.

    Columns: path (or file) and time, in the camera's clock; batch or deployment where several
    pictures have one path. All rows or none. The pictures form visits again; each card's times are
    a repair that `clock undo` takes back.

    camtriage clock set times.csv --yes
    """
    from flows.services.clock_set import preview_set, write_set

    for preview in preview_set(options.database, table, who, comment):
        _print_preview(preview)
    _print_written(write_set(options, table, who, comment) if yes else [])
    return 0


@clock.command("list")
def clock_list(database: Database = None) -> int:
    """Every repair with its number as CSV, also those that were undone.

    camtriage clock list
    """
    from flows.services.clocks import list_repairs
    from pipeline.card.repair import described, stretch_described

    rows = [
        (
            listed.number,
            listed.repair.deployment_id,
            described(listed.repair),
            stretch_described(listed.repair),
            listed.pictures,
            f"{listed.made_at:%Y-%m-%d}",
            listed.repair.made_by,
            f"{listed.undone_at:%Y-%m-%d}" if listed.undone_at else "",
            listed.undone_by,
            listed.repair.comment,
        )
        for listed in list_repairs(database_url(database))
    ]
    print_table(REPAIRS, rows)
    return 0


@clock.command("undo")
@with_options(NamingOptions, NAMED_WITH)
def clock_undo(
    options: NamingOptions,
    number: Annotated[int, typer.Argument(help="As `clock list` tells it.")],
    who: Who = None,
) -> int:
    """Take a repair back: its pictures have the times again that the camera wrote.

    camtriage clock undo 3
    """
    from flows.services.clocks import undo_shift

    undone = undo_shift(options, number, who)
    formed = counted(undone.visits, "visit")
    name = undone.deployment_id
    print(f"repair {number} is undone: {name} has its camera's times again; {formed} formed")
    return 0


def _print_written(repairs: "Sequence[ChangedClock]") -> None:
    """What stands now and how to take it back; without repairs: that nothing was written."""
    for repair in repairs:
        formed, key = counted(repair.visits, "visit"), repair.number
        print(f"repair {key} stands, {formed} formed again; back: camtriage clock undo {key}")
    if not repairs:
        print("nothing is written yet: add --yes to do it")


def _print_preview(preview: "ShiftPreview") -> None:
    """The repair in words, and some pictures with their times before and after."""
    from pipeline.card.repair import described, stretch_described

    repair, pictures = preview.repair, preview.pictures
    bounds = stretch_described(repair)
    where = f" ({bounds})" if bounds else ""
    print(
        f"{repair.deployment_id}{where}: {counted(len(pictures), 'picture')}, {described(repair)}"
    )
    steps = max(1, min(SHOWN, len(pictures)) - 1)
    shown = sorted({round(i * (len(pictures) - 1) / steps) for i in range(steps + 1)})
    print(f"{'camera wrote':21}{'becomes':21}file")
    for picture in (pictures[i] for i in shown):
        print(f"{_second(picture.before):21}{_second(picture.after):21}{picture.path}")
    if preview.outside_before or preview.outside_after:
        print(
            f"outside the deployment's period: {preview.outside_before} of them before, "
            f"{preview.outside_after} after"
        )


def _second(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else "no time"
