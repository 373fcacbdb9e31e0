"""camtrapR's two tables: the stations with setup, retrieval and problems, and the records.

Every record is a picture with one species; people told it. A station with several rows (cameras,
sessions) has a deployment for each of them.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.card.deployment_table import read_whole
from pipeline.errors import SettingsError
from pipeline.exchange.incoming.dataset import (
    DataSet,
    LeftOut,
    Seen,
    camera_time,
    unknown_columns,
)
from pipeline.exchange.incoming.heads import heads
from pipeline.exchange.incoming.words import kind_of
from pipeline.records import DayAlone, Deployment, NamedPicture
from pipeline.tables.reader import Row, read_table

NEEDED = ("Station", "Species", "DateTimeOriginal")
ALSO = {"individual": "individualID", "number": "count", "individualcount": "count"}
READ = ("Camera", "session", "Directory", "FileName", "count", "individualID", "comment")
STATIONS = ("retrieval", "setup")
DERIVED = re.compile(r"delta\.time|Date$|Time$|n_images$|metadata_|independent", re.IGNORECASE)
MOST_ANIMALS = 1_000_000


def tables(folder: Path) -> tuple[Path, Path] | None:
    """(stations, records) of a folder; None: it does not hold one of each."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.glob("*.csv")):
        columns = heads(path)
        if {"station", "species", "datetimeoriginal"} <= columns:
            found["records"].append(path)
        elif "station" in columns and any(head.startswith(STATIONS) for head in columns):
            found["stations"].append(path)
    several = {kind: many for kind, many in found.items() if len(many) > 1}
    if several and len(found) == 2:
        kind, many = next(iter(several.items()))
        names = ", ".join(path.name for path in many)
        raise SettingsError(f"{folder}: {len(many)} tables of {kind}: {names}; keep one of them")
    return (found["stations"][0], found["records"][0]) if len(found) == 2 else None


def read(folder: Path, name: str | None = None) -> DataSet:
    """The two tables of a folder; SettingsError names every faulty row."""
    pair = tables(folder)
    if pair is None:
        raise SettingsError(
            f"{folder}: needs two tables of camtrapR: stations (Station, Setup_date, "
            f"Retrieval_date) and records ({', '.join(NEEDED)})"
        )
    given = read_whole(pair[0], each=_of_station)
    stations: dict[str, list[Deployment]] = defaultdict(list)
    for place in given.deployments:
        stations[place.location_id or place.deployment_id].append(place)
    table = read_table(pair[1], NEEDED, READ, ALSO)
    left_out = LeftOut()
    pictures: dict[str, NamedPicture] = {}
    seen = list(_records(table.rows, stations, pictures, left_out))
    table.faults.refuse()
    known = frozenset((*NEEDED, *READ, *(head for head in table.headings if DERIVED.match(head))))
    return DataSet(
        name=name or folder.name,
        form="camtrapR",
        deployments=given.deployments,
        pictures=tuple(pictures.values()),
        seen=tuple(seen),
        outages=given.outages,
        rows={"stations": len(given.deployments), "records": len(table.rows)},
        unknown=(
            *(
                f"{pair[0].name}: {column}"
                for column in given.unused
                if column.casefold() not in ("session", "camera")
            ),
            *unknown_columns(table, known),
        ),
        left_out=left_out.counts(),
    )


def _of_station(row: Row) -> None:
    """A row is a deployment of its station: with its camera and session where it has them."""
    cells = {name.casefold(): text for name, text in row.cells.items()}
    if "deploymentID" not in row.cells:
        return
    station = row.cells["deploymentID"]
    row.cells["locationID"] = station
    parts = (station, cells.get("camera"), cells.get("session"))
    row.cells["deploymentID"] = " ".join(filter(None, parts))


def _records(
    rows: Sequence[Row],
    stations: Mapping[str, Sequence[Deployment]],
    pictures: dict[str, NamedPicture],
    left_out: LeftOut,
) -> Iterator[Seen]:
    for row in rows:
        station, species = row.filled("Station"), row.filled("Species")
        row.filled("DateTimeOriginal")
        at, offset = camera_time(row.time("DateTimeOriginal"), None)
        place = _place(row, station, stations.get(station, ()))
        if place is None:
            left_out.add("records at a station that is not in the table of stations", station)
            continue
        file = row.text("FileName") or ""
        folder = (row.text("Directory") or station).replace("\\", "/")
        path = f"{folder.rstrip('/')}/{file}" if file else f"{station}/{at}"
        key = f"{place.deployment_id}/{path}"
        home = place.deployment_id
        pictures.setdefault(key, NamedPicture(key, home, path, file or path, at, offset))
        kind = kind_of(species)
        yield Seen(
            deployment_id=home,
            picture=key,
            event=None,
            started_at=at,
            ended_at=at,
            observation_type=kind,
            name=species if kind == "animal" else None,
            count=None if kind == "blank" else row.whole("count", 1, MOST_ANIMALS),
            individual_id=row.named("individualID"),
            comment=row.text("comment"),
        )


def _place(row: Row, station: str, places: Sequence[Deployment]) -> Deployment | None:
    """The deployment of a record: by camera and session, else the one that was up at that time."""
    given = (station, row.text("Camera"), row.text("session"))
    name = " ".join(filter(None, given))
    for place in places:
        if place.deployment_id == name:
            return place
    if len(places) <= 1:
        return places[0] if places else None
    typed = row.time("DateTimeOriginal")
    at = typed.at.replace(tzinfo=None) if typed else None
    if at is not None and typed and typed.whole_day:
        at = DayAlone(at.year, at.month, at.day)
    up = [place for place in places if at and not place.lies_outside(at)]
    return up[0] if len(up) == 1 else None
