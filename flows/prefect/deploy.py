"""`camtriage deploy` and `camtriage serve`: from an empty Prefect server to scheduled runs.

Everything here may be done twice: what is on the server already is brought up to date.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from flows.execution.environment import prepare_prefect, server_configured
from flows.execution.key import is_open, take_key
from flows.prefect.server import become
from flows.run_options import database_url, study_settings
from pipeline.errors import SettingsError

POOL = "camtriage"
INBOX = "camtriage-watch/inbox"  # the deployment that watches
ZOMBIES = "camtriage: a run whose worker died"
STARTING_S = 30  # a Prefect server takes 5-20 s until it answers
SILENT_S = 90  # three heartbeats of 30 s (flows/prefect/prefect.yaml) that did not come
# Prefect's command puts the working folder first on the path while it imports our flows. So our
# packages are imported before: no file of the folder, called db.py say, is taken for one of them.
OWN_PACKAGES_FIRST = "import db, flows, pipeline; from prefect.cli import app; app()"
OVER = ("Completed", "Failed", "Crashed", "Cancelled")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What stands on the server now."""

    page: str  # address of the deployments
    inbox: str | None  # that is watched
    inbox_before: str | None  # None: nothing was deployed before
    is_open: bool  # whoever reaches the server may do everything


def deploy(
    inbox: Path, out: Path, settings: str | None, file: Path | None, database: str | None = None
) -> Deployed:
    """Make the work pool, the deployments of prefect.yaml, and the automation for dead workers.

    database  of the worker that this process will be; without one, it may be in the environment
    """
    if database is None:
        own = os.environ.get("CAMTRIAGE_DATABASE_URL")  # a worker here would take it
        database = database_url(own) if own else ""
    _check(inbox, database, out, settings, file)
    prepare_prefect()
    api = os.environ["PREFECT_API_URL"]
    _await_server(api)
    unlocked = is_open(api)
    take_key()  # a server that was started a moment ago has made it only now
    _need_pool()
    before = _watched()
    _prefect_deploy(inbox, out, settings, file or Path(__file__).with_name("prefect.yaml"))
    _need_automation()
    return Deployed(f"{api.removesuffix('/api')}/deployments", _watched(), before, unlocked)


def become_worker(database: str) -> NoReturn:
    """Be a worker for this database until stopped; does not return."""
    os.environ["CAMTRIAGE_DATABASE_URL"] = database
    become("prefect", "worker", "start", "--pool", POOL)


def _check(inbox: Path, database: str, out: Path, settings: str | None, file: Path | None) -> None:
    """What would only fail at night, in a worker, is refused now."""
    if not server_configured():
        raise SettingsError(
            "no Prefect server is named: start one with `camtriage server` and set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    if not inbox.is_dir():
        raise SettingsError(f"{inbox}: no such folder; make the inbox first")
    if file and not file.is_file():
        raise SettingsError(f"--file {file}: no such file")
    if settings:
        study_settings(settings)
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: a file, not a folder")
    if (
        database.startswith("sqlite:///")
        and not Path(database.removeprefix("sqlite:///")).is_absolute()
    ):
        raise SettingsError(
            f"{database}: workers run in other folders: give its full path, like sqlite:////data/camtriage.db"
        )


def _await_server(api: str) -> None:
    """A server that was started a moment ago needs some seconds before it answers."""
    end = time.monotonic() + STARTING_S
    while True:
        try:
            urllib.request.urlopen(f"{api}/health", timeout=10).close()
            return
        except urllib.error.HTTPError:
            return  # it answers; what it says is Prefect's own to tell
        except OSError as why:
            if time.monotonic() > end:
                raise SettingsError(
                    f"{api}: no Prefect server answers ({getattr(why, 'reason', why)}); start one "
                    "with `camtriage server`, or correct PREFECT_API_URL"
                ) from None
            time.sleep(0.5)
        except ValueError as why:
            raise SettingsError(f"PREFECT_API_URL={api}: {why}") from None


def _need_pool() -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        except ObjectAlreadyExists:
            return


def _watched() -> str | None:
    """The inbox that this server's watch looks at; None before the first deploy."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(INBOX).parameters.get("inbox")
        except ObjectNotFound:
            return None


def _prefect_deploy(inbox: Path, out: Path, settings: str | None, file: Path) -> None:
    """Prefect's own command fills in the file's {{ $NAMES }} from the environment."""
    names = {
        "CAMTRIAGE_INBOX": str(inbox.resolve()),
        "CAMTRIAGE_OUT": str(out.resolve()),
        "CAMTRIAGE_SETTINGS": str(Path(settings).resolve()) if settings else "",
        "CAMTRIAGE_TIMEZONE": _timezone(),
    }
    words = ["--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    said = subprocess.run(
        [sys.executable, "-P", "-c", OWN_PACKAGES_FIRST, *words],
        env={**os.environ, **names},
        capture_output=True,
        text=True,
    )
    if said.returncode:
        raise SettingsError(f"prefect deploy: {(said.stdout + said.stderr).strip()}")


def _timezone() -> str:
    """This machine's, so that six o'clock is six o'clock here; a server thinks in UTC."""
    if given := os.environ.get("CAMTRIAGE_TIMEZONE"):
        return given
    try:
        from tzlocal import get_localzone_name

        return get_localzone_name() or "UTC"
    except (ImportError, LookupError, ValueError, OSError):  # a machine that does not say
        return "UTC"


def _need_automation() -> None:
    """Prefect never notices by itself that a worker died with its run; found by name, made once."""
    from prefect.automations import Automation
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import EventTrigger, Posture

    heartbeat = "prefect.flow-run.heartbeat"
    silent = EventTrigger(
        after={heartbeat},
        expect={heartbeat, *(f"prefect.flow-run.{state}" for state in OVER)},
        match={"prefect.resource.id": ["prefect.flow-run.*"]},
        match_related={
            "prefect.resource.role": "tag",
            "prefect.resource.id": "prefect.tag.camtriage",
        },
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=SILENT_S),
    )
    crashed = ChangeFlowRunState(
        name=None,
        state=StateType.CRASHED,
        message=f"no heartbeat for {SILENT_S} s: its worker died",
        force=False,
    )
    made = Automation(
        name=ZOMBIES,
        description="Ends runs that nobody runs any more; the watch takes their cards again.",
        trigger=silent,
        actions=[crashed],
    )
    with get_client(sync_client=True) as client:
        if not client.read_automations_by_name(ZOMBIES):
            made.create()
