-- One row a deployment: one camera, one place, one stretch of time, and what came from it.
WITH seen AS (
    SELECT deployment_id, CAST(sum(pictures) AS bigint) AS pictures, count(taken_on) AS days
    FROM (
        SELECT deployment_id, taken_on, count(*) AS pictures
        FROM status
        GROUP BY deployment_id, taken_on
    ) by_day
    GROUP BY deployment_id
),
span AS (
    SELECT m.deployment_id, min(coalesce(r.taken_at, m.taken_at)) AS first_at,
        max(coalesce(r.taken_at, m.taken_at)) AS last_at
    FROM media m
    LEFT JOIN repaired_time r ON r.media_id = m.id
    WHERE coalesce(r.taken_at, m.taken_at) IS NOT NULL
    GROUP BY m.deployment_id
),
stood AS (
    SELECT d.id, coalesce(CASE WHEN d.started_at > TOMORROW THEN TOMORROW ELSE d.started_at END, span.first_at) AS begun,
        coalesce(CASE WHEN d.ended_at > TOMORROW THEN TOMORROW ELSE d.ended_at END, span.last_at) AS ended
    FROM deployment d
    LEFT JOIN span ON span.deployment_id = d.id
),
broken AS (
    SELECT stood.id, sum(DAYS(CASE WHEN o.started_at > stood.begun THEN o.started_at ELSE stood.begun END, CASE WHEN o.ended_at < stood.ended THEN o.ended_at ELSE stood.ended END)) AS days
    FROM stood
    JOIN outage o ON o.deployment_id = stood.id
    WHERE o.accepted AND o.started_at < stood.ended AND coalesce(o.ended_at, stood.ended) > stood.begun
    GROUP BY stood.id
)
SELECT
    d.name AS deployment_id, -- unique
    d.location_id AS location_id, -- the place (station)
    d.location_name AS location_name, -- in words
    d.latitude AS latitude, -- degrees north
    d.longitude AS longitude, -- degrees east
    d.coordinate_uncertainty_m AS coordinate_uncertainty_m, -- metres
    d.started_at AS started_at, -- set up, camera clock; empty: not given
    d.ended_at AS ended_at, -- taken down, camera clock; empty: not given
    d.utc_offset_min AS utc_offset_min, -- of the camera's clock, minutes east of Greenwich
    d.camera_id AS camera_id, -- by its owner or its serial number
    d.camera_model AS camera_model, -- make and model
    d.tags AS tags, -- Camtrap DP deploymentTags
    d.timestamp_issues AS timestamp_issues, -- true: the clock is not to be trusted, by the table
    d.source AS source, -- folder, or table (a deployments.csv)
    coalesce(seen.pictures, 0) AS pictures, -- brought by all cards
    coalesce(seen.days, 0) AS days_with_pictures, -- days
    span.first_at AS first_picture_at, -- camera clock, repaired
    span.last_at AS last_picture_at, -- camera clock, repaired
    DAYS(stood.begun, stood.ended) - coalesce(broken.days, 0) AS effort_days, -- days between set up and taken down, at the latest today, where not given first and last picture; accepted outages taken out
    coalesce(broken.days, 0) AS outage_days, -- days taken out: accepted outages within that time
    CASE WHEN d.started_at IS NULL OR d.ended_at IS NULL THEN 'pictures' ELSE 'dates' END AS effort_basis -- dates (given), pictures (first or last one stands in)
FROM deployment d
JOIN stood ON stood.id = d.id
LEFT JOIN broken ON broken.id = d.id
LEFT JOIN seen ON seen.deployment_id = d.id
LEFT JOIN span ON span.deployment_id = d.id
