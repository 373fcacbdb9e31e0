"""The triage of one card as a Prefect flow: the steps of flows/steps/chain.py, each a task.

Prefect retries, schedules and shows; what is done is remembered by the database alone, so Prefect's
own state may be lost at any time. A task is a few windows or a whole step, never a picture.
"""

import os
from collections.abc import Callable
from dataclasses import fields, replace

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, runtime, tags  # noqa: E402
from prefect.artifacts import create_markdown_artifact, create_table_artifact  # noqa: E402

from flows.execution.as_tasks import AsTasks  # noqa: E402
from flows.execution.runners import one_thread_each, runner_of  # noqa: E402
from flows.prefect.hooks import close_arrival, leave_a_row, take_card  # noqa: E402
from flows.run_options import RunOptions, parameters, spread  # noqa: E402
from flows.services.alerts.at_once import send_live  # noqa: E402
from flows.steps.chain import run_card  # noqa: E402
from flows.steps.summary import Summary, as_markdown, exit_code, last_line  # noqa: E402
from pipeline.errors import Unfinished  # noqa: E402


class TriageUnfinished(Unfinished):
    """A triage left windows undone; `summary` says what is done."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(last_line(summary, 0))
        self.summary = summary


ABOUT = """Take a card from files to results in the database.

The database is the one of CAMTRIAGE_DATABASE_URL where the worker runs: Prefect stores parameters,
and a URL may hold a password.

Args:
"""
RUNNER = "threads, dask (processes here), or dask://HOST:PORT of a Dask scheduler."


def with_run_options(function: Callable[..., Summary]) -> Callable[..., Summary]:
    """The fields of RunOptions as the flow's parameters, with their help; its database is left to
    the environment."""
    chosen = parameters(RunOptions, leave_out=("database",))
    taken = spread(function, [parameter for _, parameter in chosen], RunOptions)
    lines = [f"    {field.name}: {field.metadata['help']}" for field, _ in chosen]
    taken.__doc__ = "\n".join((ABOUT.rstrip(), *lines, f"    runner: {RUNNER}"))
    return taken


@flow(
    name="camtriage-triage",
    flow_run_name="triage {card}",
    persist_result=False,
    on_failure=[leave_a_row],
    on_crashed=[leave_a_row],
    on_cancellation=[leave_a_row],
)
@with_run_options
def triage(options: RunOptions, runner: str = "threads") -> Summary:
    own = str(runtime.flow_run.id)
    if runtime.deployment.id:
        take_card(options, own)
    with tags("camtriage", f"card:{options.name or options.card}"):
        summary = run_card(one_thread_each(options, runner), AsTasks(runner_of(runner, options)))
    summary = replace(summary, warnings=(*summary.warnings, *send_live("")))
    _show(summary)
    if exit_code(summary):
        raise TriageUnfinished(summary)
    close_arrival(own, "done")
    return summary


def _show(summary: Summary) -> None:
    """What came out, on the run's own page in Prefect."""
    create_markdown_artifact(as_markdown(summary), key="summary", description=summary.batch)
    seen = sorted(summary.species.items(), key=lambda named: (-named[1], named[0]))
    rows = [{"seen": name, "visits": visits} for name, visits in seen]
    create_table_artifact(rows, key="visits", description=f"{summary.batch}: what was seen")


def run_as_flow(options: RunOptions, runner: str = "threads") -> Summary:
    """The flow in this process; its database travels in the environment."""
    os.environ["CAMTRIAGE_DATABASE_URL"] = options.database
    given = {f.name: getattr(options, f.name) for f in fields(options) if f.name != "database"}
    try:
        summary = triage(**given, runner=runner)
        assert isinstance(summary, Summary)
        return summary
    except TriageUnfinished as why:
        return why.summary
