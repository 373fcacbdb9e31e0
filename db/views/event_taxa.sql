-- One row a visit and taxon, by internal keys: what events, observations and the counts are made of.
-- Times and first picture are those of the pictures that show the taxon. What people told (view
-- told_taxa) takes the place of the machine's taxa. A picture without a visit on which a person found
-- something is an event by itself.
WITH taxon AS (
    SELECT visit_id, event_media_id, observation_type, name,
        max(CASE WHEN stretch = 0 THEN first_media_id END) AS first_media_id,
        min(started_at) AS started_at, max(ended_at) AS ended_at, CAST(sum(pictures) AS integer) AS pictures,
        max(count) AS count, max(whole) AS whole
    FROM told_taxa
    GROUP BY visit_id, event_media_id, observation_type, name
)
SELECT
    v.id AS visit_id, -- internal key; empty: an event of one picture, found by a person
    v.media_id AS event_media_id, -- internal key of the visit's first picture: names the event
    coalesce(x.media_id, v.media_id) AS first_media_id, -- internal key of the first picture that shows the taxon
    v.batch_id AS batch_id, -- internal key
    v.deployment_id AS deployment_id, -- internal key
    CASE WHEN x.media_id IS NULL THEN v.started_at ELSE x.started_at END AS started_at, -- that picture, camera clock
    CASE WHEN x.media_id IS NULL THEN v.ended_at ELSE x.ended_at END AS ended_at, -- last picture that shows the taxon, camera clock
    v.capture_method AS capture_method, -- activityDetection, timeLapse; empty: not known
    x.position AS position, -- 0: the event's own label; 1, 2, ...: further taxa
    x.observation_type AS observation_type, -- animal, human, vehicle, unknown, blank
    x.name AS name, -- scientific name
    x.rank AS taxon_rank, -- species, genus, ...; empty when a person said it
    x.probability AS probability, -- 0-1; empty when a person said it
    x.pictures AS pictures, -- that show it
    CASE WHEN x.position = 0 THEN v.count ELSE x.count END AS count, -- individuals; empty: not known
    CASE WHEN x.position = 0 THEN v.count_basis WHEN x.count IS NOT NULL THEN 'boxes' END AS count_basis, -- boxes or review
    'machine' AS method -- machine or human
FROM visit v
JOIN batch b ON b.id = v.batch_id AND b.label_recipe_id = v.recipe_id
JOIN visit_taxon x ON x.visit_id = v.id
WHERE NOT EXISTS (SELECT 1 FROM taxon WHERE taxon.visit_id = v.id)
UNION ALL
SELECT taxon.visit_id, taxon.event_media_id, taxon.first_media_id, coalesce(v.batch_id, m.batch_id),
    coalesce(v.deployment_id, m.deployment_id), taxon.started_at, taxon.ended_at,
    CASE WHEN v.id IS NULL THEN m.capture_method ELSE v.capture_method END,
    row_number() OVER (
        PARTITION BY taxon.event_media_id
        ORDER BY taxon.whole DESC, taxon.pictures DESC, coalesce(taxon.count, 0) DESC,
            taxon.observation_type, taxon.name
    ) - 1,
    taxon.observation_type, taxon.name, NULL, NULL, taxon.pictures, taxon.count,
    CASE WHEN taxon.count IS NOT NULL THEN 'review' END, 'human'
FROM taxon
JOIN media m ON m.id = taxon.event_media_id
LEFT JOIN visit v ON v.id = taxon.visit_id
