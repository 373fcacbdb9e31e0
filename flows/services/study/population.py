"""A study: its page and its tables, from what the database holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from db.core.engine import reading
from db.core.rows import now
from db.queries.population.population import label_sets
from db.store.deployments import all_deployments
from db.store.outages import accepted_outages
from db.store.repairs import believed
from flows.execution.databases import known_database
from flows.facts.day import blanks_of_all
from flows.facts.study import read_sample, read_sightings
from flows.version import version
from pipeline.errors import SettingsError
from pipeline.population.correction.elsewhere import Accuracy, read_accuracies
from pipeline.population.effort import effort
from pipeline.population.effort.basis import Basis, basis
from pipeline.population.events import independent as events
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.study import Study, study
from pipeline.population.study.tables import Tables, population_tables, write_tables
from pipeline.species.labelset import load_labelset, wider_names
from pipeline.species.spelling import spelled
from pipeline.species.world import with_world
from pipeline.tables.times import option_day


def study_request(
    begin: str | None,
    end: str | None,
    species: Sequence[str] | None,
    gap_min: float = 30,
    rule: str = "lastRecord",
    effort_rule: str = "exact",
    occasion_days: int = 7,
    day1: str = "survey",
    least_days: float | None = None,
) -> StudyRequest:
    """What tables are wanted, as it is typed; SettingsError names the option that cannot be."""
    first = option_day("--from", begin) if begin is not None else None
    last = option_day("--to", end) if end is not None else None
    if first and last and last < first:
        raise SettingsError(f"--to {last} is before --from {first}")
    if not 0 <= gap_min < float("inf"):
        raise SettingsError(f"--gap-min {gap_min:g}: give 0 or more minutes")
    if rule not in events.RULES:
        raise SettingsError(f"--rule {rule}: known are {', '.join(events.RULES)}")
    if effort_rule not in effort.RULES:
        raise SettingsError(f"--effort {effort_rule}: known are {', '.join(effort.RULES)}")
    if occasion_days < 1:
        raise SettingsError(f"--occasion-days {occasion_days}: give 1 or more")
    if least_days is not None and not 0 < least_days <= occasion_days:
        raise SettingsError(f"--least-days {least_days:g}: more than 0, at most {occasion_days}")
    begins: str | date = day1 if day1 in ("survey", "station") else option_day("--day1", day1)
    names, gap_s = tuple(species or ()), gap_min * 60
    return StudyRequest(
        first, last, names, gap_s, rule, effort_rule, occasion_days, begins, least_days
    )


@dataclass(frozen=True, slots=True)
class WrittenStudy:
    """The files of a study, and what is said of it in other places."""

    request: StudyRequest
    paths: tuple[Path, ...]
    old: tuple[Path, ...]  # histories of earlier calls that lie beside them, left as found
    tables: Tables
    markdown: str
    rates: list[dict[str, Any]]  # rows of rai.csv
    corrected: int  # answers of the random sample that correct numbers; 0: none are corrected
    all_told: bool = False  # people told of every visit: there is nothing to correct
    in_part: int = 0  # of these, visits that they told of by single pictures alone


def write_study(
    database: str, request: StudyRequest, out: Path, sensitivity: Path | None = None
) -> WrittenStudy:
    """Write page and tables into a folder.

    sensitivity  a table of the model's hits that were measured elsewhere
    """
    from pipeline.report.population_markdown import as_markdown
    from pipeline.report.population_page import write_population_page

    check_folder(out)
    found = read_study(database, request, read_accuracies(sensitivity) if sensitivity else ())
    own = version()
    tables = population_tables(found, own)
    paths = write_tables(out, tables)
    paths.append(write_population_page(out, found, tables, own))
    return WrittenStudy(
        request=request,
        paths=tuple(paths),
        old=tuple(sorted({*out.glob("history_*.csv")} - {*paths})),
        tables=tables,
        markdown=as_markdown(found, tables),
        rates=_as_rows(tables.rows["rai"]),
        corrected=found.corrected.answers if found.corrected.rows else 0,
        all_told=found.corrected.all_told,
        in_part=found.corrected.in_part,
    )


def check_folder(out: Path) -> None:
    """SettingsError where a file stands in the folder's place."""
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out} is a file: give a folder")


def _as_rows(table: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """A table with its head as rows by column."""
    head, *rows = table
    return [dict(zip(head, row, strict=True)) for row in rows]


def read_study(database: str, request: StudyRequest, known: Sequence[Accuracy] = ()) -> Study:
    """Everything that the database holds for a request."""
    rests_on = read_basis(database, request)
    with reading(known_database(database)) as conn:
        sample = read_sample(conn)
        blanks = blanks_of_all(conn)
    return study(rests_on, sample, blanks, known)


def read_basis(database: str, request: StudyRequest) -> Basis:
    """Visits, effort and events of a request."""
    with reading(known_database(database)) as conn:
        sightings, deployments = read_sightings(conn), believed(conn, all_deployments(conn))
        outages, digests = accepted_outages(conn), label_sets(conn)
    own = load_labelset()
    seen = {sighting.taxon for sighting in sightings}
    if request.species:
        names = spelled(request.species, seen, own, digests <= {own.digest})
        request = replace(request, species=names)
    wider = wider_names(with_world(own, seen))
    return basis(sightings, deployments, request, outages, now().date(), wider)
