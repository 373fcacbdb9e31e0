"""Tables of a population command: a study's rows, written as CSV.

Every visit is in the tables or counted under a reason in about.csv.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.population.effort.effort import watches
from pipeline.population.effort.operation import write_matrix
from pipeline.population.effort.refused import no_visit
from pipeline.population.estimates.histories import History, write_history
from pipeline.population.study import result_rows as results
from pipeline.population.study import table_rows as rows_of
from pipeline.population.study.study import Study
from pipeline.population.study.table_rows import Rows
from pipeline.tables.writer import write_table


@dataclass(frozen=True, slots=True)
class Tables:
    """Rows by file name, the first row being the columns; histories by species; and summaries."""

    rows: dict[str, Rows]
    histories: dict[str, History]  # of the labels as they stand
    confirmed: dict[str, History]  # where people have begun to verify: what they confirmed
    without_period: tuple[str, ...]  # deployments
    visits: int  # in the tables
    reviewed: int  # of them named by people
    outages: str  # how many are known, and whether they are subtracted
    clocks: tuple[str, ...] = ()  # sentences on times that are not known or not to be trusted
    no_visit: str = ""  # names that no visit has, or that there is no visit at all


def population_tables(study: Study, version: str) -> Tables:
    """Everything the command writes as CSV."""
    basis = study.basis
    request = basis.request
    rules = [f"{request.gap_s / 60:g}", request.rule, request.effort]
    by_name = dict(zip(basis.stations, basis.effort.tolist(), strict=True))
    histories = {species.name: species.history for species in study.occupied}
    rows = {
        "about": rows_of.about_rows(basis, version, histories, study.sampled),
        "events": rows_of.event_rows(basis, rules),
        "effort": rows_of.effort_rows(basis.stays, basis.known, by_name, basis.edges, request),
        "rai": rows_of.rai_rows(study.rates, basis, rules),
        "rai_by_station": rows_of.station_rates_rows(basis, rules),
        "rai_by_month": results.month_rows(study.months, rules),
        "presence": results.presence_rows(study.presence, rules),
        "occupancy": results.occupancy_rows(study.occupied, request),
        "activity": results.activity_rows(study.days, rules),
        "activity_curves": results.curve_rows(study.days),
        "overlap": results.overlap_rows(study.days, rules),
        "corrected": results.corrected_rows(study.corrected, rules),
        "corrected_by_month": results.corrected_part_rows(study.corrected.months, "month", rules),
        "corrected_by_station": results.corrected_part_rows(
            study.corrected.stations, "station", rules
        ),
        "richness": results.richness_rows(study.richness),
        "trend": results.trend_rows(study.trend, basis.names, rules),
        "record_table": rows_of.record_table(basis),
        "station_table": rows_of.station_table(
            basis.deployments, basis.known, watches(basis.known.values(), "exact")
        ),
    }
    if study.elsewhere:
        rows["rogan_gladen"] = results.elsewhere_rows(study.elsewhere)
    confirmed = {
        species.name: species.confirmed for species in study.occupied if species.cells_confirmed
    }
    by_people = np.array([sighting.method == "human" for sighting in basis.kept], bool)
    visits = int(basis.dated.sum())
    return Tables(
        rows,
        histories,
        confirmed,
        basis.without_period,
        visits,
        int((by_people & basis.dated).sum()),
        rows_of.outages_text(basis),
        tuple(rows_of.clock_notes(basis)),
        no_visit(request, basis.unseen, basis.present, visits, basis.left_out),
    )


def write_tables(folder: Path, tables: Tables) -> list[Path]:
    """Write every table and history into a folder; gives back their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in tables.rows.items():
        paths.append(folder / f"{name}.csv")
        write_table(paths[-1], rows[0], rows[1:])
    taken: set[str] = set()
    for species, history in tables.histories.items():
        plain = re.sub(r"\W+", "_", species).strip("_").lower()[:60] or "species"
        name, nth = plain, 1
        while name in taken:
            name, nth = f"{plain}_{nth + 1}", nth + 1
        taken.add(name)
        path = folder / f"history_{name}.csv"
        paths += [path, write_history(path, history)]
        if sure := tables.confirmed.get(species):
            paths.append(path.with_name(f"history_{name}_confirmed.csv"))
            write_matrix(paths[-1], sure.stations, sure.occasions, sure.cells)
    return paths
