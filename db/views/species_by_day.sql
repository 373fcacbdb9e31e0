-- Visits by day, deployment and taxon, as observations counts them at level event; visits that
-- people called blank are left out, as are those of others that nobody named (unclassified).
SELECT
    substr(e.started_at, 1, 10) AS day, -- by the camera's clock, YYYY-MM-DD; empty: no time
    d.name AS deployment_id, -- see deployments
    coalesce(d.location_id, d.name) AS station, -- the place; see stations
    e.observation_type AS observation_type, -- animal, human, vehicle, unknown
    e.name AS scientific_name, -- at the rank that is sure; empty: none
    count(*) AS events, -- visits that show it
    CAST(sum(e.pictures) AS bigint) AS pictures, -- that show it
    CAST(sum(e.count) AS bigint) AS individuals -- summed over visits with a known count; empty: none known
FROM event_taxa e
JOIN deployment d ON d.id = e.deployment_id
WHERE e.observation_type NOT IN ('blank', 'unclassified')
GROUP BY substr(e.started_at, 1, 10), d.name, coalesce(d.location_id, d.name), e.observation_type, e.name
