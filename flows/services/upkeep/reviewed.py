"""A table for training from what people reviewed: the pictures, where they lie, what is on them."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from db.core.engine import reading
from db.queries.reviewing.machine import machine_says
from db.store.reviewing.told import told_pictures
from flows.execution.databases import known_database
from flows.services.reviewing.pictures import Roots
from pipeline.card.scan import by_ending, os_path
from pipeline.errors import SettingsError
from pipeline.train.pictures import COLUMNS, KINDS

FIRST = ("human", "vehicle", "animal", "blank")  # what stands for several on a picture
LEAST = 20  # reviewed pictures, of at least two stations


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The table that was written, and what is not in it."""

    path: Path
    pictures: int
    stations: int
    left_out: Mapping[str, int]  # why: pictures


def write_reviewed(database: str, path: Path, roots: Roots) -> Reviewed:
    """Write the reviewed pictures as `camtriage train` reads them, each station as a study.

    SettingsError where they are too few to learn from, with what there is.
    """
    with reading(known_database(database)) as conn:
        said = {one.sha256: one.said for one in told_pictures(conn)}
        rows = machine_says(conn, said)
    left_out, lines = Counter[str](), []
    for row in rows:
        kinds = {kind for kind, _ in said[row.sha256]} & set(KINDS)
        places = [root / os_path(row.path) for root in roots.of(row.batch, row.root)]
        place = next((one for one in places if one.is_file()), None)
        if not kinds:
            left_out["on which people could not tell"] += 1
        elif by_ending(row.path) != "picture":
            left_out["that are clips"] += 1
        elif place is None:
            left_out["that are not where their card lay (--root tells where it is now)"] += 1
        else:
            kind = min(kinds, key=FIRST.index)
            given = (str(place.absolute()), kind, "train", "no", row.deployment, row.station)
            lines.append((*given, row.station, row.taken_at or ""))
    stations = len({line[5] for line in lines})
    blanks = sum(line[1] == "blank" for line in lines)
    places_of = [
        {line[5] for line in lines if (line[1] == "blank") is blank} for blank in (False, True)
    ]
    if len(lines) < LEAST or min(map(len, places_of)) < 2:
        why = ", ".join(f"{count} {why}" for why, count in left_out.items())
        raise SettingsError(
            f"{len(lines)} reviewed pictures of {stations} stations, {blanks} of them blank"
            f"{f'; left out: {why}' if why else ''}: learning needs {LEAST}, "
            "blank ones of two stations (queue 'Audit of the blanks' of `camtriage review`) and "
            "others of two ('Visits of your choice' there)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([(*COLUMNS, "station", "taken_at"), *lines])
    return Reviewed(path, len(lines), stations, dict(left_out))
