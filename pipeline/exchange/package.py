"""What an export holds: deployments, pictures and visits, with the observations of each.

flows/facts/package.py collects it; camtrap_dp and megadetector write it. Paths are relative to the
card, with the batch's name before them where pictures of several batches go into one export.
"""

from dataclasses import dataclass
from datetime import datetime

from pipeline.records import NAMED, Box, Deployment, Detection, Outage


@dataclass(frozen=True, slots=True)
class Observation:
    """What a picture or a visit shows, and who classified it; a picture may have several."""

    observation_type: str  # of records.OBSERVATION_TYPES
    name: str | None = None  # scientific name, animals and people
    rank: str | None = None
    count: int | None = None
    probability: float | None = None
    method: str | None = None  # machine, human
    by: str | None = None  # model and hash, or reviewer
    life_stage: str | None = None  # this and the next three only where a person told them
    sex: str | None = None
    behavior: str | None = None
    individual_id: str | None = None
    started_at: datetime | None = None  # of a visit: first picture that shows it, camera clock
    ended_at: datetime | None = None
    comment: str | None = None  # what the person wrote beside it
    told_at: datetime | None = None  # when, local time of this machine
    box: Box | None = None  # on a picture: around all sure boxes of its type


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, with its place in a visit, its observation and its scores."""

    sha256: str
    deployment_id: str
    path: str
    taken_at: datetime | None  # camera clock, naive
    observation: Observation
    mediatype: str = "image/jpeg"
    capture_method: str | None = None
    clock: str = "exif"
    state: str = "kept"  # of records.STATES
    p_animal: float | None = None
    p_human: float | None = None
    p_vehicle: float | None = None
    crop: Box | None = None
    boxes: tuple[Detection, ...] = ()  # of the detector, the surest first
    stated: tuple[str, str | None, float] | None = None  # the labeller's name, rank, probability
    top: tuple[tuple[str, float], ...] = ()  # its raw guesses before that, falling
    event: str | None = None  # id of its visit
    failure: str | None = None  # why it could not be scored
    utc_offset_min: int | None = None  # from the picture itself
    copies: tuple[str, ...] = ()  # further paths of the same bytes
    further: tuple[Observation, ...] = ()  # what else a person saw on it
    frame_rate: float | None = None  # of a clip, frames a second
    frames: tuple[int, ...] = ()  # of a clip: those that were looked at
    frame_number: int | None = None  # of a clip: the one with crop and boxes
    file_name: str | None = None  # where a data set named it; else the end of its path
    private: bool = False  # a data set that names it does not show it
    favourite: bool = False  # somebody wants to find it again

    @property
    def has_bytes(self) -> bool:
        """Whether a card brought it; else a data set of others names it."""
        return not self.sha256.startswith(NAMED)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """All of it; the first stands for the picture."""
        return self.observation, *self.further


@dataclass(frozen=True, slots=True)
class Event:
    """One visit: an observation for each taxon, the visit's own first."""

    id: str  # sha-256 of its first picture
    deployment_id: str
    started_at: datetime | None
    ended_at: datetime | None
    observations: tuple[Observation, ...]
    capture_method: str | None = None
    utc_offset_min: int | None = None  # from its first picture


@dataclass(frozen=True, slots=True)
class Package:
    """All of one export, in a fixed order."""

    deployments: tuple[Deployment, ...]
    pictures: tuple[Picture, ...]
    events: tuple[Event, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()  # (path, reason) of files that are no picture
    frame_model: str | None = None  # name and hash, and the detector's where there was one
    labeller: str | None = None
    finished_at: datetime | None = None  # UTC, naive: end of the last run
    outages: tuple[Outage, ...] = ()  # accepted ones
    doubted: frozenset[str] = frozenset()  # deployments whose clocks look wrong
    left_out: tuple[str, ...] = ()  # deployments of which no picture is here, and that are not in
