"""Deployments of a data set beside those that are known here: new, the same, or another camera."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

from pipeline.errors import SettingsError
from pipeline.records import Deployment

ROUNDED_M = 2000  # places are published rounded to a hundredth of a degree
EARTH_M = 6_371_000
MOST_NAMED = 5
TOLD = ("location_id", "latitude", "longitude", "started_at", "ended_at", "utc_offset_min")


@dataclass(frozen=True, slots=True)
class Compared:
    """Deployments to write, and what stays as it is here although the data set says otherwise."""

    new: tuple[Deployment, ...]
    filled: tuple[Deployment, ...]  # known, with what was empty filled in
    known: int
    differs: tuple[str, ...]  # a line each


def compared(given: Iterable[Deployment], here: Mapping[str, Deployment]) -> Compared:
    """What is known stays; what is empty is filled in. SettingsError where a deployment of the same
    name hung elsewhere, or at another time."""
    new, filled, differs, contradicting, known = [], [], [], [], 0
    for place in given:
        mine = here.get(place.deployment_id)
        if mine is None:
            new.append(place)
            continue
        known += 1
        if why := _contradiction(place, mine):
            contradicting.append(f"{place.deployment_id} ({why})")
        if mine.source != "table":
            filled.append(place)
        elif (whole := _filled(mine, place)) != mine:
            filled.append(whole)
        if mine.source == "table":
            differs += _differences(place, mine)
    if contradicting:
        more = (
            f" and {len(contradicting) - MOST_NAMED} more"
            if len(contradicting) > MOST_NAMED
            else ""
        )
        raise SettingsError(
            f"deployments of these names are others here: {', '.join(contradicting[:MOST_NAMED])}"
            f"{more}; rename them in the data set, or correct them here: camtriage deployments"
        )
    return Compared(tuple(new), tuple(filled), known, tuple(differs))


def _contradiction(place: Deployment, mine: Deployment) -> str | None:
    apart = _metres(place, mine)
    sure = sum(one.coordinate_uncertainty_m or 0 for one in (place, mine)) + ROUNDED_M
    if apart is not None and apart > sure:
        return f"{apart / 1000:.0f} km away"
    times = (place.started_at, place.ended_at, mine.started_at, mine.ended_at)
    first, last, begin, end = times
    if (first and end and first > end) or (last and begin and last < begin):
        return f"from {first or '?'} to {last or '?'}, here from {begin or '?'} to {end or '?'}"
    return None


def _metres(one: Deployment, other: Deployment) -> float | None:
    values = (one.latitude, one.longitude, other.latitude, other.longitude)
    if None in values:
        return None
    a, b, c, d = (math.radians(value) for value in values if value is not None)
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def _filled(mine: Deployment, place: Deployment) -> Deployment:
    empty = {
        one.name: getattr(place, one.name)
        for one in fields(Deployment)
        if getattr(mine, one.name) is None
    }
    return replace(mine, **empty, other={**place.other, **mine.other})


def _differences(place: Deployment, mine: Deployment) -> list[str]:
    """What both say, each another thing."""
    pairs = ((name, getattr(place, name), getattr(mine, name)) for name in TOLD)
    return [
        f"{place.deployment_id}: {name} {theirs} in the data set, {ours} here"
        for name, theirs, ours in pairs
        if None not in (theirs, ours) and theirs != ours
    ]
