"""What the database knows of one day, as plain rows: read by db.queries.day, shown by
pipeline.report. What follows from them (estimates, ages, doubts about clocks) is not computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.records import Detection, Stratum

BINS = 20  # of p_blank in the histogram, 0.05 each


@dataclass(frozen=True, slots=True)
class Card:
    """One card that was processed on the day, and where each of its files ended."""

    name: str
    status: str  # of its last run: finished, unfinished, failed, running
    files: int
    pictures: int
    unreadable: int
    videos: int
    others: int
    skipped: int
    closes: bool  # every file ended somewhere
    first_at: datetime | None  # of its pictures, camera clock
    last_at: datetime | None
    cameras: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class FileProblemRow:
    batch: str
    path: str
    step: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A run, or a folder of the inbox, that failed, stopped or has not ended."""

    name: str  # of the card; its folder where it never became one
    status: str  # failed, unfinished, running, taken, cancelled
    at: datetime  # this machine's time
    why: str
    mended: bool = False  # a later run of the card finished
    tries: int = 0  # of a folder of the inbox


@dataclass(frozen=True, slots=True)
class BlankCounts:
    """The pictures of one deployment by what was decided, and the audit of its blanks."""

    deployment_id: str
    blanks: int
    kept: int
    unprocessed: int
    by_people: int  # kept, with something on them, as people said
    by_machine: int  # further ones, as the machine said
    strata: tuple[Stratum, ...] = ()  # together they hold all of its blanks


@dataclass(frozen=True, slots=True)
class SpeciesRow:
    observation_type: str
    name: str | None  # scientific name; None: none could be said
    rank: str | None
    visits: int
    pictures: int
    cameras: int
    individuals: int | None  # over visits with a known count
    by_people: int  # visits that people named
    probability: float | None  # mean over the machine's visits


@dataclass(frozen=True, slots=True)
class HourRow:
    observation_type: str
    name: str | None
    hour: int | None  # 0-23; None: visits without a time
    visits: int


@dataclass(frozen=True, slots=True)
class PagePicture:
    """One picture for a page, and what says whether a person is on it."""

    sha256: str
    root: str  # folder of the card
    path: str  # on the card
    p_human: float | None
    observation_type: str | None
    boxes: tuple[Detection, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """One of the best pictures that a camera has of a name: with the largest, surest boxes."""

    observation_type: str  # animal, human, vehicle
    name: str | None  # scientific name of the visit that it belongs to; None: none could be said
    deployment_id: str
    taken_at: datetime | None
    pictures: int  # of that name by that camera
    place: int  # among them, from 1, one a visit
    score: float  # to compare cameras: larger is a larger, surer box; 0: no box
    picture: PagePicture


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture that the page may show."""

    sha256: str
    root: str  # folder of the card
    path: str  # on the card
    people: bool  # may show a person
    boxes: tuple[Detection, ...] = ()


@dataclass(frozen=True, slots=True)
class FlagRow:
    batch: str
    deployment_id: str
    place: str | None
    started_at: datetime | None
    severity: int
    score: float
    rules: tuple[str, ...]
    reason: str
    status: str  # suspected, confirmed, dismissed
    pictures: int
    shots: tuple[Shot, ...] = ()  # chosen for the page
    age: str = "historic"  # when the page was made: live under an hour old
    name: str = ""  # its first letters, by which a person confirms or dismisses it
    started_at_utc: datetime | None = None  # None: no time, or no offset


@dataclass(frozen=True, slots=True)
class QuietRow:
    deployment_id: str
    place: str | None
    last_at: datetime
    until: datetime
    by: str  # end of deployment, or last picture on the card
    days: float


@dataclass(frozen=True, slots=True)
class RunRow:
    batch: str
    status: str
    started_at: datetime  # this machine's time
    ended_at: datetime | None
    version: str
    models: Mapping[str, Any]
    settings: Mapping[str, Any]
