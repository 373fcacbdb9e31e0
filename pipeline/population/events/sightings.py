"""The sightings of a study: which of them make events, and which ones an event is made of."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.population.events.independent import Column, Events, Names, Records, combined, records
from pipeline.records import DAY_LENGTH

# in the tables only where they are named
NOT_ANIMALS = ("human", "vehicle", "unknown", "unclassified")
LEFT_OUT = (  # why a visit makes no event
    "time-lapse",  # the camera took the picture by the clock
    "no time",  # its time cannot be read
    "human",  # a person, and people were not named
    "vehicle",  # a vehicle, and vehicles were not named
    "unknown",  # it is not known what it is
    "unclassified",  # nobody has said what it is, and no machine
    "other species",  # another species than those named
)


class Sighting(NamedTuple):
    """A stretch of a visit in which pictures show one taxon, as the labels stand now."""

    deployment: str
    kind: str  # animal, human, vehicle, unknown, unclassified
    name: str | None  # at the rank that is sure
    rank: str | None  # None: a person named it, or there is no name
    method: str  # machine or human
    started_at: str | None  # camera clock, ISO 8601; a day alone: its hour is not known
    ended_at: str | None
    media_id: int
    path: str  # of its first picture, on its card
    individuals: int | None
    capture_method: str | None
    stretch: int = 0  # 1, 2, ...: of a taxon that went and came back within its visit

    @property
    def taxon(self) -> str:
        return self.name or self.kind


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What a study is asked for. Dates are whole days of the camera's clock, both included."""

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
) -> tuple[list[Sighting], Counter[str]]:
    """Those that make events, and how many others there are, by LEFT_OUT's reasons."""
    kept: list[Sighting] = []
    left_out: Counter[str] = Counter()
    for sighting in sightings:
        if why := _left_out(sighting, species):
            left_out[why] += int(sighting.stretch == 0)
        else:
            kept.append(sighting)
    return kept, left_out


def untimed_of(sightings: Iterable[Sighting], species: Sequence[str]) -> list[Sighting]:
    """Those that would make events if they had a time."""
    first = (sighting for sighting in sightings if sighting.stretch == 0)
    return [sighting for sighting in first if _left_out(sighting, species) == "no time"]


def _left_out(sighting: Sighting, species: Sequence[str]) -> str | None:
    """Why a visit makes no event, of LEFT_OUT; None: it makes one."""
    named = sighting.taxon in species or sighting.kind in species
    if sighting.capture_method == "timeLapse":
        return "time-lapse"
    if sighting.kind in NOT_ANIMALS and not named:
        return sighting.kind
    if species and not named:
        return "other species"
    return "no time" if sighting.started_at is None else None


def records_of(kept: Sequence[Sighting], station: Names) -> Records:
    """What independent_events takes."""
    return records(
        station,
        np.array([sighting.taxon for sighting in kept], str),
        np.array([sighting.started_at for sighting in kept], "datetime64[us]"),
        np.array([sighting.media_id for sighting in kept], np.int64),
        [np.nan if s.individuals is None else s.individuals for s in kept],
        np.array([sighting.ended_at for sighting in kept], "datetime64[us]"),
        days_alone([sighting.started_at for sighting in kept]),
    )


def days_alone(times: Iterable[str | None]) -> NDArray[np.bool_]:
    """(n,) which of some times, as they are stored, are days without an hour."""
    return np.array([at is not None and len(at) == DAY_LENGTH for at in times], bool)


def first_and_sources(
    events: Events, kept: Sequence[Sighting], rows: Records, within: Column
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """(events,) number of each event's first visit; whether people, and whether the model, named
    any of its visits. `events`: all that independent_events gave, in its order."""
    key = combined(rows.station, rows.species, within, rows.day_alone)
    order = np.lexsort((combined(rows.frame), rows.time, key))
    human = np.array([sighting.method == "human" for sighting in kept], bool)[order]
    begins = np.cumsum(events.rows) - events.rows
    if not len(begins):
        return begins, np.zeros(0, bool), np.zeros(0, bool)
    by_people = np.logical_or.reduceat(human, begins)
    return order[begins], by_people, np.logical_or.reduceat(~human, begins)
