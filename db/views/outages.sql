-- When cameras did not work, as people entered it or the program proposed it from silence.
SELECT
    o.id AS outage_id, -- its number in `camtriage outages list`
    d.name AS deployment_id, -- see deployments
    coalesce(d.location_id, d.name) AS station, -- the place
    o.started_at AS started_at, -- camera clock, ISO 8601 without a zone
    o.ended_at AS ended_at, -- empty: to the end of the deployment
    o.reason AS reason, -- why
    o.source AS source, -- entered, proposed, dismissed (proposed, and a person said no)
    o.accepted AS accepted, -- true: its days are no effort; false: only proposed, or dismissed
    o.said_by AS said_by, -- who entered or accepted it
    o.said_at AS said_at -- when, UTC
FROM outage o
JOIN deployment d ON d.id = o.deployment_id
