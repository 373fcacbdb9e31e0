-- How long each camera had been silent when its card was taken: the time from its last picture to
-- the end of the deployment, or, where no end is given, to the last picture on the same card.
WITH last_of AS (
    SELECT m.batch_id, m.deployment_id, max(coalesce(r.taken_at, m.taken_at)) AS last_at
    FROM media m
    LEFT JOIN repaired_time r ON r.media_id = m.id
    WHERE m.taken_at IS NOT NULL
    GROUP BY m.deployment_id, m.batch_id
),
last_on AS (
    SELECT batch_id, max(last_at) AS last_at FROM last_of GROUP BY batch_id
)
SELECT
    b.name AS batch, -- the card
    d.name AS deployment_id, -- see deployments
    d.location_name AS location_name, -- place
    last_of.last_at AS last_picture_at, -- camera clock, repaired, ISO 8601 without a zone
    coalesce(CASE WHEN d.ended_at > TOMORROW THEN TOMORROW ELSE d.ended_at END, last_on.last_at) AS expected_until, -- end of the deployment, at the latest today, or last picture on the card
    CASE WHEN d.ended_at IS NULL THEN 'last picture on the card' ELSE 'end of deployment' END AS expected_by, -- which of the two
    DAYS(last_of.last_at, coalesce(CASE WHEN d.ended_at > TOMORROW THEN TOMORROW ELSE d.ended_at END, last_on.last_at)) AS quiet_days -- days without a picture at the end
FROM last_of
JOIN last_on ON last_on.batch_id = last_of.batch_id
JOIN batch b ON b.id = last_of.batch_id
JOIN deployment d ON d.id = last_of.deployment_id
