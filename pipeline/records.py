"""The records that all folders share, named as in Camtrap DP where it has a name.

Paths are relative to the card's root, '/' between the parts; bytes that are not UTF-8 are written
as `\\xNN` (pipeline.card.scan.path_text and os_path turn one form into the other).
Times are the camera's own clock, naive. Boxes are (x, y, width, height), 0-1, from the top left.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias, TypedDict

from pipeline.errors import InputError

KINDS = ("picture", "video", "other", "skipped")  # of files on a card
REASONS = (  # of a file problem
    "unreadable",  # the operating system or the decoder gave up
    "truncated",  # the end is missing: scored as far as it goes, never blank
    "empty",  # no bytes
    "not_a_picture",  # a picture's name, something else inside
    "too_large",  # more pixels than any camera takes: a decompression bomb
    "doubled",  # the same bytes already belong to another deployment
    "animated",  # more than one frame; the first is used
    "outside_deployment",  # taken before or after the deployment it lies in
    "vanished",  # was there at ingest and is gone now
    "left_out",  # holds a picture and is not looked at; the detail says why
)
CLOCKS = (  # where taken_at comes from; container: of a clip
    *("exif", "makernote", "container", "file_name", "file_date", "data_set", "none"),
)
STATES = ("unprocessed", "failed", "blank", "kept")
OBSERVATION_TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
LIFE_STAGES = ("adult", "subadult", "juvenile")  # Camtrap DP's, as SEXES
SEXES = ("female", "male")
LIGHTS = ("colour", "infrared")  # read from the pixels, not from the clock

NAMED, VISIT = "named-", "visit-"  # how the media_id begins where it is none of bytes

DAY_LENGTH = len("2026-05-04")


class DayAlone(datetime):
    """A day whose hour nobody knows: a camera or a file's name gave no more.

    It sorts as its midnight and is written as the day alone, 2026-05-04, in the database too: so
    each view and table shows that there is no hour, and none can take it for midnight.
    """

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        """The day alone."""
        return self.date().isoformat()

    def __format__(self, form: str) -> str:
        return self.isoformat()


def time_of(text: str) -> datetime:
    """A time as it is stored: of a day alone a DayAlone."""
    return DayAlone.fromisoformat(text) if len(text) == DAY_LENGTH else datetime.fromisoformat(text)


Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """One file on the card, before it is opened."""

    path: str
    kind: str  # of KINDS
    size: int  # bytes
    modified_at: float = 0.0  # seconds since 1970, used only where the settings allow it
    why: str = ""  # of kind other: why the picture that it holds is not looked at


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file and what is wrong with it. It is always reported and never ends a run."""

    path: str
    step: str  # ingest, look, label, ...
    reason: str  # of REASONS
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """One picture or clip: its bytes, and what the camera wrote into it."""

    sha256: str
    path: str  # where it was found first, in this batch
    size: int  # bytes
    mediatype: str = "image/jpeg"
    width: int = 0
    height: int = 0
    taken_at: datetime | None = None  # camera clock, naive; a DayAlone: its hour is not known
    clock: str = "none"  # of CLOCKS
    time_text: str | None = None  # as the camera wrote it
    utc_offset_min: int | None = None  # as the camera wrote it
    make: str | None = None
    model: str | None = None
    serial: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    orientation: int = 1  # EXIF 1-8
    temperature_c: float | None = None
    moon: str | None = None  # "new", "waxing crescent", ...
    sequence_n: int | None = None  # "1 of 5": 1
    sequence_m: int | None = None  # "1 of 5": 5
    camera_event: int | None = None  # the camera's own event number
    capture_method: str | None = None  # activityDetection, timeLapse (Camtrap DP), or not known
    camera_label: str | None = None  # what the owner typed into the camera
    duration_s: float | None = None  # of a clip; it begins at taken_at
    frame_rate: float | None = None  # of a clip, frames a second
    deployment_id: str = ""  # filled by pipeline.card.deployments


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """A picture that a data set of others names: its bytes were not seen here.

    `stand_in` is its name until a card brings them; an event whose pictures nobody named has a
    picture that stands for it, at the time at which it began."""

    source_id: str  # what the data set calls it
    deployment_id: str
    path: str  # as the data set writes it: relative, or an address
    file_name: str
    taken_at: datetime | None = None  # camera clock; a DayAlone: its hour is not known
    utc_offset_min: int | None = None  # where it is not the deployment's
    mediatype: str = "image/jpeg"
    capture_method: str | None = None
    event: str | None = None  # what the data set calls its event
    stands_for_event: bool = False
    public: bool | None = None  # False: whoever named it does not show it; None: nothing is said

    def stand_in(self, data_set: str) -> str:
        """As long as a sha-256, and none: named-... or, of an event without pictures, visit-..."""
        digest = hashlib.sha256(f"{data_set}\0{self.source_id}".encode("utf-8", "replace"))
        return (VISIT if self.stands_for_event else NAMED) + digest.hexdigest()[:58]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One camera, one place, one stretch of time. Camtrap DP's columns in our spelling."""

    deployment_id: str
    location_id: str | None = None
    location_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    coordinate_uncertainty_m: int | None = None
    started_at: datetime | None = None  # camera clock, naive
    ended_at: datetime | None = None
    utc_offset_min: int | None = None
    camera_id: str | None = None
    camera_model: str | None = None
    tags: str | None = None  # Camtrap DP deploymentTags: "access:closed | site:A"
    timestamp_issues: bool | None = None
    source: str = "folder"  # folder, or table (a deployments.csv)
    other: dict[str, str] = field(default_factory=dict)  # further columns of Camtrap DP

    def lies_outside(self, at: datetime) -> bool:
        """Whether a picture's time lies before the start or after the end; all of a DayAlone."""
        last = at + timedelta(days=1) if isinstance(at, DayAlone) else at
        early = self.started_at is not None and last < self.started_at
        return early or (self.ended_at is not None and at > self.ended_at)


class RepairParameters(TypedDict, total=False):
    """The numbers of a clock repair; which of them are there depends on its kind."""

    seconds: int  # shift, year, zone: added to what the camera wrote
    year: int  # year: the year that was meant
    times: dict[str, str]  # set: by path on the card, as ISO 8601
    ran_at_min: int  # zone: the offset that the clock ran at, minutes east of UTC
    points: list[list[str]]  # drift: two pairs [camera time, true time], ISO 8601


@dataclass(frozen=True, slots=True)
class Taken:
    """What pictures there are of one deployment, by their repaired times."""

    pictures: int = 0
    first: datetime | None = None
    last: datetime | None = None
    early: int = 0  # before its start
    late: int = 0  # after its end
    untimed: int = 0  # without a time


@dataclass(frozen=True, slots=True)
class ClockRepair:
    """How a wrong clock is repaired, for a stretch of one deployment's pictures.

    Bounds are as the camera wrote them, both ends belong to the stretch, None is open. What the
    camera wrote is never changed; pipeline.card.repair makes repairs of what a person types.
    """

    deployment_id: str
    kind: str  # of pipeline.card.repair.KINDS
    parameters: RepairParameters = field(default_factory=RepairParameters)
    first_at: datetime | None = None
    last_at: datetime | None = None
    first_path: str | None = None
    last_path: str | None = None
    batch: str | None = None  # only the pictures that this card brought
    comment: str | None = None
    made_by: str | None = None

    def touches(self, batch: str, path: str, at: datetime | None) -> bool:
        """Whether a picture lies in the stretch; at: as the camera wrote it."""
        if self.kind == "set":
            return self.batch == batch and path in self.parameters["times"]
        if at is None or self.batch not in (None, batch):
            return False
        late = self.last_at is not None and at > self.last_at
        behind = self.last_path is not None and path > self.last_path
        early = self.first_at is not None and at < self.first_at
        before = self.first_path is not None and path < self.first_path
        return not (early or late or before or behind)

    def of_picture(self, path: str, at: datetime | None) -> datetime:
        """The time that stands for a picture that it touches."""
        if self.kind == "set":
            return time_of(self.parameters["times"][path])
        assert at is not None  # else it touches none
        return self.repaired(at)

    def repaired(self, at: datetime) -> datetime:
        """The time that stands for what the camera wrote; a DayAlone moves by whole days, as its
        noon would."""
        if isinstance(at, DayAlone):
            noon = self.repaired(datetime(at.year, at.month, at.day, 12))
            return DayAlone(noon.year, noon.month, noon.day)
        try:
            if self.kind == "am_pm":
                return at.replace(hour=(at.hour + 12) % 24)
            if self.kind == "drift":
                return _on_line(self.parameters["points"], at)
            return at + timedelta(seconds=self.parameters["seconds"])
        except OverflowError:
            raise InputError(f"{at} cannot be moved so far: no such year") from None


def _on_line(points: Sequence[Sequence[str]], at: datetime) -> datetime:
    """Whole microseconds, so that both known points are met exactly and none overtakes another."""
    (a, b), (c, d) = ([datetime.fromisoformat(text) for text in pair] for pair in points)
    micro = timedelta(microseconds=1)
    way, true = (at - a) // micro, (d - b) // micro
    return b + way * true // ((c - a) // micro) * micro


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which a deployment's camera did not work. Accepted ones reduce the effort."""

    deployment_id: str
    started_at: datetime
    ended_at: datetime | None = None  # None: to the end of the deployment
    reason: str = ""
    source: str = "entered"  # by a person, proposed (by the program), dismissed
    accepted: bool = True
    said_by: str | None = None  # who entered or accepted it


@dataclass(frozen=True, slots=True)
class Window:
    """At most 128 pictures of one deployment, in order: the unit of work and of resuming."""

    deployment_id: str
    number: int  # within the deployment, from 0
    sha256s: tuple[str, ...]
    bursts: tuple[int, ...]  # same length: number of the burst within the deployment


@dataclass(frozen=True, slots=True)
class Detection:
    """One box of a detector: the program's own, or another's (MegaDetector) that was imported."""

    category: str  # animal, human (MegaDetector: person), vehicle
    confidence: float  # 0-1, the detector's own, not calibrated
    box: Box
    sure: bool = True  # from the level up at which it counts; else it only says where to look
    by: str = ""  # the detector: name and beginning of its hash, or as an imported file names it
    frame_number: int | None = None  # of a clip, as an imported file says


@dataclass(frozen=True, slots=True)
class FrameScores:
    """The inference on one picture or clip; the model card says how calibrated its scores are."""

    sha256: str
    p_blank: float  # fused: frame model, background, neighbours, levelled by window
    p_animal: float
    p_human: float
    p_vehicle: float
    novelty: float | None  # cosine distance to the camera's usual view; None: window too short
    state: str  # kept or blank
    decided_by: str  # the rule: frame_model, fused, burst, detector, truncated, boxes, ...
    light: str  # of LIGHTS
    luma: float  # mean grey, 0-1
    contrast: float  # standard deviation of grey, 0-1
    view_shift: float | None  # 0: the window's usual view ... 1: nothing in common with it
    crop: Box | None = None
    crop_source: str | None = None  # evidence, detector (our own), or boxes (imported)
    count: int | None = None  # animals or people, only where boxes show how many
    logits: tuple[float, ...] = ()  # frame model, before fusion: animal, human, vehicle, blank
    detections: tuple[Detection, ...] = ()  # to be kept, surest first; empty where read from rows
    confidences: tuple[float, ...] = ()  # its best of animal, human, vehicle; empty: it did not run
    frame_number: int | None = None  # of a clip: the frame with crop, boxes and vectors
    frames: tuple[int, ...] = ()  # of a clip: those that were looked at

    @property
    def counted(self) -> str:
        """What `count` counts: people where they are at least as likely as animals, else those."""
        return "human" if self.p_human >= self.p_animal else "animal"


@dataclass(frozen=True, slots=True)
class Embedding:
    """One vector of the labeller's image tower, length 1, stored as float16 bytes."""

    sha256: str
    view: str  # crop or frame
    vector: bytes


@dataclass(frozen=True, slots=True)
class WindowScores:
    """The scores of one window: everything that is written in its one transaction."""

    scores: tuple[FrameScores, ...]
    embeddings: tuple[Embedding, ...]
    problems: tuple[FileProblem, ...]
    failed: tuple[str, ...] = ()  # sha256 of media that could not be scored


@dataclass(frozen=True, slots=True)
class Label:
    """The labeller's result for one picture."""

    sha256: str
    observation_type: str  # of OBSERVATION_TYPES
    raw_name: str | None  # best taxon of the label set
    raw_probability: float | None
    name: str | None  # scientific name after roll-up; None below every bar
    rank: str | None  # species, genus, family, order, class, ...
    probability: float | None
    reason: str  # why this name: species, rolled up to genus, unknown below 0.40, ...
    top: tuple[tuple[str, float], ...] = ()  # best five taxa with probabilities
    off_list: tuple[tuple[str, float], ...] = ()  # left out of `top` by the site list
    classified_by: str | None = None  # a program of others, as a data set names it; None: our own


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pictures of a visit that show one taxon, at most 60 s apart."""

    sha256: str  # of the first
    started_at: datetime | None
    ended_at: datetime | None
    pictures: int
    count: int | None = None  # individuals, only where boxes show how many


@dataclass(frozen=True, slots=True)
class Visit:
    """Pictures of one deployment with gaps of at most 60 s, formed before species are known."""

    deployment_id: str
    started_at: datetime | None
    ended_at: datetime | None
    sha256s: tuple[str, ...]
    capture_method: str | None
    observation_type: str
    name: str | None
    rank: str | None
    probability: float | None
    count: int | None
    count_basis: str | None  # boxes, review; None: not known
    others: tuple[tuple[str, str | None, int], ...] = ()  # (type, name, pictures) of further taxa
    stretches: tuple[tuple[Stretch, ...], ...] = ()  # of its own taxon, then of the others
    classified_by: str | None = None  # as of a Label


@dataclass(frozen=True, slots=True)
class Flag:
    """One visit that a ranger should see. Suspected, until a person confirms."""

    deployment_id: str
    started_at: datetime | None
    sha256s: tuple[str, ...]
    rules: tuple[str, ...]  # names of the rules that fired
    severity: int  # 1 check when there is time, 2 check today, 3 check now
    score: float  # 0-1
    reason: str  # one sentence per rule


@dataclass(frozen=True, slots=True)
class Draw:
    """One picture drawn for the audit of the blanks."""

    sha256: str
    stratum: str  # deployment | light | score band
    stratum_size: int
    drawn: int  # of this stratum
    probability: float  # of being drawn = drawn / stratum_size


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum of blanks and what people saw in the sample of it."""

    deployment_id: str
    name: str  # deployment | light | score band; empty: no draw covers these blanks
    size: int
    drawn: int = 0
    missed: int = 0  # of the drawn: not blank after all
    blank: int = 0  # of the drawn: truly blank
    undecided: int = 0  # of the drawn: a person could not tell


@dataclass(frozen=True, slots=True)
class Review:
    """One observation of a person. Those of one picture form an answer (pipeline.answers)."""

    sha256: str
    observation_type: str
    name: str | None = None
    count: int | None = None
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    purpose: str = "review"  # review, audit, or event: about the whole visit that it begins
    comment: str | None = None
    life_stage: str | None = None  # of LIFE_STAGES
    sex: str | None = None  # of SEXES
    behavior: str | None = None
    individual_id: str | None = None
    number: int | None = None  # of its answer, where a table of all answers tells them apart
