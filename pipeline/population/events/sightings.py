"""Visits as the tables of a study take them: which make events, and which visits an event has."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.population.events.independent import Events, Records, combined, records

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
    day1: str | date = "survey"  # of the histories: survey, station, or a date
    least_days: float | None = None  # an occasion with less effort is not used


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


def first_and_told(
    made: Events, kept: Sequence[Sighting], rows: Records, within: NDArray
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """(events,) number of each event's first visit, and whether people and the machine named any
    of its visits. Events are as independent_events gave them, all of them and in its order."""
    key = combined(rows.station, rows.species, within)
    order = np.lexsort((combined(rows.frame), rows.time, key))
    human = np.array([one.method == "human" for one in kept], bool)[order]
    begins = np.cumsum(made.rows) - made.rows
    if not len(begins):
        return begins, np.zeros(0, bool), np.zeros(0, bool)
    told = np.logical_or.reduceat(human, begins)
    return order[begins], told, np.logical_or.reduceat(~human, begins)
