"""Repairs of wrong clocks: previewed before they are written, listed, and undone.

A repair, the times it makes, and the visits and flags formed again are one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.rows import now
from db.store import repairs as clock_repairs
from db.store.batches import batch_by_name
from db.store.deployments import all_deployments
from flows.execution.databases import known_database
from flows.facts.clocks import doubts_and_unjudged
from flows.run_options import NamingOptions
from flows.services.reform import reform
from pipeline.card import repair as rules
from pipeline.card.suspects import Suspect
from pipeline.errors import InputError
from pipeline.records import ClockRepair, Deployment, RepairParameters
from pipeline.tables.times import option_time


@dataclass(frozen=True, slots=True)
class ClockDoubts:
    """What looks wrong, and what could not be looked at."""

    suspects: tuple[Suspect, ...]
    unjudged: tuple[str, ...]  # deployments with too few pictures to judge by light


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """The repair that a person wants: one of by, year, zone, am_pm and drift, and the stretch."""

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


@dataclass(frozen=True, slots=True)
class MovedPicture:
    """One picture of a repair's stretch."""

    batch: str
    path: str
    before: datetime | None  # as the camera wrote it
    after: datetime


@dataclass(frozen=True, slots=True)
class ShiftPreview:
    """What a repair would do to its pictures."""

    repair: ClockRepair
    pictures: tuple[MovedPicture, ...]  # in the order of files
    outside_before: int  # how many lie outside the deployment's period by the camera's times
    outside_after: int  # and by the repaired times


@dataclass(frozen=True, slots=True)
class ChangedClock:
    """A repair that was written or undone."""

    number: int
    deployment_id: str
    visits: int  # formed again


@dataclass(frozen=True, slots=True)
class ListedRepair:
    """A repair in the database, standing or undone."""

    number: int
    repair: ClockRepair
    pictures: int
    made_at: datetime
    undone_at: datetime | None
    undone_by: str | None


def suspects(database: str, deployments: Sequence[str] | None = None) -> ClockDoubts:
    """Every doubt about a clock, by deployment. InputError: there is no such deployment."""
    with reading(known_database(database)) as conn:
        for name in deployments or ():
            deployment_named(conn, name)
        found, unjudged = doubts_and_unjudged(conn, deployments or None)
    return ClockDoubts(tuple(found), tuple(unjudged))


def preview_shift(database: str, request: RepairRequest) -> ShiftPreview:
    """What a repair does, with nothing written. InputError: it cannot be meant, or one stands."""
    with reading(known_database(database)) as conn:
        repair, pictures = _possible(conn, request)
        clock_repairs.refuse_second(conn, repair, pictures)
        place = deployment_named(conn, repair.deployment_id)
    moved = tuple(
        MovedPicture(batch, path, at, repair.of_picture(path, at))
        for _, batch, path, at in pictures
    )
    return ShiftPreview(
        repair,
        moved,
        sum(picture.before is not None and place.lies_outside(picture.before) for picture in moved),
        sum(place.lies_outside(picture.after) for picture in moved),
    )


def write_shift(options: NamingOptions, request: RepairRequest) -> ChangedClock:
    """Write a repair and form the visits and flags of its deployment again."""
    with writing(known_database(options.database)) as conn:
        repair, _ = _possible(conn, request)
        number = clock_repairs.save_repair(conn, repair)
        return ChangedClock(
            number, repair.deployment_id, reform(conn, options, repair.deployment_id)
        )


def undo_shift(options: NamingOptions, number: int, who: str | None = None) -> ChangedClock:
    """Undo a repair; visits and flags are formed again."""
    with writing(known_database(options.database)) as conn:
        name = clock_repairs.undo_repair(conn, number, who)
        return ChangedClock(number, name, reform(conn, options, name))


def list_repairs(database: str) -> tuple[ListedRepair, ...]:
    """Every repair in the order they were made, also those that were undone."""
    found = []
    with reading(known_database(database)) as conn:
        for number, repair, row in clock_repairs.repairs(conn, undone=True):
            undone_at = row["undone_at"]
            pictures = len(clock_repairs.stretch(conn, repair)) if undone_at else row["pictures"]
            made_at, undone_by = row["made_at"], row["undone_by"]
            found.append(ListedRepair(number, repair, pictures, made_at, undone_at, undone_by))
    return tuple(found)


def requested(
    conn: Connection, request: RepairRequest
) -> tuple[ClockRepair, list[clock_repairs.Written]]:
    """The repair that was requested and the pictures it touches; InputError in one line."""
    kinds = {
        "--by": request.by,
        "--year": request.year,
        "--zone": request.zone,
        "--am-pm": request.am_pm or None,
        "--drift": request.drift or None,
    }
    if sum(value is not None for value in kinds.values()) != 1:
        raise InputError(f"give one of {', '.join(kinds)} (--drift twice)")
    place = deployment_named(conn, request.deployment)
    repair = _stretch(conn, request)
    pictures = clock_repairs.stretch(conn, repair)
    if not pictures:
        where = rules.stretch_described(repair) or "this deployment"
        raise InputError(f"{request.deployment}: no picture with a time in {where}")
    kind, parameters = _kind(request, place, pictures)
    return replace(repair, kind=kind, parameters=parameters), pictures


def _possible(
    conn: Connection, request: RepairRequest
) -> tuple[ClockRepair, list[clock_repairs.Written]]:
    """The same, refused too where it brings pictures into years that cannot be."""
    repair, pictures = requested(conn, request)
    rules.refuse_years(repair, (at for *_, at in pictures if at), now())
    return repair, pictures


def _kind(
    request: RepairRequest, place: Deployment, pictures: Sequence[clock_repairs.Written]
) -> tuple[str, RepairParameters]:
    if request.by is not None:
        return "shift", {"seconds": rules.seconds_of(request.by)}
    if request.year is not None:
        first = min(at for *_, at in pictures if at)
        return "year", {"seconds": rules.year_shift(first, request.year), "year": request.year}
    if request.zone is not None:
        return "zone", rules.zone_shift(request.zone, place.utc_offset_min, request.deployment)
    if request.am_pm:
        return "am_pm", {}
    return "drift", rules.drift([rules.point_of(point) for point in request.drift])


def _stretch(conn: Connection, request: RepairRequest) -> ClockRepair:
    """A repair without its kind: the deployment and the bounds."""
    begin, end = (
        option_time(option, text) if text else None
        for option, text in (("--from", request.begin), ("--to", request.end))
    )
    if begin and end and end < begin:
        raise InputError(f"--to {end} is before --from {begin}")
    repair = ClockRepair(request.deployment, "shift", {}, begin, end, batch=request.card)
    repair = replace(repair, comment=request.comment, made_by=request.who)
    if request.card and batch_by_name(conn, request.card) is None:
        raise InputError(f"--card {request.card}: no such batch in this database")
    if request.first_file:
        batch, path = _file(conn, repair, "--from-file", request.first_file)
        repair = replace(repair, batch=batch, first_path=path)
    if request.last_file:
        batch, path = _file(conn, repair, "--to-file", request.last_file)
        repair = replace(repair, batch=batch, last_path=path)
    if repair.first_path and repair.last_path and repair.last_path < repair.first_path:
        raise InputError(
            f"--to-file {repair.last_path} comes before --from-file {repair.first_path}"
        )
    return repair


def _file(conn: Connection, repair: ClockRepair, option: str, name: str) -> tuple[str, str]:
    """(card, path) of the one picture of that name."""
    whole = ClockRepair(repair.deployment_id, "shift", batch=repair.batch)
    written = clock_repairs.stretch(conn, whole)
    hits = [(batch, path) for _, batch, path, _ in written if f"/{path}".endswith(f"/{name}")]
    if not hits:
        raise InputError(f"{option} {name}: no picture of {repair.deployment_id} is called so")
    if len(hits) > 1:
        where = ", ".join(f"{path} on card {batch}" for batch, path in hits[:3])
        raise InputError(f"{option} {name}: several ({where}): give more of the path, or --card")
    return hits[0]


def deployment_named(conn: Connection, name: str) -> Deployment:
    for deployment in all_deployments(conn):
        if deployment.deployment_id == name:
            return deployment
    raise InputError(f"{name}: no such deployment; their names: camtriage deployments list")
