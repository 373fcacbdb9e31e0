-- One row a run. The counts are those of its batch as it stands now; as they stood at the end of the
-- run: counts_then. files = pictures + unreadable + videos + others + skipped: the sum closes.
WITH files_of AS (
    SELECT batch_id, count(*) AS files, count(media_id) AS pictures,
        count(CASE WHEN kind = 'video' AND media_id IS NOT NULL THEN 1 END) AS clips,
        count(CASE WHEN kind = 'picture' AND media_id IS NULL THEN 1 END) AS unreadable,
        count(CASE WHEN kind = 'video' AND media_id IS NULL THEN 1 END) AS videos,
        count(CASE WHEN kind = 'other' AND media_id IS NULL THEN 1 END) AS others,
        count(CASE WHEN kind = 'skipped' AND media_id IS NULL THEN 1 END) AS skipped
    FROM file
    GROUP BY batch_id
),
lost AS (
    SELECT f.batch_id, count(*) AS files
    FROM file f
    WHERE f.kind = 'picture' AND f.media_id IS NULL AND NOT EXISTS (
        SELECT 1 FROM trouble t WHERE t.batch_id = f.batch_id AND t.path = f.path
    )
    GROUP BY f.batch_id
),
states AS (
    SELECT batch_id,
        count(CASE WHEN state = 'unprocessed' THEN 1 END) AS unprocessed,
        count(CASE WHEN state = 'failed' THEN 1 END) AS failed,
        count(CASE WHEN state = 'blank' THEN 1 END) AS blank,
        count(CASE WHEN state = 'kept' THEN 1 END) AS kept
    FROM status
    GROUP BY batch_id
)
SELECT
    r.id AS run_id, -- in the order of starting
    b.name AS batch, -- the card
    r.status AS status, -- running (or killed), finished, unfinished, failed
    r.started_at AS started_at, -- UTC
    r.ended_at AS ended_at, -- UTC; empty: running, or killed
    r.version AS version, -- of camtriage
    r.models AS models, -- names and sha-256, JSON
    r.settings AS settings, -- all of them, JSON
    r.counts AS counts_then, -- at the end of the run, JSON
    r.message AS message, -- what went wrong, if anything
    coalesce(f.files, 0) AS files, -- found on the card
    coalesce(f.pictures, 0) AS pictures, -- files that are pictures or clips looked at, copies counted as often as found
    coalesce(f.clips, 0) AS clips, -- of them clips
    coalesce(f.unreadable, 0) AS unreadable, -- a picture's name, no picture: each is a file problem
    coalesce(f.videos, 0) AS videos, -- clips not looked at: the extra `video` is not installed, or a file problem
    coalesce(f.others, 0) AS others, -- files
    coalesce(f.skipped, 0) AS skipped, -- files, by name
    coalesce(f.files, 0) = coalesce(f.pictures + f.unreadable + f.videos + f.others + f.skipped, 0) AND lost.files IS NULL AS closes, -- true: every file ended somewhere
    coalesce(s.unprocessed, 0) AS unprocessed, -- pictures this card brought, not looked at yet
    coalesce(s.failed, 0) AS failed, -- could not be looked at
    coalesce(s.blank, 0) AS blank, -- nothing on them
    coalesce(s.kept, 0) AS kept, -- something on them
    (SELECT count(*) FROM trouble t WHERE t.batch_id = b.id) AS troubles, -- file problems: rows of the view troubles
    (SELECT count(*) FROM work_window w WHERE w.batch_id = b.id) AS windows, -- pieces of work
    (SELECT count(*) FROM work_window w JOIN window_done x ON x.work_window_id = w.id WHERE w.batch_id = b.id AND x.recipe_id = b.look_recipe_id) AS windows_done, -- of them done
    (SELECT count(*) FROM flag g WHERE g.batch_id = b.id AND g.recipe_id = b.flag_recipe_id) AS flags -- raised
FROM run r
LEFT JOIN batch b ON b.id = r.batch_id
LEFT JOIN files_of f ON f.batch_id = r.batch_id
LEFT JOIN lost ON lost.batch_id = r.batch_id
LEFT JOIN states s ON s.batch_id = r.batch_id
