-- The audit of the blanks, stratum by stratum: how many there are, were drawn, looked at, and held
-- something. What was said of a whole visit is no answer about its first picture. Counts only; recall and its exact interval are computed by `camtriage report`.
SELECT
    b.name AS batch, -- the card
    d.name AS deployment_id, -- see deployments
    a.stratum AS stratum, -- deployment, light and score band
    a.stratum_size AS blanks, -- pictures called blank in this stratum
    count(*) AS drawn, -- of them drawn at random
    count(CASE WHEN r.observation_type IN ('blank', 'animal', 'human', 'vehicle') THEN 1 END) AS reviewed, -- of the drawn, decided by a person
    count(CASE WHEN r.observation_type IN ('animal', 'human', 'vehicle') THEN 1 END) AS missed, -- of the reviewed, not blank after all
    count(CASE WHEN r.observation_type IN ('unknown', 'unclassified') THEN 1 END) AS undecided -- of the drawn, a person could not tell
FROM audit_draw a
JOIN status s ON s.media_id = a.media_id
JOIN batch b ON b.id = s.batch_id AND b.look_recipe_id = a.recipe_id
JOIN deployment d ON d.id = s.deployment_id
LEFT JOIN review r ON r.id = s.review_id AND r.purpose <> 'event'
GROUP BY b.name, d.name, a.stratum, a.stratum_size
