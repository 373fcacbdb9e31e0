-- camtrapR's record table: one row an independent event in effort (30 minutes, lastRecord), of
-- animals and people alike: choose in "Species". delta.time is since the last picture of the event
-- before, of the same taxon at the same station; 0 for the first. An event whose hour is not known
-- has a day, but no time and no delta.time, and the others are counted as if it were not there.
WITH since AS (
    SELECT e.*, coalesce(e.scientific_name, e.observation_type) AS species,
        CASE WHEN length(e.started_at) > 10 THEN coalesce(MICROSECONDS(e.started_at) - lag(MICROSECONDS(e.ended_at)) OVER (
            PARTITION BY e.station, coalesce(e.scientific_name, e.observation_type), length(e.started_at) = 10
            ORDER BY e.started_at
        ), 0) END AS apart
    FROM independent_events e
    WHERE e.in_effort = 'yes'
)
SELECT
    s.station AS "Station", -- the place
    s.species AS "Species", -- scientific name at the rank that is sure, else the observation type
    replace(substr(s.started_at, 1, 19), 'T', ' ') AS "DateTimeOriginal", -- first picture, camera clock
    substr(s.started_at, 1, 10) AS "Date", -- its day
    nullif(substr(s.started_at, 12, 8), '') AS "Time", -- its time of day; empty: not known
    CAST(s.apart / 1000000 AS bigint) AS "delta.time.secs", -- seconds since the event before
    CAST(round(CAST(s.apart / 60000000.0 AS numeric)) AS bigint) AS "delta.time.mins", -- minutes
    CAST(round(CAST(s.apart / 3600000000.0 AS numeric), 1) AS double precision) AS "delta.time.hours", -- hours
    CAST(round(CAST(s.apart / 86400000000.0 AS numeric), 1) AS double precision) AS "delta.time.days", -- days
    m.path AS "FileName", -- of its first picture, from the card's root; where a person told a species of a whole visit only, beside others, and the machine called no picture so: the visit's first picture, which may not show it
    s.observation_type AS observation_type, -- animal, human, vehicle, unknown
    s.count AS count, -- individuals, at least
    s.method AS method -- machine, human, or machine and human
FROM since s
JOIN media m ON m.id = s.first_media_key
