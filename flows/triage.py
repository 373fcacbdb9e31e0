"""The triage of one card as a Prefect flow: the steps of flows/steps.py, each a task.

Prefect retries, schedules and shows; what is done is remembered by the database alone, so Prefect's
own state may be lost at any time. A task is a few windows or a whole step, never a picture.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from inspect import signature

from flows.quiet import prepare_prefect

prepare_prefect()

from prefect import flow, runtime, tags  # noqa: E402
from prefect.artifacts import (  # noqa: E402
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.futures import as_completed  # noqa: E402

from flows.hooks import close_arrival, leave_a_row, take_card  # noqa: E402
from flows.job import Job  # noqa: E402
from flows.patience import ends_the_run  # noqa: E402
from flows.runners import one_thread_each, runner_of  # noqa: E402
from flows.steps import Summary, run_card  # noqa: E402
from flows.summary import as_markdown, exit_code, last_line  # noqa: E402
from flows.tasks import as_task  # noqa: E402
from flows.ways import NAMES  # noqa: E402
from pipeline.counted import counted  # noqa: E402
from pipeline.errors import Unfinished  # noqa: E402

UNITS = {"visits": "deployment", "flags": "deployment"}  # what a step counts; else pictures
SHOWN_EVERY_S = 2.0  # a progress artifact is a request to the server


class AsTasks:
    """Run the steps as Prefect tasks; what fails for a passing reason is tried again."""

    windows_at_once = 3  # 256-384 pictures a task: a task costs 4-7 ms and 22 kB of Prefect's rows

    def __init__(self, runner) -> None:
        self.runner = runner  # who does the windows: threads here, or Dask's workers anywhere

    def step(self, function: Callable, *args):
        return as_task(function, NAMES[function.__name__])(*args, tell=_Progress(function))

    def each(self, function: Callable, items: Sequence, weigh: Callable, *args) -> list:
        one, tell = as_task(function, NAMES[function.__name__]), _Progress(function)
        total, done, results = sum(map(weigh, items)), 0, []
        with self.runner.duplicate() as pool:
            running = {pool.submit(one, _named(function, item, *args)): item for item in items}
            for future in as_completed(list(running)):
                results += self._kept(future)
                done += weigh(running[future])
                tell(done, total)
        return results

    def _kept(self, future) -> list:
        """A task that failed after its retries leaves its windows undone; the others go on."""
        try:
            return [future.result()]
        except Exception as why:  # a window may fail for any reason, and costs only itself
            if ends_the_run(why):
                raise
            return []  # Prefect shows the failed task; the database knows what is left


def _named(function: Callable, *args) -> dict:
    return dict(signature(function).bind(*args).arguments)


class _Progress:
    """One progress artifact a step, updated every few seconds."""

    def __init__(self, function: Callable) -> None:
        self.name, self.artifact, self.shown_at = function.__name__, None, 0.0

    def __call__(self, done: int, total: int) -> None:
        if not total or (done < total and time.monotonic() - self.shown_at < SHOWN_EVERY_S):
            return
        self.shown_at = time.monotonic()
        try:
            self._show(100.0 * done / total, total)
        except Exception as why:  # whatever Prefect's client raises must not stop a card
            logging.getLogger("camtriage").warning("no progress shown: %s", type(why).__name__)

    def _show(self, percent: float, total: int) -> None:
        if self.artifact is None:
            words = f"{NAMES[self.name]}: {counted(total, UNITS.get(self.name, 'picture'))}"
            key = f"progress-{self.name.replace('_', '-')}"
            self.artifact = create_progress_artifact(percent, key=key, description=words)
        else:
            update_progress_artifact(self.artifact, progress=percent)


@flow(
    name="camtriage-triage",
    flow_run_name="triage {card}",
    persist_result=False,
    on_failure=[leave_a_row],
    on_crashed=[leave_a_row],
    on_cancellation=[leave_a_row],
)
def triage(
    card: str,
    name: str | None = None,
    settings: str | None = None,
    deployments: str | None = None,
    labels: str = "starter",
    sites: str | None = None,
    frame: str = "starter",
    labeller: str = "starter",
    pretrained: str | None = None,
    boxes: str | None = None,
    file_date: bool = False,
    threads: int = 0,
    runner: str = "threads",
) -> Summary:
    """Take a card from files to results in the database.

    The database is the one of CAMTRIAGE_DATABASE_URL where the worker runs: Prefect stores
    parameters, and a URL may hold a password.

    Args:
        card: Folder of the card's pictures, as the worker's machine sees it.
        name: Name of the batch; without one the card's content decides.
        settings: The study's own numbers, a TOML file.
        deployments: Camtrap DP deployments.csv: who hung where, when.
        labels: Label set: a name, or a TOML file.
        sites: File of the species that may occur here, one a line.
        frame: Frame model: starter, or a folder.
        labeller: starter, hf-hub:ORG/REPO, local-dir:FOLDER, or an open_clip name.
        pretrained: Tag or file for an open_clip name.
        boxes: MegaDetector results for this card, a JSON file.
        file_date: Believe a file's own date if nothing else has one.
        threads: How many windows at once; 0: one per core.
        runner: threads, dask (processes here), or dask://HOST:PORT of a Dask scheduler.
    """
    job = Job(
        card, name, "", settings, deployments, labels, sites, frame, labeller, pretrained, boxes,
        threads, file_date,
    )  # fmt: skip
    own = runtime.flow_run.id
    if runtime.deployment.id:
        take_card(job, own)
    with tags("camtriage", f"card:{name or card}"):
        summary = run_card(one_thread_each(job, runner), AsTasks(runner_of(runner, job)))
    _show(summary)
    if exit_code(summary):
        raise Unfinished(last_line(summary, 0), summary)
    close_arrival(own, "done")
    return summary


def _show(summary: Summary) -> None:
    """What came out, on the run's own page in Prefect."""
    create_markdown_artifact(as_markdown(summary), key="summary", description=summary.batch)
    seen = sorted(summary.species.items(), key=lambda one: (-one[1], one[0]))
    rows = [{"seen": name, "visits": visits} for name, visits in seen]
    create_table_artifact(rows, key="visits", description=f"{summary.batch}: what was seen")


def run_as_flow(job: Job, runner: str = "threads") -> Summary:
    """The flow for one job, in this process; its database travels in the environment."""
    os.environ["CAMTRIAGE_DATABASE_URL"] = job.database
    given = {n: getattr(job, n) for n in Job.__slots__ if n != "database"}
    try:
        return triage(**given, runner=runner)
    except Unfinished as why:
        return why.summary
