-- Stretches between a station's first set-up and last retrieval (at the latest today) in which no camera of it worked: the
-- ProblemN_from and ProblemN_to of camtrapR, as long rows, however many.
WITH span AS (
    SELECT coalesce(location_id, name) AS station, min(started_at) AS set_up_at, max(CASE WHEN ended_at > TOMORROW THEN TOMORROW ELSE ended_at END) AS taken_down_at
    FROM deployment
    WHERE started_at < TOMORROW AND ended_at IS NOT NULL
    GROUP BY coalesce(location_id, name)
),
edge AS (
    SELECT station, from_at, to_at FROM watched
    UNION ALL
    SELECT station, set_up_at, set_up_at FROM span
    UNION ALL
    SELECT station, taken_down_at, taken_down_at FROM span
),
between_them AS (
    SELECT station, lag(to_at) OVER (PARTITION BY station ORDER BY from_at, to_at) AS from_at, from_at AS to_at
    FROM edge
)
SELECT
    station AS station, -- see stations
    CAST(row_number() OVER (PARTITION BY station ORDER BY from_at) AS integer) AS number, -- 1, 2, ... in order of time
    from_at AS from_at, -- camera clock, ISO 8601 without a zone
    to_at AS to_at, -- camera clock
    DAYS(from_at, to_at) AS days -- between the two
FROM between_them
WHERE from_at < to_at
