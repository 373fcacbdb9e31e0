"""The triage of one card as a Prefect flow: the steps of flows/steps.py, each a task.

Prefect retries, schedules and shows; what is done is remembered by the database alone, so Prefect's
own state may be lost at any time. A task is a few windows or a whole step, never a picture.
"""

import time
from collections.abc import Callable, Sequence

from flows.quiet import prepare_prefect

prepare_prefect()

from prefect import flow, tags, task  # noqa: E402
from prefect.artifacts import (  # noqa: E402
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.futures import as_completed  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402
from prefect.tasks import exponential_backoff  # noqa: E402

from flows.job import Job, database_url  # noqa: E402
from flows.patience import ends_the_run  # noqa: E402
from flows.steps import Summary, run_card  # noqa: E402
from flows.summary import as_markdown, exit_code, last_line  # noqa: E402
from flows.ways import NAMES  # noqa: E402
from pipeline.errors import InputError, Unfinished  # noqa: E402

SHOWN_EVERY_S = 2.0  # a progress artifact is a request to the server


class AsTasks:
    """Run the steps as Prefect tasks; what fails for a passing reason is tried again."""

    windows_at_once = 3  # 256-384 pictures a task: a task costs 4-7 ms and 22 kB of Prefect's rows

    def step(self, function: Callable, *args):
        return _as_task(function)(*args, tell=_Progress(function))

    def each(self, function: Callable, items: Sequence, weigh: Callable, *args) -> list:
        one, tell = _as_task(function), _Progress(function)
        running = {one.submit(item, *args): item for item in items}
        total, done, results = sum(map(weigh, items)), 0, []
        for future in as_completed(list(running)):
            results += self._kept(future)
            done += weigh(running[future])
            tell(done, total)
        return results

    def _kept(self, future) -> list:
        """A task that failed after its retries leaves its windows undone; the others go on."""
        try:
            return [future.result()]
        except Exception as why:
            if ends_the_run(why):
                raise
            return []  # Prefect shows the failed task; the database knows what is left


class _Progress:
    """One progress artifact a step, updated every few seconds."""

    def __init__(self, function: Callable) -> None:
        self.name, self.artifact, self.shown_at = function.__name__, None, 0.0

    def __call__(self, done: int, total: int) -> None:
        if not total or (done < total and time.monotonic() - self.shown_at < SHOWN_EVERY_S):
            return
        self.shown_at = time.monotonic()
        percent = 100.0 * done / total
        if self.artifact is None:
            words = f"{NAMES.get(self.name, self.name)}: {total} pictures"
            key = f"progress-{self.name.replace('_', '-')}"
            self.artifact = create_progress_artifact(percent, key=key, description=words)
        else:
            update_progress_artifact(self.artifact, progress=percent)


def _as_task(function: Callable):
    return task(
        function,
        name=NAMES.get(function.__name__, function.__name__),
        retries=2,
        retry_delay_seconds=exponential_backoff(2),
        retry_jitter_factor=0.5,
        retry_condition_fn=_may_pass,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def _may_pass(task_, run, state) -> bool:
    """Bad input stays bad; anything else (a busy database, a slow disk) may pass."""
    try:
        state.result()
    except InputError:
        return False
    except Exception:
        return True
    return False


@flow(name="camtriage-triage", flow_run_name="triage {card}", persist_result=False)
def triage(
    card: str,
    name: str | None = None,
    database: str | None = None,
    settings: str | None = None,
    deployments: str | None = None,
    labels: str = "starter",
    sites: str | None = None,
    frame: str = "starter",
    labeller: str = "starter",
    pretrained: str | None = None,
    boxes: str | None = None,
    file_date: bool = False,
) -> Summary:
    """Take a card from files to results in the database.

    card: folder of the pictures. name: of the batch. database: a URL; better left out and given as
    CAMTRIAGE_DATABASE_URL, since Prefect stores parameters. The rest as in `camtriage run --help`.
    """
    job = Job(
        card, name, database_url(database), settings, deployments, labels, sites, frame, labeller,
        pretrained, boxes, 0, file_date,
    )  # fmt: skip
    with tags("camtriage", f"card:{name or card}"):
        summary = run_card(job, AsTasks())
    create_markdown_artifact(as_markdown(summary), key="summary", description=f"{summary.batch}")
    if exit_code(summary):
        raise Unfinished(last_line(summary, 0), summary)
    return summary


def run_as_flow(job: Job) -> Summary:
    """The flow for one job, in this process, with as many threads as the job has."""
    chosen = triage.with_options(task_runner=ThreadPoolTaskRunner(max_workers=job.windows()))
    given = {n: getattr(job, n) for n in Job.__slots__ if n not in ("threads", "database")}
    try:
        # the database's URL travels in the environment, for it may hold a password
        return chosen(**given)
    except Unfinished as why:
        return why.summary
