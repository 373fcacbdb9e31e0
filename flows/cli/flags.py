"""Commands about suspected poaching."""

from typing import Annotated

import typer

from flows.cli.options import Database
from flows.run_options import database_url

app = typer.Typer()
flags = typer.Typer(no_args_is_help=True, help="What a ranger should see, and what came of it.")
app.add_typer(flags, name="flags")

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
    from flows.services.flags import list_flags

    return list_flags(database_url(database))


@flags.command("confirm")
def flags_confirm(
    names: Names, reviewer: Reviewer = None, comment: Comment = None, database: Database = None
) -> int:
    """It was what it looked like. The newest word stands; earlier ones are kept.

    camtriage flags confirm 3f9a12c4 --reviewer Amina --comment "two men, one snare taken up"
    """
    from flows.services.flags import judge_flags

    return judge_flags(database_url(database), names, True, reviewer, comment)


@flags.command("dismiss")
def flags_dismiss(
    names: Names, reviewer: Reviewer = None, comment: Comment = None, database: Database = None
) -> int:
    """It was nothing: staff, a tourist, an animal. No run asks about it again.

    camtriage flags dismiss 3f9a12c4 --reviewer Amina --comment "our own patrol"
    """
    from flows.services.flags import judge_flags

    return judge_flags(database_url(database), names, False, reviewer, comment)
