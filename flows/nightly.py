"""The nightly report as a Prefect flow."""

from datetime import date, timedelta
from pathlib import Path

from flows.quiet import prepare_prefect

prepare_prefect()

from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.tasks import exponential_backoff  # noqa: E402

from flows.job import database_url  # noqa: E402
from flows.report import write_day  # noqa: E402

write_page = task(
    write_day,
    name="write the page",
    retries=2,
    retry_delay_seconds=exponential_backoff(10),
    cache_policy=NO_CACHE,
    persist_result=False,
)


@flow(name="camtriage-report", flow_run_name="report {day}", persist_result=False)
def nightly_report(
    out: str = "reports",
    day: date | None = None,
    database: str | None = None,
    settings: str | None = None,
) -> list[str]:
    """Write the page of one day (yesterday, unless a day is given) and keep it as an artifact."""
    chosen = day or date.today() - timedelta(days=1)
    paths = write_page(database_url(database), chosen, Path(out), settings)
    page = next(one for one in paths if one.suffix == ".md")
    create_markdown_artifact(page.read_text("utf-8"), key="report", description=f"{chosen}")
    return [str(one) for one in paths]
