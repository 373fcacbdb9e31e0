-- Camtrap DP's observations: one row a picture (observation_level media), and one row a visit and
-- taxon (observation_level event). Sum counts over one level only.
SELECT
    'm:' || m.sha256 AS observation_id, -- unique
    d.name AS deployment_id, -- see deployments
    m.sha256 AS media_id, -- the picture; empty at level event
    coalesce(f.sha256, CASE WHEN s.review_id IS NOT NULL AND s.observation_type IN ('animal', 'human', 'vehicle', 'unknown') THEN m.sha256 END) AS event_id, -- the visit: media_id of its first picture; empty: none
    s.taken_at AS event_start, -- camera clock, repaired, ISO 8601 without a zone; a day alone: its hour is not known
    s.taken_at AS event_end, -- camera clock, repaired, ISO 8601 without a zone
    coalesce(CASE c.kind WHEN 'zone' THEN d.utc_offset_min END, m.utc_offset_min, d.utc_offset_min) AS utc_offset_min, -- minutes east of Greenwich; empty: not known
    'media' AS observation_level, -- media or event
    s.observation_type AS observation_type, -- animal, human, vehicle, blank, unknown, unclassified
    s.name AS scientific_name, -- at the rank that is sure; empty: none
    s.count AS count, -- individuals; empty: not known
    s.method AS classification_method, -- machine or human; empty: unclassified
    CASE s.method WHEN 'human' THEN r.reviewer WHEN 'machine' THEN 'camtriage' END AS classified_by, -- who, or camtriage
    r.reviewed_at AS classification_timestamp, -- when a person said so, as given
    s.probability AS classification_probability, -- 0-1; empty when a person said it
    r.comment AS observation_comments -- a person's free words
FROM status s
LEFT JOIN media m ON m.id = s.media_id
LEFT JOIN deployment d ON d.id = s.deployment_id
LEFT JOIN repaired_time z ON z.media_id = m.id
LEFT JOIN clock_repair c ON c.id = z.clock_repair_id
LEFT JOIN review r ON r.id = s.review_id
LEFT JOIN visit v ON v.id = s.visit_id
LEFT JOIN media f ON f.id = v.media_id
UNION ALL
SELECT 'e:' || m.sha256 || ':' || CAST(e.position AS text), d.name, NULL, m.sha256,
    e.started_at, e.ended_at, coalesce(CASE c.kind WHEN 'zone' THEN d.utc_offset_min END, m.utc_offset_min, d.utc_offset_min), 'event',
    e.observation_type, e.name, e.count, e.method,
    CASE e.method WHEN 'machine' THEN 'camtriage' END, NULL, e.probability, NULL
FROM event_taxa e
LEFT JOIN media m ON m.id = e.first_media_id
LEFT JOIN deployment d ON d.id = e.deployment_id
LEFT JOIN repaired_time z ON z.media_id = m.id
LEFT JOIN clock_repair c ON c.id = z.clock_repair_id
