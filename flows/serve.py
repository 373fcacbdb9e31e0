"""`camtriage serve`: both flows on their schedules, in one process, until it is stopped."""

import os
from pathlib import Path

from flows.quiet import prepare_prefect, server_configured
from pipeline.errors import SettingsError


def serve_flows(
    inbox: str,
    database: str,
    out: Path,
    settings: str | None,
    triage_cron: str,
    report_cron: str,
) -> None:
    """Serve the triage of an inbox folder and the nightly report.

    The inbox is one card that grows: what is known costs a hash, what is new is triaged.
    """
    if not server_configured():
        raise SettingsError(
            "no Prefect server is named: start one with `prefect server start` and set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    prepare_prefect()
    # the URL may hold a password: the environment, not Prefect's parameters, carries it
    os.environ["CAMTRIAGE_DATABASE_URL"] = database
    from prefect import serve
    from prefect.schedules import Cron

    from flows.nightly import nightly_report
    from flows.triage import triage

    card = str(Path(inbox).resolve())
    serve(
        triage.to_deployment(
            "inbox",
            schedules=[Cron(triage_cron)],
            parameters={"card": card, "name": Path(card).name, "settings": settings},
            concurrency_limit=1,
            tags=["camtriage"],
        ),
        nightly_report.to_deployment(
            "nightly",
            schedules=[Cron(report_cron)],
            parameters={"out": str(out.resolve()), "settings": settings},
            concurrency_limit=1,
            tags=["camtriage"],
        ),
        pause_on_shutdown=False,
    )
