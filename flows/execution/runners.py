"""Who does a card's windows: threads of this process, processes of this machine, or Dask's workers.

Every worker finds the database by its own environment (CAMTRIAGE_DATABASE_URL) and the card by
CAMTRIAGE_PATH_MAP. Workers on several machines share a PostgreSQL: SQLite serves one machine.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.run_options import RunOptions
from pipeline.errors import SettingsError

if TYPE_CHECKING:  # the direct way does without Prefect
    from prefect.task_runners import TaskRunner


def one_thread_each(options: RunOptions, name: str) -> RunOptions:
    """Dask's local processes take one core each; whoever runs alone takes them all."""
    return replace(options, threads=1) if name == "dask" else options


def check_runner(name: str) -> None:
    """SettingsError unless it is `threads`, `dask`, or `dask://HOST:PORT` (also `tcp://`)."""
    scheme, _, place = name.partition("://")
    if name not in ("threads", "dask") and not (scheme in ("dask", "tcp") and ":" in place):
        raise SettingsError(f"--runner {name}: give threads, dask, or dask://HOST:PORT")


def runner_of(name: str, options: RunOptions) -> "TaskRunner[Any]":
    """Prefect's task runner of that name."""
    check_runner(name)
    if name == "threads":
        from prefect.task_runners import ThreadPoolTaskRunner

        return ThreadPoolTaskRunner(max_workers=options.windows())
    place = name.partition("://")[2]
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as why:
        raise SettingsError(
            f"--runner {name} needs the extra dask: pip install 'camtriage[dask]'"
        ) from why
    if place:
        return DaskTaskRunner(address=f"tcp://{place}")
    local = {"n_workers": options.workers(), "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=local)  # on loopback alone
