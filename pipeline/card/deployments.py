"""Which camera, at which place, in which stretch of time: from a table, or from the folders."""

import csv
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from pipeline.errors import InputError, SettingsError
from pipeline.records import Deployment, Media, Trouble

ROLL_OVER = re.compile(  # folders that cameras begin by themselves: every thousand files, or daily
    r"DCIM|\d{3}(RECNX|EK\d{3}|_BTCF|MEDIA|DSCIM|MFCAM|CUDDY|CANON|NIKON|_FUJI|_PANA|OLYMP|MSDCF"
    r"|GOPRO|IMAGE|PHOTO|HCOIM|BOLYM|STCAM|_\d{4}|ND[\dA-Z]{3})",
    re.IGNORECASE,
)
IN_DCIM = re.compile(r"\d{3}\w{5}", re.ASCII)  # the standard's own rule, where DCIM stands before


def assign(
    media: Sequence[Media], batch: str, table: Sequence[Deployment] | None = None
) -> tuple[list[Media], list[Deployment], list[Trouble]]:
    """Give every picture its deployment: from the table where there is one, else from its folder.

    Returns the pictures in the order given, the deployments that have pictures, sorted, and a
    trouble for each picture taken outside its deployment's period. Raises InputError where a
    picture belongs to none of the table's deployments.
    """
    if table is not None:
        return _from_table(media, batch, table)
    names = _from_folders(media, batch)
    placed = [replace(one, deployment_id=name) for one, name in zip(media, names, strict=True)]
    by_name: dict[str, list[Media]] = defaultdict(list)
    for one in placed:
        by_name[one.deployment_id].append(one)
    return placed, [_described(name, by_name[name], batch) for name in sorted(by_name)], []


def station_folder(path: str) -> str:
    """The folder that stands for the camera: without DCIM and roll-over folders; '' is the card.

    'CamA/DCIM/101RECNX/RCNX0001.JPG' -> 'CamA'
    """
    kept, before = [], ""
    for part in path.split("/")[:-1]:
        in_dcim = before.upper() == "DCIM" and IN_DCIM.fullmatch(part)
        if not (ROLL_OVER.fullmatch(part) or in_dcim):
            kept.append(part)
        before = part
    return "/".join(kept)


def _from_folders(media: Sequence[Media], batch: str) -> list[str]:
    """One deployment per camera folder, split where the serials in it differ."""
    folders = [station_folder(one.path) for one in media]
    serials: dict[str, set[str]] = defaultdict(set)
    for one, folder in zip(media, folders, strict=True):
        if one.serial:
            serials[folder].add(one.serial)
    names = []
    for one, folder in zip(media, folders, strict=True):
        name = f"{batch}/{folder}" if folder else batch
        split = one.serial and len(serials[folder]) > 1
        names.append(f"{name}#{one.serial}" if split else name)
    return names


def _described(name: str, media: Sequence[Media], batch: str) -> Deployment:
    """What the pictures of one folder say about their camera and its place."""
    places = [(m.latitude, m.longitude) for m in media if m.latitude is not None]
    cameras = (" ".join(filter(None, (m.make, m.model))) for m in media)
    offsets = {m.utc_offset_min for m in media}
    return Deployment(
        name,
        location_name=name.removeprefix(f"{batch}/").split("#")[0],
        latitude=round(median(place[0] for place in places), 7) if places else None,
        longitude=round(median(place[1] for place in places), 7) if places else None,
        utc_offset_min=offsets.pop() if len(offsets) == 1 else None,
        camera_id=_usual(m.serial for m in media),
        camera_model=_usual(cameras),
        source="folder",
    )


def _usual(words: Iterable[str | None]) -> str | None:
    """The most frequent one, the first in the alphabet among equals."""
    counts = Counter(word for word in words if word)
    return min(counts, key=lambda word: (-counts[word], word), default=None)


# ---- from a table ------------------------------------------------------------------------------

NUMBERS = {  # Camtrap DP's column -> (our field, what reads it, smallest, largest)
    "latitude": ("latitude", float, -90, 90),
    "longitude": ("longitude", float, -180, 180),
    "coordinateUncertainty": ("coordinate_uncertainty_m", int, 1, math.inf),
}
TEXTS = {
    "locationID": "location_id",
    "locationName": "location_name",
    "cameraID": "camera_id",
    "cameraModel": "camera_model",
    "deploymentTags": "tags",
}
TIMES = {"deploymentStart": "started_at", "deploymentEnd": "ended_at"}
FLAGS = {"true": True, "TRUE": True, "1": True, "false": False, "FALSE": False, "0": False}
MISSING = {"", "NA", "NaN", "nan"}  # Camtrap DP 1.0.2's words for: not known
MOST_FAULTS = 20  # of a table are named in one message


def read_table(path: Path) -> list[Deployment]:
    """Read Camtrap DP's deployments.csv, sorted by deploymentID.

    Times with an offset become camera time: naive, in the offset of the deployment's start.
    Raises SettingsError that names every faulty row.
    """
    path = Path(path)
    rows = _rows(path)
    faults: list[str] = []
    table: dict[str, Deployment] = {}
    for line, row in rows:
        row_faults: list[str] = []
        one = _deployment(row, row_faults)
        if one.deployment_id in table and one.deployment_id:
            row_faults.append(f"deploymentID {one.deployment_id!r} stands in an earlier row too")
        table.setdefault(one.deployment_id, one)
        faults += (f"line {line}: {fault}" for fault in row_faults)
    if faults:
        more = len(faults) - MOST_FAULTS
        named = "; ".join(faults[:MOST_FAULTS]) + (f"; and {more} more" if more > 0 else "")
        raise SettingsError(f"{path}: {named}")
    if not table:
        raise SettingsError(f"{path}: no deployments in it")
    return [table[name] for name in sorted(table)]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line in the file, {column: text}) without rows that are empty all through."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            if "deploymentID" not in columns or len(set(columns)) < len(columns):
                raise SettingsError(
                    f"{path}: needs the column deploymentID, each column once, separated by "
                    f"commas; found: {', '.join(columns) or 'nothing'}"
                )
            rows = [(reader.line_num, row) for row in reader]
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read: {why.strerror or why}") from why
    except UnicodeDecodeError as why:
        raise SettingsError(f"{path}: not UTF-8; save it as CSV UTF-8") from why
    except csv.Error as why:
        raise SettingsError(f"{path}: not a CSV file: {why}") from why
    return [(line, row) for line, row in rows if any(v for v in row.values())]


def _deployment(row: dict, faults: list[str]) -> Deployment:
    """One row; what is wrong with it is added to `faults`."""
    if None in row:
        faults.append(f"{len(row.pop(None))} more values than columns")
    given = {name: value.strip() for name, value in row.items() if value is not None}
    given = {name: value for name, value in given.items() if value not in MISSING}
    said: dict = {ours: given.pop(name) for name, ours in TEXTS.items() if name in given}
    for name, (ours, kind, low, high) in NUMBERS.items():
        if name in given:
            said[ours] = _number(name, given.pop(name), kind, low, high, faults)
    if ("latitude" in said) != ("longitude" in said):
        faults.append("latitude and longitude belong together")
    if "timestampIssues" in given:
        text = given.pop("timestampIssues")
        said["timestamp_issues"] = FLAGS.get(text)
        if text not in FLAGS:
            faults.append(f"timestampIssues {text!r} is neither true nor false")
    said |= _period(given, faults)
    name = given.pop("deploymentID", "")
    if not name:
        faults.append("deploymentID is empty")
    return Deployment(name, **said, source="table", other=given)


def _number(name: str, text: str, kind: Callable, low: float, high: float, faults: list[str]):
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if low <= value <= high:
        return value
    faults.append(f"{name} {text!r} is no {'whole ' if kind is int else ''}number {low} to {high}")
    return None


def _period(given: dict[str, str], faults: list[str]) -> dict:
    """Start and end as naive camera time. A camera keeps the offset that it was set up with."""
    times: dict[str, datetime] = {}
    for name, ours in TIMES.items():
        text = given.pop(name, None)
        if text is None:
            continue
        try:
            times[ours] = datetime.fromisoformat(text)
        except ValueError:
            faults.append(f"{name} {text!r} is no time like 2026-05-01T09:30:00+02:00")
            continue
        if len(text) == 10 and ours == "ended_at":  # a day alone: all of it
            times[ours] += timedelta(days=1, seconds=-1)
    zones = {when.utcoffset() for when in times.values()}
    if None in zones and len(zones) > 1:
        faults.append("deploymentStart and deploymentEnd: both with an offset, or none")
        return {}
    said: dict = {"utc_offset_min": None}
    if zones and None not in zones:
        zone = (times.get("started_at") or times["ended_at"]).tzinfo
        said["utc_offset_min"] = int(zone.utcoffset(None).total_seconds() // 60)
        times = {ours: when.astimezone(zone) for ours, when in times.items()}
    said |= {ours: when.replace(tzinfo=None) for ours, when in times.items()}
    if len(times) == 2 and said["ended_at"] < said["started_at"]:
        faults.append("deploymentEnd lies before deploymentStart")
    return said


def _from_table(
    media: Sequence[Media], batch: str, table: Sequence[Deployment]
) -> tuple[list[Media], list[Deployment], list[Trouble]]:
    raise InputError("not yet")
