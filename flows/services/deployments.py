"""Which camera was where, and when: imported from a table, edited, checked, removed."""

import re
from collections.abc import Mapping, Sequence
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
from pipeline.card.deployment_table import read_row, read_table
from pipeline.card.suspects import END_OFFSET
from pipeline.counted import taken
from pipeline.errors import InputError, SettingsError
from pipeline.exchange.deployments import row_of
from pipeline.records import Deployment
from pipeline.tables.reader import MISSING, MOST_FAULTS
from pipeline.tables.times import order_of, typed_time

TIMES = ("deploymentStart", "deploymentEnd")


@dataclass(frozen=True, slots=True)
class ImportedDeployments:
    """What importing a table came to."""

    updated: int  # deployments that were known
    added: tuple[str, ...]  # names; no picture belongs to them yet
    not_taken: tuple[str, ...]  # camtrapR's columns of outages
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
    given = read_table(table)
    with writing(ready_database(database)) as conn:
        before = all_deployments(conn)
        _refuse_places(table, given, before)
        given, kept_offsets = _with_offsets(given, before)
        save_deployments(conn, given)
        flags = flags_after_edit(conn, before, all_deployments(conn))
        outside = outside_period(conn)
        doubts = _slips(conn, given)
    known = {deployment.deployment_id for deployment in before}
    names = [deployment.deployment_id for deployment in given]
    return ImportedDeployments(
        updated=sum(name in known for name in names),
        added=tuple(name for name in names if name not in known),
        not_taken=tuple(
            sorted({name for place in given for name in place.other if _PROBLEM(name)})
        ),
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


_PROBLEM = re.compile(r"problem\d+_?(from|to)", re.IGNORECASE).fullmatch


def _refuse_places(table: Path, given: Sequence[Deployment], before: Sequence[Deployment]) -> None:
    """SettingsError where a table calls a known deployment by the last part of its name."""
    known = {place.deployment_id for place in before}
    named = {place.deployment_id for place in given}
    full_names: dict[str, list[str]] = {}
    for full in sorted(known - named):
        full_names.setdefault(full.rpartition("/")[2], []).append(full)
    faults = [
        f"{name} (here: {', '.join(full_names[name])})"
        for name in sorted(named - known)
        if name in full_names
    ]
    if faults:
        first = "; ".join(faults[:MOST_FAULTS])
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise SettingsError(
            f"{table}: write deploymentID as camtriage deployments list does: {first}{more}; "
            "nothing was imported"
        )


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
