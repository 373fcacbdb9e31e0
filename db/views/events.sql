-- One row a visit: pictures of one deployment with gaps of at most a minute. Not yet independent
-- events: those need a rule for the gap. A person's word wins.
SELECT
    m.sha256 AS event_id, -- media_id of the visit's first picture
    b.name AS batch, -- the card that brought its first picture
    d.name AS deployment_id, -- see deployments
    e.started_at AS started_at, -- first picture that shows it, camera clock, ISO 8601 without a zone; a day alone: its hour is not known
    e.ended_at AS ended_at, -- last picture that shows it, camera clock
    e.observation_type AS observation_type, -- animal, human, vehicle, unknown, unclassified, blank: nothing on it, by machine or person
    e.name AS scientific_name, -- of most of its pictures; further taxa: view observations
    e.taxon_rank AS taxon_rank, -- species, genus, ...; empty when a person said it
    e.probability AS probability, -- 0-1; empty when a person said it
    e.pictures AS pictures, -- that show it
    e.count AS count, -- individuals; empty: not known
    e.count_basis AS count_basis, -- boxes or review: the largest number in one picture, ages and sexes added up
    e.method AS method, -- machine or human
    e.capture_method AS capture_method, -- activityDetection, timeLapse; empty: not known
    f.sha256 AS first_media_id -- media_id of the first picture that shows it
FROM event_taxa e
LEFT JOIN media m ON m.id = e.event_media_id
LEFT JOIN media f ON f.id = e.first_media_id
LEFT JOIN batch b ON b.id = e.batch_id
LEFT JOIN deployment d ON d.id = e.deployment_id
WHERE e.position = 0
