-- Visits that a ranger should see: suspected, until a person confirms or dismisses them.
SELECT
    m.sha256 AS flag_id, -- media_id of its first picture
    b.name AS batch, -- the card that brought its first picture
    d.name AS deployment_id, -- see deployments
    d.location_name AS location_name, -- place
    d.latitude AS latitude, -- degrees north
    d.longitude AS longitude, -- degrees east
    g.started_at AS started_at, -- camera clock, ISO 8601 without a zone
    UTC(g.started_at, coalesce(CASE c.kind WHEN 'zone' THEN d.utc_offset_min END, m.utc_offset_min, d.utc_offset_min)) AS started_at_utc, -- empty without an offset
    g.severity AS severity, -- 1 look when there is time, 2 look today, 3 look now
    g.score AS score, -- 0-1
    g.rules AS rules, -- names of the rules that fired, JSON
    CASE WHEN y.confirmed IS NULL THEN g.reason WHEN y.confirmed THEN replace(g.reason, 'Suspected: ', 'Confirmed: ') ELSE replace(g.reason, 'Suspected: ', 'Dismissed: ') END AS reason, -- one sentence a rule
    (SELECT count(*) FROM flag_media x WHERE x.flag_id = g.id) AS pictures, -- it is made of
    CASE WHEN y.confirmed IS NULL THEN 'suspected' WHEN y.confirmed THEN 'confirmed' ELSE 'dismissed' END AS status, -- suspected, confirmed, dismissed
    y.reviewer AS reviewer, -- who confirmed or dismissed it
    y.said_at AS said_at, -- when, UTC
    y.comment AS comment -- free words
FROM flag g
JOIN batch b ON b.id = g.batch_id AND b.flag_recipe_id = g.recipe_id
JOIN deployment d ON d.id = g.deployment_id
JOIN media m ON m.id = g.media_id
LEFT JOIN repaired_time z ON z.media_id = m.id
LEFT JOIN clock_repair c ON c.id = z.clock_repair_id
LEFT JOIN verdict y ON y.id = (
    SELECT max(v.id) FROM verdict v JOIN flag_media x ON x.media_id = v.media_id WHERE x.flag_id = g.id
)
