"""What `camtriage outages` does: when cameras did not work, said by people or suggested to them."""

import csv
import io
import sys
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.queries.silence import watched
from db.store import outages as kept
from flows.execution.databases import known_database
from pipeline.card.repair import time_of
from pipeline.counted import counted, taken
from pipeline.errors import InputError
from pipeline.poaching.camera import camera_changes, frames_of
from pipeline.population.effort.silence import proposals
from pipeline.records import Outage
from pipeline.settings import Settings

COLUMNS = ("number", "deploymentID", "start", "end", "days", "reason", "source", "accepted", "by")
NEEDED = ("deploymentID", "start", "end", "reason")
NO = ("no", "false", "0")


def add(
    url: str, deployment: str, begin: str, end: str | None, reason: str, who: str | None
) -> int:
    """Enter one outage."""
    return _save(url, [_outage(deployment, begin, end, reason, who)])


def import_outages(url: str, table: Path, who: str | None) -> int:
    """Enter all outages of a table, or none of them."""
    return _save(url, _read(table, who))


def list_outages(url: str) -> int:
    """Print all of them as CSV; proposals, dismissed ones too, have accepted = no."""
    with reading(known_database(url)) as conn:
        every = kept.outages(conn)
    _print(every)
    return 0


def suggest(url: str, deployments: list[str] | None) -> int:
    """Propose outages from silence and changed views; print those that wait for a person."""
    with reading(known_database(url)) as conn:  # long work holds up nobody who writes
        names, found = _found(conn, deployments)
    if missing := sorted(set(deployments or ()) - set(names)):
        raise InputError(f"{', '.join(missing)}: no such deployment, or a clock not to be trusted")
    with writing(known_database(url)) as conn:
        kept.propose_outages(conn, names, found)
        waiting = kept.waiting(conn)
    _print(waiting)
    if waiting:
        print("none of these counts before a person says so: camtriage outages accept NUMBER ...")
    return 0


def _found(conn: Connection, deployments: list[str] | None) -> tuple[list[str], list[Outage]]:
    """(deployments that were judged, what is proposed for them)."""
    known = [one for _, one in kept.outages(conn, accepted=True)]
    names, found, gap_s = [], [], Settings().windows.visit_gap_s
    for place, shots, looks in watched(conn, deployments):
        if place.timestamp_issues:
            print(
                f"{place.deployment_id}: left out, its clock is not to be trusted", file=sys.stderr
            )
            continue
        names.append(place.deployment_id)
        own = [one for one in known if one.deployment_id == place.deployment_id]
        frames = frames_of([(sha, at) for sha, at, _ in shots], looks, place, gap_s)
        times = [(at, method) for _, at, method in shots]
        found += proposals(place, times, camera_changes(frames), own)
    return names, found


def accept(url: str, numbers: list[int], who: str | None) -> int:
    """A person agrees: these outages are no effort from now on. All of them or none."""
    with writing(known_database(url)) as conn:
        new = [kept.accept_outage(conn, number, who) for number in numbers]
    already = "" if all(new) else ", the others were already"
    print(f"{counted(sum(new), 'outage')} accepted{already}")
    return 0


def remove(url: str, numbers: list[int]) -> int:
    """Take outages out: their days are effort again. What was proposed is dismissed for good."""
    with writing(known_database(url)) as conn:
        gone = [kept.remove_outage(conn, number) for number in numbers]
    for one in gone:
        print(f"{'dismissed' if one.source == 'proposed' else 'removed'}: {kept.period(one)}")
    return 0


def _save(url: str, given: list[Outage]) -> int:
    with writing(known_database(url)) as conn:
        new = kept.save_outages(conn, given)
        inside = kept.pictures_within(conn)
    known = f", {len(given) - new} known" if new < len(given) else ""
    print(f"{counted(new, 'outage')} entered{known}")
    for one, pictures in inside:
        if one in given:
            print(f"{kept.period(one)}: {taken(pictures)} within it; is it right?")
    return 0


def _outage(deployment: str, begin: str, end: str | None, reason: str, who: str | None) -> Outage:
    """As it is typed: a day alone is all of it."""
    start, until = time_of("start", begin), time_of("end", end) if end else None
    if until and until < start:
        raise InputError(f"{deployment} {begin} to {end}: the outage ends before it begins")
    if until and len(end.strip()) == 10:
        until += timedelta(days=1)
    return Outage(deployment, start, until, reason, said_by=who)


def _read(table: Path, who: str | None) -> list[Outage]:
    """The rows of a CSV that are not merely proposed; InputError names every faulty row."""
    try:
        text = table.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        raise InputError(f"{table}: cannot be read as CSV UTF-8: {why}") from why
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := [name for name in NEEDED if name not in (reader.fieldnames or ())]:
        raise InputError(f"{table}: needs the columns {', '.join(NEEDED)}; no {', '.join(missing)}")
    given, faults = [], []
    for row in reader:
        plain = {name: (row[name] or "").strip() for name in reader.fieldnames}
        if not any(plain.values()) or plain.get("accepted", "").lower() in NO:
            continue
        try:
            one = _outage(*(plain[name] for name in NEEDED), plain.get("by") or who)
            given.append(one)
        except InputError as why:
            faults.append(f"line {reader.line_num}: {why}")
    if faults:
        raise InputError(f"{table}: {'; '.join(faults)}")
    return given


def _print(some: list[kept.Known]) -> None:
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for number, one in some:
        days = (one.ended_at - one.started_at) / timedelta(days=1) if one.ended_at else None
        table.writerow(
            [
                *(number, one.deployment_id, _text(one.started_at), _text(one.ended_at)),
                *("" if days is None else f"{days:.2f}", one.reason, one.source),
                *("yes" if one.accepted else "no", one.said_by),
            ]
        )
    print(out.getvalue(), end="")


def _text(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
