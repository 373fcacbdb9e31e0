-- Camtrap DP's observations. Of a picture (observation_level media): one row each of what a person
-- told of it (view told_media), else one row. Of a visit (event): one row a taxon, with its own times and first picture; where
-- people told them, one row each life stage, sex, behavior and individual, counts to be added. Sum
-- counts over one level only.
WITH machine AS ( -- its word on a picture that only a whole visit's answer names, and that shows none of it
    SELECT s.media_id, CASE s.state WHEN 'blank' THEN 'blank' WHEN 'kept' THEN t.observation_type END AS observation_type,
        CASE s.state WHEN 'kept' THEN t.name END AS name, CASE s.state WHEN 'kept' THEN k.count END AS count,
        CASE s.state WHEN 'blank' THEN s.p_blank WHEN 'kept' THEN t.probability END AS probability
    FROM status s
    JOIN batch b ON b.id = s.batch_id
    LEFT JOIN look k ON k.media_id = s.media_id AND k.recipe_id = b.look_recipe_id
    LEFT JOIN label t ON t.media_id = s.media_id AND t.recipe_id = b.label_recipe_id
    WHERE s.review_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM told_media w WHERE w.media_id = s.media_id)
),
picture AS ( -- each row of a picture: its review, or the machine's word
    SELECT s.media_id, w.number, a.id AS review_id, coalesce(a.observation_type, g.observation_type,
            CASE WHEN s.review_id IS NULL THEN s.observation_type ELSE 'unclassified' END) AS observation_type,
        CASE WHEN a.id IS NOT NULL THEN a.name WHEN s.review_id IS NULL THEN s.name ELSE g.name END AS name,
        CASE WHEN a.id IS NOT NULL THEN a.count WHEN s.review_id IS NULL THEN s.count ELSE g.count END AS count,
        CASE WHEN a.id IS NOT NULL THEN 'human' WHEN s.review_id IS NULL THEN s.method
            WHEN g.observation_type IS NOT NULL THEN 'machine' END AS method,
        CASE WHEN s.review_id IS NULL THEN s.probability ELSE g.probability END AS probability
    FROM status s
    LEFT JOIN told_media w ON w.media_id = s.media_id
    LEFT JOIN review a ON a.id = w.review_id
    LEFT JOIN machine g ON g.media_id = s.media_id
)
SELECT
    'm:' || m.sha256 || CASE WHEN p.number > 0 THEN ':' || CAST(p.number AS text) ELSE '' END AS observation_id, -- unique
    d.name AS deployment_id, -- see deployments
    m.sha256 AS media_id, -- the picture; empty at level event
    coalesce(f.sha256, CASE WHEN s.review_id IS NOT NULL AND s.observation_type IN ('animal', 'human', 'vehicle', 'unknown') THEN m.sha256 END) AS event_id, -- the visit: media_id of its first picture; empty: none
    s.taken_at AS event_start, -- camera clock, repaired, ISO 8601 without a zone; a day alone: its hour is not known
    s.taken_at AS event_end, -- camera clock, repaired, ISO 8601 without a zone
    coalesce(CASE c.kind WHEN 'zone' THEN d.utc_offset_min END, m.utc_offset_min, d.utc_offset_min) AS utc_offset_min, -- minutes east of Greenwich; empty: not known
    'media' AS observation_level, -- media or event
    p.observation_type AS observation_type, -- animal, human, vehicle, blank, unknown, unclassified
    p.name AS scientific_name, -- at the rank that is sure; empty: none
    p.count AS count, -- individuals; empty: not known
    a.life_stage AS life_stage, -- adult, subadult, juvenile; empty: not told
    a.sex AS sex, -- female, male; empty: not told
    a.behavior AS behavior, -- in a person's words
    a.individual_id AS individual_id, -- which animal it is, as a person told
    p.method AS classification_method, -- machine or human; empty: unclassified
    CASE p.method WHEN 'human' THEN a.reviewer
        WHEN 'machine' THEN coalesce(l.classified_by, CASE s.state WHEN 'kept' THEN q.source END, 'camtriage')
    END AS classified_by, -- who: a person, camtriage, or another program whose names were taken
    a.reviewed_at AS classification_timestamp, -- when a person said so, local time of this machine; a day alone: its hour was not given
    p.probability AS classification_probability, -- 0-1; empty when a person said it
    a.comment AS observation_comments, -- a person's free words
    m.sha256 AS first_media_id -- media_id of the first picture that shows it; of one told of the whole visit only that no picture was called: the visit's first
FROM picture p
JOIN status s ON s.media_id = p.media_id
LEFT JOIN review a ON a.id = p.review_id
LEFT JOIN batch o ON o.id = s.batch_id
LEFT JOIN recipe q ON q.id = o.label_recipe_id
LEFT JOIN media m ON m.id = s.media_id
LEFT JOIN deployment d ON d.id = s.deployment_id
LEFT JOIN repaired_time z ON z.media_id = m.id
LEFT JOIN clock_repair c ON c.id = z.clock_repair_id
LEFT JOIN visit v ON v.id = s.visit_id
LEFT JOIN media f ON f.id = v.media_id
LEFT JOIN label l ON l.media_id = s.media_id AND l.recipe_id = o.label_recipe_id
UNION ALL
SELECT 'e:' || m.sha256 || ':' || CAST(e.position AS text) || CASE WHEN a.number > 0 THEN ':' || CAST(a.number AS text) ELSE '' END,
    d.name, NULL, m.sha256,
    e.started_at, e.ended_at, coalesce(CASE c.kind WHEN 'zone' THEN d.utc_offset_min END, m.utc_offset_min, d.utc_offset_min), 'event',
    e.observation_type, e.name, CASE WHEN e.method = 'human' THEN a.count ELSE e.count END,
    a.life_stage, a.sex, a.behavior, a.individual_id, e.method,
    CASE WHEN e.method <> 'machine' THEN a.reviewer
        ELSE coalesce(v.classified_by, CASE WHEN e.observation_type <> 'blank' THEN q.source END, 'camtriage') END, a.reviewed_at, e.probability, a.comment, x.sha256
FROM event_taxa e
LEFT JOIN told_animals a ON e.method = 'human' AND a.event_media_id = e.event_media_id
    AND a.observation_type = e.observation_type AND coalesce(a.name, '') = coalesce(e.name, '')
LEFT JOIN batch o ON o.id = e.batch_id
LEFT JOIN recipe q ON q.id = o.label_recipe_id
LEFT JOIN media m ON m.id = e.event_media_id
LEFT JOIN media x ON x.id = e.first_media_id
LEFT JOIN visit v ON v.id = e.visit_id
LEFT JOIN deployment d ON d.id = e.deployment_id
LEFT JOIN repaired_time z ON z.media_id = m.id
LEFT JOIN clock_repair c ON c.id = z.clock_repair_id
