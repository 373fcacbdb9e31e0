-- One row a taxon that people told of an event, and stretch of its pictures that show it: pictures at
-- most a minute apart. A visit is told by people once they named anything but blank on one of its
-- pictures, reviewed them all, or spoke of the visit as a whole (purpose event). A taxon told of a
-- whole visit is on the pictures that the machine or people called so, or where it is the only one
-- on every picture that is not blank; where there are none, on the whole visit.
WITH shown AS ( -- in one picture, or in the visit: other ages and sexes add up, a row without a number is one animal at least
    SELECT visit_id, event_media_id, media_id, taken_at, whole, observation_type, name,
        CASE WHEN max(count) IS NOT NULL THEN CAST(sum(coalesce(count, 1)) AS integer) END AS count
    FROM told
    GROUP BY visit_id, event_media_id, media_id, taken_at, whole, observation_type, name
),
decided AS (
    SELECT s.event_media_id,
        max(CASE WHEN s.observation_type <> 'blank' THEN 1 ELSE 0 END) AS something
    FROM shown s
    LEFT JOIN visit v ON v.id = s.visit_id
    GROUP BY s.event_media_id, v.pictures
    HAVING max(CASE WHEN s.observation_type <> 'blank' THEN 1 ELSE 0 END) = 1 OR max(s.whole) = 1
        OR count(DISTINCT s.media_id) = v.pictures
),
whole AS (
    SELECT visit_id, event_media_id, observation_type, name, max(count) AS count,
        count(*) OVER (PARTITION BY event_media_id) AS taxa
    FROM shown
    WHERE whole = 1
    GROUP BY visit_id, event_media_id, observation_type, name
),
candidate AS ( -- every picture of a visit, for each taxon that was told of the whole
    SELECT w.visit_id, w.event_media_id, s.media_id, s.taken_at, w.observation_type, w.name, w.count,
        CASE WHEN f.purpose <> 'event' THEN 0 ELSE 1 END AS free, -- nobody reviewed it by itself
        CASE WHEN f.purpose <> 'event' THEN 0 WHEN w.observation_type = 'blank' THEN 1
            WHEN s.state <> 'kept' THEN 0 WHEN w.taxa = 1 THEN 1
            WHEN t.observation_type = w.observation_type
                AND (t.name = w.name OR w.observation_type <> 'animal') THEN 1
            ELSE 0 END AS fits
    FROM whole w
    JOIN status s ON s.visit_id = w.visit_id
    JOIN batch b ON b.id = s.batch_id
    LEFT JOIN review f ON f.id = s.review_id
    LEFT JOIN label t ON t.media_id = s.media_id AND t.recipe_id = b.label_recipe_id
),
picture AS (
    SELECT s.visit_id, s.event_media_id, s.media_id, s.taken_at, s.observation_type, s.name,
        CASE WHEN w.count > coalesce(s.count, 0) THEN w.count ELSE s.count END AS count,
        CASE WHEN w.taxa IS NULL THEN 0 ELSE 1 END AS whole, 1 AS shows
    FROM shown s
    LEFT JOIN whole w ON w.event_media_id = s.event_media_id
        AND w.observation_type = s.observation_type AND coalesce(w.name, '') = coalesce(s.name, '')
    WHERE s.whole = 0
    UNION ALL
    SELECT visit_id, event_media_id, media_id, taken_at, observation_type, name, count, 1, free
    FROM (
        SELECT candidate.*, max(fits) OVER (
                PARTITION BY event_media_id, observation_type, name
            ) AS known
        FROM candidate
    ) c
    WHERE c.fits = 1 OR c.known = 0 AND NOT EXISTS (
        SELECT 1 FROM shown x
        WHERE x.whole = 0 AND x.event_media_id = c.event_media_id
            AND x.observation_type = c.observation_type AND coalesce(x.name, '') = coalesce(c.name, '')
    )
),
ordered AS (
    SELECT p.*, CASE
            WHEN lag(p.media_id) OVER taxon IS NULL THEN 1
            WHEN MICROSECONDS(p.taken_at) - lag(MICROSECONDS(p.taken_at)) OVER taxon > 60000000 THEN 1
            ELSE 0
        END AS opens
    FROM picture p
    JOIN media m ON m.id = p.media_id
    JOIN decided d ON d.event_media_id = p.event_media_id
        AND (d.something = 0 OR p.observation_type <> 'blank')
    WINDOW taxon AS (
        PARTITION BY p.event_media_id, p.observation_type, p.name ORDER BY p.taken_at, m.path, m.id
    )
),
numbered AS (
    SELECT ordered.*, sum(opens) OVER (
            PARTITION BY event_media_id, observation_type, name ORDER BY taken_at, opens DESC, media_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - 1 AS stretch
    FROM ordered
)
SELECT
    visit_id AS visit_id, -- internal key; empty: an event of one picture
    event_media_id AS event_media_id, -- internal key of the event's first picture
    observation_type AS observation_type, -- animal, human, vehicle, unknown, blank
    name AS name, -- scientific name
    stretch AS stretch, -- from 0, in order of time
    max(CASE WHEN opens = 1 THEN media_id END) AS first_media_id, -- internal key of its first picture
    min(taken_at) AS started_at, -- that picture, camera clock
    max(taken_at) AS ended_at, -- its last picture
    CAST(sum(shows) AS integer) AS pictures, -- that show it
    max(count) AS count, -- individuals: the largest number in one picture, or as told of the visit
    max(whole) AS whole -- 1: told of the whole visit
FROM numbered
GROUP BY visit_id, event_media_id, observation_type, name, stretch
