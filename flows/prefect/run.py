"""A card is run directly, or as the Prefect flow where that is wanted."""

from dataclasses import replace

from flows.execution.directly import Directly
from flows.execution.environment import server_configured
from flows.execution.runners import check_runner
from flows.run_options import RunOptions
from flows.services.alerts.at_once import send_live
from flows.steps.chain import run_card
from flows.steps.summary import Summary


def run_as_configured(options: RunOptions, prefect: bool, runner: str | None = None) -> Summary:
    """Run a card as the flow where a runner or a Prefect server is named, else directly.

    prefect  as the flow in any case
    runner   threads, dask, or dask://HOST:PORT
    """
    as_flow = prefect or bool(runner) or server_configured()
    return run_job(options, as_flow, runner or "threads")


def run_job(options: RunOptions, as_flow: bool, runner: str = "threads") -> Summary:
    """Run a card and give back its summary. SettingsError: no such runner."""
    if not as_flow:
        summary = run_card(options, Directly(options.windows()))
        return replace(summary, warnings=(*summary.warnings, *send_live(options.database)))
    check_runner(runner)
    from flows.prefect.triage import run_as_flow

    return run_as_flow(options, runner)
