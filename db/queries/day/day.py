"""The facts of one daily page, read from the tables and views.

The page of a date is about the cards processed on that date, by this machine's clock, and shows
them as they stand now: a review that came later is in it.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection

from db.queries.clocks import FIRST_YEAR, clocks
from db.queries.day.audit import audit_parts, audit_row
from db.queries.day.failures import failures
from db.queries.day.flags import flags
from db.queries.day.rows import around, local, query, time_of
from pipeline.report.day import (
    BINS,
    Card,
    Day,
    FileProblemRow,
    QuietRow,
    RunRow,
    SpeciesRow,
)
from pipeline.report.words import KINDS
from pipeline.settings import Settings

TROUBLES = 200  # rows told on the page; all of them are in the view troubles
QUIET_DAYS = 1.0


def read_day(conn: Connection, day: date, settings: Settings) -> Day:
    """The page of one day. On which no card was processed, what failed is told all the same."""
    runs = _runs(conn, day)
    names = sorted({one.batch for one in runs})
    if not names:
        return Day(day, failures=failures(conn, day))
    ids = [row.id for row in query(conn, "SELECT id FROM batch WHERE name IN :names", names=names)]
    states = _pairs(
        conn, "SELECT state, count(*) FROM status WHERE batch_id IN :ids GROUP BY 1", ids
    )
    audit = audit_parts(conn, names)
    return Day(
        day,
        cards=_cards(conn, names),
        media=sum(states.values()),
        states=states,
        decided_by=_decided(conn, ids),
        blank_scores=_scores(conn, ids, "blank"),
        kept_scores=_scores(conn, ids, "kept"),
        failures=failures(conn, day),
        trouble_counts=tuple(tuple(row) for row in query(conn, _TROUBLE_COUNTS, names=names)),
        troubles=_troubles(conn, names),
        audit=tuple(audit_row(*one) for one in audit.items()),
        audit_total=audit_row("all cameras", [part for parts in audit.values() for part in parts]),
        species=_species(conn, ids),
        **_hours(conn, ids),
        **flags(conn, names, settings),
        quiet=_quiet(conn, names),
        ends_unknown=query(conn, _ENDLESS, names=names)[0].cameras,
        clocks=clocks(conn, ids),
        runs=runs,
    )


_CARDS = """
SELECT r.batch, r.status, r.files, r.pictures, r.unreadable, r.videos, r.others, r.skipped,
    r.closes, r.message, x.first_at, x.last_at, coalesce(x.cameras, 0) AS cameras
FROM run_summary r
LEFT JOIN (
    SELECT b.name AS batch, max(s.taken_at) AS last_at,
        min(CASE WHEN s.taken_at >= :since THEN s.taken_at END) AS first_at,
        count(DISTINCT s.deployment_id) AS cameras
    FROM status s JOIN batch b ON b.id = s.batch_id
    WHERE b.name IN :names
    GROUP BY b.name
) x ON x.batch = r.batch
WHERE r.batch IN :names ORDER BY r.batch, r.run_id
"""
_TROUBLE_COUNTS = """
SELECT reason, count(*) FROM troubles WHERE batch IN :names
GROUP BY reason ORDER BY count(*) DESC, reason
"""
_SPECIES = """
SELECT e.observation_type AS observation_type, e.name AS name, max(e.taxon_rank) AS taxon_rank,
    count(*) AS visits, sum(e.pictures) AS pictures, count(DISTINCT e.deployment_id) AS cameras,
    sum(e.count) AS individuals, count(CASE WHEN e.method = 'human' THEN 1 END) AS by_people,
    avg(e.probability) AS probability
FROM event_taxa e
WHERE e.batch_id IN :ids AND e.observation_type <> 'blank'
GROUP BY e.observation_type, e.name
ORDER BY e.observation_type, count(*) DESC, e.name
"""
_HOURS = """
SELECT e.observation_type AS kind, e.name AS name, substr(e.started_at, 12, 2) AS hour,
    count(*) AS visits
FROM event_taxa e
WHERE e.batch_id IN :ids AND e.observation_type <> 'blank'
GROUP BY e.observation_type, e.name, substr(e.started_at, 12, 2)
ORDER BY 1, 2, 3
"""
_QUIET = """
SELECT deployment_id, location_name, last_picture_at, expected_until, expected_by, quiet_days
FROM quiet_cameras WHERE batch IN :names AND quiet_days >= :least
ORDER BY quiet_days DESC, deployment_id
"""
_ENDLESS = """
SELECT count(DISTINCT q.deployment_id) AS cameras
FROM quiet_cameras q JOIN deployment d ON d.name = q.deployment_id
WHERE q.batch IN :names AND d.ended_at IS NULL
"""


def _pairs(conn: Connection, text: str, ids: list[int]) -> dict:
    return {key: number for key, number in query(conn, text + " ORDER BY 1", ids=ids)}


def _runs(conn: Connection, day: date) -> tuple[RunRow, ...]:
    """Runs of known cards that began or ended on the day."""
    text = """SELECT batch, status, started_at, ended_at, version, models, settings
        FROM run_summary WHERE batch IS NOT NULL AND started_at < :after
        AND coalesce(ended_at, started_at) >= :before ORDER BY run_id"""
    runs = [
        RunRow(
            row.batch, row.status, local(row.started_at), local(row.ended_at), row.version,
            json.loads(row.models), json.loads(row.settings),
        )
        for row in query(conn, text, **around(day))
    ]  # fmt: skip
    return tuple(
        one for one in runs if day in {at.date() for at in (one.started_at, one.ended_at) if at}
    )


def _cards(conn: Connection, names: list[str]) -> tuple[Card, ...]:
    last = {
        row.batch: row for row in query(conn, _CARDS, names=names, since=f"{FIRST_YEAR}")
    }  # the newest run's row
    return tuple(
        Card(
            row.batch, row.status, row.files, row.pictures, row.unreadable, row.videos, row.others,
            row.skipped, bool(row.closes), time_of(row.first_at), time_of(row.last_at), row.cameras,
            row.message,
        )
        for row in last.values()
    )  # fmt: skip


def _decided(conn: Connection, ids: list[int]) -> tuple[tuple[str, str, int], ...]:
    text = """SELECT s.state, k.decided_by, count(*) FROM status s
        JOIN batch b ON b.id = s.batch_id
        JOIN look k ON k.media_id = s.media_id AND k.recipe_id = b.look_recipe_id
        WHERE s.batch_id IN :ids AND k.decided_by IS NOT NULL
        GROUP BY s.state, k.decided_by ORDER BY s.state, count(*) DESC, k.decided_by"""
    return tuple(tuple(row) for row in query(conn, text, ids=ids))


def _scores(conn: Connection, ids: list[int], state: str) -> tuple[int, ...]:
    """Pictures of one state by p_blank, in BINS equal bins."""
    edges = [(i / BINS, (i + 1) / BINS if i + 1 < BINS else 2.0) for i in range(BINS)]
    counts = [f"count(CASE WHEN p_blank >= {a} AND p_blank < {b} THEN 1 END)" for a, b in edges]
    text = f"SELECT {', '.join(counts)} FROM status WHERE batch_id IN :ids AND state = :state"
    return tuple(query(conn, text, ids=ids, state=state)[0])


def _troubles(conn: Connection, names: list[str]) -> tuple[FileProblemRow, ...]:
    text = """SELECT batch, path, step, reason, detail FROM troubles WHERE batch IN :names
        ORDER BY batch, path, step, reason LIMIT :most"""
    return tuple(FileProblemRow(*row) for row in query(conn, text, names=names, most=TROUBLES))


def _species(conn: Connection, ids: list[int]) -> tuple[SpeciesRow, ...]:
    rows = (
        SpeciesRow(
            row.observation_type, row.name, row.taxon_rank, row.visits, int(row.pictures),
            row.cameras, None if row.individuals is None else int(row.individuals), row.by_people,
            row.probability,
        )
        for row in query(conn, _SPECIES, ids=ids)
    )  # fmt: skip
    return tuple(sorted(rows, key=lambda one: (one.observation_type, -one.visits, one.name or "~")))


def _hours(conn: Connection, ids: list[int]) -> dict:
    """Visits by hour and name, those with most visits first; and visits without a time."""
    found: Mapping[str, list[int]] = defaultdict(lambda: [0] * 24)
    untimed = 0
    for row in query(conn, _HOURS, ids=ids):
        if row.hour is None:
            untimed += row.visits
        else:
            found[row.name or KINDS.get(row.kind, row.kind)][int(row.hour)] += row.visits
    most = sorted(found.items(), key=lambda one: (-sum(one[1]), one[0]))
    return {"hours": tuple((name, tuple(n)) for name, n in most), "untimed": untimed}


def _quiet(conn: Connection, names: list[str]) -> tuple[QuietRow, ...]:
    return tuple(
        QuietRow(
            row.deployment_id, row.location_name, time_of(row.last_picture_at),
            time_of(row.expected_until), row.expected_by, row.quiet_days,
        )
        for row in query(conn, _QUIET, names=names, least=QUIET_DAYS)
    )  # fmt: skip
