"""Independent events as window-function SQL, the same on both databases, and what is read for them.

A visit is a record here, from its first picture to its last, and is never cut; the definitions are
those of pipeline.population.events, where the same events come out of the same visits. Visits that
people called blank, without a time, or of time-lapse pictures make no event.
"""

import numpy as np
from sqlalchemy import Connection

from db.outages import accepted_outages
from db.read import all_deployments
from pipeline.errors import InputError
from pipeline.population.effort import Stay, stay_of
from pipeline.population.events import RULES, Events, Records, records
from pipeline.population.sightings import Sighting

WITHIN = {  # what no event leaves, beside its station and taxon
    "station": "''",
    "camera": "coalesce(d.camera_id, d.name)",
    "deployment": "d.name",
}
MICROSECONDS = {  # since 1970, exact: %s rounds half a second up, so the fraction is read apart
    "sqlite": "(CAST(strftime('%s', substr({0}, 1, 19)) AS integer) * 1000000"
    " + CAST(substr(substr({0}, 21) || '000000', 1, 6) AS integer))",
    "postgresql": "(CAST(extract(epoch FROM CAST(substr({0}, 1, 19) AS timestamp)) AS bigint)"
    " * 1000000 + CAST(substr(substr({0}, 21) || '000000', 1, 6) AS integer))",
}

_RECORD = """
    SELECT coalesce(d.location_id, d.name) AS station, {within} AS within, e.observation_type,
        e.name, coalesce(e.name, e.observation_type) AS taxon, e.first_media_id AS media_id,
        e.started_at, e.ended_at, {begun} AS begun, {done} AS done,
        e.pictures, e.count, e.count_basis
    FROM event_taxa e
    JOIN deployment d ON d.id = e.deployment_id
    WHERE e.started_at IS NOT NULL AND e.observation_type <> 'blank'
        AND coalesce(e.capture_method, '') <> 'timeLapse'"""

_CHAINS = """
WITH RECURSIVE record AS ({record}
),
gapped AS (
    SELECT record.*, CASE WHEN {gap} > 0 AND begun - max(done) OVER (
            PARTITION BY station, within, taxon ORDER BY begun, media_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) < {gap} THEN 0 ELSE 1 END AS opens
    FROM record
),
chained AS {materialized} (
    SELECT gapped.*, sum(opens) OVER place AS chain, row_number() OVER place AS n
    FROM gapped
    WINDOW place AS (
        ORDER BY station, within, taxon, begun, media_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)"""

# Within a chain, each moment points to the first one that is a gap later; the events are those
# that are reached from the chain's first. Only chains long enough to be cut are followed.
_CUT = """,
moment AS (
    SELECT chain, begun, min(n) AS n
    FROM chained
    WHERE chain IN (
        SELECT chain FROM chained GROUP BY chain
        HAVING max(begun) - min(begun) >= {gap} AND {gap} > 0
    )
    GROUP BY chain, begun
),
step AS MATERIALIZED (
    SELECT n, row_number() OVER (PARTITION BY chain ORDER BY begun) AS place,
        first_value(n) OVER (
            PARTITION BY chain ORDER BY begun
            RANGE BETWEEN {gap} FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS later
    FROM moment
),
opener AS (
    SELECT n, later FROM step WHERE place = 1
    UNION ALL
    SELECT step.n, step.later FROM opener JOIN step ON step.n = opener.later
),
numbered AS (
    SELECT chained.*, sum(CASE WHEN opens = 1 OR opener.n IS NOT NULL THEN 1 ELSE 0 END) OVER (
            ORDER BY chained.n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS event
    FROM chained
    LEFT JOIN opener ON opener.n = chained.n
)"""

_EVENTS = """
SELECT
    min(station) AS station, -- locationID; a deployment without one is its own station
    min(within) AS within, -- camera or deployment that no event leaves; empty: none asked
    min(observation_type) AS observation_type, -- animal, human, vehicle, unknown
    min(name) AS scientific_name, -- at the rank that is sure; empty: none
    min(started_at) AS started_at, -- first picture of its first visit, camera clock
    max(ended_at) AS ended_at, -- last picture of all its visits: a long event is a chain
    count(*) AS visits, -- it is made of
    CAST(sum(pictures) AS bigint) AS pictures, -- that show it
    max(coalesce(count, 1)) AS count, -- individuals: the largest number in one picture, at least 1
    min(CASE WHEN count IS NULL THEN 0 ELSE 1 END) AS count_known, -- 1; 0: at least so many
    CASE WHEN min(count_basis) < max(count_basis) THEN 'boxes and review'
        ELSE min(count_basis) END AS count_basis -- boxes, review, both of them; empty: none
FROM {numbered}
GROUP BY {number}"""


def events_sql(
    dialect: str, gap_s: float, rule: str = "lastRecord", within: str = "station"
) -> str:
    """The SELECT of independent events in the words of one database, ready to be made a view.

    within: station (the default), camera or deployment: events of two of them stay apart."""
    if rule not in RULES:
        raise InputError(f"unknown rule for events: {rule}; known: {', '.join(RULES)}")
    if within not in WITHIN:
        raise InputError(f"events are by {', '.join(WITHIN)}, not by {within}")
    if not gap_s >= 0:
        raise InputError(f"the gap between events must be 0 or more seconds, not {gap_s}")
    begun, done = (MICROSECONDS[dialect].format(f"e.{one}_at") for one in ("started", "ended"))
    record = _RECORD.format(within=WITHIN[within], begun=begun, done=done)
    cut = rule == "lastIndependentRecord"
    parts = _CHAINS + (_CUT if cut else "") + _EVENTS
    return parts.format(
        record=record,
        gap=round(gap_s * 1e6),
        materialized="MATERIALIZED" if cut else "",
        numbered="numbered" if cut else "chained",
        number="event" if cut else "chain",
    ).strip()


def independent_events(
    conn: Connection, gap_s: float, rule: str = "lastRecord", within: str = "station"
) -> Events:
    """Every independent event, by station, taxon and time; rows are visits, frames pictures.
    Without a name, the observation type stands for the species: human, vehicle, unknown."""
    text = events_sql(conn.dialect.name, gap_s, rule, within)
    found = conn.exec_driver_sql(f"{text}\nORDER BY min(n)").all()  # ties in order of the visits
    columns = list(zip(*found, strict=True)) if found else [()] * 11
    station, inside, kind, name, begun, ended, visits, pictures, count, known, _ = columns
    species = [said or type_ for said, type_ in zip(name, kind, strict=True)]
    made = Events(
        np.array(station, str),
        np.array(species, str),
        np.array(begun, "datetime64[us]"),
        np.array(ended, "datetime64[us]"),
        np.array(visits, np.int64),
        np.array(pictures, np.int64),
        np.array(count, np.int64),
        np.array(known, bool),
        np.array(inside, str),
        float(gap_s),
        rule,
        _untimed(conn),
    )
    return made.where(np.lexsort((made.started_at, made.within, made.species, made.station)))


def _untimed(conn: Connection) -> int:
    """Visits and taxa that would be records, had they a time."""
    text = _RECORD.replace("e.started_at IS NOT NULL", "e.started_at IS NULL")
    return conn.exec_driver_sql(
        f"SELECT count(*) FROM ({text.format(within=0, begun=0, done=0)}) untimed"
    ).scalar_one()


def read_records(conn: Connection) -> Records:
    """Every visit and taxon as a record: for events within stretches of effort, and histories."""
    source = _RECORD.replace("e.started_at IS NOT NULL AND ", "")
    found = conn.exec_driver_sql(
        "SELECT station, taxon, started_at, media_id, count, ended_at"
        f" FROM ({source.format(within=0, begun=0, done=0)}) record"
    ).all()
    station, species, begun, frame, count, ended = zip(*found, strict=True) if found else [()] * 6
    return records(np.array(station, str), np.array(species, str), begun, frame, count, ended)


def read_stays(conn: Connection) -> list[Stay]:
    """Deployments as effort sees them, with their accepted outages; unknown ends stay unknown."""
    out = accepted_outages(conn)
    return [stay_of(one, out.get(one.deployment_id, ())) for one in all_deployments(conn)]


def read_sightings(conn: Connection) -> list[Sighting]:
    """Every visit and taxon that people did not call blank, time-lapse and untimed ones too."""
    found = conn.exec_driver_sql(
        "SELECT d.name, e.observation_type, e.name, e.taxon_rank, e.method, e.started_at,"
        " e.ended_at, e.first_media_id, m.path, e.count, e.capture_method"
        " FROM event_taxa e JOIN deployment d ON d.id = e.deployment_id"
        " JOIN media m ON m.id = e.first_media_id WHERE e.observation_type <> 'blank'"
        " ORDER BY d.name, e.started_at, e.first_media_id, e.position"
    )
    return [Sighting(*row) for row in found]
