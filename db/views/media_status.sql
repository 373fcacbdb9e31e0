-- One row a picture: where it is, what was decided and why, what is on it. A person's word wins in
-- observation_type, scientific_name and method; state and the scores stay the machine's. What was
-- said of a whole visit stands at its first picture here, and for all of it in events.
SELECT
    m.sha256 AS media_id, -- sha-256 of the file's bytes: the picture's name everywhere; named-...: only a data set of others names it; visit-...: stands for a visit whose pictures none names
    b.name AS batch, -- the card that brought it first
    d.name AS deployment_id, -- camera, place and time; see deployments
    m.path AS path, -- on the card, relative to its root, / between the parts
    s.taken_at AS taken_at, -- the camera's own clock, repaired where a repair stands, ISO 8601 without a zone; a day alone: its hour is not known; empty: nor is its day
    s.state AS state, -- unprocessed, failed (could not be looked at), blank, kept
    EXISTS (SELECT 1 FROM audit_draw a WHERE a.media_id = s.media_id AND a.recipe_id = b.look_recipe_id) AS audit_drawn, -- true: drawn for the audit of the blanks
    (SELECT a.probability FROM audit_draw a WHERE a.media_id = s.media_id AND a.recipe_id = b.look_recipe_id) AS audit_probability, -- of being drawn, 0-1; for estimates from the audit
    s.p_blank AS p_blank, -- probability that nothing is on it, 0-1, all evidence together
    s.p_animal AS p_animal, -- probability of an animal, 0-1
    s.p_human AS p_human, -- score of a person, 0-1; one is called from 0.5, which 1 in 100 pictures without one reach
    s.p_vehicle AS p_vehicle, -- score of a vehicle, 0-1; one is called from 0.5, as for people
    s.novelty AS novelty, -- distance from what this camera usually sees, 0-2; empty: too few pictures
    s.decided_by AS decided_by, -- the rule that decided between blank and kept
    s.observation_type AS observation_type, -- animal, human, vehicle, blank, unknown, unclassified (not looked at, or not labelled)
    s.name AS scientific_name, -- the name said, at the rank that is sure; empty: none
    s.probability AS probability, -- of that name, or of blank, 0-1; empty when a person said it
    s.method AS method -- machine or human; empty: nobody yet
FROM status s -- outer joins always find their row; so written, PostgreSQL skips those not asked for
LEFT JOIN media m ON m.id = s.media_id
LEFT JOIN batch b ON b.id = s.batch_id
LEFT JOIN deployment d ON d.id = s.deployment_id
