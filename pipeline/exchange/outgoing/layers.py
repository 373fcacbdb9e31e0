"""Stations and visits as points on a map: what GeoJSON and GeoPackage hold alike."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from pipeline.errors import InputError
from pipeline.exchange.outgoing.public import PEOPLE, Places
from pipeline.exchange.package import Event, Package
from pipeline.records import Deployment

Point = tuple[float, float]  # longitude, latitude


@dataclass(frozen=True, slots=True)
class Layer:
    """Points with the same columns."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Point, tuple[Any, ...]], ...]


STATIONS = (
    *("station", "name", "deployments", "started_at", "ended_at", "visits_with_animals"),
    *("species", "coordinate_uncertainty_m", "generalized"),
)
EVENTS = (
    *("event_id", "station", "deployment", "started_at", "ended_at", "utc_offset_min"),
    *("observation_type", "scientific_name", "count", "method", "classified_by"),
    *("coordinate_uncertainty_m", "generalized"),
)


def layers(
    package: Package, places: Places, people: bool
) -> tuple[tuple[Layer, ...], dict[str, int]]:
    """Stations and visits; and what is not among them, by reason.

    people   visits of people and vehicles too
    """
    known = {
        place.deployment_id: place
        for place in package.deployments
        if place.latitude is not None and place.longitude is not None
    }
    if not known:
        raise InputError("nothing to draw: no deployment has a place; camtriage deployments import")
    visits, left = _visits(package, known, people)
    stations = Layer("stations", STATIONS, tuple(_stations(known, visits, places)))
    rows = []
    for event in visits:
        for seen in event.observations:
            if seen.observation_type in ("blank", "unclassified"):
                continue
            if not people and seen.observation_type in PEOPLE:
                continue
            place = known[event.deployment_id]
            point, uncertainty, done = _point(place, places)
            begins = seen.started_at or event.started_at
            rows.append((point, (
                event.id, _station(place), place.deployment_id, _text(begins),
                _text(seen.ended_at or event.ended_at or begins),
                place.utc_offset_min if event.utc_offset_min is None else event.utc_offset_min,
                seen.observation_type, seen.name, seen.count or None, seen.method, seen.by,
                uncertainty, done,
            )))  # fmt: skip
    missing = [p for p in package.deployments if p.deployment_id not in known]
    left["deployments left out: no place"] = len(missing)
    return (stations, Layer("events", EVENTS, tuple(rows))), {k: n for k, n in left.items() if n}


def _visits(
    package: Package, known: dict[str, Deployment], people: bool
) -> tuple[list[Event], dict[str, int]]:
    """Visits at known places; how many with people are left out."""
    at_places = [event for event in package.events if event.deployment_id in known]
    hidden = sum(
        any(seen.observation_type in PEOPLE for seen in event.observations) for event in at_places
    )
    return at_places, {
        "visits with people or vehicles left out (--people)": 0 if people else hidden
    }


def _stations(
    known: dict[str, Deployment], visits: list[Event], places: Places
) -> list[tuple[Point, tuple[Any, ...]]]:
    """One row a station and place; a deployment without a station is one by itself."""
    grouped: defaultdict[tuple[str, Point], list[Deployment]] = defaultdict(list)
    for place in known.values():
        grouped[_station(place), _point(place, places)[0]].append(place)
    animals: Counter[str] = Counter()
    species: defaultdict[str, set[str]] = defaultdict(set)
    for event in visits:
        names = [seen.name for seen in event.observations if seen.observation_type == "animal"]
        animals[event.deployment_id] += bool(names)
        species[event.deployment_id].update(name for name in names if name and " " in name)
    rows = []
    for (station, point), of_station in sorted(grouped.items()):
        _, uncertainty, done = _point(of_station[0], places)
        starts = [place.started_at for place in of_station if place.started_at]
        ends = [place.ended_at for place in of_station if place.ended_at]
        ids = [place.deployment_id for place in of_station]
        found = set().union(*(species[name] for name in ids))
        rows.append((point, (
            station, places.name_of(of_station[0]), len(of_station),
            _text(min(starts, default=None)), _text(max(ends, default=None)),
            sum(animals[name] for name in ids), len(found), uncertainty, done,
        )))  # fmt: skip
    return rows


def _station(place: Deployment) -> str:
    return place.location_id or place.deployment_id


def _point(place: Deployment, places: Places) -> tuple[Point, int | None, str | None]:
    latitude, longitude, uncertainty, done = places.of(place)
    return (float(longitude), float(latitude)), uncertainty, done


def _text(at: Any) -> str | None:
    return None if at is None else str(at.isoformat())
