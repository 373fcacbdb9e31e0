"""datapackage.json of a Camtrap DP: the project's description, and what follows from the rows."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from pipeline.exchange.package import Package
from pipeline.exchange.paths import stamp
from pipeline.exchange.project import Project
from pipeline.exchange.required import period

VERSION = "1.0.2"
BASE = f"https://raw.githubusercontent.com/tdwg/camtrap-dp/{VERSION}"
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species", "subspecies")

_DAY = {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z", "constraints": {"required": True}}
OUTAGES = {  # ours: Camtrap DP has no table for days on which a camera did not work
    "name": "outages",
    "description": "When cameras did not work. These times are no effort.",
    "fields": [
        {"name": "outageID", "type": "string", "constraints": {"required": True, "unique": True}},
        {"name": "deploymentID", "type": "string", "constraints": {"required": True}},
        {"name": "outageStart", **_DAY},
        {"name": "outageEnd", **_DAY},
        {"name": "outageReason", "type": "string"},
    ],
    "primaryKey": "outageID",
    "foreignKeys": [
        {
            "fields": "deploymentID",
            "reference": {"resource": "deployments", "fields": "deploymentID"},
        }
    ],
}


def descriptor(
    package: Package,
    project: Project,
    places: list[dict[str, Any]],
    names: Collection[str],
    precision: float | None,
) -> dict[str, Any]:
    """datapackage.json; exporting the same again changes `created` and nothing else.

    places     rows of deployments.csv; names: scientific names in observations.csv
    precision  degrees to which places were rounded; None: they were not
    """
    periods = [period(deployment) for deployment in package.deployments]
    starts, ends = [start.date() for start, *_ in periods], [end.date() for _, end, _ in periods]
    return {
        "resources": [
            *(_resource(name) for name in ("deployments", "media", "observations")),
            *([{**_resource("outages"), "schema": OUTAGES}] if package.outages else []),
        ],
        "profile": f"{BASE}/camtrap-dp-profile.json",
        "created": stamp(datetime.now(UTC).replace(tzinfo=None), 0).replace("+00:00", "Z"),
        **project.package,
        "contributors": list(project.contributors),
        "sources": [{"title": "camtriage"}],
        **({"licenses": list(project.licenses)} if project.licenses else {}),
        "project": project.project,
        **({"coordinatePrecision": precision} if precision else {}),
        "spatial": _spatial(places),
        "temporal": {"start": min(starts).isoformat(), "end": max(ends).isoformat()},
        "taxonomic": _taxonomic(package, names),
    }


def _resource(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "path": f"{name}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ","},  # else readers guess it, wrongly where names hold a |
        "schema": f"{BASE}/{name}-table-schema.json",
    }


def _spatial(places: list[dict[str, Any]]) -> dict[str, Any]:
    """The box around the places as written, so that it reveals no more than they do."""
    x = [float(place["longitude"]) for place in places]
    y = [float(place["latitude"]) for place in places]
    west, east, south, north = min(x), max(x), min(y), max(y)
    if west == east and south == north:
        return {"type": "Point", "coordinates": [west, south]}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _taxonomic(package: Package, names: Collection[str]) -> list[dict[str, str]]:
    observations = [picture.observation for picture in package.pictures]
    observations += [part for event in package.events for part in event.observations]
    ranks = {
        observation.name: observation.rank
        for observation in observations
        if observation.name in names and observation.rank in RANKS
    }
    return [
        {
            "scientificName": name,
            **({"taxonRank": ranks[name]} if name in ranks else {}),
            "kingdom": "Animalia",
        }
        for name in sorted(names)
    ]
