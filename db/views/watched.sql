-- Effort: each stretch in which at least one camera of a station worked: its deployments' periods
-- without the accepted outages, up to the end of today in UTC. Their days add up; two cameras at one
-- time count once. Deployments without a period are not in it.
WITH camera AS (
    SELECT id, coalesce(location_id, name) AS station, started_at,
        CASE WHEN ended_at > TOMORROW THEN TOMORROW ELSE ended_at END AS ended_at
    FROM deployment
    WHERE started_at < TOMORROW AND ended_at IS NOT NULL
),
broken AS (
    SELECT o.deployment_id, c.station, o.started_at, coalesce(o.ended_at, c.ended_at) AS ended_at
    FROM outage o
    JOIN camera c ON c.id = o.deployment_id
    WHERE o.accepted
),
moment AS (
    SELECT station, started_at AS at FROM camera
    UNION SELECT station, ended_at FROM camera
    UNION SELECT station, started_at FROM broken
    UNION SELECT station, ended_at FROM broken
),
piece AS (
    SELECT station, at AS from_at, lead(at) OVER (PARTITION BY station ORDER BY at) AS to_at
    FROM moment
),
worked AS (
    SELECT station, from_at, to_at,
        CASE WHEN lag(to_at) OVER (PARTITION BY station ORDER BY from_at) = from_at THEN 0 ELSE 1 END AS opens
    FROM piece p
    WHERE to_at IS NOT NULL AND EXISTS (
        SELECT 1
        FROM camera c
        WHERE c.station = p.station AND c.started_at <= p.from_at AND c.ended_at >= p.to_at
            AND NOT EXISTS (
                SELECT 1
                FROM broken b
                WHERE b.deployment_id = c.id AND b.started_at <= p.from_at AND b.ended_at >= p.to_at
            )
    )
),
stretch AS (
    SELECT worked.*, sum(opens) OVER (
            PARTITION BY station ORDER BY from_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS number
    FROM worked
)
SELECT
    station AS station, -- locationID; a deployment without one is its own station
    min(from_at) AS from_at, -- camera clock, ISO 8601 without a zone
    max(to_at) AS to_at, -- camera clock
    DAYS(min(from_at), max(to_at)) AS days -- between the two
FROM stretch
GROUP BY station, number
