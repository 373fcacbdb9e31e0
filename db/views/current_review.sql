-- The reviews that count, by internal keys: of each picture the newest one, and beside it the newest
-- one of the visit that begins with it (purpose event). Newest by the time given, else by when it
-- was saved.
SELECT
    r.id AS review_id, -- internal key
    r.media_id AS media_id, -- internal key of the picture
    r.purpose = 'event' AS of_visit -- true: of the whole visit that begins with this picture
FROM review r
WHERE NOT EXISTS (
    SELECT 1 FROM review n
    WHERE n.media_id = r.media_id AND (n.purpose = 'event') = (r.purpose = 'event')
        AND (coalesce(n.reviewed_at, n.saved_at), n.id) > (coalesce(r.reviewed_at, r.saved_at), r.id)
)
