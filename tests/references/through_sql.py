"""The same tables once more, out of a database: what was seen put in, numbers asked of SQL."""

import numpy as np

from db.population import independent_events, read_records, read_stays
from pipeline.population.effort import stretches, unknown, watches
from pipeline.population.events import RULES, tally
from pipeline.population.histories import detection_history
from pipeline.population.operation import operation
from pipeline.population.rates import rai, station_rates
from tests.references import algar, camtrapr, equal, expected, near
from tests.tables import matrix, rows

_, INDEPENDENT = RULES


@expected("algar/expected_event_counts.csv", sql="algar")
def event_counts(conn):
    for row in rows("algar/expected_event_counts.csv"):
        made = independent_events(conn, algar.gap_of(row), algar.RULE_NAMES[row["rule"]])
        yield equal([len(made)], [int(row["events"])])
        if row["animals_sum_of_max_row"]:
            yield equal([made.count.sum()], [int(row["animals_sum_of_max_row"])])


@expected("algar/expected_events_30min.csv", sql="algar")
def events_one_by_one(conn):
    known = sorted(tuple(row.values())[:4] for row in rows("algar/expected_events_30min.csv"))
    yield equal(algar.event_keys(independent_events(conn, 1800)), known)


@expected("algar/expected_species_30min.csv", sql="algar")
def species(conn):
    made = independent_events(conn, 1800)
    for row in rows("algar/expected_species_30min.csv"):
        here = made.species == row["species"]
        ours = [here.sum(), len(set(made.station[here])), made.count[here].sum()]
        keys = ("events", "stations", "animals_max_frame_sum_per_event")
        yield equal(ours, [int(row[key]) for key in keys])


@expected("algar/expected_event_matrix_30min.csv", sql="algar")
def event_matrix(conn):
    known = rows("algar/expected_event_matrix_30min.csv")
    names, made = list(known[0])[1:], independent_events(conn, 1800)
    ours = tally(made.station, made.species, [row["station"] for row in known], names)
    yield equal(ours, [[int(row[name]) for name in names] for row in known])


@expected("algar/expected_effort_by_station.csv", sql="algar")
def effort(conn):
    stays = read_stays(conn)
    yield equal([one.station for one in unknown(stays)], ["Algar27"])
    known = rows("algar/expected_effort_by_station.csv")
    for rule, column in (("noon", "noon_rule"), ("inclusive", "inclusive")):
        ours = {one.station: one.days for one in watches(stays, rule)}
        days = [float(row[f"effort_days_{column}"]) for row in known]
        yield near([ours[row["station"]] for row in known], days, 1e-3)


@expected("algar/expected_rai.csv", sql="algar")
def rates(conn):
    known, made = rows("algar/expected_rai.csv"), independent_events(conn, 1800)
    watched, names = watches(read_stays(conn), "inclusive"), [row["species"] for row in known]
    seen = tally(made.station, made.species, [one.station for one in watched], names)
    days = [one.days for one in watched]
    for ours, row in zip(rai(seen, days, names, draws=20_000), known, strict=True):
        yield from algar.rate(ours, {k: float(v) for k, v in row.items() if k != "species"})
    own = station_rates(seen, days)
    yield near(own.mean(0), [float(row["rai_mean_of_station_rates"]) for row in known], 1e-6)


def _history(name: str):
    @expected(f"algar/dh_{name}_7.csv", sql="algar")
    def compare(conn):
        watched, found = watches(read_stays(conn), "noon"), read_records(conn)
        yield equal(stretches(watched, found.station, found.time), np.zeros(len(found)))
        one = found.where(found.species == algar.SPECIES[name])
        made = detection_history(operation(watched), one.station, one.time, 7)
        yield equal(made.cells, matrix(f"algar/dh_{name}_7.csv", 1))
        yield near(made.effort, matrix(f"algar/dh_{name}_7_effort.csv", 1), 1e-3)


for _name in algar.SPECIES:
    _history(_name)


@expected(camtrapr.EDGES_EXPECTED, sql="edges")
def edge_cases(conn):
    for rule in RULES:
        made = independent_events(conn, 1800, rule)
        known = [row for row in rows(camtrapr.EDGES_EXPECTED) if row["rule"] == rule]
        begun = [str(one).replace("T", " ") for one in made.started_at.astype("datetime64[s]")]
        yield equal(begun, [row["DateTimeOriginal"] for row in known])
        yield equal(made.count, camtrapr.maxima(known, rule))
