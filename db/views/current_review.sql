-- The reviews that count, by internal keys: of each picture all rows of the newest answer, and beside
-- them those of the newest answer on the visit that begins with it (purpose event). An answer counts
-- as a whole; newest by the time given, else by when it was saved.
SELECT
    r.id AS review_id, -- internal key
    r.media_id AS media_id, -- internal key of the picture
    r.purpose = 'event' AS of_visit, -- true: of the whole visit that begins with this picture
    r.position AS position -- 0: stands for the picture (people before animals, then the larger count); 1, 2, ...: what else is on it
FROM review r
WHERE NOT EXISTS (
    SELECT 1 FROM review n
    WHERE n.media_id = r.media_id AND (n.purpose = 'event') = (r.purpose = 'event')
        AND (coalesce(n.reviewed_at, n.saved_at), n.answer) > (coalesce(r.reviewed_at, r.saved_at), r.answer)
)
