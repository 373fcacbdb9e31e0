-- The audit by deployment. A deployment with reviewed = 0 is unaudited: nothing is known of its misses.
WITH states AS (
    SELECT batch_id, deployment_id,
        count(CASE WHEN state = 'blank' THEN 1 END) AS blanks,
        count(CASE WHEN state = 'kept' THEN 1 END) AS kept
    FROM status
    GROUP BY batch_id, deployment_id
)
SELECT
    b.name AS batch, -- the card
    d.name AS deployment_id, -- see deployments
    states.blanks AS blanks, -- pictures called blank
    states.kept AS kept, -- pictures kept
    CAST(coalesce(sum(a.drawn), 0) AS bigint) AS drawn, -- of the blanks, at random
    CAST(coalesce(sum(a.reviewed), 0) AS bigint) AS reviewed, -- of the drawn, decided by a person
    CAST(coalesce(sum(a.missed), 0) AS bigint) AS missed, -- of the reviewed, not blank after all
    CAST(coalesce(sum(a.undecided), 0) AS bigint) AS undecided, -- of the drawn, a person could not tell
    CASE WHEN coalesce(sum(a.reviewed), 0) > 0 THEN 'audited' ELSE 'unaudited' END AS verdict -- audited, unaudited
FROM states
JOIN batch b ON b.id = states.batch_id
JOIN deployment d ON d.id = states.deployment_id
LEFT JOIN audit_strata a ON a.batch = b.name AND a.deployment_id = d.name
GROUP BY b.name, d.name, states.blanks, states.kept
