"""The studies of the reference tables, put into a database: what came from cameras, no numbers."""

from datetime import date, datetime, timedelta
from functools import partial

from db.store.outages import save_outages
from pipeline.population.effort.effort import Stay
from pipeline.records import Outage
from tests.references import camtrapr, camtraptor
from tests.tables import rows
from tests.visits import put

TAKEN = "DateTimeOriginal"


def algar(conn) -> None:
    """Each row of the table a visit of one picture; the exact copy left out."""
    once = dict.fromkeys(tuple(row.items()) for row in rows("algar/records.csv"))
    places = {}
    for row in rows("algar/deployments.csv"):
        station, end = row["Deployment.Location.ID"], row["Camera.Deployment.End.Date"]
        places[f"{station} {row['Deployment.ID']}"] = {
            "location_id": station,
            "started_at": datetime.fromisoformat(row["Camera.Deployment.Begin.Date"]),
            "ended_at": None if end in ("", "NA") else _end(date.fromisoformat(end)),
        }
    visits = []
    for row in map(dict, once):
        time = datetime.fromisoformat(row["Date_Time.Captured"])
        station, animals = row["Deployment.Location.ID"], int(row["Number.of.Animals"])
        later = places[f"{station} D7"]["started_at"]
        place = f"{station} {'D7' if time >= later else 'D6'}"
        visits.append((place, time, time, "animal", row["Species"], animals, "review", None))
    put(conn, places, visits)


def edges(conn) -> None:
    """Edge cases of camtrapR, at one station."""
    visits = []
    for row in rows("camtrapr/independence_edge_cases.csv"):
        time = datetime.fromisoformat(row[TAKEN])
        visits.append(("S1", time, time, "animal", row["Species"], int(row["Number"]), None, None))
    put(conn, {"S1": {}}, visits)


def _places(stays: list[Stay]) -> dict[str, dict]:
    """By the station's name and the year: two seasons of one are two deployments."""
    return {
        f"{one.station} {one.start.year}": {
            "location_id": one.station,
            "started_at": _at(one.start),
            "ended_at": _end(one.end),
        }
        for one in stays
    }


def _at(day) -> datetime:
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)


def _end(day) -> datetime:
    """A day alone is the whole day."""
    return day if isinstance(day, datetime) else _at(day) + timedelta(days=1)


def _visit(place: str, time: str, species: str, count: int | None = None) -> tuple:
    at = datetime.fromisoformat(time.rstrip("Z"))
    return (place, at, at, "animal", species, count, "review" if count else None, None)


def sample(conn, records: str = camtrapr.SAMPLE, **given) -> None:
    """The sample of camtrapR, its problems as accepted outages."""
    stays = camtrapr.stays(**given)
    put(
        conn,
        _places(stays),
        [
            _visit(f"{row['Station']} {row[TAKEN][:4]}", row[TAKEN], row["Species"])
            for row in rows(records)
        ],
    )
    out = [
        Outage(f"{one.station} {one.start.year}", _at(begin), None if end >= one.end else _end(end))
        for one in stays
        for begin, end in one.outages
    ]
    save_outages(conn, out)


def example(conn) -> None:
    """Camtraptor's deployments; one visit a sequence and species."""
    stays = camtraptor.stays()
    put(
        conn,
        {one.station: {"started_at": one.start, "ended_at": one.end} for one in stays},
        [
            _visit(place, row["timestamp"], species, row["count"])
            for (place, species, _), row in camtraptor.sequences().items()
        ],
    )


def kerinci(conn) -> None:
    """Zones as stations; every time of day on one date."""
    found = [
        (row["Zone"], datetime(2008, 1, 1) + timedelta(days=float(row["Time"])), row["Sps"])
        for row in rows("activity/kerinci.csv")
    ]
    places = {zone: {} for zone, _, _ in found}
    put(conn, places, [_visit(zone, at.isoformat(), name) for zone, at, name in found])


OPERATIONS = {  # camtrapR's table -> study
    "no_problems": "camtrapr without problems",
    "with_problems": "camtrapr",
    "with_problems_start12": "camtrapr",
    "exact_times": "camtrapr with hours",
}
REPORTS = {"": "camtrapr without problems", "_with_problems": "camtrapr"}
STUDIES = {
    "algar": algar,
    "edges": edges,
    "camtrapr": sample,
    "camtrapr without problems": partial(sample, problems=False),
    "camtrapr with hours": partial(sample, hours=(9, 15)),
    "camtrapr seasons": partial(sample, records=camtrapr.SEASONS, table="camtraps_multi_season"),
    "camtraptor": example,
    "kerinci": kerinci,
}
