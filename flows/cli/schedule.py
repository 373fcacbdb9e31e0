"""Commands that make it run by itself."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database, Out, Settings, with_options
from flows.run_options import RunOptions, database_url

if TYPE_CHECKING:  # a command starts without what it does not need
    from flows.prefect.deploy import Deployed

app = typer.Typer()

Inbox = Annotated[
    Path, typer.Argument(metavar="DIR", help="Inbox: each folder in it is a card of its own.")
]
STREAM_OPTIONS = (
    *("database", "settings", "labels", "sites", "labeller", "pretrained", "frame", "detector"),
    *("file_date", "threads"),
)
File = Annotated[
    Path | None,
    typer.Option("--file", metavar="YAML", help="Schedules of your own: a copy of prefect.yaml."),
]


@app.command()
def server(
    host: Annotated[str, typer.Option(help="The address it listens at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port.", min=1, max=65535)] = 4200,
) -> int:
    """Be Prefect's server for schedules, until stopped: it lets in only who has its key.

    The key is made once, in a file that nobody else on this machine can read; our commands take
    it from there. Prefect's page asks for it.

    camtriage server
    """
    from flows.prefect.server import become_server

    become_server(host, port, lambda line: print(line, flush=True))


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
    from flows.prefect.deploy import become_worker, deploy

    url = database_url(database)
    _print_deployed(deploy(inbox, out, settings, file, url))
    print("this is now a worker; Ctrl-C ends it", flush=True)
    become_worker(url)


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
    from flows.prefect.deploy import POOL, deploy

    _print_deployed(deploy(inbox, out, settings, file))
    print(
        "start a worker, in a shell where CAMTRIAGE_DATABASE_URL is set: "
        f"prefect worker start --pool {POOL}"
    )
    return 0


@app.command()
@with_options(RunOptions, only=STREAM_OPTIONS)
def stream(
    options: RunOptions,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Each folder in it is a camera that sends.")
    ],
) -> int:
    """Look at pictures that come by themselves, as they come, until stopped.

    camtriage stream /cards/in/streams --database sqlite:////data/camtriage.db
    """
    from flows.services.streams.watch import watch_streams

    watched = watch_streams(folder, options)
    print(next(watched).line, flush=True)  # that it watches
    print("Ctrl-C ends it, and nothing is lost by that", file=sys.stderr)
    for told in watched:
        print(told.line, file=sys.stderr if told.wrong else sys.stdout, flush=True)
    return 0


@app.command()
def mail(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Each folder in it is a camera that sends.")
    ],
    file: Annotated[
        str | None,
        typer.Option("--mail", metavar="TOML", help="The mailbox; else CAMTRIAGE_MAIL names it."),
    ] = None,
) -> int:
    """Fetch what cameras sent by mail into their folders, once; `stream` does it every half minute.

    camtriage mail /cards/in/streams --mail mail.toml
    """
    from flows.services.streams.mail import fetch_mail

    fetched = fetch_mail(folder, file)
    for path in fetched.saved:
        print(path)
    for line in fetched.left:
        print(f"camtriage: {line}", file=sys.stderr)
    return 0


def _print_deployed(deployed: "Deployed") -> None:
    print(f"deployed: {deployed.page}")
    if deployed.is_open:
        said = "camtriage: this Prefect server is open: whoever reaches it can run any command here"
        print(f"{said}; start it with `camtriage server`", file=sys.stderr)
    before, now = deployed.inbox_before, deployed.inbox
    if before and now != before:
        print(f"one server watches one inbox: it now watches {now} in place of {before}")
