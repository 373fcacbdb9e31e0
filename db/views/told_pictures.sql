-- One row a picture of a visit on which people spoke, by internal keys: which of the machine's taxa it
-- shows, and whether it has an answer of its own.
SELECT
    s.visit_id AS visit_id, -- internal key
    v.media_id AS event_media_id, -- internal key of the visit's first picture
    s.media_id AS media_id, -- internal key
    s.taken_at AS taken_at, -- camera clock, repaired
    CASE WHEN s.state = 'kept' THEN 1 ELSE 0 END AS kept, -- 0: blank by the machine, or not looked at
    CASE
        WHEN s.state <> 'kept' THEN NULL
        WHEN x.position IS NOT NULL THEN x.position
        WHEN f.purpose <> 'event' OR t.observation_type = o.observation_type THEN 0
    END AS position, -- of the machine's taxon in the visit; empty: none
    t.observation_type AS observation_type, -- by the machine
    t.name AS name, -- by the machine
    CASE WHEN f.purpose <> 'event' THEN 0 ELSE 1 END AS free -- 1: nobody reviewed it by itself
FROM status s
JOIN visit v ON v.id = s.visit_id
JOIN batch b ON b.id = s.batch_id
JOIN visit_taxon o ON o.visit_id = v.id AND o.position = 0
LEFT JOIN review f ON f.id = s.review_id
LEFT JOIN label t ON t.media_id = s.media_id AND t.recipe_id = b.label_recipe_id
LEFT JOIN visit_taxon x ON x.visit_id = v.id AND x.position > 0
    AND x.observation_type = t.observation_type AND coalesce(x.name, '') = coalesce(t.name, '')
WHERE s.visit_id IN (SELECT told.visit_id FROM told WHERE told.visit_id IS NOT NULL)
