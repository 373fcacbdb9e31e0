"""When cameras did not work: entered by people, or proposed to them and then accepted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.queries.silence import watched
from db.store import outages as kept
from db.store.deployments import pictures_taken
from flows.execution.databases import known_database
from pipeline.counted import counted
from pipeline.errors import InputError
from pipeline.poaching.camera import camera_changes, frames_of
from pipeline.population.effort.silence import proposals
from pipeline.records import Outage
from pipeline.settings import Settings
from pipeline.tables.reader import read_table
from pipeline.tables.times import Typed, option_typed

NEEDED = ("deploymentID", "start", "end", "reason")
KNOWN = ("accepted", "by")


@dataclass(frozen=True, slots=True)
class NumberedOutage:
    """An outage in the database; people name it by its number."""

    number: int
    outage: Outage


@dataclass(frozen=True, slots=True)
class EnteredOutages:
    """What entering outages came to."""

    new: int
    known: int  # stood already as they are
    within: tuple[tuple[Outage, int], ...]  # entered ones in which so many pictures were taken


@dataclass(frozen=True, slots=True)
class SuggestedOutages:
    """Proposals that wait for a person, also those of earlier calls."""

    waiting: tuple[NumberedOutage, ...]
    not_judged: tuple[str, ...]  # deployments whose clock is not to be trusted
    without_time: tuple[str, ...]  # deployments with pictures, none of which has a time


@dataclass(frozen=True, slots=True)
class AcceptedOutages:
    """What accepting outages came to."""

    new: int
    known: int  # were accepted already


def add_outage(
    database: str,
    deployment: str,
    begin: str,
    end: str | None = None,
    reason: str = "",
    who: str | None = None,
) -> EnteredOutages:
    """Enter one outage. begin, end: times or days as they are typed; a day alone is all of it."""
    start, until = option_typed("start", begin), option_typed("end", end) if end else None
    return _enter(database, [_outage(deployment, start, until, reason, who)])


def import_outages(database: str, table: Path, who: str | None = None) -> EnteredOutages:
    """Enter all outages of a table, or none of them."""
    return _enter(database, _read(table, who))


def list_outages(database: str) -> tuple[NumberedOutage, ...]:
    """All outages, by deployment and time; proposals and dismissed ones are not accepted."""
    with reading(known_database(database)) as conn:
        return _numbered(kept.outages(conn))


def suggest_outages(database: str, deployments: Sequence[str] | None = None) -> SuggestedOutages:
    """Propose outages from silence and changed views, for some deployments or for all."""
    with reading(known_database(database)) as conn:  # long work holds up nobody who writes
        judged, not_judged, without_time, found = _proposals(conn, deployments)
    if missing := sorted(set(deployments or ()) - set(judged)):
        raise InputError(
            f"{', '.join(missing)}: no such deployment, or times that cannot be judged"
        )
    with writing(known_database(database)) as conn:
        kept.propose_outages(conn, judged, found)
        waiting = _numbered(kept.waiting(conn))
    return SuggestedOutages(waiting, tuple(not_judged), tuple(without_time))


def accept_outages(
    database: str, numbers: Sequence[int], who: str | None = None
) -> AcceptedOutages:
    """A person agrees: these outages are no effort from now on. All of them or none."""
    with writing(known_database(database)) as conn:
        new = [kept.accept_outage(conn, number, who) for number in numbers]
    return AcceptedOutages(sum(new), len(new) - sum(new))


def remove_outages(database: str, numbers: Sequence[int]) -> tuple[Outage, ...]:
    """Remove outages: their days are effort again. A proposal is dismissed and not made again.

    returns  the outages as they were
    """
    with writing(known_database(database)) as conn:
        return tuple(kept.remove_outage(conn, number) for number in numbers)


def _proposals(
    conn: Connection, deployments: Sequence[str] | None
) -> tuple[list[str], list[str], list[str], list[Outage]]:
    """(deployments that were judged, those that cannot be because of their clock, and because no
    picture has a time, what is proposed for the first)."""
    known = [outage for _, outage in kept.outages(conn, accepted=True)]
    judged: list[str] = []
    not_judged: list[str] = []
    without_time: list[str] = []
    found: list[Outage] = []
    gap_s, taken = Settings().windows.visit_gap_s, pictures_taken(conn)
    for place, shots, scores in watched(conn, deployments):
        name = place.deployment_id
        untimed = taken[name].untimed if name in taken else 0
        if place.timestamp_issues or (untimed and not shots):
            (not_judged if place.timestamp_issues else without_time).append(name)
            continue
        judged.append(name)
        own = [outage for outage in known if outage.deployment_id == name]
        frames = frames_of([(sha, at) for sha, at, _ in shots], scores, place, gap_s)
        times = [(at, method) for _, at, method in shots]
        mine = proposals(place, times, camera_changes(frames), own)
        more = f"; {counted(untimed, 'picture')} without a time may be of it" if untimed else ""
        found += [replace(outage, reason=outage.reason + more) for outage in mine]
    return judged, not_judged, without_time, found


def _enter(database: str, given: Sequence[Outage]) -> EnteredOutages:
    with writing(known_database(database)) as conn:
        new = kept.save_outages(conn, given)
        within = kept.pictures_within(conn)
    mine = tuple((outage, pictures) for outage, pictures in within if outage in given)
    return EnteredOutages(new, len(given) - new, mine)


def _numbered(rows: Sequence[kept.Known]) -> tuple[NumberedOutage, ...]:
    return tuple(NumberedOutage(number, outage) for number, outage in rows)


def _outage(
    deployment: str, start: Typed, end: Typed | None, reason: str, who: str | None
) -> Outage:
    """As it is typed: a day alone is all of it. InputError: it ends before it begins."""
    if end and end.at < start.at:
        raise InputError(
            f"{deployment} {_typed(start)} to {_typed(end)}: the outage ends before it begins"
        )
    until = end.at + timedelta(days=1 if end.whole_day else 0) if end else None
    return Outage(deployment, start.at, until, reason, said_by=who)


def _typed(when: Typed) -> str:
    return when.at.isoformat(timespec="seconds")[: 10 if when.whole_day else None]


def _read(path: Path, who: str | None) -> list[Outage]:
    """The rows of a CSV that are not merely proposed; InputError names every faulty row."""
    table = read_table(path, NEEDED, KNOWN)
    given = []
    for row in table.rows:
        if row.flag("accepted") is False:
            continue
        deployment, _ = row.filled("deploymentID"), row.filled("start")
        start, end = row.time("start", offset=False), row.time("end", offset=False)
        if not (deployment and start):
            continue
        reason, by = row.text("reason") or "", row.text("by") or who
        try:
            given.append(_outage(deployment, start, end, reason, by))
        except InputError as why:
            row.fault(str(why))
    table.faults.refuse()
    return given
