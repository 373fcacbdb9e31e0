"""Visits as the tables of a study take them: which make events, and which visits an event has."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from pipeline.population.events import Events, Records, records

PEOPLE = ("human", "vehicle", "unknown")  # no animals: in the tables only where they are named
LEFT_OUT = {
    "time-lapse": "a time-lapse picture makes no event",
    "no time": "its time cannot be read",
    "human": "a person, and people were not named",
    "vehicle": "a vehicle, and vehicles were not named",
    "unknown": "what it is is not known",
    "other species": "another species than those named",
}


class Sighting(NamedTuple):
    """A visit and one taxon on it, as the labels stand now."""

    deployment: str
    kind: str  # animal, human, vehicle, unknown
    name: str | None  # at the rank that is sure
    rank: str | None  # None: a person said it, or there is no name
    method: str  # machine or human
    started_at: str | None  # camera clock, ISO 8601
    ended_at: str | None
    media_id: int
    path: str  # of its first picture, on its card
    count: int | None
    capture_method: str | None

    @property
    def taxon(self) -> str:
        return self.name or self.kind


@dataclass(frozen=True, slots=True)
class Ask:
    """What tables are asked for. Dates are whole days of the camera's clock, both included."""

    begin: date | None = None
    end: date | None = None
    species: tuple[str, ...] = ()  # names, or human, vehicle, unknown; none: every animal
    gap_s: float = 1800
    rule: str = "lastRecord"
    effort: str = "exact"
    occasion_days: int = 7


def kept_of(
    sightings: Iterable[Sighting], species: Sequence[str]
) -> tuple[list[Sighting], Counter]:
    """Those that make events, and how many others there are, by LEFT_OUT's reasons."""
    kept, left = [], Counter()
    for one in sightings:
        named = one.taxon in species or one.kind in species
        if one.capture_method == "timeLapse":
            left["time-lapse"] += 1
        elif one.kind in PEOPLE and not named:
            left[one.kind] += 1
        elif species and not named:
            left["other species"] += 1
        elif one.started_at is None:
            left["no time"] += 1
        else:
            kept.append(one)
    return kept, left


def records_of(kept: Sequence[Sighting], station) -> Records:
    """What independent_events takes."""
    return records(
        station,
        np.array([one.taxon for one in kept], str),
        np.array([one.started_at for one in kept], "datetime64[us]"),
        np.array([one.media_id for one in kept], np.int64),
        [np.nan if one.count is None else one.count for one in kept],
        np.array([one.ended_at for one in kept], "datetime64[us]"),
    )


def members(made: Events, kept: Sequence[Sighting], station, within) -> list[list[Sighting]]:
    """The visits of each event, in order of time: those that begin before the next event does."""
    starts, numbers = defaultdict(list), defaultdict(list)
    keys = zip(made.station.tolist(), made.species.tolist(), made.within.tolist(), strict=True)
    for i, (key, begun) in enumerate(zip(keys, made.started_at, strict=True)):
        starts[key].append(begun)
        numbers[key].append(i)
    found: list[list[Sighting]] = [[] for _ in range(len(made))]
    order = sorted(zip(kept, station.tolist(), within.tolist(), strict=True), key=_moment)
    for one, place, inside in order:
        key = (place, one.taxon, inside)
        at = bisect_right(starts[key], np.datetime64(one.started_at, "us")) - 1
        # at a gap of 0, events of one instant follow each other: each takes one of its visits
        while at > 0 and starts[key][at - 1] == starts[key][at] and not found[numbers[key][at - 1]]:
            at -= 1
        found[numbers[key][at]].append(one)
    return found


def _moment(row: tuple) -> tuple:
    return row[0].started_at, row[0].media_id
