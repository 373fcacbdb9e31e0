-- Who was shown a picture of people as it is, not pixelated: one row each time somebody asked, and one for a queue that showed it.
SELECT
    m.sha256 AS media_id, -- the picture
    b.name AS batch, -- the card that brought it first
    d.name AS deployment_id, -- see deployments
    m.path AS path, -- on the card
    a.reviewer AS reviewer, -- who was shown it
    a.task AS task, -- in which part of the review screen: flags, review, ...
    a.asked_at AS asked_at -- when, UTC
FROM access_to_people a
JOIN media m ON m.id = a.media_id
JOIN batch b ON b.id = m.batch_id
JOIN deployment d ON d.id = m.deployment_id
