-- One row a picture or clip: what the camera wrote into it, and its time in UTC where an offset is known.
SELECT
    m.sha256 AS media_id, -- sha-256 of the file's bytes; named-... or visit-...: a data set of others names the picture, or has none for a visit
    b.name AS batch, -- the card that brought it first
    d.name AS deployment_id, -- see deployments
    m.path AS path, -- on the card, relative to its root
    coalesce(r.taken_at, m.taken_at) AS taken_at, -- the camera's own clock, repaired where a repair stands, ISO 8601 without a zone; a day alone: its hour is not known
    m.taken_at AS camera_time, -- the same as the camera wrote it: no repair changes it
    m.clock AS clock, -- where camera_time comes from: exif, makernote, container (of a clip), file_name, file_date, data_set (as one says), none
    c.kind AS clock_repair, -- shift, year, zone, am_pm, drift, set; empty: none stands
    CASE
        WHEN coalesce(r.taken_at, m.taken_at) IS NULL OR length(coalesce(r.taken_at, m.taken_at)) = 10 THEN FALSE
        WHEN r.media_id IS NULL AND (m.clock = 'file_date' OR d.timestamp_issues) THEN FALSE
        WHEN coalesce(r.taken_at, m.taken_at) < d.started_at OR coalesce(r.taken_at, m.taken_at) > d.ended_at THEN FALSE
        ELSE coalesce(r.taken_at, m.taken_at) >= '2005'
    END AS time_certain, -- false: no time or no hour, a file's own date, before 2005, outside the deployment, or a clock that its table doubts and nobody repaired
    m.time_text AS time_text, -- the time as the camera wrote it
    coalesce(CASE c.kind WHEN 'zone' THEN d.utc_offset_min END, m.utc_offset_min, d.utc_offset_min) AS utc_offset_min, -- minutes east of Greenwich: of the picture, else of its deployment; of that too where the repair is zone
    CASE WHEN length(coalesce(r.taken_at, m.taken_at)) > 10 THEN UTC(coalesce(r.taken_at, m.taken_at), coalesce(CASE c.kind WHEN 'zone' THEN d.utc_offset_min END, m.utc_offset_min, d.utc_offset_min)) END AS taken_at_utc, -- derived from the two; empty without an offset or an hour
    m.capture_method AS capture_method, -- activityDetection, timeLapse; empty: not known
    m.mediatype AS mediatype, -- image/jpeg, ...; video/mp4, ... of a clip
    m.duration_s AS duration_s, -- of a clip, seconds from taken_at on; empty: a picture, or not known
    m.frame_rate AS frame_rate, -- of a clip, frames a second
    m.size AS size_bytes, -- bytes
    m.width AS width, -- pixels, as stored
    m.height AS height, -- pixels, as stored
    m.make AS camera_make, -- from EXIF
    m.model AS camera_model, -- from EXIF
    m.serial AS camera_serial, -- from EXIF or maker note
    m.latitude AS latitude, -- degrees north, from the picture's own GPS
    m.longitude AS longitude, -- degrees east, from the picture's own GPS
    m.temperature_c AS temperature_c, -- degrees Celsius, by the camera
    m.moon AS moon, -- phase, by the camera
    m.sequence_n AS sequence_n, -- "1 of 5": 1
    m.sequence_m AS sequence_m, -- "1 of 5": 5
    m.camera_event AS camera_event, -- the camera's own event number
    m.camera_label AS camera_label, -- what the owner typed into the camera
    w.number AS window_number, -- piece of work within its deployment, from 0
    m.position AS window_position, -- place within the window, from 0
    m.burst AS burst -- number of the burst within its deployment, from 0
FROM media m
LEFT JOIN batch b ON b.id = m.batch_id
LEFT JOIN deployment d ON d.id = m.deployment_id
LEFT JOIN repaired_time r ON r.media_id = m.id
LEFT JOIN clock_repair c ON c.id = r.clock_repair_id
LEFT JOIN work_window w ON w.id = m.work_window_id
