"""Prefect's environment, set before its first import: nothing phones home, one home of its own."""

import os
from pathlib import Path

from flows.execution.key import take_key


def prepare_prefect() -> None:
    """Set what the user has not set; `PREFECT_API_URL` decides whether a server is used."""
    own = {
        "PREFECT_HOME": str(Path.home() / ".camtriage" / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_CLI_PROMPT": "false",
    }
    for name, value in own.items():
        os.environ.setdefault(name, value)
    home = Path(os.environ["PREFECT_HOME"])
    home.parent.mkdir(parents=True, exist_ok=True)  # Prefect makes no parents
    home.mkdir(mode=0o700, exist_ok=True)  # its database and logs name cards and stations
    take_key()


def server_configured() -> bool:
    """Whether a Prefect server is named for this run."""
    return bool(os.environ.get("PREFECT_API_URL"))
