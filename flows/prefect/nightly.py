"""The nightly report as a Prefect flow."""

from datetime import date, timedelta
from pathlib import Path

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, runtime  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402

from flows.execution.tasks import as_task  # noqa: E402
from flows.services.study.report import write_day  # noqa: E402


def _run_name() -> str:
    return f"report {runtime.flow_run.parameters.get('day') or _due() - timedelta(days=1)}"


@flow(name="camtriage-report", flow_run_name=_run_name, persist_result=False)
def nightly_report(
    out: str = "reports", day: date | None = None, settings: str | None = None
) -> list[str]:
    """Write the page of one day and keep it as an artifact. The database: CAMTRIAGE_DATABASE_URL.

    Args:
        out: Folder to write into; its full path.
        day: The day; without one, the day before the one the run was scheduled for.
        settings: The study's own numbers, a TOML file.
    """
    chosen = day or _due() - timedelta(days=1)
    paths = as_task(write_day, "write the page", wait_s=10)("", chosen, Path(out), settings)
    page = next(path for path in paths if path.suffix == ".md")
    create_markdown_artifact(page.read_text("utf-8"), key="report", description=f"{chosen}")
    return [str(path) for path in paths]


def _due() -> date:
    """The day this run was meant for: after a week without a worker, each night gets its page."""
    due = runtime.flow_run.scheduled_start_time
    return due.astimezone().date() if due else date.today()
