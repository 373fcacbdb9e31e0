"""A drawn card through the whole flow, on any machine, without a network."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.run_options import RunOptions
from flows.steps.summary import Summary

SEED = 20261121  # of the demo's drawing; training drew with another
DEPLOYMENTS = """deploymentID,locationName,deploymentTags
CamA,Glade,access:public
CamB,Meadow,access:public
CamC,Track,access:closed
CamD,Bank,access:public
"""  # people and vehicles do not belong on the track


@dataclass(frozen=True, slots=True)
class DemoRun:
    """What the demo made."""

    summary: Summary
    page: Path | None  # the newest report
    database: Path  # a SQLite file


def card_of(folder: Path) -> Path:
    """Where the demo's card lies."""
    return folder / "card"


def prepare(folder: Path) -> bool:
    """Make the folder. True: its card is still to be drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    return not _mark(folder).exists()


def draw(folder: Path) -> None:
    """Draw the card; one that was half drawn is drawn again."""
    from pipeline.train.drawn.card import draw_card

    draw_card(card_of(folder), SEED)
    _table(folder).write_text(DEPLOYMENTS, "utf-8")
    _mark(folder).touch()


def run_demo(folder: Path) -> DemoRun:
    """Run the Prefect flow on the drawn card and write the report of the day."""
    from flows.prefect.run import run_job
    from flows.services.study.report import write_day

    database, reports = folder / "camtriage.db", folder / "report"
    table = str(_table(folder)) if _table(folder).exists() else None  # of earlier versions: none
    options = RunOptions(
        card=str(card_of(folder)),
        name="demo",
        database=f"sqlite:///{database}",
        deployments=table,
    )
    summary = run_job(options, as_flow=True)
    if not summary.known:
        write_day(options.database, date.today(), reports)
    return DemoRun(summary, max(reports.glob("*.html"), default=None), database)


def _table(folder: Path) -> Path:
    return folder / "deployments.csv"


def _mark(folder: Path) -> Path:
    return folder / "drawn"
