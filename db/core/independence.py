"""The SQL of independent events, for any gap and rule; one is the view `independent_events`.

A visit is a record here, from its first picture to its last, and is never cut; the definitions are
those of pipeline.population.events. Visits that people called blank, without a time, or of
time-lapse pictures make no event. `MICROSECONDS(time)` is written out by db.core.views.
"""

from pipeline.errors import InputError
from pipeline.population.events.independent import RULES

VIEW = """-- Independent events: visits of one taxon at a station, less than 30 minutes after each
-- other (lastRecord: a gap of exactly 30 minutes opens the next one). Visits in effort (view
-- watched) and outside of it make events of their own, and none runs over a gap in effort.
-- Time-lapse, untimed pictures and blanks none.
"""
GAP_S = 1800  # of the view
_KEY = "max(CASE WHEN opens = 1 THEN media_id END) AS first_media_key -- internal key of its first"
_OF_VIEW = {
    "inside": "CASE WHEN min(within) = '' THEN 'no' ELSE 'yes' END AS in_effort",
    "word": "yes: a camera of the station worked; no (outage, no period, outside it): in no rate",
    "comma": ",",
    "key": f"{_KEY} picture",
}
_PLAIN = {
    "inside": "min(within) AS within",
    "word": "camera, deployment or stretch of effort that no event leaves; empty: none",
    "comma": "",
    "key": "",
}
WITHIN = {  # what no event leaves, beside its station and taxon
    "station": "''",
    "camera": "coalesce(d.camera_id, d.name)",
    "deployment": "d.name",
    "effort": "coalesce(w.from_at, '')",
}
# The last instant belongs to a stretch, but for midnight: that is of a day without effort.
_WATCHED = """
    LEFT JOIN watched w ON w.station = coalesce(d.location_id, d.name)
        AND d.started_at IS NOT NULL AND d.ended_at IS NOT NULL
        AND w.from_at <= e.started_at AND (w.to_at > e.started_at
            OR w.to_at = e.started_at AND substr(e.started_at, 12, 8) <> '00:00:00')"""

RECORD = """
    SELECT coalesce(d.location_id, d.name) AS station, {within} AS within, e.observation_type,
        e.name, coalesce(e.name, e.observation_type) AS taxon, e.first_media_id AS media_id,
        e.started_at, e.ended_at, {begun} AS begun, {done} AS done,
        e.pictures, e.count, e.count_basis, e.method
    FROM event_taxa e
    JOIN deployment d ON d.id = e.deployment_id{watched}
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
    {inside}, -- {word}
    min(observation_type) AS observation_type, -- animal, human, vehicle, unknown
    min(name) AS scientific_name, -- at the rank that is sure; empty: none
    min(started_at) AS started_at, -- first picture of its first visit, camera clock
    max(ended_at) AS ended_at, -- last picture of all its visits: a long event is a chain
    count(*) AS visits, -- it is made of
    CAST(sum(pictures) AS bigint) AS pictures, -- that show it
    max(coalesce(count, 1)) AS count, -- individuals: the largest number in one picture, at least 1
    min(CASE WHEN count IS NULL THEN 0 ELSE 1 END) AS count_known, -- 1; 0: at least so many
    CASE WHEN min(count_basis) < max(count_basis) THEN 'boxes and review'
        ELSE min(count_basis) END AS count_basis, -- boxes, review, both of them; empty: none
    CASE WHEN min(method) < max(method) THEN 'machine and human'
        ELSE min(method) END AS method{comma} -- machine, human, or machine and human
    {key}
FROM {numbered}
GROUP BY {number}"""


def view_source() -> str:
    """The file of the view `independent_events`."""
    return VIEW + _events(GAP_S, "lastRecord", "effort", _OF_VIEW)


def events_source(gap_s: float, rule: str = "lastRecord", within: str = "station") -> str:
    """The SELECT, the same for both databases but for MICROSECONDS."""
    if rule not in RULES:
        raise InputError(f"unknown rule for events: {rule}; known: {', '.join(RULES)}")
    if within not in WITHIN:
        raise InputError(f"events are by {', '.join(WITHIN)}, not by {within}")
    if not gap_s >= 0:
        raise InputError(f"the gap between events must be 0 or more seconds, not {gap_s}")
    return _events(gap_s, rule, within, _PLAIN)


def _events(gap_s: float, rule: str, within: str, words: dict[str, str]) -> str:
    cut = rule == "lastIndependentRecord"
    parts = _CHAINS + (_CUT if cut else "") + _EVENTS
    return parts.format(
        record=record_source(WITHIN[within]),
        gap=round(gap_s * 1e6),
        materialized="MATERIALIZED" if cut else "",
        numbered="numbered" if cut else "chained",
        number="event" if cut else "chain",
        **words,
    ).strip()


def record_source(within: str = "''", timed: bool | None = True) -> str:
    """Every visit and taxon that makes events; with a time, without one, or (None) both."""
    begun, done = (f"MICROSECONDS(e.{one}_at)" if timed else "0" for one in ("started", "ended"))
    watched = _WATCHED if within == WITHIN["effort"] else ""
    text = RECORD.format(within=within, begun=begun, done=done, watched=watched)
    if timed is None:
        return text.replace("e.started_at IS NOT NULL AND ", "")
    return text if timed else text.replace("e.started_at IS NOT NULL", "e.started_at IS NULL")
