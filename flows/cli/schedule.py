"""Commands that make it run by itself."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Database, Out, Settings
from flows.run_options import database_url

app = typer.Typer()

Inbox = Annotated[
    Path, typer.Argument(metavar="DIR", help="Inbox: each folder in it is a card of its own.")
]
File = Annotated[
    Path | None,
    typer.Option("--file", metavar="YAML", help="Schedules of your own: a copy of prefect.yaml."),
]


@app.command()
def serve(
    inbox: Inbox,
    database: Database = None,
    out: Out = Path("reports"),
    settings: Settings = None,
    file: File = None,
) -> int:
    """Deploy all flows to the Prefect server and run them on their schedules, until stopped.

    camtriage serve /cards/in --database sqlite:////data/camtriage.db --out /data/reports
    """
    from flows.prefect.deploy import serve

    serve(inbox, database_url(database), out, settings, file)
    return 0


@app.command()
def deploy(
    inbox: Inbox,
    out: Out = Path("reports"),
    settings: Settings = None,
    file: File = None,
) -> int:
    """Deploy only: workers on any machine do the runs (prefect worker start --pool camtriage), each
    with the database of its own CAMTRIAGE_DATABASE_URL.

    camtriage deploy /cards/in --out /data/reports
    """
    from flows.prefect.deploy import deploy

    deploy(inbox, out, settings, file)
    return 0
