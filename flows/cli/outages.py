"""Commands about times in which cameras did not work."""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database, Who
from flows.run_options import database_url
from flows.terminal import print_table
from pipeline.counted import counted, taken

if TYPE_CHECKING:  # a command starts without what it does not need
    from flows.services.outages import EnteredOutages, NumberedOutage

app = typer.Typer()
outages = typer.Typer(no_args_is_help=True, help="When cameras did not work: no effort.")
app.add_typer(outages, name="outages")

COLUMNS = ("number", "deploymentID", "start", "end", "days", "reason", "source", "accepted", "by")


@outages.command("add")
def outages_add(
    deployment: Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Its deploymentID.")],
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
    from flows.services.outages import add_outage

    _print_entered(add_outage(database_url(database), deployment, begin, end, reason, who))
    return 0


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

    _print_entered(import_outages(database_url(database), table, who))
    return 0


@outages.command("list")
def outages_list(database: Database = None) -> int:
    """All outages as CSV, proposals and dismissed ones too.

    camtriage outages list > outages.csv
    """
    from flows.services.outages import list_outages

    _print_outages(list_outages(database_url(database)))
    return 0


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
    from flows.services.outages import suggest_outages

    found = suggest_outages(database_url(database), deployment)
    for name in found.not_judged:
        print(
            f"{name}: left out, its clock is not to be trusted",
            file=sys.stderr,
        )
    for name in found.without_time:
        print(f"{name}: left out, no picture has a time: camtriage clock set", file=sys.stderr)
    _print_outages(found.waiting)
    if found.waiting:
        print("none of these counts before a person says so: camtriage outages accept NUMBER ...")
    return 0


@outages.command("accept")
def outages_accept(
    number: Annotated[list[int], typer.Argument(help="As `outages suggest` tells them.")],
    who: Who = None,
    database: Database = None,
) -> int:
    """Agree to proposals: their days are no effort from now on.

    camtriage outages accept 3 4 --who Amina
    """
    from flows.services.outages import accept_outages

    accepted = accept_outages(database_url(database), number, who)
    already = ", the others were already" if accepted.known else ""
    print(f"{counted(accepted.new, 'outage')} accepted{already}")
    return 0


@outages.command("remove")
def outages_remove(
    number: Annotated[list[int], typer.Argument(help="As `outages list` tells them.")],
    database: Database = None,
) -> int:
    """Take outages out: their days are effort again.

    A proposal is dismissed: `outages suggest` does not make it again. Removed once more, it may.

    camtriage outages remove 3
    """
    from db.store.outages import period
    from flows.services.outages import remove_outages

    for outage in remove_outages(database_url(database), number):
        verb = "dismissed" if outage.source == "proposed" else "removed"
        print(f"{verb}: {period(outage)}")
    return 0


def _print_entered(entered: "EnteredOutages") -> None:
    from db.store.outages import period

    known = f", {entered.known} known" if entered.known else ""
    print(f"{counted(entered.new, 'outage')} entered{known}")
    for outage, pictures in entered.within:
        print(f"{period(outage)}: {taken(pictures)} within it; is it right?")


def _print_outages(listed: "Sequence[NumberedOutage]") -> None:
    rows = []
    for number, outage in ((row.number, row.outage) for row in listed):
        days = ""
        if outage.ended_at:
            days = f"{(outage.ended_at - outage.started_at) / timedelta(days=1):.2f}"
        start, end = _second(outage.started_at), _second(outage.ended_at)
        accepted = "yes" if outage.accepted else "no"
        row = (number, outage.deployment_id, start, end, days, outage.reason, outage.source)
        rows.append((*row, accepted, outage.said_by))
    print_table(COLUMNS, rows)


def _second(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
