"""Which camera was where, and when: imported from a table, edited, checked, removed."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.rows import now
from db.store import outages
from db.store.deployments import (
    all_deployments,
    delete_deployment,
    outside_period,
    pictures_taken,
    save_deployments,
)
from flows.execution.databases import known_database, ready_database
from flows.services.flags_again import FlagsAgain, flags_after_edit
from pipeline.card.clock import offset_minutes
from pipeline.card.deployment_check import faults, slips
from pipeline.card.deployment_table import read_row, read_whole
from pipeline.card.suspects import END_OFFSET
from pipeline.counted import taken
from pipeline.errors import InputError, SettingsError
from pipeline.exchange.deployments import row_of
from pipeline.records import Deployment
from pipeline.tables.reader import MISSING, MOST_FAULTS
from pipeline.tables.times import order_of, typed_time

TIMES = ("deploymentStart", "deploymentEnd")
FIELDS = (  # (column, field of Deployment)
    *(("locationID", "location_id"), ("locationName", "location_name")),
    *(("latitude", "latitude"), ("longitude", "longitude")),
    *(("coordinateUncertainty", "coordinate_uncertainty_m"), ("cameraID", "camera_id")),
    *(("deploymentStart", "started_at"), ("deploymentEnd", "ended_at")),
    *(("cameraModel", "camera_model"), ("deploymentTags", "tags")),
    ("timestampIssues", "timestamp_issues"),
)


@dataclass(frozen=True, slots=True)
class ImportedDeployments:
    """What importing a table came to."""

    updated: int  # deployments that were known, and are another now
    unchanged: int  # that stand here as the table has them
    added: tuple[str, ...]  # names; no picture belongs to them yet
    places: tuple[tuple[str, str], ...]  # (what the table calls it, the deployment that it is)
    outages: int  # entered from camtrapR's columns of problems
    unused: tuple[str, ...]  # columns that are kept and that nothing reads
    kept_offsets: tuple[str, ...]  # names; the table has no offset for them, the known one stays
    flags: tuple[FlagsAgain, ...]
    outside: tuple[tuple[str, int], ...]  # (any deployment, its pictures outside its period)
    doubts: tuple[str, ...]  # a line each: what was hardly meant


@dataclass(frozen=True, slots=True)
class EditedDeployment:
    """What editing one deployment came to."""

    before: Deployment
    after: Deployment
    flags: tuple[FlagsAgain, ...]
    outside: int  # pictures outside its period
    doubts: tuple[str, ...]  # a line each: what was hardly meant


@dataclass(frozen=True, slots=True)
class CheckedDeployments:
    """What a check of all deployments found."""

    deployments: int
    faults: tuple[str, ...]  # a line each, with what to do


def list_deployments(database: str) -> tuple[Deployment, ...]:
    """Every deployment, by name."""
    with reading(known_database(database)) as conn:
        return tuple(all_deployments(conn))


def import_deployments(database: str, table: Path) -> ImportedDeployments:
    """Save a table, all of it or nothing: known deployments are updated, others are added."""
    read = read_whole(table)
    with writing(ready_database(database)) as conn:
        before = all_deployments(conn)
        names_here = _names_here(table, read.deployments, before)
        known = {place.deployment_id: place for place in before}
        given = [
            _completed(place, known.get(names_here.get(name, name)), read.columns)
            for place in read.deployments
            for name in [place.deployment_id]
        ]
        given, kept_offsets = _with_offsets(given, before)
        save_deployments(conn, given)
        new_outages = outages.save_outages(
            conn,
            [
                replace(out, deployment_id=names_here.get(out.deployment_id, out.deployment_id))
                for out in read.outages
            ],
        )
        after = {place.deployment_id: place for place in all_deployments(conn)}
        flags = flags_after_edit(conn, before, [*after.values()])
        outside = outside_period(conn)
        doubts = _slips(conn, given)
    names = [deployment.deployment_id for deployment in given]
    return ImportedDeployments(
        updated=sum(name in known and known[name] != after[name] for name in names),
        unchanged=sum(name in known and known[name] == after[name] for name in names),
        added=tuple(name for name in names if name not in known),
        places=tuple(names_here.items()),
        outages=new_outages,
        unused=read.unused,
        kept_offsets=tuple(kept_offsets),
        flags=tuple(flags),
        outside=tuple(outside),
        doubts=doubts,
    )


def edit_deployment(
    database: str, name: str, given: Mapping[str, str], offset: str | None = None
) -> EditedDeployment:
    """Change some columns of one deployment, checked as an imported table is.

    given    by Camtrap DP's columns; an empty text clears one
    offset   of its clock, as +03:00; times stay the camera's own
    """
    if not given and offset is None:
        raise InputError("nothing to change: give --location, --start, --latitude, ...")
    with writing(known_database(database)) as conn:
        before = _known(conn, name)
        after = edited(before, given, offset)
        save_deployments(conn, [after])
        return EditedDeployment(
            before,
            after,
            tuple(flags_after_edit(conn, [before], [after])),
            dict(outside_period(conn)).get(name, 0),
            _slips(conn, [after]),
        )


def offset_everywhere(database: str, offset: str) -> tuple[int, int]:
    """Give an offset, as +03:00, to every deployment that has none.

    Returns how many got it, and how many keep the one they have."""
    minutes = offset_minutes(offset)
    if minutes is None:
        raise SettingsError(f"{offset}: no offset; write it as +03:00")
    with writing(known_database(database)) as conn:
        known = all_deployments(conn)
        lacking = [place for place in known if place.utc_offset_min is None]
        save_deployments(conn, [replace(place, utc_offset_min=minutes) for place in lacking])
    return len(lacking), len(known) - len(lacking)


def remove_deployment(database: str, name: str) -> None:
    """Remove a deployment that has no picture, outage or repair: one named by mistake."""
    with writing(known_database(database)) as conn:
        _known(conn, name)
        if not delete_deployment(conn, name):
            raise InputError(f"{name}: pictures, outages or repairs belong to it; it stays")


def check_deployments(database: str) -> CheckedDeployments:
    """What is missing in deployments or contradicts itself."""
    with reading(known_database(database)) as conn:
        places = all_deployments(conn)
        lines = faults(places, pictures_taken(conn), outages.accepted_outages(conn), now())
        within = outages.pictures_within(conn)
    lines += [
        f"{outage.deployment_id}: {taken(pictures)} within its outage of "
        f"{outage.started_at}: camtriage outages list"
        for outage, pictures in within
    ]
    return CheckedDeployments(len(places), tuple(sorted(lines)))


def _known(conn: Connection, name: str) -> Deployment:
    for deployment in all_deployments(conn):
        if deployment.deployment_id == name:
            return deployment
    raise InputError(f"{name}: no such deployment; names: camtriage deployments list")


def _names_here(
    table: Path, given: Sequence[Deployment], before: Sequence[Deployment]
) -> dict[str, str]:
    """The known deployment that each unknown name of a table means: the one whose name ends so, or
    whose place is called so. SettingsError where it may be several: none is ever added beside them.
    """
    known = {place.deployment_id for place in before}
    named = {place.deployment_id for place in given}
    meant: dict[str, set[str]] = {}
    for place in before:
        if place.deployment_id not in named:
            folder, _, serial = place.deployment_id.rpartition("/")[2].partition("#")
            guessed = place.location_name if place.source == "folder" else None
            for name in (folder, f"{folder}#{serial}", guessed):
                meant.setdefault(_spelled(name or ""), set()).add(place.deployment_id)
    found = {name: meant.get(_spelled(name), set()) for name in sorted(named - known)}
    homes = Counter(home for homes in found.values() for home in homes)
    faults = [
        f"{name} (here: {', '.join(sorted(homes_of))})"
        for name, homes_of in found.items()
        if len(homes_of) > 1 or any(homes[home] > 1 for home in homes_of)
    ]
    if faults:
        first = "; ".join(faults[:MOST_FAULTS])
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise SettingsError(
            f"{table}: write deploymentID as camtriage deployments list does: {first}{more}; "
            "nothing was imported"
        )
    return {name: homes_of.pop() for name, homes_of in found.items() if homes_of}


def _spelled(name: str) -> str:
    """A name as it is compared: capitals and blanks do not part two of them."""
    return "".join(unicodedata.normalize("NFC", name).casefold().split())


def _completed(place: Deployment, known: Deployment | None, columns: Collection[str]) -> Deployment:
    """A row as the deployment that it means; what its table has no column for stays as it is."""
    if known is None:
        return place
    kept = {name: getattr(known, name) for column, name in FIELDS if column not in columns}
    if place.location_id:  # of a table of stations
        kept.pop("location_id", None)
    other = {column: text for column, text in known.other.items() if column not in columns}
    return replace(place, deployment_id=known.deployment_id, other={**other, **place.other}, **kept)


def _with_offsets(
    given: Sequence[Deployment], before: Sequence[Deployment]
) -> tuple[list[Deployment], list[str]]:
    """A table has an offset only within its times, which are the camera's clock all the same: one
    that it lacks is not taken away. (deployments, names of those whose known offset stays)."""
    known = {deployment.deployment_id: deployment.utc_offset_min for deployment in before}
    kept = {
        deployment.deployment_id: known[deployment.deployment_id]
        for deployment in given
        if deployment.utc_offset_min is None and known.get(deployment.deployment_id) is not None
    }
    return [
        replace(deployment, utc_offset_min=kept[deployment.deployment_id])
        if deployment.deployment_id in kept
        else deployment
        for deployment in given
    ], list(kept)


def edited(before: Deployment, given: Mapping[str, str], offset: str | None) -> Deployment:
    """The deployment with other values. Times are the camera's clock: another offset moves none."""
    given = {column: text.strip() for column, text in given.items()}
    typed = {column: given[column] for column in TIMES if given.get(column) not in {None, *MISSING}}
    minutes = _offset(before, typed, offset)
    own = row_of(replace(before, utc_offset_min=None))
    row = {column: "" if value is None else str(value) for column, value in own.items()}
    if offset is not None or "deploymentEnd" in given:
        row.pop(END_OFFSET, None)
    row |= given
    row |= {column: _as_clock(text, minutes) for column, text in typed.items()}
    return replace(read_row(row), utc_offset_min=minutes)


def _offset(before: Deployment, typed: Mapping[str, str], offset: str | None) -> int | None:
    times = [at for text in typed.values() if (at := _typed(text)) is not None]
    zoned = [shift for at in times if (shift := at.utcoffset()) is not None]
    if offset in MISSING:
        if zoned:
            raise InputError("--offset is cleared, but --start or --end has one: leave one out")
        return None
    if offset is not None:
        minutes = offset_minutes(offset)
        if minutes is None:
            raise SettingsError(f"--offset {offset}: write it as +03:00")
        return minutes
    if zoned:
        return int(zoned[0].total_seconds() // 60)
    return before.utc_offset_min


def _as_clock(text: str, offset_min: int | None) -> str:
    """Without its offset; a day alone, and what is no time, go on as they are."""
    at = _typed(text)
    if at is None or at.utcoffset() is None or offset_min is None:
        return text
    zone = timezone(timedelta(minutes=offset_min))
    return at.astimezone(zone).replace(tzinfo=None).isoformat()


def _typed(text: str) -> datetime | None:
    typed = typed_time(text, order_of([text]))
    return typed.at if typed else None


def _slips(conn: Connection, given: Sequence[Deployment]) -> tuple[str, ...]:
    found = slips(given, pictures_taken(conn), outages.accepted_outages(conn), now())
    return tuple(f"{name}: {what}" for name, what in found)
