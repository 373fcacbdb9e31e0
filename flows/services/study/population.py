"""What `camtriage population` does: the tables of a study, as CSV."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path

from db.core.engine import reading
from db.queries.population.population import label_sets, read_sightings
from db.queries.population.sample import read_sample
from db.store.deployments import all_deployments
from db.store.outages import accepted_outages
from flows.execution.databases import known_database
from flows.services.study.report import blanks_of_all
from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.population.correction.elsewhere import Accuracy, read_accuracies
from pipeline.population.effort import effort
from pipeline.population.effort.basis import Basis, basis
from pipeline.population.events import independent as events
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.study import Study, study
from pipeline.population.study.tables import Tables, population_tables, write_tables
from pipeline.species.labelset import load_labelset
from pipeline.species.spelling import spelled
from pipeline.tables.times import option_day


def asked(
    begin: str | None,
    end: str | None,
    species: list[str] | None,
    gap_min: float = 30,
    rule: str = "lastRecord",
    effort_rule: str = "exact",
    occasion_days: int = 7,
    day1: str = "survey",
    least_days: float | None = None,
) -> StudyRequest:
    """The command's words as a StudyRequest; SettingsError names the one that cannot be."""
    first, last = _day("--from", begin), _day("--to", end)
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
    begins = day1 if day1 in ("survey", "station") else _day("--day1", day1)
    names, gap_s = tuple(species or ()), gap_min * 60
    return StudyRequest(
        first, last, names, gap_s, rule, effort_rule, occasion_days, begins, least_days
    )


@dataclass(frozen=True, slots=True)
class Written:
    """What a study left behind, and its words for other places."""

    paths: tuple[Path, ...]
    tables: Tables
    markdown: str
    rates: list[dict]  # rows of rai.csv
    corrected: int  # answers of the random sample that correct numbers; 0: none are corrected


def write_population(
    database: str, ask: StudyRequest, out: Path, sensitivity: Path | None = None
) -> int:
    """Write page and tables into a folder, print their paths, and say what is not in them."""
    written = write_study(database, ask, out, sensitivity)
    for path in written.paths:
        print(path)
    _tell(written, ask)
    if old := sorted({*out.glob("history_*.csv")} - {*written.paths}):
        files = f"{counted(len(old), 'history file')} of other calls"
        print(f"{out}: {files}, left as found: {old[0].name}, ...", file=sys.stderr)
    return 0


def write_study(
    database: str, ask: StudyRequest, out: Path, sensitivity: Path | None = None
) -> Written:
    """Write page and tables into a folder. `sensitivity`: a table for Rogan and Gladen's shares."""
    from pipeline.report.population_markdown import as_markdown
    from pipeline.report.population_page import write_population_page

    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out} is a file: give a folder")
    found, own = (
        read_study(database, ask, read_accuracies(sensitivity) if sensitivity else ()),
        version("camtriage"),
    )
    made = population_tables(found, own)
    paths = write_tables(out, made)
    paths.append(write_population_page(out, found, made, own))
    head, *rows = made.rows["rai"]
    rates = [dict(zip(head, row, strict=True)) for row in rows]
    answers = found.corrected.answers if found.corrected.rows else 0
    return Written(tuple(paths), made, as_markdown(found, made), rates, answers)


def read_study(database: str, ask: StudyRequest, known: Sequence[Accuracy] = ()) -> Study:
    """Everything that the database holds about what was asked."""
    rests_on = read_basis(database, ask)
    with reading(known_database(database)) as conn:
        sample = read_sample(conn)
        blanks = blanks_of_all(conn)
    return study(rests_on, sample, blanks, known)


def read_basis(database: str, ask: StudyRequest) -> Basis:
    """Visits, effort and events of what was asked."""
    with reading(known_database(database)) as conn:
        sightings, deployments = read_sightings(conn), all_deployments(conn)
        outages, digests = accepted_outages(conn), label_sets(conn)
    if ask.species:
        own = load_labelset()
        seen = {one.taxon for one in sightings}
        ask = replace(ask, species=spelled(ask.species, seen, own, digests <= {own.digest}))
    return basis(sightings, deployments, ask, outages)


def _tell(written: Written, ask: StudyRequest) -> None:
    """On stderr, so that the paths alone can be piped."""
    made = written.tables
    if made.no_visit:
        print(made.no_visit, file=sys.stderr)
    told = [f"{counted(made.visits, 'visit')}, {made.reviewed} of them told by people, the rest by "
            "the machine"]  # fmt: skip
    if made.reviewed == made.visits:
        told = [f"{counted(made.visits, 'visit')}, each told by people"]
    if written.corrected:
        told.append(
            f"{counted(written.corrected, 'answer')} of the random sample take the machine's errors"
            " out in corrected.csv and on the page, all else counts names as they stand"
        )
    elif made.reviewed < made.visits:
        told.append("raw numbers, the machine's errors uncorrected: camtriage review sample")
    if made.visits:
        print("; ".join(told), file=sys.stderr)
    print(
        f"events: {ask.rule}, {ask.gap_s / 60:g} min; effort: {ask.effort}; "
        f"outages: {made.outages}; what was left out: about.csv",
        file=sys.stderr,
    )
    if made.without_period:
        without = counted(len(made.without_period), "deployment")
        print(
            f"{without} without a period in no rate: fill in "
            "`camtriage deployments list`, then `camtriage deployments import` it",
            file=sys.stderr,
        )


def _day(option: str, text: str | None) -> date | None:
    return None if text is None else option_day(option, text)
