"""What `camtriage clock` does: repairs of wrong clocks, shown before they are written.

A repair, the times it makes, and the visits and flags formed anew are one transaction.
"""

import csv
import io
import shlex
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.rows import now
from db.queries.clocks import doubts
from db.store import repairs as clock_repairs
from db.store.batches import batch_by_name
from db.store.deployments import all_deployments
from flows.execution.databases import known_database
from flows.run_options import Job
from flows.services.reform import reform
from pipeline.card import repair
from pipeline.counted import counted
from pipeline.errors import InputError
from pipeline.records import ClockRepair, Deployment, RepairParameters
from pipeline.tables.cells import plain_cell

COLUMNS = (
    *("number", "deploymentID", "repair", "stretch", "pictures", "made", "by", "undone"),
    *("undone_by", "comment"),
)
SHOWN = 6  # pictures before and after: the first, the last, and some between


@dataclass(frozen=True, slots=True)
class Ask:
    """A repair as it is typed: one of by, year, zone, am_pm and drift, and the stretch."""

    deployment: str
    by: str | None = None
    year: int | None = None
    zone: str | None = None
    am_pm: bool = False
    drift: tuple[str, ...] = ()
    begin: str | None = None
    end: str | None = None
    first_file: str | None = None
    last_file: str | None = None
    card: str | None = None
    who: str | None = None
    comment: str | None = None


def print_suspects(url: str, deployments: list[str] | None) -> int:
    """Every doubt about a clock, a line each, with the command that may help."""
    with reading(known_database(url)) as conn:
        for name in deployments or ():
            _deployment(conn, name)
        found = list(doubts(conn, names=deployments or None))
    for one in found:
        print(f"{one.deployment_id}: {one.sentence}")
        if one.options:
            print(f"    camtriage clock shift {shlex.quote(one.deployment_id)} {one.options}")
    if not found:
        print("no clock looks wrong")
    return 0


def shift(job: Job, ask: Ask, yes: bool) -> int:
    """Show what a repair does; with yes, write it and form visits and flags again."""
    with reading(known_database(job.database)) as conn:
        one, some = meant(conn, ask)
        repair.refuse_years(one, (at for *_, at in some), now())
        clock_repairs.refuse_second(conn, one, some)
        place = _deployment(conn, one.deployment_id)
    _show(one, some, place)
    if not yes:
        print("nothing is written yet: add --yes to do it")
        return 0
    with writing(known_database(job.database)) as conn:
        key = clock_repairs.save_repair(conn, one)
        visits = reform(conn, job, one.deployment_id)
    formed = counted(visits, "visit")
    print(f"repair {key} stands, {formed} formed again; back: camtriage clock undo {key}")
    return 0


def undo(job: Job, key: int, who: str | None) -> int:
    """Take a repair back; visits and flags are formed again."""
    with writing(known_database(job.database)) as conn:
        name = clock_repairs.undo_repair(conn, key, who)
        visits = reform(conn, job, name)
    formed = counted(visits, "visit")
    print(f"repair {key} is undone: {name} has its camera's times again; {formed} formed")
    return 0


def list_repairs(url: str) -> int:
    """Print every repair as CSV, also those that were undone."""
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    with reading(known_database(url)) as conn:
        for key, one, row in clock_repairs.repairs(conn, undone=True):
            undone = row["undone_at"]
            pictures = len(clock_repairs.stretch(conn, one)) if undone else row["pictures"]
            cells = [one.deployment_id, repair.told(one), repair.bounds_told(one), pictures]
            cells += [f"{row['made_at']:%Y-%m-%d}", one.made_by]
            cells += [f"{undone:%Y-%m-%d}" if undone else "", row["undone_by"], one.comment]
            table.writerow([key, *map(plain_cell, cells)])
    print(out.getvalue(), end="")
    return 0


def meant(conn: Connection, ask: Ask) -> tuple[ClockRepair, list[clock_repairs.Written]]:
    """The repair that was asked for and the pictures it touches; InputError in one line."""
    kinds = {
        "--by": ask.by, "--year": ask.year, "--zone": ask.zone, "--am-pm": ask.am_pm or None,
        "--drift": ask.drift or None,
    }  # fmt: skip
    if sum(value is not None for value in kinds.values()) != 1:
        raise InputError(f"give one of {', '.join(kinds)} (--drift twice)")
    place = _deployment(conn, ask.deployment)
    one = _stretch(conn, ask)
    some = clock_repairs.stretch(conn, one)
    if not some:
        where = repair.bounds_told(one) or "this deployment"
        raise InputError(f"{ask.deployment}: no picture with a time in {where}")
    kind, parameters = _kind(ask, place, some)
    return replace(one, kind=kind, parameters=parameters), some


def _kind(
    ask: Ask, place: Deployment, some: list[clock_repairs.Written]
) -> tuple[str, RepairParameters]:
    if ask.by is not None:
        return "shift", {"seconds": repair.seconds_of(ask.by)}
    if ask.year is not None:
        first = min(at for *_, at in some)
        return "year", {"seconds": repair.year_shift(first, ask.year), "year": ask.year}
    if ask.zone is not None:
        return "zone", repair.zone_shift(ask.zone, place.utc_offset_min, ask.deployment)
    if ask.am_pm:
        return "am_pm", {}
    return "drift", repair.drift([repair.point_of(one) for one in ask.drift])


def _stretch(conn: Connection, ask: Ask) -> ClockRepair:
    """A repair without its kind: the deployment and the bounds."""
    begin, end = (
        repair.time_of(option, text) if text else None
        for option, text in (("--from", ask.begin), ("--to", ask.end))
    )
    if begin and end and end < begin:
        raise InputError(f"--to {end} is before --from {begin}")
    one = ClockRepair(ask.deployment, "shift", {}, begin, end, batch=ask.card)
    one = replace(one, comment=ask.comment, made_by=ask.who)
    if ask.card and batch_by_name(conn, ask.card) is None:
        raise InputError(f"--card {ask.card}: no such batch in this database")
    for option, field, name in (
        ("--from-file", "first_path", ask.first_file),
        ("--to-file", "last_path", ask.last_file),
    ):
        if name:
            batch, path = _file(conn, one, option, name)
            one = replace(one, batch=batch, **{field: path})
    if one.first_path and one.last_path and one.last_path < one.first_path:
        raise InputError(f"--to-file {one.last_path} comes before --from-file {one.first_path}")
    return one


def _file(conn: Connection, one: ClockRepair, option: str, name: str) -> tuple[str, str]:
    """(card, path) of the one picture of that name."""
    every = clock_repairs.stretch(conn, ClockRepair(one.deployment_id, "shift", batch=one.batch))
    hits = [(batch, path) for _, batch, path, _ in every if f"/{path}".endswith(f"/{name}")]
    if not hits:
        raise InputError(f"{option} {name}: no picture of {one.deployment_id} is called so")
    if len(hits) > 1:
        where = ", ".join(f"{path} on card {batch}" for batch, path in hits[:3])
        raise InputError(f"{option} {name}: several ({where}): give more of the path, or --card")
    return hits[0]


def _deployment(conn: Connection, name: str) -> Deployment:
    for one in all_deployments(conn):
        if one.deployment_id == name:
            return one
    raise InputError(f"{name}: no such deployment; their names: camtriage deployments list")


def _show(one: ClockRepair, some: list[clock_repairs.Written], place: Deployment) -> None:
    bounds = repair.bounds_told(one)
    where = f" ({bounds})" if bounds else ""
    print(f"{one.deployment_id}{where}: {counted(len(some), 'picture')}, {repair.told(one)}")
    steps = max(1, min(SHOWN, len(some)) - 1)
    shown = sorted({round(i * (len(some) - 1) / steps) for i in range(steps + 1)})
    print(f"{'camera wrote':21}{'becomes':21}file")
    for _, _, path, at in (some[i] for i in shown):
        after = repair.repaired(one, at)
        print(f"{_second(at):21}{_second(after):21}{path}")
    before = sum(_outside(place, at) for *_, at in some)
    after = sum(_outside(place, repair.repaired(one, at)) for *_, at in some)
    if before or after:
        print(f"outside the deployment's period: {before} of them before, {after} after")


def _outside(place: Deployment, at: datetime) -> bool:
    early = place.started_at is not None and at < place.started_at
    return early or (place.ended_at is not None and at > place.ended_at)


def _second(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
