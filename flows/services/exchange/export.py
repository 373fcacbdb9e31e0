"""Results for other programs: a Camtrap DP package, MegaDetector's results file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from db.core.engine import reading
from flows.execution.databases import known_database
from flows.facts.package import gather
from flows.run_options import study_settings
from flows.services.exchange.outgoing import Sharing, results
from pipeline.exchange.camtrap_dp import export
from pipeline.exchange.megadetector import export_results
from pipeline.exchange.project import read_project


@dataclass(frozen=True, slots=True)
class ExportedPackage:
    """A Camtrap DP package that was written."""

    folder: Path
    counts: Mapping[str, int]  # rows of each table, and how many media are not public
    left_out: int  # pictures without a time
    deployments_left_out: tuple[str, ...]  # no picture of them is here
    time_lapse: int  # visits of time-lapse pictures that became no event
    levels: tuple[str, ...]  # of observations: event, media


@dataclass(frozen=True, slots=True)
class ExportedResults:
    """A MegaDetector results file that was written."""

    file: Path
    counts: Mapping[str, int]  # pictures, failed ones of them, boxes


def export_camtrap_dp(
    database: str,
    folder: Path,
    project: Path,
    batch: str | None = None,
    exact: bool = False,
    settings: str | None = None,
    protected: Path | None = None,
) -> ExportedPackage:
    """Write a Camtrap DP 1.0.2 package; InputError names what is missing, with nothing written.

    settings   the study's own numbers: its pixelate_bar says which pictures are not public
    protected  names, one a line: places where they were seen are rounded more
    """
    bar = study_settings(settings).poaching.pixelate_bar
    described = read_project(project)
    package, _, places = results(database, Sharing(batch, exact, protected))
    done = export(package, described, folder, exact, bar, places.guarded)
    levels = tuple(described.levels)
    empty = package.left_out
    return ExportedPackage(folder, done.counts, done.left_out, empty, done.time_lapse, levels)


def export_megadetector(database: str, file: Path, batch: str | None = None) -> ExportedResults:
    """Write MegaDetector results, format 1.6, into a new file."""
    with reading(known_database(database)) as conn:
        package = gather(conn, [batch] if batch else None)
    return ExportedResults(file, export_results(package, file))
