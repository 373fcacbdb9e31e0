-- Independent events: pictures of one taxon at a station, in stretches less than 30 minutes after each
-- other (lastRecord: a gap of exactly 30 minutes opens the next one). Those in effort (view
-- watched) and outside of it make events of their own, and none runs over a gap in effort.
-- Time-lapse, untimed pictures, blanks, and visits of others that nobody named (unclassified) none.
-- Visits whose hour is not known (started_at is a day) are one event a taxon, station and day, beside
-- those with an hour.
WITH stretch AS ( -- before: when the one before it ended
    SELECT watched.*, lag(to_at, 1, '') OVER (PARTITION BY station ORDER BY from_at) AS before
    FROM watched
),
record AS (
    SELECT coalesce(d.location_id, d.name) AS station, coalesce(w.from_at, '') AS within,
        e.observation_type, e.name, coalesce(e.name, e.observation_type) AS taxon,
        e.first_media_id AS media_id, e.started_at, e.ended_at,
        MICROSECONDS(e.started_at) AS begun, MICROSECONDS(e.ended_at) AS done,
        e.pictures, e.count, e.count_basis, e.method, length(e.started_at) = 10 AS day_alone
    FROM event_stretches e
    JOIN deployment d ON d.id = e.deployment_id
    LEFT JOIN stretch w ON w.station = coalesce(d.location_id, d.name)
        AND d.started_at IS NOT NULL AND d.ended_at IS NOT NULL
        AND CASE WHEN length(e.started_at) = 10 -- of such a day the first stretch in it
            THEN w.from_at < NEXT_DAY(e.started_at) AND w.to_at > e.started_at || 'T00:00:00'
                AND w.before <= e.started_at || 'T00:00:00'
            ELSE w.from_at <= e.started_at AND (w.to_at > e.started_at
                OR w.to_at = e.started_at AND substr(e.started_at, 12, 8) <> '00:00:00') END
    WHERE e.started_at IS NOT NULL AND e.observation_type NOT IN ('blank', 'unclassified')
        AND coalesce(e.capture_method, '') <> 'timeLapse'
),
gapped AS ( -- of overlapping ones the one that lasts longest counts for the gap
    SELECT record.*, CASE WHEN begun - max(done) OVER (
            PARTITION BY station, within, taxon, day_alone ORDER BY begun, media_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) < 1800000000 THEN 0 ELSE 1 END AS opens
    FROM record
),
numbered AS (
    SELECT gapped.*, sum(opens) OVER (
            ORDER BY station, within, taxon, day_alone, begun, media_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS event
    FROM gapped
)
SELECT
    min(station) AS station, -- locationID; a deployment without one is its own station
    CASE WHEN min(within) = '' THEN 'no' ELSE 'yes' END AS in_effort, -- yes: a camera of the station worked; no (outage, no period, outside it): in no rate
    min(observation_type) AS observation_type, -- animal, human, vehicle, unknown
    min(name) AS scientific_name, -- at the rank that is sure; empty: none
    min(started_at) AS started_at, -- first picture that shows it, camera clock; a day alone: its hour is not known
    max(ended_at) AS ended_at, -- last picture that shows it: a long event is a chain
    count(*) AS visits, -- it is made of; one that its species left for over a minute counts again
    CAST(sum(pictures) AS bigint) AS pictures, -- that show it
    max(coalesce(count, 1)) AS count, -- individuals: the largest number in one picture, ages and sexes added up, at least 1
    min(CASE WHEN count IS NULL THEN 0 ELSE 1 END) AS count_known, -- 1; 0: at least so many
    CASE WHEN min(count_basis) < max(count_basis) THEN 'boxes and review'
        ELSE min(count_basis) END AS count_basis, -- boxes, review, both of them; empty: none
    CASE WHEN min(method) < max(method) THEN 'machine and human'
        ELSE min(method) END AS method, -- machine, human, or machine and human
    max(CASE WHEN opens = 1 THEN media_id END) AS first_media_key -- internal key of its first picture
FROM numbered
GROUP BY event
