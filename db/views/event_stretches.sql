-- One row a visit, taxon and stretch of the pictures that show it, at most a minute apart, by internal
-- keys: what independent events are made of. A species that is away for longer while others stay has
-- several in one visit.
SELECT
    e.visit_id AS visit_id, -- internal key; empty: an event of one picture
    e.event_media_id AS event_media_id, -- internal key of the visit's first picture
    coalesce(x.stretch, t.stretch, 0) AS stretch, -- from 0, in order of time
    coalesce(x.media_id, t.first_media_id, e.first_media_id) AS first_media_id, -- internal key of its first picture
    e.deployment_id AS deployment_id, -- internal key
    coalesce(x.started_at, t.started_at, e.started_at) AS started_at, -- its first picture, camera clock
    coalesce(x.ended_at, t.ended_at, e.ended_at) AS ended_at, -- its last picture
    e.capture_method AS capture_method, -- activityDetection, timeLapse; empty: not known
    e.position AS position, -- of the taxon in its visit
    e.observation_type AS observation_type, -- animal, human, vehicle, unknown, blank
    e.name AS name, -- scientific name
    e.taxon_rank AS taxon_rank, -- species, genus, ...; empty when a person said it
    coalesce(x.pictures, t.pictures, e.pictures) AS pictures, -- that show it
    CASE WHEN x.visit_id IS NOT NULL THEN x.count WHEN t.event_media_id IS NOT NULL THEN t.count ELSE e.count END AS count, -- individuals; empty: not known
    CASE WHEN x.visit_id IS NOT NULL AND x.count IS NULL OR t.event_media_id IS NOT NULL AND t.count IS NULL THEN NULL ELSE e.count_basis END AS count_basis, -- boxes or review
    e.method AS method -- machine or human
FROM event_taxa e
LEFT JOIN visit_stretch x ON e.label IS NOT NULL AND x.visit_id = e.visit_id AND x.position = e.label
LEFT JOIN told_taxa t ON e.method = 'human' AND t.event_media_id = e.event_media_id
    AND t.observation_type = e.observation_type AND coalesce(t.name, '') = coalesce(e.name, '')
