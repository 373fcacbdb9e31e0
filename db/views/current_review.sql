-- The reviews that count, by internal keys: of each picture all rows of the newest answer, and beside
-- them those of the newest answer on the visit that begins with it (purpose event). An answer counts
-- as a whole; newest by the time given, else by when it was saved: so too where a day alone is given and
-- it was saved on that day, or before; an earlier day alone counts as its end. One that its reviewer
-- took back on the review screen does not count.
SELECT
    r.id AS review_id, -- internal key
    r.media_id AS media_id, -- internal key of the picture
    r.purpose = 'event' AS of_visit, -- true: of the whole visit that begins with this picture
    r.position AS position -- 0: stands for the picture (people before animals, then the larger count); 1, 2, ...: what else is on it
FROM review r
WHERE r.withdrawn_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM review n
    WHERE n.media_id = r.media_id AND (n.purpose = 'event') = (r.purpose = 'event')
        AND n.withdrawn_at IS NULL
        AND (coalesce(CASE WHEN length(n.reviewed_at) > 10 THEN n.reviewed_at
                WHEN n.reviewed_at < substr(n.saved_at, 1, 10) THEN n.reviewed_at || 'T24' END, n.saved_at), n.answer)
            > (coalesce(CASE WHEN length(r.reviewed_at) > 10 THEN r.reviewed_at
                WHEN r.reviewed_at < substr(r.saved_at, 1, 10) THEN r.reviewed_at || 'T24' END, r.saved_at), r.answer)
)
