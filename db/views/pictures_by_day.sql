-- Pictures by day of the camera's clock, deployment and card, and what became of them.
SELECT
    s.taken_on AS day, -- YYYY-MM-DD by the camera's clock; empty: no time
    d.name AS deployment_id, -- see deployments
    b.name AS batch, -- the card
    s.pictures AS pictures, -- all of them
    s.blank AS blank, -- nothing on them
    s.kept AS kept, -- something on them
    s.failed AS failed, -- could not be looked at
    s.unprocessed AS unprocessed -- not looked at yet
FROM (
    SELECT taken_on, deployment_id, batch_id, count(*) AS pictures,
        count(CASE WHEN state = 'blank' THEN 1 END) AS blank,
        count(CASE WHEN state = 'kept' THEN 1 END) AS kept,
        count(CASE WHEN state = 'failed' THEN 1 END) AS failed,
        count(CASE WHEN state = 'unprocessed' THEN 1 END) AS unprocessed
    FROM status
    GROUP BY deployment_id, taken_on, batch_id
) s
JOIN deployment d ON d.id = s.deployment_id
JOIN batch b ON b.id = s.batch_id
