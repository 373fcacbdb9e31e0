"""Commands about suspected poaching, and who is told of it."""

import sys
from datetime import UTC
from typing import Annotated

import typer

from flows.cli.options import Database, Who
from flows.run_options import database_url
from flows.terminal import print_table

app = typer.Typer()
flags = typer.Typer(no_args_is_help=True, help="What a ranger should see, and what came of it.")
app.add_typer(flags, name="flags")
alerts = typer.Typer(no_args_is_help=True, help="Who is told of flags and rare animals.")
app.add_typer(alerts, name="alerts")

COLUMNS = ("flag", "status", "severity", "started_at", "deployment_id", "pictures", "reason")

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="FLAG...", help="As `flags list` and the day's page say it, 6 letters at least."
    ),
]
Reviewer = Annotated[str | None, typer.Option(help="Who says so.")]
Comment = Annotated[str | None, typer.Option(help="In words of your own.")]


@flags.command("list")
def flags_list(database: Database = None) -> int:
    """All flags as CSV: suspected ones first, the gravest first.

    camtriage flags list
    """
    from db.queries.day.flags import FLAG_NAME
    from flows.services.flags import list_flags

    rows = [
        (
            *(flag.flag_id[:FLAG_NAME], flag.status, flag.severity, flag.started_at),
            *(flag.deployment_id, flag.pictures, flag.reason),
        )
        for flag in list_flags(database_url(database))
    ]
    print_table(COLUMNS, rows)
    return 0


@flags.command("confirm")
def flags_confirm(
    names: Names, reviewer: Reviewer = None, comment: Comment = None, database: Database = None
) -> int:
    """It was what it looked like. The newest word stands; earlier ones are kept.

    camtriage flags confirm 3f9a12c4 --reviewer Amina --comment "two men, one snare taken up"
    """
    return _judge(database, names, True, reviewer, comment)


@flags.command("dismiss")
def flags_dismiss(
    names: Names, reviewer: Reviewer = None, comment: Comment = None, database: Database = None
) -> int:
    """It was nothing: staff, a tourist, an animal. No run asks about it again.

    camtriage flags dismiss 3f9a12c4 --reviewer Amina --comment "our own patrol"
    """
    return _judge(database, names, False, reviewer, comment)


def _judge(
    database: str | None,
    names: list[str],
    confirmed: bool,
    reviewer: str | None,
    comment: str | None,
) -> int:
    from db.queries.day.flags import FLAG_NAME
    from flows.services.flags import judge_flags

    for flag in judge_flags(database_url(database), names, confirmed, reviewer, comment):
        when = (flag.started_at or "time not known")[: len("2026-05-01T06:00")]
        verb = "confirmed" if confirmed else "dismissed"
        print(f"{verb}: {flag.flag_id[:FLAG_NAME]}, {flag.deployment_id}, {when}")
    return 0


ALERTS = (
    *("flag", "channel", "state", "age", "severity", "deployment_id", "seen_at_utc", "tries"),
    *("next_try_at_utc", "error"),
)

File = Annotated[
    str | None,
    typer.Option("--alerts", metavar="TOML", help="The channels; else CAMTRIAGE_ALERTS names it."),
]


@alerts.command("send")
def alerts_send(
    file: File = None,
    database: Database = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Also those that were given up: the cause is mended.")
    ] = False,
) -> int:
    """Send the alerts that are due, once; what a receiver does not take is tried again later.

    camtriage alerts send --alerts alerts.toml
    """
    from flows.facts.alerts import needed_alerting
    from flows.services.alerts.send import send_alerts

    told = send_alerts(database_url(database), needed_alerting(file), failed_too=failed)
    words = f"sent {told.sent}, waiting {told.waiting}, given up {told.failed}, quiet {told.quiet}"
    if told.next_at:
        local = told.next_at.replace(tzinfo=UTC).astimezone()
        hour = f"{local:%Y-%m-%d %H:%M %Z}"
        words += f"; {told.later} in all wait for their hour, the first for {hour}"
    print(words)
    for line in told.troubles:
        print(f"camtriage: {line}", file=sys.stderr)
    return 1 if told.waiting or told.failed else 0


@alerts.command("list")
def alerts_list(database: Database = None) -> int:
    """All alerts as CSV, the newest first.

    camtriage alerts list
    """
    from db.queries.day.flags import FLAG_NAME
    from flows.services.alerts.manage import list_alerts

    rows = [
        (
            *(one.flag_id[:FLAG_NAME], one.channel, one.state, one.age, one.severity),
            *(one.deployment_id, one.seen_at, one.tries, one.next_try_at, one.error),
        )
        for one in list_alerts(database_url(database))
    ]
    print_table(ALERTS, rows)
    return 0


@alerts.command("ack")
def alerts_ack(
    names: Annotated[
        list[str],
        typer.Argument(metavar="FLAG...", help="As an alert says it, 6 letters at least."),
    ],
    who: Who = None,
    database: Database = None,
) -> int:
    """Somebody has taken it on: no channel hears of these visits any more.

    camtriage alerts ack 3f9a12c4 --who Amina
    """
    from db.queries.day.flags import FLAG_NAME
    from flows.services.alerts.manage import acknowledge

    for one in acknowledge(database_url(database), names, who):
        print(f"{one.state}: {one.flag_id[:FLAG_NAME]}, {one.channel}, {one.deployment_id}")
    return 0


@alerts.command("test")
def alerts_test(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="As alerts.toml calls it.")],
    file: File = None,
) -> int:
    """Send one message that says it is a test, now.

    camtriage alerts test headquarters --alerts alerts.toml
    """
    from flows.facts.alerts import needed_alerting
    from flows.services.alerts.manage import try_channel

    outcome = try_channel(needed_alerting(file), channel)
    if outcome.sent:
        print(f"{channel}: it was taken")
        return 0
    print(f"camtriage: {channel}: {outcome.words}", file=sys.stderr)
    return 1
