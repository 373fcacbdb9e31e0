"""The triage of one card as a Prefect flow: the steps of flows/steps/chain.py, each a task.

Prefect retries, schedules and shows; what is done is remembered by the database alone, so Prefect's
own state may be lost at any time. A task is a few windows or a whole step, never a picture.
"""

import os

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, runtime, tags  # noqa: E402
from prefect.artifacts import create_markdown_artifact, create_table_artifact  # noqa: E402

from flows.execution.as_tasks import AsTasks  # noqa: E402
from flows.execution.runners import one_thread_each, runner_of  # noqa: E402
from flows.prefect.hooks import close_arrival, leave_a_row, take_card  # noqa: E402
from flows.run_options import Job  # noqa: E402
from flows.steps.chain import run_card  # noqa: E402
from flows.steps.summary import Summary, as_markdown, exit_code, last_line  # noqa: E402
from pipeline.errors import Unfinished  # noqa: E402


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
