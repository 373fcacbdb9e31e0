"""Commands about suspected poaching."""

from typing import Annotated

import typer

from flows.cli.options import Database
from flows.cli.output import print_table
from flows.run_options import database_url

app = typer.Typer()
flags = typer.Typer(no_args_is_help=True, help="What a ranger should see, and what came of it.")
app.add_typer(flags, name="flags")

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
