-- Visits by hour of the day, by the camera's clock. Visits without a time, and those that people
-- called blank, are left out.
SELECT
    d.name AS deployment_id, -- see deployments
    coalesce(d.location_id, d.name) AS station, -- the place; see stations
    e.observation_type AS observation_type, -- animal, human, vehicle, unknown
    e.name AS scientific_name, -- at the rank that is sure; empty: none
    CAST(substr(e.started_at, 12, 2) AS integer) AS hour, -- 0-23: from this hour to the next
    count(*) AS events -- visits that began in it
FROM event_taxa e
JOIN deployment d ON d.id = e.deployment_id
WHERE e.started_at IS NOT NULL AND e.observation_type <> 'blank'
GROUP BY d.name, coalesce(d.location_id, d.name), e.observation_type, e.name, CAST(substr(e.started_at, 12, 2) AS integer)
