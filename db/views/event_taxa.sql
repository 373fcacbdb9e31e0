-- One row a visit and taxon, by internal keys: what events, observations and the counts are made of.
-- A visit is told by people once they named anything but blank on one of its pictures, reviewed them
-- all, or spoke of the visit as a whole (purpose event). A picture without a visit on which a person found something is an event by itself.
WITH words AS (
    SELECT s.visit_id, r.observation_type, r.name, r.count, 1 AS picture, 0 AS whole
    FROM status s
    JOIN review r ON r.id = s.review_id
    WHERE s.review_id IS NOT NULL AND s.visit_id IS NOT NULL AND r.purpose <> 'event'
    UNION ALL
    SELECT s.visit_id, r.observation_type, r.name, r.count, 0, 1
    FROM current_review c
    JOIN review r ON r.id = c.review_id
    JOIN status s ON s.media_id = c.media_id
    WHERE c.of_visit AND s.visit_id IS NOT NULL
),
said AS (
    SELECT visit_id, observation_type, name, max(count) AS most, sum(picture) AS pictures,
        max(whole) AS whole
    FROM words
    GROUP BY visit_id, observation_type, name
),
told AS (
    SELECT said.visit_id, sum(said.pictures) AS pictures,
        sum(CASE WHEN said.observation_type <> 'blank' THEN 1 ELSE 0 END) AS taxa
    FROM said
    JOIN visit v ON v.id = said.visit_id
    GROUP BY said.visit_id, v.pictures
    HAVING sum(CASE WHEN said.observation_type <> 'blank' THEN 1 ELSE 0 END) > 0
        OR sum(said.pictures) = v.pictures OR max(said.whole) = 1
)
SELECT
    v.id AS visit_id, -- internal key; empty: an event of one picture, found by a person
    v.media_id AS first_media_id, -- internal key of its first picture
    v.batch_id AS batch_id, -- internal key
    v.deployment_id AS deployment_id, -- internal key
    v.started_at AS started_at, -- first picture, camera clock
    v.ended_at AS ended_at, -- last picture, camera clock
    v.capture_method AS capture_method, -- activityDetection, timeLapse; empty: not known
    x.position AS position, -- 0: the event's own label; 1, 2, ...: further taxa
    x.observation_type AS observation_type, -- animal, human, vehicle, unknown, blank
    x.name AS name, -- scientific name
    x.rank AS taxon_rank, -- species, genus, ...; empty when a person said it
    x.probability AS probability, -- 0-1; empty when a person said it
    x.pictures AS pictures, -- that show it: all that nobody reviewed, where a person spoke of the visit
    CASE WHEN x.position = 0 THEN v.count END AS count, -- individuals; empty: not known
    CASE WHEN x.position = 0 THEN v.count_basis END AS count_basis, -- boxes or review
    'machine' AS method -- machine or human
FROM visit v
JOIN batch b ON b.id = v.batch_id AND b.label_recipe_id = v.recipe_id
JOIN visit_taxon x ON x.visit_id = v.id
WHERE NOT EXISTS (SELECT 1 FROM told WHERE told.visit_id = v.id)
UNION ALL
SELECT v.id, v.media_id, v.batch_id, v.deployment_id, v.started_at, v.ended_at, v.capture_method,
    row_number() OVER (
        PARTITION BY v.id ORDER BY said.whole DESC, said.pictures DESC, said.observation_type, said.name
    ) - 1,
    said.observation_type, said.name, NULL, NULL,
    CASE WHEN said.whole = 1 THEN v.pictures - told.pictures + said.pictures ELSE said.pictures END,
    said.most,
    CASE WHEN said.most IS NOT NULL THEN 'review' END, 'human'
FROM told
JOIN said ON said.visit_id = told.visit_id AND (told.taxa = 0 OR said.observation_type <> 'blank')
JOIN visit v ON v.id = told.visit_id
UNION ALL
SELECT NULL, m.id, m.batch_id, m.deployment_id, s.taken_at, s.taken_at, m.capture_method, 0,
    r.observation_type, r.name, NULL, NULL, 1, r.count,
    CASE WHEN r.count IS NOT NULL THEN 'review' END, 'human'
FROM status s
JOIN review r ON r.id = s.review_id
JOIN media m ON m.id = s.media_id
WHERE s.review_id IS NOT NULL AND s.visit_id IS NULL
    AND r.observation_type IN ('animal', 'human', 'vehicle', 'unknown')
