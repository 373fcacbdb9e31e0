"""The studies of the reference tables, put into a database: what came from cameras, no numbers."""

from datetime import datetime

from tests.tables import rows
from tests.visits import put


def algar(conn) -> None:
    """Each row of the table a visit of one picture; the exact copy left out."""
    once = dict.fromkeys(tuple(row.items()) for row in rows("algar/records.csv"))
    places = {}
    for row in rows("algar/deployments.csv"):
        station, end = row["Deployment.Location.ID"], row["Camera.Deployment.End.Date"]
        places[f"{station} {row['Deployment.ID']}"] = {
            "location_id": station,
            "started_at": datetime.fromisoformat(row["Camera.Deployment.Begin.Date"]),
            "ended_at": None if end in ("", "NA") else datetime.fromisoformat(end),
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
        time = datetime.fromisoformat(row["DateTimeOriginal"])
        visits.append(("S1", time, time, "animal", row["Species"], int(row["Number"]), None, None))
    put(conn, {"S1": {}}, visits)


STUDIES = {"algar": algar, "edges": edges}
