"""The facts of one daily page, read from the tables and views.

The page of a date is about the cards processed on that date, by this machine's clock, and shows
them as they stand now: a review that came later is in it.
"""

import json
from datetime import date

from sqlalchemy import Connection

from db.queries.day.rows import around, local, query, time_of
from pipeline.day_facts import (
    BINS,
    Card,
    FileProblemRow,
    HourRow,
    QuietRow,
    RunRow,
    SpeciesRow,
)

TROUBLES = 200  # rows shown on the page; all of them are in the view troubles
QUIET_DAYS = 1.0

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
SELECT e.observation_type AS kind, e.name AS name, nullif(substr(e.started_at, 12, 2), '') AS hour,
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


def runs(conn: Connection, day: date) -> tuple[RunRow, ...]:
    """Runs of known cards that began or ended on the day."""
    text = """SELECT batch, status, started_at, ended_at, version, models, settings
        FROM run_summary WHERE batch IS NOT NULL AND started_at < :after
        AND coalesce(ended_at, started_at) >= :before ORDER BY run_id"""
    found = (
        RunRow(
            row.batch,
            row.status,
            local(row.started_at),
            local(row.ended_at) if row.ended_at else None,
            row.version,
            json.loads(row.models),
            json.loads(row.settings),
        )
        for row in query(conn, text, **around(day))
    )
    return tuple(
        run for run in found if day in {at.date() for at in (run.started_at, run.ended_at) if at}
    )


def batch_keys(conn: Connection, names: list[str]) -> list[int]:
    return [row.id for row in query(conn, "SELECT id FROM batch WHERE name IN :names", names=names)]


def states(conn: Connection, ids: list[int]) -> dict[str, int]:
    """Pictures that these cards brought, by state."""
    text = "SELECT state, count(*) FROM status WHERE batch_id IN :ids GROUP BY 1 ORDER BY 1"
    return {state: number for state, number in query(conn, text, ids=ids)}


def cards(conn: Connection, names: list[str], since: str) -> tuple[Card, ...]:
    """Each card as its newest run left it. since: earlier times are those of a clock never set."""
    newest = {row.batch: row for row in query(conn, _CARDS, names=names, since=since)}
    return tuple(
        Card(
            row.batch,
            row.status,
            row.files,
            row.pictures,
            row.unreadable,
            row.videos,
            row.others,
            row.skipped,
            bool(row.closes),
            time_of(row.first_at),
            time_of(row.last_at),
            row.cameras,
            row.message,
        )
        for row in newest.values()
    )


def decided_by(conn: Connection, ids: list[int]) -> tuple[tuple[str, str, int], ...]:
    """(state, rule that decided, pictures)."""
    text = """SELECT s.state, k.decided_by, count(*) FROM status s
        JOIN batch b ON b.id = s.batch_id
        JOIN look k ON k.media_id = s.media_id AND k.recipe_id = b.look_recipe_id
        WHERE s.batch_id IN :ids AND k.decided_by IS NOT NULL
        GROUP BY s.state, k.decided_by ORDER BY s.state, count(*) DESC, k.decided_by"""
    return tuple((state, rule, number) for state, rule, number in query(conn, text, ids=ids))


def scores(conn: Connection, ids: list[int], state: str) -> tuple[int, ...]:
    """Pictures of one state by p_blank, in BINS equal bins."""
    edges = [(i / BINS, (i + 1) / BINS if i + 1 < BINS else 2.0) for i in range(BINS)]
    counts = [f"count(CASE WHEN p_blank >= {a} AND p_blank < {b} THEN 1 END)" for a, b in edges]
    text = f"SELECT {', '.join(counts)} FROM status WHERE batch_id IN :ids AND state = :state"
    return tuple(query(conn, text, ids=ids, state=state)[0])


def file_problem_counts(conn: Connection, names: list[str]) -> tuple[tuple[str, int], ...]:
    """(reason, files), the commonest first."""
    return tuple((reason, number) for reason, number in query(conn, _TROUBLE_COUNTS, names=names))


def file_problems(conn: Connection, names: list[str]) -> tuple[FileProblemRow, ...]:
    """The first TROUBLES of them."""
    text = """SELECT batch, path, step, reason, detail FROM troubles WHERE batch IN :names
        ORDER BY batch, path, step, reason LIMIT :most"""
    return tuple(FileProblemRow(*row) for row in query(conn, text, names=names, most=TROUBLES))


def species(conn: Connection, ids: list[int]) -> tuple[SpeciesRow, ...]:
    """Visits by what was seen, blank ones apart; within a type the commonest first."""
    rows = (
        SpeciesRow(
            row.observation_type,
            row.name,
            row.taxon_rank,
            row.visits,
            int(row.pictures),
            row.cameras,
            None if row.individuals is None else int(row.individuals),
            row.by_people,
            row.probability,
        )
        for row in query(conn, _SPECIES, ids=ids)
    )
    return tuple(sorted(rows, key=lambda row: (row.observation_type, -row.visits, row.name or "~")))


def visits_by_hour(conn: Connection, ids: list[int]) -> list[HourRow]:
    return [
        HourRow(row.kind, row.name, None if row.hour is None else int(row.hour), row.visits)
        for row in query(conn, _HOURS, ids=ids)
    ]


def quiet_cameras(conn: Connection, names: list[str]) -> tuple[QuietRow, ...]:
    """Cameras without a picture in the last QUIET_DAYS or more, the longest first."""
    found = []
    for row in query(conn, _QUIET, names=names, least=QUIET_DAYS):
        last, until = time_of(row.last_picture_at), time_of(row.expected_until)
        assert last and until  # the view has no camera without a timed picture
        found.append(
            QuietRow(
                row.deployment_id, row.location_name, last, until, row.expected_by, row.quiet_days
            )
        )
    return tuple(found)


def ends_unknown(conn: Connection, names: list[str]) -> int:
    """Cameras of which nobody said when they were taken down."""
    [row] = query(conn, _ENDLESS, names=names)
    return int(row.cameras)
