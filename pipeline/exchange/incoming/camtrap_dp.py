"""Camtrap DP 1.0 and 0.1: a folder with datapackage.json and the tables that it names.

0.1 has other words for some columns (sequenceID, start, behaviour): both are read by one way. Times
in UTC become those of the deployment's own offset, so that all times of a camera are of one clock.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.card.deployment_table import read_whole
from pipeline.errors import SettingsError
from pipeline.exchange.camtrap_dp import NO_HOUR
from pipeline.exchange.columns import MEDIA, OBSERVATIONS
from pipeline.exchange.incoming.dataset import (
    DataSet,
    LeftOut,
    Seen,
    camera_time,
    told_time,
    unknown_columns,
)
from pipeline.exchange.incoming.words import choice
from pipeline.records import LIFE_STAGES, SEXES, DayAlone, Deployment, NamedPicture, Outage
from pipeline.tables.reader import Row, Table, read_table, read_text, shown

DESCRIPTION = "datapackage.json"
RESOURCES = ("deployments", "media", "observations")
INSTEAD = {  # 0.1's names of 1.0's columns
    "deployments": {
        "start": "deploymentStart",
        "end": "deploymentEnd",
        "tags": "deploymentTags",
        "comments": "deploymentComments",
        "camerainterval": "cameraDelay",
        "session": "deploymentGroups",
    },
    "media": {"favourite": "favorite", "comments": "mediaComments"},
    "observations": {
        "sequenceid": "eventID",
        "timestamp": "eventStart",
        "behaviour": "behavior",
        "age": "lifeStage",
        "classificationconfidence": "classificationProbability",
        "comments": "observationComments",
    },
}
UNREAD = {  # 0.1's and 1.0's columns that say nothing which is kept here
    "media": {"sequenceID", "_id"},
    "observations": {"taxonID", "_id"},
}
LOST = {  # those that say something which is not kept
    "media": {"exifData", "favorite", "mediaComments"},
    "observations": {
        *("cameraSetup", "cameraSetupType", "countNew", "individualPositionRadius"),
        *("individualPositionAngle", "individualSpeed", "bboxX", "bboxY", "bboxWidth"),
        *("bboxHeight", "observationTags"),
    },
}
SEQUENCE = re.compile(r"sequenceID:\s*([\w-]+)")  # how Agouti tells the event of a picture in 1.0
TYPES = {"empty": "blank", "undefined": "unclassified", "": "unclassified"}
KINDS = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
MOST_ANIMALS = 1_000_000
MOST_JSON = 20_000_000  # characters


def read(folder: Path, name: str | None = None) -> DataSet:
    """The package in a folder; SettingsError names every faulty row of a table."""
    about = _description(folder / DESCRIPTION)
    given, observed = (_file(folder, about, name) for name in ("deployments", "observations"))
    table = read_whole(given, INSTEAD["deployments"])
    places = {place.deployment_id: place for place in table.deployments}
    left_out = LeftOut()
    pictures, rows, unknown = _media(folder, about, places, left_out)
    seen = _table(observed, "observations", ("deploymentID",), OBSERVATIONS)
    homes = {picture.source_id: picture.deployment_id for picture in pictures}
    observations = list(_observations(seen, places, homes, left_out))
    seen.faults.refuse()
    return DataSet(
        name=name or str(about.get("name") or about.get("id") or folder.name),
        form="Camtrap DP",
        deployments=table.deployments,
        pictures=tuple(pictures),
        seen=tuple(observations),
        outages=tuple(_outages(folder, about, places)),
        ranks=_ranks(about),
        rows={"deployments": len(places), "media": rows, "observations": len(seen.rows)},
        unknown=(
            *(f"{given.name}: {column}" for column in table.unused),
            *unknown,
            *_unread(seen, "observations", OBSERVATIONS),
        ),
        left_out=left_out.counts(),
    )


def _media(
    folder: Path, about: Mapping[str, Any], places: Mapping[str, Deployment], left_out: LeftOut
) -> tuple[list[NamedPicture], int, tuple[str, ...]]:
    """(pictures, rows, columns that nothing reads); some lists of events have no table of media."""
    if not any(isinstance(one, dict) and one.get("name") == "media" for one in about["resources"]):
        return [], 0, ()
    table = _table(_file(folder, about, "media"), "media", ("mediaID", "deploymentID"), MEDIA)
    pictures = list(_pictures(table, places, left_out))
    table.faults.refuse()
    return pictures, len(table.rows), _unread(table, "media", MEDIA)


def _description(path: Path) -> Mapping[str, Any]:
    text = read_text(path)
    if len(text) > MOST_JSON:
        raise SettingsError(f"{path}: too long for the description of a package")
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as why:
        raise SettingsError(f"{path}: is no JSON: {why}") from why
    if not isinstance(about, dict) or not isinstance(about.get("resources"), list):
        raise SettingsError(f"{path}: has no list of resources: it describes no data package")
    return about


def _file(folder: Path, about: Mapping[str, Any], resource: str) -> Path:
    """The file of a table, inside the package."""
    for entry in about["resources"]:
        if isinstance(entry, dict) and entry.get("name") == resource:
            path = entry.get("path")
            if isinstance(path, list) and len(path) == 1:
                path = path[0]
            return folder / _inside(folder / DESCRIPTION, resource, path)
    wanted = ", ".join(RESOURCES)
    raise SettingsError(f"{folder / DESCRIPTION}: no table {resource}; a Camtrap DP has {wanted}")


def _inside(description: Path, resource: str, path: object) -> str:
    """A path that leads nowhere else."""
    if not isinstance(path, str) or not path:
        raise SettingsError(f"{description}: {resource} names no file of its own")
    parts = PurePosixPath(path)
    leads_out = parts.is_absolute() or ".." in parts.parts or re.match(r"[A-Za-z][\w+.-]*:|~", path)
    if leads_out or "\\" in path or "\0" in path:
        raise SettingsError(
            f"{description}: {resource} lies outside the package: {shown(path)}; put it inside"
        )
    return path


def _table(path: Path, name: str, needed: tuple[str, ...], known: tuple[str, ...]) -> Table:
    return read_table(path, needed, known, instead=INSTEAD[name])


def _unread(table: Table, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Columns that no version has, and those of which something is lost."""
    lost = {column for column in LOST[name] if any(_is_lost(row, column) for row in table.rows)}
    return unknown_columns(table, (frozenset(known) | UNREAD[name] | LOST[name]) - lost)


def _is_lost(row: Row, column: str) -> bool:
    text = row.text(column) or ""
    if column == "mediaComments":
        text = SEQUENCE.sub("", text.replace(NO_HOUR, "")).strip()
    return text.casefold() not in ("", "false")


def _ranks(about: Mapping[str, Any]) -> dict[str, str]:
    """Rank by scientific name, where the description says them."""
    taxa = about.get("taxonomic")
    return {
        str(taxon["scientificName"]): str(taxon["taxonRank"])
        for taxon in (taxa if isinstance(taxa, list) else ())
        if isinstance(taxon, dict) and taxon.get("scientificName") and taxon.get("taxonRank")
    }


def _outages(
    folder: Path, about: Mapping[str, Any], places: Mapping[str, Deployment]
) -> Iterator[Outage]:
    """Days on which cameras did not work: a table of our own exports."""
    names = [entry.get("name") for entry in about["resources"] if isinstance(entry, dict)]
    if "outages" not in names:
        return
    needed = ("deploymentID", "outageStart")
    table = read_table(_file(folder, about, "outages"), needed, ("outageEnd", "outageReason"))
    for row in table.rows:
        place = places.get(row.filled("deploymentID"))
        start, _ = camera_time(row.time("outageStart"), place)
        end, _ = camera_time(row.time("outageEnd"), place)
        if place and start:
            yield Outage(place.deployment_id, start, end, row.text("outageReason") or "")
    table.faults.refuse()


def _pictures(
    table: Table, places: Mapping[str, Deployment], left_out: LeftOut
) -> Iterator[NamedPicture]:
    known: set[str] = set()
    for row in table.rows:
        name, home = row.filled("mediaID"), row.filled("deploymentID")
        if name in known and name:
            row.fault(f"mediaID {shown(name)} stands in an earlier row too")
        known.add(name)
        if home not in places:
            left_out.add("media of a deployment that is not in the package", home)
            continue
        at, offset = camera_time(row.time("timestamp"), places[home])
        if at and NO_HOUR in (row.text("mediaComments") or ""):
            at = DayAlone(at.year, at.month, at.day)
        path = row.text("filePath") or row.text("fileName") or name
        yield NamedPicture(
            source_id=name,
            deployment_id=home,
            path=path,
            file_name=row.text("fileName") or path.rpartition("/")[2],
            taken_at=at,
            utc_offset_min=offset,
            mediatype=row.text("fileMediatype") or "image/jpeg",
            capture_method=_method(row.text("captureMethod")),
            event=row.named("sequenceID") or _sequence(row),
            public=_public(row.text("filePublic")),
        )


def _sequence(row: Row) -> str | None:
    found = SEQUENCE.search(row.named("mediaComments") or "")
    return found[1] if found else None


def _public(word: str | None) -> bool | None:
    """What is not plainly true is not public."""
    return None if word is None else word.casefold() in ("true", "1", "yes")


def _method(word: str | None) -> str | None:
    """activityDetection or timeLapse, by 0.1's words too."""
    plain = re.sub(r"[\s_]+", "", word or "").casefold()
    return {"timelapse": "timeLapse", "": None}.get(plain, "activityDetection")


def _observations(
    table: Table, places: Mapping[str, Deployment], homes: Mapping[str, str], left_out: LeftOut
) -> Iterator[Seen]:
    for row in table.rows:
        home, picture = row.filled("deploymentID"), row.named("mediaID")
        if home not in places:
            left_out.add("observations of a deployment that is not in the package", home)
        elif picture and homes.get(picture) != home:
            left_out.add("observations of media that are not in the package", picture)
        else:
            of_media = (row.text("observationLevel") or "media").casefold() == "media"
            if of_media and "observationLevel" in row.cells and not picture:
                left_out.add(
                    "observations of media without a mediaID", row.text("observationID") or ""
                )
                continue
            yield _observation(row, places[home], picture if of_media else None, left_out)


def _spoke(row: Row) -> str:
    """human or machine; a row that does not say is a person's."""
    word = (row.text("classificationMethod") or "human").casefold()
    if word.startswith("machine"):  # machine learning
        return "machine"
    if word != "human":
        word = shown(row.text("classificationMethod") or "")
        row.fault(f"classificationMethod {word}: known are human, machine")
    return "human"


def _observation(row: Row, place: Deployment, picture: str | None, left_out: LeftOut) -> Seen:
    word = (row.text("observationType") or "").casefold()
    kind = TYPES.get(word, word)
    if kind not in KINDS:
        row.fault(f"observationType {shown(word)}: known are {', '.join(KINDS)}")
    start, _ = camera_time(row.time("eventStart"), place)
    end, _ = camera_time(row.time("eventEnd"), place)
    comment = row.text("observationComments")
    if start and comment and NO_HOUR in comment:
        start = end = DayAlone(start.year, start.month, start.day)
        comment = comment.replace(f"; {NO_HOUR}", "").replace(NO_HOUR, "") or None
    if picture is None and start is None and kind != "unclassified":
        row.fault("an observation without mediaID needs an eventStart")
    blank = kind == "blank"
    count = row.whole("count", 0, MOST_ANIMALS)
    return Seen(
        deployment_id=place.deployment_id,
        picture=picture,
        event=row.named("eventID"),
        started_at=start,
        ended_at=end or start,
        observation_type=kind,
        name=None if blank else row.named("scientificName"),
        count=None if blank else count or None,
        life_stage=None if blank else choice(row, "lifeStage", LIFE_STAGES, left_out),
        sex=None if blank else choice(row, "sex", SEXES, left_out),
        behavior=None if blank else row.named("behavior"),
        individual_id=None if blank else row.named("individualID"),
        method=_spoke(row),
        by=row.named("classifiedBy"),
        at=told_time(row.time("classificationTimestamp")),
        probability=row.number("classificationProbability", 0, 1),
        comment=comment,
    )
