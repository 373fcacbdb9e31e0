-- One row a visit and taxon, by internal keys: what events, observations and the counts are made of.
-- Times and first picture are those of the pictures that show the taxon. What people told (view
-- told_taxa) takes the place of the machine's taxa; one stays beside it where none of its pictures was
-- reviewed, nor the visit as a whole. A picture without a visit on which a person found something is
-- an event by itself.
WITH taxon AS (
    SELECT visit_id, event_media_id, observation_type, name,
        max(CASE WHEN stretch = 0 THEN first_media_id END) AS first_media_id,
        min(started_at) AS started_at, max(ended_at) AS ended_at,
        CAST(sum(pictures) AS integer) AS pictures, max(count) AS count, max(whole) AS whole
    FROM told_taxa
    GROUP BY visit_id, event_media_id, observation_type, name
),
rest AS (
    SELECT p.visit_id, p.position
    FROM told_pictures p
    WHERE p.position IS NOT NULL AND p.visit_id IN (
        SELECT taxon.visit_id FROM taxon GROUP BY taxon.visit_id
        HAVING max(taxon.whole) = 0 AND max(CASE WHEN taxon.observation_type <> 'blank' THEN 1 ELSE 0 END) = 1
    )
    GROUP BY p.visit_id, p.position
    HAVING min(p.free) = 1
),
machine AS (
    SELECT v.id AS visit_id, v.media_id AS event_media_id, coalesce(x.media_id, v.media_id) AS first_media_id,
        CASE WHEN x.media_id IS NULL THEN v.started_at ELSE x.started_at END AS started_at,
        CASE WHEN x.media_id IS NULL THEN v.ended_at ELSE x.ended_at END AS ended_at,
        v.batch_id, v.deployment_id, v.capture_method, x.position, x.observation_type, x.name, x.rank,
        x.probability, x.pictures, CASE WHEN x.position = 0 THEN v.count ELSE x.count END AS count,
        CASE WHEN x.position = 0 THEN v.count_basis WHEN x.count IS NOT NULL THEN 'boxes' END AS count_basis
    FROM visit v
    JOIN batch b ON b.id = v.batch_id AND b.label_recipe_id = v.recipe_id
    JOIN visit_taxon x ON x.visit_id = v.id
),
mixed AS (
    SELECT t.visit_id, t.event_media_id, t.first_media_id, coalesce(v.batch_id, m.batch_id) AS batch_id,
        coalesce(v.deployment_id, m.deployment_id) AS deployment_id, t.started_at, t.ended_at,
        CASE WHEN v.id IS NULL THEN m.capture_method ELSE v.capture_method END AS capture_method,
        NULL AS label, t.observation_type, t.name, NULL AS rank, NULL AS probability, t.pictures, t.count,
        CASE WHEN t.count IS NOT NULL THEN 'review' END AS count_basis, 'human' AS method, t.whole
    FROM taxon t
    JOIN media m ON m.id = t.event_media_id
    LEFT JOIN visit v ON v.id = t.visit_id
    UNION ALL
    SELECT m.visit_id, m.event_media_id, m.first_media_id, m.batch_id, m.deployment_id, m.started_at,
        m.ended_at, m.capture_method, m.position, m.observation_type, m.name, m.rank, m.probability,
        m.pictures, m.count, m.count_basis, 'machine', 0
    FROM rest r
    JOIN machine m ON m.visit_id = r.visit_id AND m.position = r.position
    WHERE NOT EXISTS (
        SELECT 1 FROM taxon t
        WHERE t.visit_id = m.visit_id AND t.observation_type = m.observation_type
            AND (coalesce(t.name, '') = coalesce(m.name, '') OR m.observation_type <> 'animal')
    )
)
SELECT
    m.visit_id AS visit_id, -- internal key; empty: an event of one picture, found by a person
    m.event_media_id AS event_media_id, -- internal key of the visit's first picture: names the event
    m.first_media_id AS first_media_id, -- internal key of the first picture that shows the taxon
    m.batch_id AS batch_id, -- internal key
    m.deployment_id AS deployment_id, -- internal key
    m.started_at AS started_at, -- that picture, camera clock
    m.ended_at AS ended_at, -- last picture that shows the taxon, camera clock
    m.capture_method AS capture_method, -- activityDetection, timeLapse; empty: not known
    m.position AS position, -- 0: the event's own label; 1, 2, ...: further taxa
    m.position AS label, -- of the machine's taxon in its visit (visit_taxon); empty: a person said it
    m.observation_type AS observation_type, -- animal, human, vehicle, unknown, blank
    m.name AS name, -- scientific name
    m.rank AS taxon_rank, -- species, genus, ...; empty when a person said it
    m.probability AS probability, -- 0-1; empty when a person said it
    m.pictures AS pictures, -- that show it
    m.count AS count, -- individuals; empty: not known
    m.count_basis AS count_basis, -- boxes or review
    'machine' AS method -- machine or human
FROM machine m
WHERE NOT EXISTS (SELECT 1 FROM taxon WHERE taxon.visit_id = m.visit_id)
UNION ALL
SELECT visit_id, event_media_id, first_media_id, batch_id, deployment_id, started_at, ended_at, capture_method,
    row_number() OVER (
        PARTITION BY event_media_id
        ORDER BY whole DESC, pictures DESC, coalesce(count, 0) DESC, observation_type, name
    ) - 1,
    label, observation_type, name, rank, probability, pictures, count, count_basis, method
FROM mixed
