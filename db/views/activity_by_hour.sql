-- Visits by hour of the day, by the camera's clock. Left out are visits without a time or its hour,
-- those of deployments whose table doubts the clock (timestamp_issues) where nobody repaired it, and
-- those that people called blank, and those of others that nobody named (unclassified).
SELECT
    d.name AS deployment_id, -- see deployments
    coalesce(d.location_id, d.name) AS station, -- the place; see stations
    e.observation_type AS observation_type, -- animal, human, vehicle, unknown
    e.name AS scientific_name, -- at the rank that is sure; empty: none
    CAST(substr(e.started_at, 12, 2) AS integer) AS hour, -- 0-23: from this hour to the next
    count(*) AS events -- visits that began in it
FROM event_taxa e
JOIN deployment d ON d.id = e.deployment_id
WHERE length(e.started_at) > 10 AND e.observation_type NOT IN ('blank', 'unclassified')
    AND (d.timestamp_issues IS NOT TRUE OR EXISTS (SELECT 1 FROM repaired_time r WHERE r.media_id = e.first_media_id))
GROUP BY d.name, coalesce(d.location_id, d.name), e.observation_type, e.name, CAST(substr(e.started_at, 12, 2) AS integer)
