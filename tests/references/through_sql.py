"""The same tables once more, out of a database: what was seen put in, and read as a study reads it.

The events of 30 minutes are those of the view `independent_events` too."""

import numpy as np
import sqlalchemy as sa

from db.core import views
from db.store.deployments import all_deployments
from db.store.outages import accepted_outages
from flows.facts.study import read_sightings
from pipeline.population.effort.basis import basis
from pipeline.population.effort.effort import stay_of, stretches, watches
from pipeline.population.effort.operation import operation
from pipeline.population.estimates import hours
from pipeline.population.estimates.histories import detection_history
from pipeline.population.estimates.rates import rai, station_rates
from pipeline.population.events.independent import (
    RULES,
    Events,
    Records,
    independent_events,
    tally,
)
from pipeline.population.events.sightings import StudyRequest, records_of
from pipeline.population.study.table_rows import record_table
from tests.references import (
    activity,
    algar,
    camtrapr,
    camtraptor,
    equal,
    expected,
    near,
    occupancy,
    studies,
)
from tests.tables import matrix, rows
from tests.visits import read_stays

VIEW = """
SELECT station, scientific_name, replace(started_at, 'T', ' ') AS begun,
    MICROSECONDS(ended_at) - MICROSECONDS(started_at) AS lasted, count
FROM independent_events ORDER BY station, scientific_name, started_at
"""


def in_view(conn) -> list[sa.Row]:
    """Events of 30 minutes, by station, species and time."""
    return conn.execute(sa.text(views.written_out(VIEW, conn.dialect.name))).all()


def read_records(conn) -> Records:
    """Visits of the database, as a study takes them."""
    station = {one.deployment_id: stay_of(one).station for one in all_deployments(conn)}
    seen = read_sightings(conn)
    return records_of(seen, np.array([station[one.deployment] for one in seen], str))


def read_events(conn, gap_s: float, rule: str = "lastRecord") -> Events:
    return independent_events(read_records(conn), gap_s, rule)


@expected("algar/expected_event_counts.csv", sql="algar")
def event_counts(conn):
    for row in rows("algar/expected_event_counts.csv"):
        made = read_events(conn, algar.gap_of(row), algar.RULE_NAMES[row["rule"]])
        yield equal([len(made)], [int(row["events"])])
        if row["animals_sum_of_max_row"]:
            yield equal([made.count.sum()], [int(row["animals_sum_of_max_row"])])


@expected("algar/expected_events_30min.csv", sql="algar")
def events_one_by_one(conn):
    known = sorted(tuple(row.values())[:4] for row in rows("algar/expected_events_30min.csv"))
    yield equal(algar.event_keys(read_events(conn, 1800)), known)
    keys = sorted((*row[:3], str(row.lasted // 1_000_000)) for row in in_view(conn))
    yield equal(keys, known)


@expected("algar/expected_species_30min.csv", sql="algar")
def species(conn):
    made = read_events(conn, 1800)
    for row in rows("algar/expected_species_30min.csv"):
        here = made.species == row["species"]
        ours = [here.sum(), len(set(made.station[here])), made.count[here].sum()]
        keys = ("events", "stations", "animals_max_frame_sum_per_event")
        yield equal(ours, [int(row[key]) for key in keys])


@expected(algar.EVENTS, sql="algar")
def event_matrix(conn):
    known = rows(algar.EVENTS)
    names, made = list(known[0])[1:], read_events(conn, 1800)
    ours = tally(made.station, made.species, [row["station"] for row in known], names)
    yield equal(ours, [[int(row[name]) for name in names] for row in known])


@expected("algar/expected_effort_by_station.csv", sql="algar")
def effort(conn):
    stays = read_stays(conn)
    yield equal([one.station for one in stays if one.end is None], ["Algar27"])
    known = rows("algar/expected_effort_by_station.csv")
    for rule, column in (("noon", "noon_rule"), ("inclusive", "inclusive")):
        ours = {one.station: one.days for one in watches(stays, rule)}
        days = [float(row[f"effort_days_{column}"]) for row in known]
        yield near([ours[row["station"]] for row in known], days, 1e-3)


@expected("algar/expected_rai.csv", sql="algar")
def rates(conn):
    known, made = rows("algar/expected_rai.csv"), read_events(conn, 1800)
    watched, names = watches(read_stays(conn), "inclusive"), [row["species"] for row in known]
    seen = tally(made.station, made.species, [one.station for one in watched], names)
    days = [one.days for one in watched]
    for ours, row in zip(rai(seen, days, names, draws=20_000), known, strict=True):
        yield from algar.rate(ours, {k: float(v) for k, v in row.items() if k != "species"})
    own = station_rates(seen, days)
    yield near(own.mean(0), [float(row["rai_mean_of_station_rates"]) for row in known], 1e-6)


def _algar_history(conn, name: str):
    watched, found = watches(read_stays(conn), "noon"), read_records(conn)
    one = found.where(found.species == algar.SPECIES[name])
    return detection_history(operation(watched), one.station, one.time, 7)


def _history(name: str):
    @expected(f"algar/dh_{name}_7.csv", sql="algar")
    def compare(conn):
        made = _algar_history(conn, name)
        yield equal(made.cells, matrix(f"algar/dh_{name}_7.csv", 1))
        yield near(made.effort, matrix(f"algar/dh_{name}_7_effort.csv", 1), 1e-3)


for _name in algar.SPECIES:
    _history(_name)


@expected(occupancy.FITS, sql="algar")
def occupancy_of_four_species(conn):
    watched, found = watches(read_stays(conn), "noon"), read_records(conn)
    yield equal(stretches(watched, found.station, found.time), np.zeros(len(found)))
    for row in rows(occupancy.FITS):
        if row["dataset"].startswith("algar"):
            made = _algar_history(conn, row["dataset"].split("_")[1])
            given = {"effort": made.effort} if row["dataset"].endswith("effort") else {}
            yield from occupancy.compare_fit(row, made.cells, given)


@expected(algar.TO_VERIFY, sql="algar")
def cells_to_verify(conn):
    there = operation(watches(read_stays(conn), "noon"))
    yield from algar.compare_cells(read_records(conn), there)


@expected(algar.RICHNESS, sql="algar")
def richness(conn):
    made = read_events(conn, 1800)
    stations = [row["station"] for row in rows(algar.EVENTS)]
    names = list(rows(algar.EVENTS)[0])[1:]
    yield from algar.compare_richness(tally(made.station, made.species, stations, names))


@expected(camtrapr.EDGES_EXPECTED, sql="edges")
def edge_cases(conn):
    for rule in RULES:
        made = read_events(conn, 1800, rule)
        known = [row for row in rows(camtrapr.EDGES_EXPECTED) if row["rule"] == rule]
        begun = [str(one).replace("T", " ") for one in made.started_at.astype("datetime64[s]")]
        yield equal(begun, [row["DateTimeOriginal"] for row in known])
        if rule == "lastRecord":
            viewed = in_view(conn)
            yield equal([row.begun for row in viewed], [row["DateTimeOriginal"] for row in known])
            yield equal([row.count for row in viewed], camtrapr.maxima(known, rule))
        yield equal(made.count, camtrapr.maxima(known, rule))


for _name, _study in studies.OPERATIONS.items():
    expected(f"camtrapr/camop_{_name}.csv", sql=_study)(
        lambda conn, name=_name: camtrapr.compare_operation(name, read_stays(conn))
    )
for _name, _study in studies.REPORTS.items():
    expected(f"camtrapr/report_survey_dates{_name}.csv", sql=_study)(
        lambda conn, name=_name: camtrapr.compare_report(name, read_stays(conn))
    )
for _name, _compare in camtrapr.EVENTS.items():
    expected(f"camtrapr/{_name}.csv", sql="camtrapr")(
        lambda conn, compare=_compare: compare(read_events(conn, 3600))
    )
for _name in camtrapr.HISTORIES:
    expected(f"camtrapr/dh_{_name}.csv", sql="camtrapr")(
        lambda conn, name=_name: camtrapr.compare_history(
            name, read_stays(conn), read_records(conn)
        )
    )


@expected(camtrapr.SAMPLE, sql="camtrapr without problems")
def the_record_table(conn):
    yield from camtrapr.sizes(lambda gap_s, rule: read_events(conn, gap_s, rule))
    places, out = all_deployments(conn), accepted_outages(conn)
    head, *made = record_table(basis(read_sightings(conn), places, StudyRequest(gap_s=3600), out))
    file, names = head.index("FileName"), [row["FileName"] for row in rows(camtrapr.SAMPLE)]
    for row in made:
        row[file] = names[int(row[file]) - 1]  # a picture put there is called by its number
    yield from camtrapr.rows_of_the_sample([head, *made])


@expected(camtrapr.SEASONS, sql="camtrapr seasons")
def two_seasons(conn):
    yield from camtrapr.compare_seasons(read_stays(conn), read_records(conn))


for _name in camtraptor.EFFORT:
    expected(f"camtraptor/effort_{_name}.csv", sql="camtraptor")(
        lambda conn, unit=_name: camtraptor.compare_effort(unit, read_stays(conn))
    )
for _name in camtraptor.TABLES:
    expected(f"camtraptor/{_name}.csv", sql="camtraptor")(
        lambda conn, name=_name: camtraptor.compare_table(
            name, read_stays(conn), read_records(conn)
        )
    )


@expected("camtraptor/n_species.csv", sql="camtraptor")
def species_by_deployment(conn):
    yield from camtraptor.compare_species(read_stays(conn), read_records(conn))


def _kerinci(conn) -> dict[tuple[str, str], np.ndarray]:
    found = read_records(conn)
    pairs = set(zip(found.station.tolist(), found.species.tolist(), strict=True))
    angle = hours.angles(found.time)
    return {
        (zone, name): angle[(found.station == zone) & (found.species == name)]
        for zone, name in pairs
    }


@expected(activity.OVERLAP, sql="kerinci")
def overlap_of_72_pairs(conn):
    yield from activity.compare_overlap(_kerinci(conn))


@expected(activity.BANDWIDTH, sql="kerinci")
def bandwidth_and_density(conn):
    yield from activity.compare_bandwidth(_kerinci(conn))
