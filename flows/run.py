"""What `camtriage run`, `ingest` and `relabel` do and print."""

import os
import time

from rich.console import Console
from rich.table import Table

from flows.job import Job
from flows.quiet import server_configured
from flows.steps import Summary, begin_relabel, read_card, run_card
from flows.summary import as_table, exit_code
from flows.ways import Directly


def run_and_print(job: Job, prefect: bool) -> int:
    """Run a card directly, or as the flow when asked to or when a Prefect server is named."""
    started = time.perf_counter()
    summary = run_job(job, prefect or server_configured())
    Console().print(as_table(summary, time.perf_counter() - started))
    return exit_code(summary)


def run_job(job: Job, as_flow: bool) -> Summary:
    if not as_flow:
        return run_card(job, Directly(job.workers()))
    os.environ["CAMTRIAGE_DATABASE_URL"] = job.database
    from flows.triage import run_as_flow

    return run_as_flow(job)


def ingest_and_print(job: Job, dry_run: bool) -> int:
    """Print deployments and counts; without --dry-run also write them."""
    way = Directly(job.workers())
    card = way.step(read_card, job)
    table = Table("deployment", "pictures", "first", "last", "camera")
    for row in card.by_deployment():
        table.add_row(*map(str, row))
    console = Console()
    console.print(table)
    console.print(card.counted())
    if not dry_run:
        from flows.steps import save_card

        begun = save_card(job, card)
        console.print(f"batch {begun.batch}: saved")
    return 0


def relabel_and_print(job: Job) -> int:
    """Name the stored vectors again, for one batch or all."""
    started = time.perf_counter()
    summaries = begin_relabel(job, Directly(job.workers()))
    for summary in summaries:
        Console().print(as_table(summary, time.perf_counter() - started))
    return max((exit_code(one) for one in summaries), default=0)
