"""Four deployments of a Camtrap DP example as camtraptor counts them."""

from datetime import datetime

import numpy as np

from pipeline.population.effort import Stay, watches
from pipeline.population.events import combined, tally
from pipeline.population.rates import station_rates
from tests.references import equal, expected, near
from tests.tables import rows


def stays() -> list[Stay]:
    return [
        Stay(
            row["deploymentID"],
            "1",
            *(datetime.fromisoformat(row[key].rstrip("Z")) for key in ("start", "end")),
        )
        for row in rows("camtraptor/deployments.csv")
    ]


def _effort(unit: str, hours: int):
    @expected(f"camtraptor/effort_{unit}.csv")
    def compare():
        known = rows(f"camtraptor/effort_{unit}.csv")
        ours = {one.station: one.days * 24 / hours for one in watches(stays(), "duration")}
        yield equal(sorted(ours), sorted(row["deploymentID"] for row in known))
        days = [float(row["effort"]) for row in known]
        yield near([ours[row["deploymentID"]] for row in known], days, 1e-6)


_effort("day", 24)
_effort("hour", 1)


def _counted(individuals: bool):
    """(tally, deployments, species): distinct sequences, or the sum of the counts."""
    table = [row for row in rows("camtraptor/observations.csv") if row["scientificName"]]
    keys = ("deploymentID", "scientificName", "sequenceID")
    columns = [np.array([row[key] for row in table]) for key in keys]
    weights = np.array([float(row["count"]) for row in table])
    if not individuals:
        once = np.unique(combined(*columns), return_index=True)[1]
        columns, weights = [one[once] for one in columns], None
    places = [one.station for one in watches(stays(), "duration")]
    names = sorted(set(columns[1].tolist()))
    return tally(columns[0], columns[1], places, names, weights), places, names


def _table(name: str, column: str, individuals: bool, allowed: float | None):
    @expected(f"camtraptor/{name}.csv")
    def compare():
        ours, places, names = _counted(individuals)
        if column == "rai":
            days = {row["deploymentID"]: row["effort"] for row in rows("camtraptor/effort_day.csv")}
            ours = station_rates(ours, [float(days[place]) for place in places])
        known = rows(f"camtraptor/{name}.csv")
        at = [(places.index(r["deploymentID"]), names.index(r["scientificName"])) for r in known]
        mine, theirs = [ours[one] for one in at], [float(r[column]) for r in known]
        yield equal(mine, theirs) if allowed is None else near(mine, theirs, allowed)


_table("n_obs", "n", False, None)
_table("n_individuals", "n", True, None)
_table("rai", "rai", False, 1e-6)
_table("rai_individuals", "rai", True, 1e-6)


@expected("camtraptor/n_species.csv")
def species():
    ours, places, _ = _counted(False)
    known = {row["deploymentID"]: int(row["n"]) for row in rows("camtraptor/n_species.csv")}
    yield equal((ours > 0).sum(axis=1), [known[place] for place in places])
