"""Camtrap DP 1.0.2: a folder with datapackage.json, deployments, media and observations.

Here is decided what no schema checks. Nothing is written until place, period and offset of every
deployment are known; pictures without a time are listed in left_out.csv; places are rounded; people
and pictures that were not classified are not public. What reviewers wrote goes out as they wrote
it: their names (classifiedBy) and their comments (observationComments). Time-lapse pictures show
that the camera worked: they are in media with their own observations but make no event, because the
standard cannot tell such events from the others. The export reports how many are left out.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pipeline.exchange.columns import DEPLOYMENTS, MEDIA, OBSERVATIONS, OUTAGES
from pipeline.exchange.descriptor import descriptor
from pipeline.exchange.package import Event, Observation, Package, Picture
from pipeline.exchange.paths import file_path, free_text, identifier, local_stamp, stamp
from pipeline.exchange.project import Project
from pipeline.exchange.required import period, refuse_incomplete
from pipeline.records import Box, DayAlone, Deployment
from pipeline.settings import Poaching
from pipeline.tables.whole import whole_folder
from pipeline.tables.writer import write_table

ROUND_TO = 2  # decimals of a degree, about a kilometre
PROTECTED_TO = 1  # the same where a protected species was seen, about eleven kilometres
METRES_PER_DEGREE = 111_700  # at most, anywhere
GPS_M = 30  # uncertainty of a place for which none is given
NAMED = ("animal", "human")  # a vehicle's name is no scientific one
Row = dict[str, object]  # by column
NO_HOUR = "the hour is not known: only the day of this time is"
NO_HOUR_TOLD = "the hour of the classification is not known: only its day is"
LEFT_OUT = ("mediaID", "deploymentID", "filePath", "reason")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, rows by table, and what was not."""

    folder: Path
    counts: dict[str, int]  # deployments, media, observations, not public
    left_out: int  # pictures without a time
    time_lapse: int  # visits of time-lapse pictures: no events


def export(
    package: Package,
    project: Project,
    folder: Path,
    exact: bool = False,
    pixelate_bar: float | None = None,
    guarded: frozenset[str] = frozenset(),
) -> Exported:
    """Write the package into `folder`, which must be new or empty; all of it or nothing.

    exact         places as they are; else rounded, with the uncertainty that this brings
    guarded       deployments at places of protected species: rounded more, without a name in words
    pixelate_bar  p_human from which a picture is not public (default: that of the settings)
    Raises InputError: one line that names every deployment and what it lacks.
    """
    folder = Path(folder).absolute()
    refuse_incomplete(package.deployments)
    bar = Poaching().pixelate_bar if pixelate_bar is None else pixelate_bar
    with whole_folder(folder, "package") as working:
        exported = _write(package, project, working, exact, bar, guarded)
    return replace(exported, folder=folder)


def _write(
    package: Package, project: Project, to: Path, exact: bool, bar: float, guarded: frozenset[str]
) -> Exported:
    dated = [picture for picture in package.pictures if picture.taken_at is not None]
    undated = [picture for picture in package.pictures if picture.taken_at is None]
    offset = _offsets(package)
    private = people_events(package)
    places = [
        deployment_row(
            deployment,
            exact,
            deployment.deployment_id in package.doubted,
            deployment.deployment_id in guarded,
        )
        for deployment in package.deployments
    ]
    public = [is_public(picture, bar, private) for picture in dated]
    media = (
        media_row(picture, offset(picture), shown)
        for picture, shown in zip(dated, public, strict=True)
    )
    names: set[str] = set()
    observations = _noting(names, observation_rows(dated, package.events, offset, project.levels))
    counts = {
        "deployments": _table(to / "deployments.csv", DEPLOYMENTS, places),
        "media": _table(to / "media.csv", MEDIA, media),
        "observations": _table(to / "observations.csv", OBSERVATIONS, observations),
        "not public": len(public) - sum(public),
    }
    if package.outages:
        counts["outages"] = _table(to / "outages.csv", OUTAGES, outage_rows(package))
    if undated:
        _table(to / "left_out.csv", LEFT_OUT, (_left_out(picture) for picture in undated))
    precision = 10**-PROTECTED_TO if guarded else None if exact else 10**-ROUND_TO
    about = descriptor(package, project, places, names, precision)
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (to / "datapackage.json").write_bytes(text.encode() + b"\n")
    lapse = sum(event.started_at is not None for event in time_lapse(package.events))
    return Exported(to, counts, len(undated), lapse if "event" in project.levels else 0)


# --- rows


def deployment_row(
    deployment: Deployment, exact: bool, suspect: bool, guarded: bool = False
) -> Row:
    """A row of deployments.csv.

    suspect   its clock may be wrong
    guarded   a protected species was seen there
    """
    start, end, offset = period(deployment)
    latitude, longitude, uncertainty = place(
        deployment, exact and not guarded, PROTECTED_TO if guarded else ROUND_TO
    )
    return {
        **{key: value for key, value in deployment.other.items() if key in DEPLOYMENTS},
        "deploymentID": identifier(deployment.deployment_id),
        "locationID": deployment.location_id,
        "locationName": None if guarded else deployment.location_name,
        "latitude": latitude,
        "longitude": longitude,
        "coordinateUncertainty": uncertainty,
        "deploymentStart": stamp(start, offset),
        "deploymentEnd": stamp(end, offset),
        "cameraID": deployment.camera_id,
        "cameraModel": deployment.camera_model,
        "timestampIssues": _yes(bool(deployment.timestamp_issues) or suspect),
        "deploymentTags": deployment.tags,
    }


def outage_rows(package: Package) -> Iterator[Row]:
    """When cameras did not work: a table of our own, which the standard allows."""
    periods = {place.deployment_id: period(place) for place in package.deployments}
    for outage in package.outages:
        opened, closed, offset = periods[outage.deployment_id]
        begin = max(outage.started_at, opened)
        end = min(outage.ended_at or closed, closed)
        if end <= begin:
            continue  # its deployment's period was corrected since
        name = identifier(outage.deployment_id)
        yield {
            "outageID": f"{name}_{begin.isoformat()}",
            "deploymentID": name,
            "outageStart": stamp(begin, offset),
            "outageEnd": stamp(end, offset),
            "outageReason": outage.reason or None,
        }


def place(
    deployment: Deployment, exact: bool, decimals: int = ROUND_TO
) -> tuple[str, str, int | None]:
    """Latitude, longitude and uncertainty in metres, which also covers what rounding moves."""
    latitude, longitude = deployment.latitude, deployment.longitude
    assert latitude is not None and longitude is not None  # refuse_incomplete accepted it
    if exact:
        return _degrees(latitude), _degrees(longitude), deployment.coordinate_uncertainty_m
    half = 10**-decimals / 2 * METRES_PER_DEGREE
    moved = math.hypot(half, half * math.cos(math.radians(latitude)))
    uncertainty = math.ceil((deployment.coordinate_uncertainty_m or GPS_M) + moved)
    rounded = (round(latitude, decimals) + 0.0, round(longitude, decimals) + 0.0)
    return f"{rounded[0]:.{decimals}f}", f"{rounded[1]:.{decimals}f}", uncertainty


def media_row(picture: Picture, offset: int, public: bool) -> Row:
    """A row of media.csv, for a picture with a time."""
    assert picture.taken_at is not None
    return {
        "mediaID": picture.sha256,
        "deploymentID": identifier(picture.deployment_id),
        "captureMethod": picture.capture_method,
        "timestamp": stamp(picture.taken_at, offset),
        "filePath": file_path(picture.path),
        "filePublic": _yes(public),
        "fileName": picture.file_name or picture.path.rpartition("/")[2],
        "fileMediatype": picture.mediatype,
        "favorite": _yes(True) if picture.favourite else None,
        "mediaComments": NO_HOUR if isinstance(picture.taken_at, DayAlone) else None,
    }


def is_public(picture: Picture, bar: float, people_events: set[str]) -> bool:
    """Whether a picture shows no person, nothing like one, no number plate, lies in no visit with
    people, was classified at all, and was public in the data sets that name it."""
    kinds = {observation.observation_type for observation in picture.observations}
    if kinds & {"human", "vehicle", "unclassified"}:
        return False
    if picture.private or picture.event in people_events:
        return False
    return (picture.p_human or 0.0) < bar


def people_events(package: Package) -> set[str]:
    """Visits in which a person was seen in any picture, or a vehicle was told of the whole."""
    found = {
        event.id
        for event in package.events
        if any(
            seen.observation_type == "human"
            or (seen.observation_type, seen.method) == ("vehicle", "human")
            for seen in event.observations
        )
    }
    for picture in package.pictures:
        kinds = {observation.observation_type for observation in picture.observations}
        if picture.event is not None and "human" in kinds:
            found.add(picture.event)
    return found


def observation_rows(
    pictures: Iterable[Picture],
    events: Iterable[Event],
    offset: Callable[[Picture | Event], int],
    levels: tuple[str, ...],
) -> Iterator[Row]:
    """Media level: a row for each observation of a picture. Event level: of a visit, without
    mediaID, with the times of the pictures that show it."""
    events = list(events)
    lapse = {event.id for event in time_lapse(events)}
    if "media" in levels:
        for picture in pictures:
            assert picture.taken_at is not None
            when = picture.taken_at, picture.taken_at
            for number, observation in enumerate(picture.observations, 1):
                yield {
                    "observationID": f"{picture.sha256}_media{f'_{number}' if number > 1 else ''}",
                    "mediaID": picture.sha256,
                    "eventID": None if picture.event in lapse else picture.event,
                    **_observation("media", picture, when, observation, offset),
                }
    for event in events if "event" in levels else ():
        if event.started_at is None or event.id in lapse:
            continue
        for number, observation in enumerate(event.observations, 1):
            begins = observation.started_at or event.started_at
            ends = observation.ended_at or event.ended_at or begins
            yield {
                "observationID": f"{event.id}_event_{number}",
                "eventID": event.id,
                **_observation("event", event, (begins, ends), observation, offset),
            }


def time_lapse(events: Iterable[Event]) -> list[Event]:
    """Visits of pictures that nothing triggered."""
    return [event for event in events if event.capture_method == "timeLapse"]


def _observation(
    level: str,
    record: Picture | Event,
    times: tuple[datetime, datetime],
    observation: Observation,
    offset: Callable[[Picture | Event], int],
) -> Row:
    """Columns of media and event rows alike; times: the first and the last that show it.

    The bbox columns hold what is around all sure boxes of its type, and are empty without: our
    crop is no animal's outline. The time of a review is no camera's, but local time here."""
    kind = observation.observation_type
    done = observation.method if kind != "unclassified" else None
    scored = done == "machine" and kind != "human" and observation.probability is not None
    return {
        "deploymentID": identifier(record.deployment_id),
        "eventStart": stamp(times[0], offset(record)),
        "eventEnd": stamp(times[1], offset(record)),
        "observationLevel": level,
        "observationType": kind,
        "scientificName": observation.name if kind in NAMED else None,
        "count": observation.count or None if kind in ("animal", "human", "vehicle") else None,
        "lifeStage": observation.life_stage,
        "sex": observation.sex,
        "behavior": observation.behavior,
        "individualID": observation.individual_id,
        **_bbox(observation.box),
        "classificationMethod": done,
        "classifiedBy": observation.by if done else None,
        "classificationTimestamp": observation.told_at and local_stamp(observation.told_at),
        "classificationProbability": f"{observation.probability:.4f}" if scored else None,
        "observationComments": _comments(observation, times[0]),
    }


def _comments(observation: Observation, at: datetime) -> str | None:
    """A person's words. The standard has no time without an hour: midnight stands for it, and a
    sentence says so."""
    said = (
        observation.comment,
        NO_HOUR if isinstance(at, DayAlone) else None,
        NO_HOUR_TOLD if isinstance(observation.told_at, DayAlone) else None,
    )
    return "; ".join(filter(None, said)) or None


def _bbox(box: Box | None) -> Row:
    """Four decimals, inside the picture; none of the sides is 0."""
    if box is None:
        return {}
    left, top = (min(round(side, 4), 0.9999) for side in box[:2])
    wide, high = (
        max(0.0001, min(side, 1 - at)) for side, at in zip(box[2:], (left, top), strict=True)
    )
    sides = (("bboxX", left), ("bboxY", top), ("bboxWidth", wide), ("bboxHeight", high))
    return {name: f"{side:.4f}" for name, side in sides}


def _left_out(picture: Picture) -> Row:
    row = {"mediaID": picture.sha256, "deploymentID": identifier(picture.deployment_id)}
    return {**row, "filePath": file_path(picture.path), "reason": "no time in the file"}


# --- small forms


def _offsets(package: Package) -> Callable[[Picture | Event], int]:
    """Minutes east of Greenwich: what the camera wrote into the picture, else its deployment's."""
    usual = {place.deployment_id: period(place)[2] for place in package.deployments}

    def offset(record: Picture | Event) -> int:
        if record.utc_offset_min is None:
            return usual[record.deployment_id]
        return record.utc_offset_min

    return offset


def _noting(names: set[str], rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows; their scientific names are added to `names`."""
    for row in rows:
        if name := row["scientificName"]:
            names.add(str(name))
        yield row


def _degrees(value: float) -> str:
    return f"{value:.7f}".rstrip("0").rstrip(".")


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _table(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> int:
    """Write all columns in the schema's order; returns the number of rows."""
    cells = ([_cell(row.get(name)) for name in columns] for row in rows)
    return write_table(path, columns, cells, as_it_is=True)


def _cell(value: object) -> object:
    return free_text(value) if isinstance(value, str) else value
