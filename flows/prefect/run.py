"""What `camtriage run`, `ingest` and `relabel` do and print."""

import time

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from flows.execution.directly import Directly
from flows.execution.environment import server_configured
from flows.execution.runners import check_runner
from flows.run_options import NamingOptions, RunOptions
from flows.steps.card import read_card
from flows.steps.chain import run_card
from flows.steps.ingest import save_card
from flows.steps.summary import Summary, as_table, exit_code, last_line
from pipeline.species.labelset import load_labelset


def run_and_print(options: RunOptions, prefect: bool, runner: str | None = None) -> int:
    """Run a card directly, or as the flow when asked to or when a Prefect server is named."""
    started = time.perf_counter()
    summary = run_job(options, prefect or bool(runner) or server_configured(), runner or "threads")
    return print_summary(summary, time.perf_counter() - started)


def run_job(options: RunOptions, as_flow: bool, runner: str = "threads") -> Summary:
    if not as_flow:
        return run_card(options, Directly(options.windows()))
    check_runner(runner)
    from flows.prefect.triage import run_as_flow

    return run_as_flow(options, runner)


def print_summary(summary: Summary, seconds: float) -> int:
    console = Console(highlight=False)
    console.print(as_table(summary))
    print(last_line(summary, seconds))
    return exit_code(summary)


def ingest_and_print(options: RunOptions, dry_run: bool) -> int:
    """Print deployments and counts; without --dry-run also write them."""
    card = Directly(options.windows()).step(read_card, options)
    table = Table(Column("deployment", overflow="fold"), "pictures", "first", "last", "camera")
    for row in card.by_deployment():
        table.add_row(*(escape(str(cell)) for cell in row))
    console = Console(highlight=False)
    console.print(table)
    print(card.counted())
    if not dry_run:
        print(f"batch {save_card(options, card).batch}: saved; `camtriage run` looks at it")
    return 0


def relabel_and_print(options: NamingOptions, name: str | None) -> int:
    """Name the stored vectors again, for one batch or all."""
    from flows.services.relabel import relabel

    started = time.perf_counter()
    summaries = relabel(options, name, Directly(1))
    labelset = load_labelset(options.labels)
    print(f"label set {labelset.name}: {len(labelset.taxa)} taxa, digest {labelset.digest[:12]}")
    return max((print_summary(one, time.perf_counter() - started) for one in summaries), default=0)
