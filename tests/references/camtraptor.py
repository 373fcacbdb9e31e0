"""Four deployments of a Camtrap DP example as camtraptor counts them."""

from collections import Counter
from datetime import datetime

import numpy as np

from pipeline.population.effort.effort import Stay, watches
from pipeline.population.estimates.rates import station_rates
from pipeline.population.events.independent import Records, records, tally
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


EFFORT = {"day": 24, "hour": 1}  # hours


def compare_effort(unit: str, given: list[Stay]):
    known = rows(f"camtraptor/effort_{unit}.csv")
    ours = {one.station: one.days * 24 / EFFORT[unit] for one in watches(given, "duration")}
    yield equal(sorted(ours), sorted(row["deploymentID"] for row in known))
    days = [float(row["effort"]) for row in known]
    yield near([ours[row["deploymentID"]] for row in known], days, 1e-6)


for _unit in EFFORT:
    expected(f"camtraptor/effort_{_unit}.csv")(lambda unit=_unit: compare_effort(unit, stays()))


def sequences() -> dict[tuple[str, str, str], dict]:
    """What each sequence shows of each species: its first row, with the sum of all its counts."""
    found: dict = {}
    for row in rows("camtraptor/observations.csv"):
        if row["scientificName"]:
            key = (row["deploymentID"], row["scientificName"], row["sequenceID"])
            one = found.setdefault(key, {**row, "count": 0})
            one["count"] += int(row["count"])
    return found


def seen() -> Records:
    keys = list(sequences())
    counts = [one["count"] for one in sequences().values()]
    places, species, _ = zip(*keys, strict=True)
    return records(places, species, [0] * len(keys), count=counts)


TABLES = {  # table -> its column, and whether animals count, not sequences
    "n_obs": ("n", False),
    "n_individuals": ("n", True),
    "rai": ("rai", False),
    "rai_individuals": ("rai", True),
}


def compare_table(name: str, given: list[Stay], table: Records):
    watched, (column, individuals) = watches(given, "duration"), TABLES[name]
    places, names = [one.station for one in watched], sorted(set(table.species.tolist()))
    each = table.count.astype(int) if individuals else 1
    ours = tally(*(np.repeat(x, each) for x in (table.station, table.species)), places, names)
    if column == "rai":
        ours = station_rates(ours, [one.days for one in watched])
    known = rows(f"camtraptor/{name}.csv")
    at = [(places.index(r["deploymentID"]), names.index(r["scientificName"])) for r in known]
    mine, theirs = [ours[one] for one in at], [float(r[column]) for r in known]
    yield near(mine, theirs, 1e-6) if column == "rai" else equal(mine, theirs)


for _name in TABLES:
    expected(f"camtraptor/{_name}.csv")(lambda name=_name: compare_table(name, stays(), seen()))


def compare_species(given: list[Stay], table: Records):
    known = {row["deploymentID"]: int(row["n"]) for row in rows("camtraptor/n_species.csv")}
    pairs = set(zip(table.station.tolist(), table.species.tolist(), strict=True))
    ours = Counter(place for place, _ in pairs)
    places = [one.station for one in watches(given, "duration")]
    yield equal([ours[place] for place in places], [known[place] for place in places])


expected("camtraptor/n_species.csv")(lambda: compare_species(stays(), seen()))
