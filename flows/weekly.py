"""The population page and its tables, every week, as a Prefect flow."""

from pathlib import Path

from flows.quiet import prepare_prefect

prepare_prefect()

from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_markdown_artifact, create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.tasks import exponential_backoff  # noqa: E402

from flows.population import asked, write_study  # noqa: E402

write_tables_and_page = task(
    write_study,
    name="write tables and page",
    retries=2,
    retry_delay_seconds=exponential_backoff(10),
    cache_policy=NO_CACHE,
    persist_result=False,
)


@flow(name="camtriage-population", persist_result=False)
def weekly_population(
    out: str = "population",
    begin: str | None = None,
    end: str | None = None,
    species: list[str] | None = None,
    database: str | None = None,
) -> list[str]:
    """Write the page and tables of the whole study, or of some dates, over those of last week, and
    keep rates and words as artifacts.

    Args:
        out: Folder to write into; its full path.
        begin: First day, included, as 2026-05-01; without one, all days.
        end: Last day, included.
        species: Only these; without them, every animal.
        database: Better left out: CAMTRIAGE_DATABASE_URL, since Prefect stores parameters.
    """
    written = write_tables_and_page(database or "", asked(begin, end, species), Path(out))
    create_markdown_artifact(written.markdown, key="population", description="rates and effort")
    create_table_artifact(written.rates, key="population-rates", description="rai.csv")
    return [str(one) for one in written.paths]
