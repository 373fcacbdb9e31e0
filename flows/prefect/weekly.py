"""The population page and its tables, every week, as a Prefect flow."""

from datetime import datetime
from pathlib import Path

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, runtime  # noqa: E402
from prefect.artifacts import create_markdown_artifact, create_table_artifact  # noqa: E402

from flows.execution.tasks import as_task  # noqa: E402
from flows.services.study.population import WrittenStudy, study_request, write_study  # noqa: E402
from pipeline.errors import PopulationError  # noqa: E402
from pipeline.population.events.sightings import StudyRequest  # noqa: E402


@flow(name="camtriage-population", persist_result=False)
def weekly_population(
    out: str = "population",
    begin: str | None = None,
    end: str | None = None,
    species: list[str] | None = None,
) -> list[str]:
    """Write the page and tables of the whole study, or of some dates, over those of last week, and
    keep rates and words as artifacts. The database: CAMTRIAGE_DATABASE_URL.

    Args:
        out: Folder to write into; its full path.
        begin: First day, included, as 2026-05-01; without one, all days.
        end: Last day, included.
        species: Only these; without them, every animal.
    """
    if newer(Path(out) / "population.html", runtime.flow_run.scheduled_start_time):
        return []  # a late run: the page has been written since this one was due
    write = as_task(_write, "write tables and page", wait_s=10)
    written = write(study_request(begin, end, species), Path(out))
    if isinstance(written, str):
        create_markdown_artifact(written, key="population", description="what is missing")
        return []
    create_markdown_artifact(written.markdown, key="population", description="rates and effort")
    create_table_artifact(written.rates, key="population-rates", description="rai.csv")
    return [str(path) for path in written.paths]


def newer(page: Path, due: datetime | None) -> bool:
    """Whether a page was written after a run was due: after weeks without a server the first late
    run writes it, and the others have nothing to add. A run that a person starts is due now."""
    return due is not None and page.exists() and page.stat().st_mtime > due.timestamp()


def _write(request: StudyRequest, out: Path) -> WrittenStudy | str:
    """What was written; or, in one line, what is missing: a new study is no failure every week."""
    try:
        return write_study("", request, out)
    except PopulationError as why:
        return str(why)
