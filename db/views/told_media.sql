-- What people said that stands for a picture, one row an observation, by internal keys. An answer on a
-- whole visit stands for the picture that the visit begins with only where nobody reviewed that picture,
-- and only with the taxa that it shows by the rule of told_taxa: it was kept, and the answer has no other
-- taxon or the machine called it so. Where it shows none of them the machine's word stands.
WITH shown AS (
    SELECT s.media_id, a.id AS review_id, a.position,
        CASE WHEN f.purpose <> 'event' OR s.visit_id IS NULL OR a.observation_type = 'blank' THEN 1
            WHEN s.state <> 'kept' THEN 0
            WHEN NOT EXISTS (
                SELECT 1 FROM review o WHERE o.media_id = a.media_id AND o.answer = a.answer
                    AND (o.observation_type <> a.observation_type OR coalesce(o.name, '') <> coalesce(a.name, ''))
            ) THEN 1
            WHEN t.observation_type = a.observation_type
                AND (t.name = a.name OR a.observation_type <> 'animal') THEN 1
            ELSE 0 END AS fits
    FROM status s
    JOIN review f ON f.id = s.review_id
    JOIN review a ON a.media_id = f.media_id AND a.answer = f.answer
    JOIN batch b ON b.id = s.batch_id
    LEFT JOIN label t ON t.media_id = s.media_id AND t.recipe_id = b.label_recipe_id
)
SELECT
    media_id AS media_id, -- internal key of the picture
    review_id AS review_id, -- internal key of the observation
    row_number() OVER (PARTITION BY media_id ORDER BY position) - 1 AS number -- 0: stands for the picture
FROM shown
WHERE fits = 1
