"""What `camtriage deployments` does: who hung where and when, out to a table and back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
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
from flows.execution.databases import database, known_database
from flows.services.flags_again import flags_after_edit
from pipeline.card.clock import offset_minutes, typed_time
from pipeline.card.deployment_check import faults, slips
from pipeline.card.deployment_table import MISSING, read_row, read_table
from pipeline.counted import counted, taken
from pipeline.errors import InputError, SettingsError
from pipeline.exchange.deployments import row_of, table_text
from pipeline.records import Deployment

TIMES = ("deploymentStart", "deploymentEnd")


def list_deployments(url: str) -> int:
    """Print everything that is known as Camtrap DP's deployments.csv."""
    with reading(known_database(url)) as conn:
        print(table_text(all_deployments(conn)), end="")
    return 0


def import_deployments(url: str, table: Path) -> int:
    """Take over a table: known deployments learn what it says, others are added."""
    given = read_table(table)
    with writing(database(url)) as conn:
        before = all_deployments(conn)
        given, kept = _with_offsets(given, before)
        save_deployments(conn, given)
        flags = flags_after_edit(conn, before, all_deployments(conn))
        outside = outside_period(conn)
        doubts = _slips(conn, given)
    known = {one.deployment_id for one in before}
    learnt = sum(one.deployment_id in known for one in given)
    print(f"{counted(learnt, 'deployment')} brought up to date, {len(given) - learnt} added")
    if learnt < len(given):
        new = [one.deployment_id for one in given if one.deployment_id not in known]
        print(f"no picture belongs to these yet: {', '.join(new[:10])}")
        print("if one is a slip: camtriage deployments remove NAME")
    if kept:
        some = ", ".join(kept[:10]) + (f" and {len(kept) - 10} more" if len(kept) > 10 else "")
        print(f"no time with an offset is given for {some}: the known offset stays")
    for found in flags:
        print(found.sentence)
    for name, pictures in outside:
        print(_outside(name, pictures))
    for line in doubts:
        print(line)
    return 0


def _with_offsets(
    given: Sequence[Deployment], before: Sequence[Deployment]
) -> tuple[list[Deployment], list[str]]:
    """A table says an offset only within its times, which are the camera's clock all the same: one
    that it does not say is not taken away. (deployments, those whose known offset stays)."""
    known = {one.deployment_id: one.utc_offset_min for one in before}
    kept = [
        one.deployment_id
        for one in given
        if one.utc_offset_min is None and known.get(one.deployment_id) is not None
    ]
    return [
        replace(one, utc_offset_min=known[one.deployment_id]) if one.deployment_id in kept else one
        for one in given
    ], kept


def edit_deployment(url: str, name: str, given: Mapping[str, str], offset: str | None) -> int:
    """Change some columns of one deployment, held to what an imported table is held to.

    given  by Camtrap DP's columns; an empty text clears one
    """
    if not given and offset is None:
        raise InputError("nothing to change: give --location, --start, --latitude, ...")
    with writing(known_database(url)) as conn:
        known = {one.deployment_id: one for one in all_deployments(conn)}
        if name not in known:
            raise InputError(f"{name}: no such deployment; names: camtriage deployments list")
        new = edited(known[name], given, offset)
        save_deployments(conn, [new])
        flags = flags_after_edit(conn, [known[name]], [new])
        outside = dict(outside_period(conn)).get(name, 0)
        doubts = _slips(conn, [new])
    was, now = row_of(known[name]), row_of(new)
    for column in now:
        if was.get(column) != now[column]:
            print(f"{name}: {column} {_told(was.get(column))} -> {_told(now[column])}")
    for found in flags:
        print(found.sentence)
    if outside:
        print(_outside(name, outside))
    for line in doubts:
        print(line)
    return 0


def remove_deployment(url: str, name: str) -> int:
    """Forget a deployment that was only ever named: a slip in a table, say."""
    with writing(known_database(url)) as conn:
        if name not in {one.deployment_id for one in all_deployments(conn)}:
            raise InputError(f"{name}: no such deployment; names: camtriage deployments list")
        if not delete_deployment(conn, name):
            raise InputError(f"{name}: pictures, outages or repairs belong to it; it stays")
    print(f"{name}: removed")
    return 0


def edited(one: Deployment, given: Mapping[str, str], offset: str | None) -> Deployment:
    """The deployment with other values. Times are the camera's clock: another offset moves none."""
    typed = {column: given[column] for column in TIMES if given.get(column) not in {None, *MISSING}}
    minutes = _offset(one, typed, offset)
    own = row_of(replace(one, utc_offset_min=None))
    row = {column: "" if value is None else str(value) for column, value in own.items()}
    row |= given
    row |= {column: _as_clock(column, text, minutes) for column, text in typed.items()}
    return replace(read_row(row), utc_offset_min=minutes)


def _offset(one: Deployment, typed: Mapping[str, str], offset: str | None) -> int | None:
    zoned = [at for text in typed.values() if (at := typed_time(text)) and at.tzinfo]
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
        return int(zoned[0].utcoffset().total_seconds() // 60)
    return one.utc_offset_min


def _as_clock(column: str, text: str, offset_min: int | None) -> str:
    """Without its offset; a day alone, and what is no time, go on as they are."""
    at = typed_time(text)
    if at is None or at.utcoffset() is None:
        return text
    zone = timezone(timedelta(minutes=offset_min))
    return at.astimezone(zone).replace(tzinfo=None).isoformat()


def _told(value: object) -> str:
    return "nothing" if value in (None, "") else str(value)


def check_deployments(url: str) -> int:
    """Print every fault with what to do. 0: none; 1: some."""
    with reading(known_database(url)) as conn:
        places = all_deployments(conn)
        lines = faults(places, pictures_taken(conn), outages.accepted_outages(conn), now())
        within = outages.pictures_within(conn)
    lines += [
        f"{one.deployment_id}: {taken(pictures)} within its outage of "
        f"{one.started_at}: camtriage outages list"
        for one, pictures in within
    ]
    for line in sorted(lines):
        print(line)
    if lines:
        found = counted(len(lines), "fault")
        print(f"{found}; options are those of camtriage deployments edit NAME")
    else:
        print(f"no fault found in {counted(len(places), 'deployment')}")
    return 1 if lines else 0


def _slips(conn: Connection, given: Sequence[Deployment]) -> list[str]:
    found = slips(given, pictures_taken(conn), outages.accepted_outages(conn), now())
    return [f"{name}: {what}" for name, what in found]


def _outside(name: str, pictures: int) -> str:
    return f"{name}: {taken(pictures)} outside its period; a wrong clock or period"
