-- One row a station and day from its first set-up to its last retrieval, at the latest today, for
-- detection histories and for effort by month: 0 days of effort means set up, but not working, or
-- between deployments.
WITH RECURSIVE span AS (
    SELECT coalesce(location_id, name) AS station,
        substr(min(started_at), 1, 10) AS first_day, max(CASE WHEN ended_at > TOMORROW THEN TOMORROW ELSE ended_at END) AS ended_at
    FROM deployment
    WHERE started_at < TOMORROW AND ended_at IS NOT NULL
    GROUP BY coalesce(location_id, name)
),
calendar AS (
    SELECT min(first_day) AS day, substr(max(ended_at), 1, 10) AS last_day FROM span
    UNION ALL
    SELECT NEXT_DAY(day), last_day FROM calendar WHERE day < last_day
),
dated AS (
    SELECT s.station, c.day, c.day || 'T00:00:00' AS begins, NEXT_DAY(c.day) || 'T00:00:00' AS ends
    FROM span s
    JOIN calendar c ON c.day = s.first_day OR c.day > s.first_day AND c.day || 'T00:00:00' < s.ended_at
)
SELECT
    dated.station AS station, -- see stations
    dated.day AS day, -- by the camera's clock, YYYY-MM-DD
    CAST(DAYS('1970-01-01', dated.day) AS integer) AS day_number, -- days since 1970-01-01, to count occasions with
    coalesce(sum(CASE WHEN w.station IS NOT NULL THEN DAYS(CASE WHEN w.from_at > begins THEN w.from_at ELSE begins END, CASE WHEN w.to_at < ends THEN w.to_at ELSE ends END) END), 0) AS effort_days -- part of the day that was watched, 0-1
FROM dated
LEFT JOIN watched w ON w.station = dated.station AND w.from_at < dated.ends AND w.to_at > dated.begins
GROUP BY dated.station, dated.day
