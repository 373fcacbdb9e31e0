-- One row for every file found on a card, pictures or not. A picture found twice has two rows.
SELECT
    b.name AS batch, -- the card
    f.path AS path, -- on the card, relative to its root
    f.kind AS kind, -- picture (by its ending or its first bytes), video, other, skipped
    f.size AS size_bytes, -- bytes
    m.sha256 AS media_id -- the picture it is; empty: none, see the view troubles
FROM file f
LEFT JOIN batch b ON b.id = f.batch_id
LEFT JOIN media m ON m.id = f.media_id
