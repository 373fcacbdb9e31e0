-- Who is told of a visit: one row a visit and channel, and how far that is.
SELECT
    a.id AS alert_id, -- number
    m.sha256 AS flag_id, -- media_id of the visit's first picture, as in flags and events
    d.name AS deployment_id, -- see deployments
    a.channel AS channel, -- as in alerts.toml
    a.state AS state, -- queued, sent, failed (given up), acknowledged, dismissed
    a.age AS age, -- live: it arrived soon after it was taken; historic
    a.severity AS severity, -- 1 look when there is time, 2 look today, 3 look now
    a.rules AS rules, -- names of the rules that fired, JSON; species: an animal that the channel lists
    a.reason AS reason, -- in words
    a.seen_at AS seen_at, -- first picture, UTC; empty: not known
    a.queued_at AS queued_at, -- UTC
    a.tries AS tries, -- how often it was sent
    CASE a.state WHEN 'queued' THEN a.next_try_at END AS next_try_at, -- UTC
    a.ended_at AS ended_at, -- when it was sent, given up, acknowledged or dismissed, UTC
    a.error AS error, -- what the receiver said last
    a.receipt AS receipt, -- the receiver's own name for it
    a.said_by AS said_by -- who acknowledged or dismissed it
FROM alert a
JOIN media m ON m.id = a.media_id
JOIN deployment d ON d.id = m.deployment_id
