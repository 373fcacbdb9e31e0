-- camtrapR's station table (CTtable), one row a station with a known period. It has room for three
-- problems; `problems` says how many there are, and the view problems has them all.
SELECT
    s.station AS "Station", -- the place
    s.longitude AS longitude, -- degrees east
    s.latitude AS latitude, -- degrees north
    replace(span.set_up_at, 'T', ' ') AS "Setup_date", -- first set up, camera clock
    replace(span.taken_down_at, 'T', ' ') AS "Retrieval_date", -- last taken down, at the latest the end of today
    replace(max(CASE WHEN p.number = 1 THEN p.from_at END), 'T', ' ') AS "Problem1_from", -- no camera worked from here; empty: never
    replace(max(CASE WHEN p.number = 1 THEN p.to_at END), 'T', ' ') AS "Problem1_to", -- to here
    replace(max(CASE WHEN p.number = 2 THEN p.from_at END), 'T', ' ') AS "Problem2_from", -- the same again
    replace(max(CASE WHEN p.number = 2 THEN p.to_at END), 'T', ' ') AS "Problem2_to", -- to here
    replace(max(CASE WHEN p.number = 3 THEN p.from_at END), 'T', ' ') AS "Problem3_from", -- and again
    replace(max(CASE WHEN p.number = 3 THEN p.to_at END), 'T', ' ') AS "Problem3_to", -- to here
    count(p.number) AS problems -- how many there are: more than 3 do not fit here
FROM stations s
JOIN (
    SELECT coalesce(location_id, name) AS station, min(started_at) AS set_up_at, max(CASE WHEN ended_at > TOMORROW THEN TOMORROW ELSE ended_at END) AS taken_down_at
    FROM deployment
    WHERE started_at < TOMORROW AND ended_at IS NOT NULL
    GROUP BY coalesce(location_id, name)
) span ON span.station = s.station
LEFT JOIN problems p ON p.station = s.station
GROUP BY s.station, s.longitude, s.latitude, span.set_up_at, span.taken_down_at
