"""The sample of camtrapR: three stations, 39 records, one problem; and edge cases of events."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np

from pipeline.population.effort.basis import basis
from pipeline.population.effort.effort import Stay, days_between, watches
from pipeline.population.effort.operation import Operation, operation
from pipeline.population.estimates.histories import detection_history
from pipeline.population.events.independent import (
    RULES,
    Events,
    Records,
    independent_events,
    records,
    tally,
)
from pipeline.population.events.sightings import Sighting, StudyRequest
from pipeline.population.events.spans import DAY
from pipeline.population.study.table_rows import record_table
from pipeline.records import Deployment
from tests.references import Departure, equal, expected, near
from tests.tables import matrix, rows

LAST, INDEPENDENT = RULES
SAMPLE = "camtrapr/record_table_sample.csv"
EDGES = "camtrapr/independence_edge_cases.csv"
EDGES_EXPECTED = "camtrapr/independence_edge_cases_expected_30min.csv"


def day(text: str) -> date | None:
    return datetime.strptime(text, "%d/%m/%Y").date() if text else None


def stays(problems: bool = True, hours: tuple | None = None, table="camtraps") -> list[Stay]:
    """Three stations, one with a problem; set up and taken down at `hours` of the day."""
    made = []
    for row in rows(f"camtrapr/{table}.csv"):
        start, end = day(row["Setup_date"]), day(row["Retrieval_date"])
        out = [(day(row["Problem1_from"]), day(row["Problem1_to"]))] if row["Problem1_from"] else []
        if hours is not None:
            start, end = (
                datetime.combine(one, datetime.min.time()) + timedelta(hours=hour)
                for one, hour in zip((start, end), hours, strict=True)
            )
            out = [(datetime(2009, 5, 12, 18), end)] if out else []
        made.append(Stay(row["Station"], "1", start, end, tuple(out) if problems else ()))
    return made


def seen(table: str = SAMPLE) -> Records:
    some = rows(table)
    return records(
        *([row[key] for row in some] for key in ("Station", "Species")),
        [row["DateTimeOriginal"].replace(" ", "T") for row in some],
        [row["FileName"] for row in some],
        [float(row.get("Number", 1)) for row in some],
    )


OPERATIONS = {  # table -> what of the study, effort rule, hour at which a day begins
    "no_problems": ({"problems": False}, "noon", 0),
    "with_problems": ({}, "noon", 0),
    "with_problems_start12": ({}, "noon", 12),
    "exact_times": ({"hours": (9, 15)}, "exact", 0),
}


def compare_operation(name: str, given: list[Stay]):
    table, (_, rule, hour) = f"camtrapr/camop_{name}.csv", OPERATIONS[name]
    known, theirs, watched = rows(table), matrix(table, 1), watches(given, rule)
    if hour:  # our matrix has days from midnight; from another hour on effort comes by its edges
        edges = [f"{day[:10]}T{hour}" for day in _days(known)]
        edges.append(f"{np.datetime64(edges[-1][:10]) + 1}T{hour}")
        yield near(days_between(watched, edges), np.nan_to_num(theirs), 1e-3)
        return
    cells = operation(watched)
    days = (np.arange(cells.effort.shape[1]) + cells.first // DAY).astype("datetime64[D]")
    ours = [*cells.stations, *days.astype(str)]
    yield equal(ours, [r["station"] for r in known] + _days(known))
    yield near(cells.effort, theirs, 1e-3)


def _days(known: list[dict]) -> list[str]:
    return list(known[0])[1:]


for _name, (_given, *_) in OPERATIONS.items():
    expected(f"camtrapr/camop_{_name}.csv")(
        lambda name=_name, given=_given: compare_operation(name, stays(**given))
    )

REPORTS = {"": {"problems": False}, "_with_problems": {}}


def compare_report(name: str, given: list[Stay]):
    """Effort, and the days of the camera operation matrix."""
    known, watched = rows(f"camtrapr/report_survey_dates{name}.csv"), watches(given, "noon")
    calendar = [f"n_calendar_days_{one}" for one in ("total", "active", "inactive")]
    for watch, cells, row in zip(watched, operation(watched).effort, known, strict=True):
        ends = np.array([watch.set_up.min(), watch.set_up.max()], "datetime64[us]")
        dates = ends.astype("datetime64[D]").astype(str).tolist()
        yield equal(dates, [row[key] for key in ("setup", "retrieval")])
        counts = [(~np.isnan(cells)).sum(), (cells > 0).sum(), (cells == 0).sum()]
        yield equal(counts, [int(row[key]) for key in calendar])
        yield near([watch.days], [float(row["n_trap_nights_active"])], 1e-3)
    yield Departure("image_first, image_last, n_cameras", "the record table and effort.csv say it")


for _name, _given in REPORTS.items():
    expected(f"camtrapr/report_survey_dates{_name}.csv")(
        lambda name=_name, given=_given: compare_report(name, stays(**given))
    )


def _by_station(made: Events):
    stations, names = sorted(set(made.station)), sorted(set(made.species))
    return tally(made.station, made.species, stations, names), stations, names


def events_by_station(made: Events):
    ours, stations, names = _by_station(made)
    known = rows("camtrapr/report_events_by_station.csv")
    yield equal(*_cells(ours, stations, names, known))
    yield equal([(ours > 0).sum()], [len(known)])


def events_by_station_with_zeros(made: Events):
    ours, stations, names = _by_station(made)
    known = rows("camtrapr/report_events_by_station2.csv")
    yield equal(*_cells(ours, stations, names, known))
    yield equal([ours.size], [len(known)])


def _cells(ours, stations, names, known):
    found = [ours[stations.index(r["Station"]), names.index(r["Species"])] for r in known]
    return found, [int(r["n_events"]) for r in known]


def events_by_species(made: Events):
    ours, _, names = _by_station(made)
    known = rows("camtrapr/report_events_by_species.csv")
    counts = [[str(int(c.sum())), str((c > 0).sum())] for c in ours.T]
    yield equal([[n, *c] for n, c in zip(names, counts, strict=True)], _lists(known))


def species_by_station(made: Events):
    ours, stations, _ = _by_station(made)
    known = rows("camtrapr/report_species_by_station.csv")
    counts = [str((row > 0).sum()) for row in ours]
    yield equal([list(pair) for pair in zip(stations, counts, strict=True)], _lists(known))


def _lists(known: list[dict]) -> list[list[str]]:
    return [list(row.values()) for row in known]


EVENTS = {  # table of independent events at an hour
    "report_events_by_station": events_by_station,
    "report_events_by_station2": events_by_station_with_zeros,
    "report_events_by_species": events_by_species,
    "report_species_by_station": species_by_station,
}
for _name, _compare in EVENTS.items():
    expected(f"camtrapr/{_name}.csv")(
        lambda compare=_compare: compare(independent_events(seen(), 3600))
    )

HISTORIES = {
    "PBE_1_survey": {},
    "PBE_10_survey_effort": {},
    "PBE_10_survey_noeffort": {"least_days": 9.5},  # whole occasions; the day of setup is a half
    "PBE_10_survey_min5": {"least_days": 5},
    "PBE_10_survey_max30": {},
    "PBE_10_survey_count": {},
    "PBE_10_station_min5": {"day1": "station", "least_days": 5},
    "PBE_10_station_buffer5": {"day1": "station"},
    "PBE_10_date": {"day1": date(2009, 4, 20)},
    "VTA_7_station_effort": {"day1": "station"},
    "VTA_7_station_noeffort": {"day1": "station", "least_days": 6.5},
}
WITHOUT_EFFORT_TABLE = {"PBE_10_survey_noeffort", "PBE_10_survey_min5", "VTA_7_station_noeffort"}
OWN_DAYS = {"PBE_10_survey_max30": (0, 30), "PBE_10_station_buffer5": (5, None)}  # of each station


def camera(given: list[Stay] | None = None) -> Operation:
    return operation(watches(stays() if given is None else given, "noon"))


def of_species(table: Records, name: str) -> tuple:
    here = table.where(table.species == name)
    return here.station, here.time


def cut(whole: Operation, first: int, last: int | None) -> Operation:
    """Only the days from `first` to `last` of each station, counted from its set-up."""
    effort = np.full(whole.effort.shape, np.nan)
    for row, days in zip(effort, whole.effort, strict=True):
        begin = int(np.argmax(~np.isnan(days)))
        here = slice(begin + first, None if last is None else begin + last)
        row[here] = days[here]
    return replace(whole, effort=effort)


def compare_history(name: str, given: list[Stay], table: Records):
    species, days = name.split("_")[:2]
    some, there = of_species(table, species), camera(given)
    if name in OWN_DAYS:
        there = cut(there, *OWN_DAYS[name])
    made = detection_history(there, *some, int(days), **HISTORIES[name])
    known = matrix(f"camtrapr/dh_{name}.csv", 1)
    if name.endswith("count"):
        known = np.minimum(known, 1)
        yield Departure("numbers of records in a cell", "ours are 1: seen")
    yield equal(made.cells, known)
    if name in WITHOUT_EFFORT_TABLE:
        return
    known = matrix(f"camtrapr/dh_{name}_effort.csv", 1)
    if (known == 0).any():
        known[known == 0] = np.nan
        yield Departure("effort 0 of single days", "NA like the history's own cells there")
    yield near(made.effort, known, 1e-3)


for _name in HISTORIES:
    expected(f"camtrapr/dh_{_name}.csv")(lambda name=_name: compare_history(name, stays(), seen()))


@expected(SAMPLE)
def time_since_the_record_before():
    """Its records are independent already, at 0 to 60 minutes; delta.time and the rest."""
    table = seen()
    yield from sizes(lambda gap_s, rule: independent_events(table, gap_s, rule))
    yield from rows_of_the_sample(_record_table(rows(SAMPLE), 3600, LAST))


def sizes(events_at):
    for rule in RULES:
        found = [len(events_at(60 * minutes, rule)) for minutes in (0, 1, 5, 10, 30, 60)]
        whole = events_at(86_400, rule)
        names = ["EGY", "MNE", "PBE", "TRA", "VTA"]
        yield equal(found, [39] * 6)
        yield equal([(whole.species == name).sum() for name in names], [6, 2, 15, 6, 5])


def rows_of_the_sample(table: list[list]):
    """Our record_table beside theirs."""
    (head, *ours), known = table, rows(SAMPLE)
    order = sorted(known, key=lambda r: (r["Station"], r["Species"], r["DateTimeOriginal"]))
    for key in ("Station", "Species", "DateTimeOriginal", "Date", "Time", "FileName"):
        yield equal([row[head.index(key)] for row in ours], [row[key] for row in order])
    secs = [row[head.index("delta.time.secs")] for row in ours]
    apart = np.subtract(secs, [float(row["delta.time.secs"]) for row in order])
    yield equal(apart < 0, np.zeros(39))
    yield near(apart, np.zeros(39), 120)
    yield Departure("delta.time of 12 rows", "theirs counts from records taken out of the sample")


def _record_table(table: list[dict], gap_s: float, rule: str) -> list[list]:
    """Ours, of records as visits at stations that stood all the time."""
    always = (datetime(2000, 1, 1), datetime(2030, 1, 1))
    names = sorted({row["Station"] for row in table})
    places = [Deployment(one, one, started_at=always[0], ended_at=always[1]) for one in names]
    sightings = [_visit(row, n) for n, row in enumerate(table)]
    return record_table(basis(sightings, places, StudyRequest(gap_s=gap_s, rule=rule)))


def _visit(row: dict, number: int) -> Sighting:
    at, path = row["DateTimeOriginal"].replace(" ", "T"), row["FileName"]
    facts = (row["Station"], "animal", row["Species"], "species", "machine", at, at)
    return Sighting(*facts, number, path, 1, None)


@expected(EDGES_EXPECTED)
def edge_cases():
    table = seen(EDGES)
    for rule in RULES:
        made = independent_events(table, 1800, rule)
        known = [row for row in rows(EDGES_EXPECTED) if row["rule"] == rule]
        begun = [str(one).replace("T", " ") for one in made.started_at.astype("datetime64[s]")]
        yield equal(begun, [row["DateTimeOriginal"] for row in known])
        yield equal(made.species.tolist(), [row["Species"] for row in known])
        yield equal(made.count, maxima(known, rule))
        head, *ours = _record_table(rows(EDGES), 1800, rule)
        yield equal([row[head.index("FileName")] for row in ours], [r["FileName"] for r in known])
        since = [row[head.index("delta.time.secs")] for row in ours]
        yield equal(since, [int(row["delta.time.secs"]) for row in known])
    yield Departure("event 00:40 of lastIndependentRecord", "2 animals: camtrapR drops a tie's row")


def maxima(known: list[dict], rule: str) -> list[int]:
    """Its counts, but for the second row of one second, which it loses."""
    found = [int(row["Number_max"]) for row in known]
    if rule == INDEPENDENT:
        found[1] = 2
    return found


SEASONS = "camtrapr/record_table_multi_season.csv"


@expected(SEASONS)
def two_seasons():
    yield from compare_seasons(stays(table="camtraps_multi_season"), seen(SEASONS))


def compare_seasons(both: list[Stay], table: Records):
    """Input without an output of its own: each season alone is what the same cameras gave."""
    years = [[one for one in both if one.start.year == year] for year in (2009, 2010)]
    some = of_species(table, "PBE")
    made = []
    for one in years:
        there = camera(one)
        year = some[1].astype("datetime64[Y]") == np.datetime64(one[0].start, "Y")
        made.append(detection_history(there, some[0][year], some[1][year], 10))
    yield equal(made[0].cells, matrix("camtrapr/dh_PBE_10_survey_effort.csv", 1))
    yield equal(made[1].cells.shape[0], len(years[1]))
