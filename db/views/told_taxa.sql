-- One row a taxon that people told of an event, and stretch of its pictures that show it: pictures at
-- most a minute apart. A visit is told by people once they named anything but blank on one of its
-- pictures, reviewed them all, or spoke of the visit as a whole (purpose event). A taxon told of a
-- picture is also on those that nobody reviewed and the machine called so, or called the same as that
-- picture where people said one thing only of these. One told of a whole visit is on the pictures that
-- the machine or people called so, or where it is the only one on every picture that is not blank;
-- where there are none, on the whole visit.
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
    SELECT w.visit_id, w.event_media_id, p.media_id, p.taken_at, w.observation_type, w.name, w.count, p.free,
        CASE WHEN p.free = 0 THEN 0 WHEN w.observation_type = 'blank' THEN 1
            WHEN p.kept = 0 THEN 0 WHEN w.taxa = 1 THEN 1
            WHEN p.observation_type = w.observation_type
                AND (p.name = w.name OR w.observation_type <> 'animal') THEN 1
            ELSE 0 END AS fits
    FROM whole w
    JOIN told_pictures p ON p.event_media_id = w.event_media_id
),
claim AS ( -- what people said of pictures on which the machine saw one of its taxa
    SELECT s.event_media_id, p.position, s.observation_type, s.name,
        count(*) OVER (PARTITION BY s.event_media_id, p.position) AS taxa
    FROM shown s
    JOIN told_pictures p ON p.media_id = s.media_id
    WHERE s.whole = 0 AND s.observation_type <> 'blank' AND p.position IS NOT NULL
    GROUP BY s.event_media_id, p.position, s.observation_type, s.name
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
    SELECT p.visit_id, p.event_media_id, p.media_id, p.taken_at, n.observation_type, n.name, NULL, 0, 1
    FROM (
        SELECT DISTINCT event_media_id, observation_type, name
        FROM shown
        WHERE observation_type <> 'blank'
            AND event_media_id NOT IN (SELECT whole.event_media_id FROM whole)
    ) n
    JOIN told_pictures p ON p.event_media_id = n.event_media_id AND p.free = 1 AND p.kept = 1
    LEFT JOIN claim c ON c.event_media_id = p.event_media_id AND c.position = p.position AND c.taxa = 1
        AND c.observation_type = n.observation_type AND coalesce(c.name, '') = coalesce(n.name, '')
    WHERE c.taxa = 1 OR p.observation_type = n.observation_type
        AND (p.name = n.name OR n.observation_type <> 'animal')
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
        END AS opens,
        -- a visit of which no picture is named has its own end
        CASE WHEN substr(m.sha256, 1, 6) = 'visit-' THEN v.ended_at ELSE p.taken_at END AS until
    FROM picture p
    JOIN media m ON m.id = p.media_id
    LEFT JOIN visit v ON v.id = p.visit_id
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
    max(until) AS ended_at, -- its last picture
    CAST(sum(shows) AS integer) AS pictures, -- that show it
    max(count) AS count, -- individuals: the largest number in one picture, or as told of the visit
    max(whole) AS whole -- 1: told of the whole visit
FROM numbered
GROUP BY visit_id, event_media_id, observation_type, name, stretch
