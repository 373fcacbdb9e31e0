"""Camtrap DP's deployments.csv, read whole or refused with every faulty row named."""

import csv
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.card.clock import typed_time, year_first
from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.records import Deployment
from pipeline.tables.cells import as_meant

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


def read_row(row: dict[str, str]) -> Deployment:
    """One row by Camtrap DP's columns, held to what a table is held to; SettingsError names all
    that is wrong."""
    faults: list[str] = []
    one = _deployment(dict(row), faults)
    if faults:
        raise SettingsError(f"{one.deployment_id}: {'; '.join(faults)}")
    return one


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line in the file, {column: text}) without rows that are empty all through."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            mark = max(",;\t", key=head.count)  # Excel writes what the country of its user does
            reader = csv.DictReader(file, strict=True, delimiter=mark)
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            if "deploymentID" not in columns or len(set(columns)) < len(columns):
                raise SettingsError(
                    f"{path}: needs the column deploymentID, each column once; "
                    f"found: {', '.join(columns) or 'nothing'}"
                )
            rows = [(reader.line_num, row) for row in reader]
            if mark != ",":
                rows = [(line, _with_points(row)) for line, row in rows]
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read: {why.strerror or why}") from why
    except UnicodeDecodeError as why:
        raise SettingsError(f"{path}: not UTF-8; save it as CSV UTF-8") from why
    except csv.Error as why:
        raise SettingsError(f"{path}: not a CSV file: {why}") from why
    return [(line, row) for line, row in rows if any(v for v in row.values())]


def _with_points(row: dict) -> dict:
    """Decimal commas of coordinates as points; only where a comma parts no columns."""
    given = {name: row[name] for name in ("latitude", "longitude") if row.get(name)}
    return row | {
        name: text.replace(",", ".")
        for name, text in given.items()
        if re.fullmatch(r"\s*[-+]?\d+,\d+\s*", text)
    }


def _deployment(row: dict, faults: list[str]) -> Deployment:
    """One row; what is wrong with it is added to `faults`."""
    if None in row:
        faults.append(
            f"{counted(len(row.pop(None)), 'value')} more than columns: decimals with a comma "
            "need columns parted by semicolons"
        )
    given = {name: as_meant(value.strip()) for name, value in row.items() if value is not None}
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
    point = f"; write it as {text.replace(',', '.')}" if text.count(",") == 1 else ""
    whole = "whole " if kind is int else ""
    faults.append(f"{name} {text!r} is no {whole}number {low} to {high}{point}")
    return None


def _period(given: dict[str, str], faults: list[str]) -> dict:
    """Start and end as naive camera time. A camera keeps the offset that it was set up with."""
    times: dict[str, datetime] = {}
    for name, ours in TIMES.items():
        text = given.pop(name, None)
        if text is None:
            continue
        if (at := typed_time(text)) is None:
            hint = year_first(text)
            faults.append(f"{name} {text!r} is no time like 2026-05-01T09:30:00+02:00{hint}")
            continue
        times[ours] = at
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
