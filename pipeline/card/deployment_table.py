"""Camtrap DP's deployments.csv, read as a whole, or refused with every faulty row named.

Tables of Wildlife Insights and camtrapR are taken too: their columns have other names, and
camtrapR's Problem1_from and Problem1_to are outages.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.card.clock import offset_text
from pipeline.card.suspects import END_OFFSET
from pipeline.errors import SettingsError
from pipeline.exchange.columns import DEPLOYMENTS, FEATURES, NUMBERS, column_faults
from pipeline.records import Deployment, Outage
from pipeline.tables import reader
from pipeline.tables.reader import FLAGS, Row
from pipeline.tables.times import Order, order_of

ALSO = {  # Wildlife Insights' and camtrapR's names of Camtrap DP's columns
    "placename": "locationName",
    "startdate": "deploymentStart", "setupdate": "deploymentStart",
    "enddate": "deploymentEnd", "retrievaldate": "deploymentEnd",
}  # fmt: skip
INSTEAD = {  # where no column of the name that Camtrap DP gives is there
    "station": "deploymentID",  # camtrapR: a row is a station, and its camera's one stretch of time
    "lat": "latitude", "decimallatitude": "latitude",
    "lon": "longitude", "long": "longitude", "lng": "longitude", "decimallongitude": "longitude",
}  # fmt: skip
BAIT = {"scent": True, "food": True, "visual": True, "acoustic": True, "other": True} | {
    "none": False
}
TIMES = ("deploymentStart", "deploymentEnd")
PROBLEM = re.compile(r"(problem\d+)_?(from|to)", re.IGNORECASE)
OURS = {
    *("deploymentID", "locationID", "locationName", "latitude", "longitude", "cameraID"),
    *("coordinateUncertainty", "deploymentStart", "deploymentEnd", "cameraModel"),
    *("timestampIssues", "deploymentTags"),
}
ADVICE = "rename the column that holds the names which camtriage deployments list shows"
FARTHEST_M = 20_000_000  # half round the earth


@dataclass(frozen=True, slots=True)
class DeploymentTable:
    """A table of deployments, as it was read."""

    deployments: tuple[Deployment, ...]  # by deploymentID
    outages: tuple[Outage, ...]  # of camtrapR's columns
    columns: frozenset[str]  # of Camtrap DP, that it has
    unused: tuple[str, ...]  # as the file writes them: kept as they are, and nothing reads them


def read_table(path: Path) -> list[Deployment]:
    """The deployments alone, sorted by deploymentID."""
    return [*read_whole(path).deployments]


def read_whole(
    path: Path,
    instead: Mapping[str, str] | None = None,
    each: Callable[[Row], None] | None = None,
) -> DeploymentTable:
    """Read Camtrap DP's deployments.csv, or a table that other programs write.

    instead  further names of columns, used where none of Camtrap DP's own name is there
    each     what is to be done to a row before it is read
    Times with an offset become camera time: naive, in the offset of the deployment's start.
    Raises SettingsError that names every faulty row.
    """
    others = {**INSTEAD, **(instead or {})}
    table = reader.read_table(path, ("deploymentID",), DEPLOYMENTS, ALSO, ADVICE, others)
    _one_order(table)
    found: dict[str, Deployment] = {}
    outages: list[Outage] = []
    for row in table.rows:
        if each:
            each(row)
        deployment = _deployment(row)
        outages += _outages(row)
        for fault in column_faults(deployment.other):
            row.fault(fault)
        name = deployment.deployment_id
        if name in found and name:
            row.fault(f"deploymentID {reader.shown(name)} stands in an earlier row too")
        found.setdefault(name, deployment)
    table.faults.refuse()
    if not found:
        raise SettingsError(f"{path}: no deployments in it")
    names = table.headings.keys()
    return DeploymentTable(
        tuple(found[name] for name in sorted(found)),
        tuple(outages),
        frozenset(names & set(DEPLOYMENTS)),
        tuple(name for name in names if name not in DEPLOYMENTS and not PROBLEM.fullmatch(name)),
    )


def _one_order(table: reader.Table) -> None:
    """01/05/2026 is read as another column of the table shows: one program wrote all of them."""
    times = [name for name in table.headings if name in TIMES or PROBLEM.fullmatch(name)]
    own = {name: order_of(row.cells.get(name, "") for row in table.rows) for name in times}
    shown: Order = order_of(row.cells.get(name, "") for row in table.rows for name in times)
    table.orders.update({name: order or shown for name, order in own.items()})


def _outages(row: Row) -> Iterator[Outage]:
    """What camtrapR calls a problem: a day alone is all of it, the last one too."""
    ends: dict[str, dict[str, str]] = {}
    for name in row.cells:
        if problem := PROBLEM.fullmatch(name):
            ends.setdefault(problem[1], {})[problem[2].lower()] = name
    for number, columns in ends.items():
        start, end = (
            row.time(columns[way], offset=False) if way in columns else None
            for way in ("from", "to")
        )
        if "from" not in columns:
            row.fault(f"{columns['to']} without its from")
        if start is None:
            continue
        until = end.at + timedelta(days=1 if end.whole_day else 0) if end else None
        if until and until <= start.at:
            row.fault(f"{number} ends before it begins")
        yield Outage(row.cells.get("deploymentID", ""), start.at, until, number)


def read_row(cells: Mapping[str, str]) -> Deployment:
    """One row by Camtrap DP's columns, checked as a table is; SettingsError names all faults."""
    row = reader.typed_row(cells)
    deployment = _deployment(row)
    if faults := row.table.faults.found:
        wrong = "; ".join(fault for _, fault in faults)
        raise SettingsError(f"{deployment.deployment_id}: {wrong}")
    return deployment


def _deployment(row: Row) -> Deployment:
    """One row; what is wrong with it is added to the table's faults."""
    latitude = row.number("latitude", -90, 90)
    longitude = row.number("longitude", -180, 180)
    uncertainty = row.whole("coordinateUncertainty", 1, FARTHEST_M)
    if ("latitude" in row.cells) != ("longitude" in row.cells):
        row.fault("latitude and longitude belong together")
    issues = row.flag("timestampIssues")
    started_at, ended_at, offset_min, end_offset = _period(row)
    return Deployment(
        row.filled("deploymentID"),
        location_id=row.named("locationID") or _station(row),
        location_name=row.named("locationName"),
        latitude=latitude,
        longitude=longitude,
        coordinate_uncertainty_m=uncertainty,
        started_at=started_at,
        ended_at=ended_at,
        utc_offset_min=offset_min,
        camera_id=row.named("cameraID"),
        camera_model=row.named("cameraModel"),
        tags=row.text("deploymentTags"),
        timestamp_issues=issues,
        source="table",
        other=_other(row) | ({END_OFFSET: end_offset} if end_offset else {}),
    )


def _station(row: Row) -> str | None:
    """The place where a table of stations names it in place of a deployment."""
    heading = row.table.headings.get("deploymentID", "")
    return row.text("deploymentID") if heading.strip().casefold() == "station" else None


def _other(row: Row) -> dict[str, str]:
    """Further columns as they are, but for other words of what Camtrap DP has: WAHR, or Wildlife
    Insights' Trail game; its None and Other have no word there."""
    known = {*OURS, *filter(PROBLEM.fullmatch, row.cells)}
    columns = {name: text for name, text in row.cells.items() if name not in known}
    columns |= {name: row.pointed(name) or "" for name in columns.keys() & NUMBERS.keys()}
    if feature := columns.get("featureType"):
        plain = feature.replace(" ", "").lower()
        columns["featureType"] = next((name for name in FEATURES if name.lower() == plain), feature)
        if plain in ("none", "other"):
            del columns["featureType"]
    bait = {**FLAGS, **BAIT}.get(columns.get("baitUse", "").lower())
    if bait is not None:
        columns["baitUse"] = str(bait).lower()
    return columns


def _period(row: Row) -> tuple[datetime | None, datetime | None, int | None, str | None]:
    """(start, end, offset in minutes), naive camera time: a camera keeps the offset that it was
    set up with; and the end's own offset where it is another one."""
    start, end = row.time("deploymentStart"), row.time("deploymentEnd")
    started_at, ended_at = start.at if start else None, end.at if end else None
    if end and ended_at and end.whole_day:
        ended_at += timedelta(days=1)  # up to the midnight that ends it
    if started_at and ended_at and (started_at.tzinfo is None) != (ended_at.tzinfo is None):
        row.fault("deploymentStart and deploymentEnd: both with an offset, or none")
        return None, None, None, None
    first = started_at or ended_at
    zone = first.tzinfo if first else None
    offset = zone.utcoffset(None) if zone else None
    end_offset = ended_at.utcoffset() if ended_at else None
    if zone is not None:
        started_at = started_at and started_at.replace(tzinfo=None)
        ended_at = ended_at and ended_at.astimezone(zone).replace(tzinfo=None)
    if started_at and ended_at:
        ends_before = ended_at < started_at or (end and end.whole_day and ended_at == started_at)
        if ends_before:
            row.fault("deploymentEnd lies before deploymentStart")
    minutes, end_minutes = (
        None if at is None else int(at.total_seconds() // 60) for at in (offset, end_offset)
    )
    other = offset_text(end_minutes) if end_minutes not in (None, minutes) else None
    return started_at, ended_at, minutes, other
