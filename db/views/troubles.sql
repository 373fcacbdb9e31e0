-- File problems: every file with something wrong, and what. A picture may have one and still be scored.
SELECT
    b.name AS batch, -- the card
    t.path AS path, -- on the card, relative to its root
    t.step AS step, -- where it was noticed: ingest, look, ...
    t.reason AS reason, -- unreadable, truncated, empty, not_a_picture, too_large, doubled, animated, outside_deployment, vanished, left_out
    t.detail AS detail -- one line for a person
FROM trouble t
JOIN batch b ON b.id = t.batch_id
