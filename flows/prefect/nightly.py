"""The nightly report as a Prefect flow."""

from datetime import date, timedelta
from pathlib import Path

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, runtime  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402

from flows.execution.tasks import as_task  # noqa: E402
from flows.services.study.report import write_day  # noqa: E402
from pipeline.report.page import page_day  # noqa: E402

MOST = 92  # nights that are made up for: a lone page of years ago is no beginning


def _run_name() -> str:
    return f"report {runtime.flow_run.parameters.get('day') or _due() - timedelta(days=1)}"


@flow(name="camtriage-report", flow_run_name=_run_name, persist_result=False)
def nightly_report(
    out: str = "reports", day: date | None = None, settings: str | None = None
) -> list[str]:
    """Write the page of one day and keep it as an artifact. The database: CAMTRIAGE_DATABASE_URL.

    Args:
        out: Folder to write into; its full path.
        day: The day; without one, the day before the one the run was scheduled for, and every day
            up to yesterday that has had no page since the last one.
        settings: The study's own numbers, a TOML file.
    """
    due = _due() - timedelta(days=1)
    days = [day] if day else [due, *missed(Path(out), due, date.today() - timedelta(days=1))]
    written: list[str] = []
    for chosen in sorted(days):
        paths = as_task(write_day, "write the page", wait_s=10)("", chosen, Path(out), settings)
        page = next(path for path in paths if path.suffix == ".md")
        create_markdown_artifact(page.read_text("utf-8"), key="report", description=f"{chosen}")
        written += [str(path) for path in paths]
    return written


def missed(out: Path, due: date, yesterday: date) -> list[date]:
    """Days other than `due` without a page, from the newest page before `due` up to `yesterday`.

    Prefect makes runs for a few days ahead: after a week without a server the other nights have no
    run that could be late."""
    pages = {found for path in out.glob("camtriage-*.html") if (found := page_day(path))}
    earliest = yesterday - timedelta(days=MOST)
    last = max((found for found in pages if earliest <= found < due), default=due)
    between = (last + timedelta(days=n) for n in range(1, (yesterday - last).days + 1))
    return [night for night in between if night not in pages | {due}]


def _due() -> date:
    """The day this run was meant for: after a week without a worker, each night gets its page."""
    due = runtime.flow_run.scheduled_start_time
    return due.astimezone().date() if due else date.today()
