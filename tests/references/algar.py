"""Algar: 3786 records, 40 deployments, 20 stations of one year."""

from datetime import date

import numpy as np

from pipeline.population.effort.effort import Stay, watches
from pipeline.population.effort.operation import Operation, operation
from pipeline.population.estimates.histories import detection_history
from pipeline.population.estimates.rates import bootstrap_rates, poisson_limits, rai
from pipeline.population.estimates.richness import (
    accumulation,
    chao1,
    chao2,
    diversity,
    rarefaction,
)
from pipeline.population.events.independent import (
    RULES,
    Records,
    independent_events,
    records,
    tally,
)
from pipeline.population.study.verify import Hit, queue
from tests.references import Departure, alike, equal, expected, near
from tests.tables import matrix, number, rows

LAST, INDEPENDENT = RULES
RULE_NAMES = {"gap_to_previous_record": LAST, "gap_to_last_independent_record": INDEPENDENT}
HALF_HOUR = 1800
EVENTS = "algar/expected_event_matrix_30min.csv"
TO_VERIFY = "algar/expected_cells_to_verify.csv"
CELLS = {7: "station_week_cells", 1: "station_day_cells"}  # days an occasion
RICHNESS = "algar/expected_richness_diversity.csv"
SPECIES = {
    "moose": "Alces alces",
    "deer": "Odocoileus virginianus",
    "wolf": "Canis lupus",
    "lynx": "Lynx canadensis",
}
CLASSES = Departure("animals by sex and age class", "ours: the largest number in one frame")
STRICT = 1e-6  # seconds that a comparison by > adds: times are whole seconds


def seen(count: str = "Number.of.Animals", once: bool = False, alone: bool = False) -> Records:
    """Its records; `once`: without the row that stands there twice; `alone`: each row a frame."""
    table = rows("algar/records.csv")
    if once:
        table = list({tuple(row.items()): row for row in table}.values())
    return records(
        [row["Deployment.Location.ID"] for row in table],
        [row["Species"] for row in table],
        [row["Date_Time.Captured"].replace(" ", "T") for row in table],
        list(range(len(table))) if alone else None,
        [float(row[count]) for row in table],
    )


def stays() -> list[Stay]:
    return [
        Stay(
            row["Deployment.Location.ID"],
            "1",
            date.fromisoformat(row["Camera.Deployment.Begin.Date"]),
            _day(row["Camera.Deployment.End.Date"]),
        )
        for row in rows("algar/deployments.csv")
    ]


def _day(text: str) -> date | None:
    return None if text in ("", "NA") else date.fromisoformat(text)


def gap_of(row: dict) -> float:
    """Seconds of a row of the table of event counts."""
    return 60 * float(row["threshold_minutes"]) + STRICT * ("gap > " in row["comparison"])


def event_keys(made) -> list[tuple]:
    """(station, species, begin, seconds) as text, in order."""
    seconds = (made.ended_at - made.started_at) // np.timedelta64(1, "s")
    begun = [str(one).replace("T", " ") for one in made.started_at.astype("datetime64[s]")]
    lasted = seconds.astype(int)
    keys = zip(made.station.tolist(), made.species.tolist(), begun, map(str, lasted), strict=True)
    return sorted(keys)


@expected("algar/expected_summary.csv")
def summary():
    known = {row["quantity"]: row["value"] for row in rows("algar/expected_summary.csv")}
    table, effort, both = seen(), stays(), {}
    places = [row["Deployment.Location.ID"] for row in rows("algar/stations.csv")]
    for rule in ("noon", "inclusive"):
        both[rule] = sum(one.days for one in watches(effort, rule))
    ours = {
        "record_rows": len(table),
        "exact_duplicate_rows": len(table) - len(seen(once=True)),
        "species": len(set(table.species.tolist())),
        "stations": len({one.station for one in effort} & set(places)),
        "deployments": len(effort),
        "deployments_without_end_date": sum(one.end is None for one in effort),
        "events_30min": len(independent_events(table, HALF_HOUR)),
        "camera_days_inclusive_distinct_station_date": both["inclusive"],
        "camera_days_noon_rule": both["noon"],
    }
    ends = [one for stay in effort for one in (stay.start, stay.end) if one]
    dates = {"first_date": str(min(ends)), "last_date": str(max(ends))}
    yield equal(list(ours.values()), [float(known[key]) for key in ours])
    yield equal(list(dates.values()), [known[key] for key in dates])
    yield equal(sorted([*ours, *dates]), sorted(known))


@expected("algar/expected_event_counts.csv")
def event_counts():
    kept, alone = seen(once=True), seen(once=True, alone=True)
    for row in rows("algar/expected_event_counts.csv"):
        rule = gap_of(row), RULE_NAMES[row["rule"]]
        yield equal([len(independent_events(kept, *rule))], [int(row["events"])])
        if row["animals_sum_of_max_row"]:
            made = independent_events(alone, *rule)
            yield equal([made.count.sum()], [int(row["animals_sum_of_max_row"])])


@expected("algar/expected_events_30min.csv")
def events_one_by_one():
    made = independent_events(seen(), HALF_HOUR)
    known = sorted(tuple(row.values()) for row in rows("algar/expected_events_30min.csv"))
    yield equal(event_keys(made), [row[:4] for row in known])
    begun = np.lexsort((made.started_at, made.species, made.station))
    yield equal(made.rows[begun], [int(row[5]) for row in known])
    yield CLASSES


@expected("algar/expected_species_30min.csv")
def species():
    kept = seen(once=True)
    frame = independent_events(kept, HALF_HOUR)
    row = independent_events(seen(once=True, alone=True), HALF_HOUR)
    for known in rows("algar/expected_species_30min.csv"):
        here = frame.species == known["species"]
        ours = [here.sum(), len(set(frame.station[here]))]
        ours += [made.count[here].sum() for made in (row, frame)]
        places, stations, _, *animals = list(map(int, list(known.values())[1:]))
        yield equal(ours, [places, stations, *animals])
    yield CLASSES


@expected(EVENTS)
def event_matrix():
    known = rows(EVENTS)
    names = list(known[0])[1:]
    made = independent_events(seen(), HALF_HOUR)
    ours = tally(made.station, made.species, [row["station"] for row in known], names)
    yield equal(ours, [[int(row[name]) for name in names] for row in known])


@expected("algar/expected_effort_by_station.csv")
def effort():
    known = rows("algar/expected_effort_by_station.csv")
    for rule, column in (("noon", "noon_rule"), ("inclusive", "inclusive")):
        ours = {one.station: one.days for one in watches(stays(), rule)}
        yield equal(sorted(ours), sorted(row["station"] for row in known))
        days = [float(row[f"effort_days_{column}"]) for row in known]
        yield near([ours[row["station"]] for row in known], days, 1e-3)


@expected("algar/expected_rai.csv")
def rates():
    known = rows("algar/expected_rai.csv")
    events = matrix(EVENTS, 1)
    days = matrix("algar/expected_effort_by_station.csv", 1)[:, 1]
    made = rai(events, days, [row["species"] for row in known], draws=20_000)
    drawn = bootstrap_rates(events, days, 20_000).std(0, ddof=1)
    yield alike(drawn, [float(row["boot_se"]) for row in known], 0.1)
    for ours, row in zip(made, known, strict=True):
        yield from rate(ours, {k: float(v) for k, v in row.items() if k != "species"})


def rate(ours, known: dict):
    """One species' rate beside a row of the table."""
    yield equal([ours.events, ours.stations_seen], [known["events"], known["stations"]])
    numbers = [ours.effort_days, ours.pooled, ours.mean_of_stations, ours.se, ours.dispersion]
    numbers += poisson_limits(ours.events, ours.effort_days)
    keys = ["effort_days", "rai_pooled_per_100", "rai_mean_of_station_rates", "se_linearised"]
    keys += ["dispersion_var_over_mean", "poisson_lo95", "poisson_hi95"]
    yield near(numbers, [known[key] for key in keys], 1e-6)
    # limits near zero are a few draws: there a tenth of the rate is allowed, not of the limit
    off = np.subtract([ours.low, ours.high], [known["boot_lo95"], known["boot_hi95"]])
    yield near(off / known["boot_hi95"], np.zeros(2), 0.1)


def camera() -> Operation:
    return operation(
        watches(
            [
                Stay(row["Station"], "1", *(date.fromisoformat(row[k]) for k in ENDS))
                for row in rows("algar/deployments_for_history.csv")
            ],
            "noon",
        )
    )


ENDS = ("setup", "retrieval")


def seen_of(name: str) -> tuple[list[str], list[str]]:
    """(stations, times) of one species."""
    there = [row for row in rows("algar/records.csv") if row["Species"] == name]
    times = [row["Date_Time.Captured"].replace(" ", "T") for row in there]
    return [row["Deployment.Location.ID"] for row in there], times


def _history(name: str):
    def compare():
        made = detection_history(camera(), *seen_of(SPECIES[name]), 7)
        yield equal(made.cells, matrix(f"algar/dh_{name}_7.csv", 1))
        yield near(made.effort, matrix(f"algar/dh_{name}_7_effort.csv", 1), 1e-3)
        yield equal([sum(made.lost.values())], [0])

    expected(f"algar/dh_{name}_7.csv")(compare)


for _name in SPECIES:
    _history(_name)


@expected(TO_VERIFY)
def cells_to_verify():
    table, every = seen(), rows(TO_VERIFY)
    counts = [(table.species == row["Species"]).sum() for row in every[:-1]]
    yield equal([*counts, len(table)], [int(row["rows"]) for row in every])
    yield from compare_cells(table, camera())
    first = np.datetime64("2018-11-14T00:00")
    for days, key in CELLS.items():
        hits = [_hit(row, n, first, days) for n, row in enumerate(rows("algar/records.csv"))]
        yield equal([len(queue(hits, {}))], [int(every[-1][key])])


def compare_cells(table: Records, there: Operation):
    *known, every = rows(TO_VERIFY)
    for days, key in CELLS.items():
        ours = []
        for row in known:
            one = table.where(table.species == row["Species"])
            ours.append(np.nansum(detection_history(there, one.station, one.time, days).cells))
        yield equal([*ours, sum(ours)], [int(row[key]) for row in (*known, every)])


def _hit(row: dict, n: int, first: np.datetime64, days: int) -> Hit:
    at = np.datetime64(row["Date_Time.Captured"].replace(" ", "T"))
    occasion = int((at - first) // np.timedelta64(days, "D"))
    return Hit(row["Deployment.Location.ID"], occasion, row["Species"], str(n), 1)


@expected(RICHNESS)
def richness():
    yield from compare_richness(matrix(EVENTS, labels=1).astype(int))


def compare_richness(table: np.ndarray):
    known = {r["quantity"]: number(r["value"]) for r in rows(RICHNESS)}
    counts, (mean, sd) = table.sum(0), accumulation(table)
    ours = {f"accum_exact_stations_{k + 1}": mean[k] for k in range(20)}
    ours |= {f"accum_exact_sd_stations_{k + 1}": sd[k] for k in range(20)}
    sizes = [int(key.rsplit("_", 1)[1]) for key in known if key.startswith("rarefy_events_")]
    drawn = rarefaction(counts, sizes)
    ours |= {f"rarefy_events_{n}": one for n, one in zip(sizes, drawn, strict=True)}
    two, one, shares = chao2(table), chao1(counts), diversity(counts)
    ours |= {"specpool_Species": mean[-1], "specpool_chao": two.value}
    ours |= {"specpool_chao.se": two.se, "specpool_n": len(table)}
    ours |= {"abundance_S.obs": mean[-1], "abundance_S.chao1": one.value}
    ours |= {"abundance_se.chao1": one.se, "shannon": shares.shannon}
    ours |= {"simpson_1_minus_D": shares.simpson, "inverse_simpson": shares.inverse_simpson}
    yield near(list(ours.values()), [known[key] for key in ours], 1e-9)
    if other := sorted(set(known) - set(ours)):
        yield Departure(", ".join(other), "estimators we do not have: Chao's bounds are kept")
