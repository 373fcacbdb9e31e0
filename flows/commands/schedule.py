"""Commands that run by themselves."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import Database, Out, Settings
from flows.job import database_url

app = typer.Typer()


@app.command()
def serve(
    inbox: Annotated[str, typer.Argument(metavar="DIR", help="Folder that cards are copied to.")],
    database: Database = None,
    out: Out = Path("reports"),
    settings: Settings = None,
    triage_cron: Annotated[str, typer.Option(help="When the inbox is triaged.")] = "*/30 * * * *",
    report_cron: Annotated[str, typer.Option(help="When the day's page is written.")] = "0 6 * * *",
) -> int:
    """Serve both flows on their schedules, until stopped (a Prefect server must be running).

    camtriage serve /cards/in --database postgresql://team@host/camtriage
    """
    from flows.serve import serve_flows

    serve_flows(inbox, database_url(database), out, settings, triage_cron, report_cron)
    return 0
