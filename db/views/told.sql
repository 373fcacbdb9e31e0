-- What people said that counts, one row an observation of a picture or of a whole visit, by internal
-- keys: what event_taxa and observations are made of where people spoke.
SELECT
    s.visit_id AS visit_id, -- internal key; empty: an event of one picture
    coalesce(v.media_id, s.media_id) AS event_media_id, -- internal key of the event's first picture
    s.media_id AS media_id, -- internal key of the picture it was said of
    s.taken_at AS taken_at, -- of that picture, camera clock
    0 AS whole, -- 1: said of the whole visit
    r.position AS position, -- in its answer
    r.observation_type AS observation_type, -- animal, human, vehicle, blank, unknown
    r.name AS name, -- scientific name
    r.count AS count, -- individuals; empty: not known
    r.life_stage AS life_stage, -- adult, subadult, juvenile
    r.sex AS sex, -- female, male
    r.behavior AS behavior, -- in the person's words
    r.individual_id AS individual_id, -- which animal it is
    r.reviewer AS reviewer, -- who
    r.reviewed_at AS reviewed_at, -- when, local time of this machine; a day alone: its hour was not given
    r.comment AS comment -- free words
FROM status s
JOIN review f ON f.id = s.review_id
JOIN review r ON r.media_id = f.media_id AND r.answer = f.answer
LEFT JOIN visit v ON v.id = s.visit_id
WHERE s.review_id IS NOT NULL AND (f.purpose <> 'event' OR s.visit_id IS NULL)
UNION ALL
SELECT s.visit_id, v.media_id, s.media_id, s.taken_at, 1, r.position, r.observation_type, r.name,
    r.count, r.life_stage, r.sex, r.behavior, r.individual_id, r.reviewer, r.reviewed_at, r.comment
FROM current_review c
JOIN review r ON r.id = c.review_id
JOIN status s ON s.media_id = c.media_id
JOIN visit v ON v.id = s.visit_id
WHERE c.of_visit
