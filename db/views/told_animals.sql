-- One row a taxon that people told of an event, and life stage, sex, behavior and individual of it:
-- those of the picture, or of the answer on the whole visit, with the largest number of the taxon.
-- Their counts add up to the taxon's.
WITH shown AS (
    SELECT event_media_id, media_id, taken_at, whole, observation_type, name,
        CASE WHEN max(count) IS NOT NULL THEN sum(coalesce(count, 1)) ELSE 0 END AS count,
        max(CASE WHEN coalesce(life_stage, sex, behavior, individual_id) IS NULL THEN 0 ELSE 1 END)
            AS described
    FROM told
    GROUP BY event_media_id, media_id, taken_at, whole, observation_type, name
),
ranked AS (
    SELECT shown.*, row_number() OVER (
            PARTITION BY event_media_id, observation_type, name
            ORDER BY count DESC, described DESC, whole DESC, taken_at, media_id
        ) AS place
    FROM shown
)
SELECT
    t.event_media_id AS event_media_id, -- internal key of the event's first picture
    t.observation_type AS observation_type, -- animal, human, vehicle, unknown, blank
    t.name AS name, -- scientific name
    row_number() OVER (
        PARTITION BY t.event_media_id, t.observation_type, t.name ORDER BY t.position
    ) - 1 AS number, -- from 0
    t.count AS count, -- individuals; empty: not known
    t.life_stage AS life_stage, -- adult, subadult, juvenile
    t.sex AS sex, -- female, male
    t.behavior AS behavior, -- in the person's words
    t.individual_id AS individual_id, -- which animal it is
    t.whole AS whole, -- 1: in an answer on the whole visit
    t.reviewer AS reviewer, -- who told this row
    t.reviewed_at AS reviewed_at, -- when, local time of this machine
    t.comment AS comment -- free words
FROM ranked r
JOIN told t ON t.event_media_id = r.event_media_id AND t.media_id = r.media_id AND t.whole = r.whole
    AND t.observation_type = r.observation_type AND coalesce(t.name, '') = coalesce(r.name, '')
WHERE r.place = 1
