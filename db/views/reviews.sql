-- What people saw, one row an observation. The newest answer on a picture counts in the other views,
-- with all of its rows, and beside it the newest on the visit that begins with it: neither takes the
-- other's place.
SELECT
    m.sha256 AS media_id, -- the picture
    b.name AS batch, -- the card that brought it first
    d.name AS deployment_id, -- see deployments
    r.observation_type AS observation_type, -- animal, human, vehicle, blank, unknown
    r.name AS scientific_name, -- as written by the person
    r.count AS count, -- individuals
    r.life_stage AS life_stage, -- adult, subadult, juvenile
    r.sex AS sex, -- female, male
    r.behavior AS behavior, -- what they do, in the person's words
    r.individual_id AS individual_id, -- which animal it is
    r.answer AS answer, -- 1, 2, ...: number among the answers on its picture; its rows share it
    r.reviewer AS reviewer, -- who
    r.reviewed_at AS reviewed_at, -- when, local time of this machine; a day alone: its hour was not given
    r.purpose AS purpose, -- review, audit, or event (said of the whole visit that begins with this picture)
    r.comment AS comment, -- free words
    r.source AS source, -- file or page it came from
    r.withdrawn_at AS withdrawn_at, -- when its reviewer took it back on the review screen, UTC; empty: it stands
    EXISTS (SELECT 1 FROM current_review c WHERE c.review_id = r.id) AS newest -- true: this one counts
FROM review r
JOIN media m ON m.id = r.media_id
JOIN batch b ON b.id = m.batch_id
JOIN deployment d ON d.id = m.deployment_id
