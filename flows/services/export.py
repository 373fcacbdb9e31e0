"""What `camtriage export` does: results for other programs."""

from pathlib import Path

from db.core.engine import reading
from db.queries.exchange.package import gather
from flows.execution.databases import known_database
from pipeline.counted import counted


def camtrap_dp(database: str, folder: Path, project: Path, batch: str | None, exact: bool) -> int:
    """Write a Camtrap DP package; what is missing is named, and then nothing is written."""
    from pipeline.exchange.camtrap_dp import export
    from pipeline.exchange.project import read_project

    described = read_project(project)
    with reading(known_database(database)) as conn:
        package = gather(conn, [batch] if batch else None)
    done = export(package, described, folder, exact=exact)
    print(f"{folder}: " + ", ".join(f"{n} {what}" for what, n in done.counts.items()))
    if done.left_out:
        print(f"{counted(done.left_out, 'picture')} without a time: left_out.csv")
    if done.time_lapse:
        own = "with their own observations" if "media" in described.levels else "without any"
        some = counted(done.time_lapse, "time-lapse visit")
        print(f"{some} without an event: pictures in media.csv, {own}")
    return 0


def megadetector(database: str, file: Path, batch: str | None) -> int:
    """Write MegaDetector results, format 1.6."""
    from pipeline.exchange.megadetector import export_results

    with reading(known_database(database)) as conn:
        package = gather(conn, [batch] if batch else None)
    written = export_results(package, file)
    print(f"{file}: " + ", ".join(f"{n} {what}" for what, n in written.items()))
    return 0
