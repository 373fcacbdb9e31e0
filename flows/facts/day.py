"""The facts of one daily page: what the database holds, and what follows from it today."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from db.queries.certificates import certified_batches
from db.queries.day import day as facts
from db.queries.day.audit import blank_counts
from db.queries.day.failures import failures
from db.queries.day.flags import flag_pictures, gravest_flags
from db.queries.day.gallery import best_pictures
from flows.facts.clocks import doubts
from pipeline.card.suspects import FIRST_YEAR
from pipeline.day_facts import FlagRow, HourRow
from pipeline.poaching.flags import age
from pipeline.report.day import PICTURES, AuditRow, ClockRow, Day, audit_row, gallery_of, shots_of
from pipeline.report.words import KINDS
from pipeline.settings import Settings


def read_day(conn: Connection, day: date, settings: Settings) -> Day:
    """The page of one day. Where no card was processed, it still says what failed."""
    runs = facts.runs(conn, day)
    names = sorted({run.batch for run in runs})
    if not names:
        return Day(day, failures=failures(conn, day))
    ids = facts.batch_keys(conn, names)
    states = facts.states(conn, ids)
    audit = blank_counts(conn, names)
    hours, untimed = hours_by_name(facts.visits_by_hour(conn, ids))
    flags, more_flags = _flags(conn, names, settings)
    seen, bar = best_pictures(conn, ids, PICTURES), settings.poaching.pixelate_bar
    gallery, more_names = gallery_of(seen, bar)
    return Day(
        day,
        cards=facts.cards(conn, names, since=str(FIRST_YEAR)),
        media=sum(states.values()),
        states=states,
        decided_by=facts.decided_by(conn, ids),
        certificates=certified_batches(conn, names),
        blank_scores=facts.scores(conn, ids, "blank"),
        kept_scores=facts.scores(conn, ids, "kept"),
        failures=failures(conn, day),
        trouble_counts=facts.file_problem_counts(conn, names),
        troubles=facts.file_problems(conn, names),
        audit=tuple(audit_row(part.deployment_id, [part]) for part in audit),
        audit_total=audit_row("all cameras", audit),
        species=facts.species(conn, ids),
        gallery=gallery,
        more_names=more_names,
        hours=hours,
        untimed=untimed,
        flags=flags,
        more_flags=more_flags,
        quiet=facts.quiet_cameras(conn, names),
        ends_unknown=facts.ends_unknown(conn, names),
        clocks=tuple(ClockRow(doubt.deployment_id, doubt.sentence) for doubt in doubts(conn, ids)),
        runs=runs,
    )


def blanks_of_all(conn: Connection) -> AuditRow:
    """What the audit says about the blanks of every card."""
    return audit_row("all cameras", blank_counts(conn))


def hours_by_name(
    rows: Iterable[HourRow],
) -> tuple[tuple[tuple[str, tuple[int, ...]], ...], int]:
    """(name, visits in each of 24 hours), those with most visits first; visits without a time."""
    found: dict[str, list[int]] = defaultdict(lambda: [0] * 24)
    untimed = 0
    for row in rows:
        if row.hour is None:
            untimed += row.visits
        else:
            name = row.name or KINDS.get(row.observation_type, row.observation_type)
            found[name][row.hour] += row.visits
    most = sorted(found.items(), key=lambda pair: (-sum(pair[1]), pair[0]))
    return tuple((name, tuple(visits)) for name, visits in most), untimed


def _flags(
    conn: Connection, names: list[str], settings: Settings
) -> tuple[tuple[FlagRow, ...], int]:
    """The gravest flags with their age and the pictures to show; how many more there are."""
    found, more = gravest_flags(conn, names)
    pictures = flag_pictures(conn, found)
    now, bar = datetime.now(UTC), settings.poaching.pixelate_bar
    flags = tuple(
        replace(
            flag,
            shots=shots_of(flag.rules, pictures.get(flag_id, ()), bar),
            age=age(flag.started_at_utc, now),
        )
        for flag_id, flag in found.items()
    )
    return flags, more
