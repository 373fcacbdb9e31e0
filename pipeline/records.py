"""The nouns, in Camtrap DP's words where it has one. Frozen, plain, said once.

Paths are relative to the card's root, '/' between the parts; bytes that are not UTF-8 are written
as `\\xNN` (pipeline.card.scan.path_text and os_path turn one form into the other).
Times are the camera's own clock, naive. Boxes are (x, y, width, height), 0-1, from the top left.
"""

from dataclasses import dataclass, field
from datetime import datetime

KINDS = ("picture", "video", "other", "skipped")  # of files on a card
REASONS = (  # of a trouble
    "unreadable",  # the operating system or the decoder gave up
    "truncated",  # the end is missing: looked at as far as it goes, never blank
    "empty",  # no bytes
    "not_a_picture",  # a picture's name, something else inside
    "too_large",  # more pixels than any camera takes: a decompression bomb
    "doubled",  # same bytes already belong to another deployment
    "animated",  # more than one frame; the first is used
    "outside_deployment",  # taken before or after the deployment it lies in
    "vanished",  # was there at ingest and is gone now
)
CLOCKS = ("exif", "makernote", "file_name", "file_date", "none")  # where taken_at comes from
STATES = ("unprocessed", "failed", "blank", "kept")
OBSERVATION_TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
LIGHTS = ("colour", "infrared")  # read from the pixels, not from the clock

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """One file on the card, before it is opened."""

    path: str
    kind: str  # of KINDS
    size: int  # bytes
    modified_at: float = 0.0  # seconds since 1970, used only when asked for


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file and what is wrong with it. Never silent, never a crash."""

    path: str
    step: str  # ingest, look, label, ...
    reason: str  # of REASONS
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """One picture: its bytes, and what the camera wrote into it."""

    sha256: str
    path: str  # where it was found first, in this batch
    size: int  # bytes
    mediatype: str = "image/jpeg"
    width: int = 0
    height: int = 0
    taken_at: datetime | None = None  # camera clock, naive; microseconds from sub-seconds
    clock: str = "none"  # of CLOCKS
    time_text: str | None = None  # as the camera wrote it
    utc_offset_min: int | None = None  # from OffsetTimeOriginal only
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
    deployment_id: str = ""  # filled by pipeline.card.deployments


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
    other: dict = field(default_factory=dict)  # further Camtrap DP columns, by their own names


@dataclass(frozen=True, slots=True)
class ClockRepair:
    """A person's word on a clock that was wrong, for a stretch of one deployment's pictures.

    Bounds are as the camera wrote them, both ends belong to the stretch, None is open. What the
    camera wrote is never changed; pipeline.card.repair makes the other time of it.
    """

    deployment_id: str
    kind: str  # of pipeline.card.repair.KINDS
    parameters: dict = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
    first_path: str | None = None
    last_path: str | None = None
    batch: str | None = None  # only the pictures that this card brought
    comment: str | None = None
    made_by: str | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which a deployment's camera did not work. Only accepted ones are no effort."""

    deployment_id: str
    started_at: datetime
    ended_at: datetime | None = None  # None: to the end of the deployment
    reason: str = ""
    source: str = "entered"  # by a person, proposed (by the program), dismissed
    accepted: bool = True
    said_by: str | None = None  # who entered or accepted it


@dataclass(frozen=True, slots=True)
class Window:
    """At most 128 pictures of one deployment, in order: the atom of work and of resume."""

    deployment_id: str
    number: int  # within the deployment, from 0
    sha256s: tuple[str, ...]
    bursts: tuple[int, ...]  # same length: number of the burst within the deployment


@dataclass(frozen=True, slots=True)
class Detection:
    """One box of another program's detector (MegaDetector, SpeciesNet), imported beside our own."""

    category: str  # animal, human (MegaDetector: person), vehicle
    confidence: float  # 0-1, the detector's own, not calibrated
    box: Box


@dataclass(frozen=True, slots=True)
class FrameScores:
    """What looking at one picture gave; how calibrated its scores are, the model card says."""

    sha256: str
    p_blank: float  # fused: frame model, background, neighbours, levelled by window
    p_animal: float
    p_human: float
    p_vehicle: float
    novelty: (
        float | None
    )  # cosine distance to what this camera usually sees; None: window too short
    state: str  # kept or blank
    decided_by: str  # the rule that decided (B5): frame_model, fused, burst, truncated, boxes, ...
    light: str  # of LIGHTS
    luma: float  # mean grey, 0-1
    contrast: float  # standard deviation of grey, 0-1
    view_shift: float | None  # 0 same view as the window's usual one ... 1 nothing in common
    crop: Box | None = None
    crop_source: str | None = None  # evidence, or boxes (imported)
    count: int | None = None  # animals or people, only where boxes say so
    logits: tuple[float, ...] = ()  # frame model, before fusion: animal, human, vehicle, blank


@dataclass(frozen=True, slots=True)
class Embedding:
    """One vector of the labeller's image tower, length 1, stored as float16 bytes."""

    sha256: str
    view: str  # crop or frame
    vector: bytes


@dataclass(frozen=True, slots=True)
class WindowScores:
    """A window looked at: everything that is written in its one transaction."""

    looks: tuple[FrameScores, ...]
    embeddings: tuple[Embedding, ...]
    troubles: tuple[FileProblem, ...]
    failed: tuple[str, ...] = ()  # sha256 of media that could not be looked at at all


@dataclass(frozen=True, slots=True)
class Label:
    """What the labeller says about one picture."""

    sha256: str
    observation_type: str  # of OBSERVATION_TYPES
    raw_name: str | None  # best taxon of the label set
    raw_probability: float | None
    name: str | None  # scientific name after roll-up; None below every bar
    rank: str | None  # species, genus, family, order, class, ...
    probability: float | None
    reason: str  # why this name: species, rolled up to genus, unknown below 0.40, ...
    top: tuple[tuple[str, float], ...] = ()  # best five taxa with probabilities
    off_list: tuple[tuple[str, float], ...] = ()  # would have been there, but for the site list


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


@dataclass(frozen=True, slots=True)
class Flag:
    """One visit that a ranger should see. Suspected, until a person confirms."""

    deployment_id: str
    started_at: datetime | None
    sha256s: tuple[str, ...]
    rules: tuple[str, ...]  # names of the rules that fired
    severity: int  # 1 look when there is time, 2 look today, 3 look now
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
class Review:
    """What a person saw. Append-only; the newest wins in every view."""

    sha256: str
    observation_type: str
    name: str | None = None
    count: int | None = None
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    purpose: str = "review"  # review, audit, or event: said of the whole visit it begins
    comment: str | None = None
