-- How long each camera had been silent when its card was taken: the time from its last picture on
-- the card to the next one of the deployment on another card, else to the end of the deployment,
-- or, where no end is given, to the last picture on the same card.
WITH last_of AS (
    SELECT m.batch_id, m.deployment_id, min(coalesce(r.taken_at, m.taken_at)) AS first_at,
        max(coalesce(r.taken_at, m.taken_at)) AS last_at
    FROM media m
    LEFT JOIN repaired_time r ON r.media_id = m.id
    WHERE coalesce(r.taken_at, m.taken_at) IS NOT NULL
    GROUP BY m.deployment_id, m.batch_id
),
last_on AS (
    SELECT batch_id, max(last_at) AS last_at FROM last_of GROUP BY batch_id
),
next_on AS ( -- a deployment goes on with another card
    SELECT a.batch_id, a.deployment_id, min(CASE WHEN b.first_at > a.last_at THEN b.first_at ELSE a.last_at END) AS next_at
    FROM last_of a
    JOIN last_of b ON b.deployment_id = a.deployment_id AND b.batch_id <> a.batch_id AND b.last_at > a.last_at
    GROUP BY a.batch_id, a.deployment_id
)
SELECT
    b.name AS batch, -- the card
    d.name AS deployment_id, -- see deployments
    d.location_name AS location_name, -- place
    last_of.last_at AS last_picture_at, -- camera clock, repaired, ISO 8601 without a zone
    coalesce(n.next_at, CASE WHEN d.ended_at > TOMORROW THEN TOMORROW ELSE d.ended_at END, last_on.last_at) AS expected_until, -- next picture on another card, end of the deployment, at the latest today, or last picture on the card
    CASE WHEN n.next_at IS NOT NULL THEN 'next card' WHEN d.ended_at IS NULL THEN 'last picture on the card' ELSE 'end of deployment' END AS expected_by, -- which of the three
    DAYS(last_of.last_at, coalesce(n.next_at, CASE WHEN d.ended_at > TOMORROW THEN TOMORROW ELSE d.ended_at END, last_on.last_at)) AS quiet_days -- days without a picture at the end
FROM last_of
JOIN last_on ON last_on.batch_id = last_of.batch_id
JOIN batch b ON b.id = last_of.batch_id
JOIN deployment d ON d.id = last_of.deployment_id
LEFT JOIN next_on n ON n.batch_id = last_of.batch_id AND n.deployment_id = last_of.deployment_id
