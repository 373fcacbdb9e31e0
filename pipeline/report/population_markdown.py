"""A study in a few lines of Markdown, for Prefect and mail. The page has the rest."""

from collections.abc import Iterator

import numpy as np

from pipeline.counted import counted
from pipeline.population.correction.correction import CorrectedSpecies
from pipeline.population.study.study import Study
from pipeline.population.study.tables import Tables
from pipeline.report import words
from pipeline.report.tables import markdown_table


def as_markdown(study: Study, tables: Tables) -> str:
    """Effort and its rule, rates with their intervals, corrected visits, change."""
    return "\n".join(_lines(study, tables)) + "\n"


def _lines(study: Study, tables: Tables) -> Iterator[str]:
    basis = study.basis
    request = basis.request
    first, last = (basis.edges - np.array([0, 1])).astype("datetime64[D]").tolist()
    yield f"# Population, {words.on(first)} to {words.on(last)}\n"
    stations, visits = counted(len(basis.stations), "station"), counted(tables.visits, "visit")
    effort = (
        f"{words.decimal(float(np.nansum(basis.effort)))} camera-days (rule {request.effort}; "
        f"outages: {tables.outages}) at {int((basis.effort > 0).sum())} of {stations}"
    )
    yield (
        f"{effort}; {visits}, {words.number(tables.reviewed)} of them named by people. Events: "
        f"{request.rule}, {request.gap_s / 60:g} min. Intervals: 95 %, from stations, never "
        "narrower than from counting events.\n"
    )
    for note in tables.clocks:
        yield f"{note[0].upper()}{note[1:]}.\n"
    if tables.no_visit:
        yield f"{tables.no_visit[0].upper()}{tables.no_visit[1:]}.\n"
    right = bool(study.corrected.rows)
    yield f"## Events per 100 camera-days{', of the labels, uncorrected' if right else ''}\n"
    rates = sorted(study.rates, key=lambda rate: (-rate.events, rate.name))
    yield from markdown_table(
        ("taxon", "events", "stations", "per 100 days", "95 %"),
        [
            (r.name, r.events, f"{r.stations_seen} of {r.stations}", words.decimal(r.pooled),
             _between(r.low, r.high))
            for r in rates
        ],
    )  # fmt: skip
    yield "## Corrected by the reviewed sample\n"
    if not study.corrected.rows:
        yield f"No corrected number: {study.corrected.why}.\n"
        return
    visits = counted(study.corrected.visits, "visit")
    yield f"People reviewed {study.corrected.answers} of {visits}.\n"
    yield from markdown_table(
        ("taxon", "per 100 days", "95 %", "events by the model", "corrected"),
        [
            (row.name, *_rate(row), int(row.total.raw), words.decimal(row.total.value))
            for row in study.corrected.rows
        ],
    )  # fmt: skip


def _rate(row: CorrectedSpecies) -> tuple[str, str]:
    if row.rate is None:
        return "–", ""
    return words.decimal(row.rate.value), _between(row.rate.low, row.rate.high)


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{words.decimal(low)}–{words.decimal(high)}"
