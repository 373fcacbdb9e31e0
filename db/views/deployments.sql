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
    SELECT deployment_id, min(taken_at) AS first_at, max(taken_at) AS last_at
    FROM media
    WHERE taken_at IS NOT NULL
    GROUP BY deployment_id
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
    d.timestamp_issues AS timestamp_issues, -- true: the clock is not to be trusted
    d.source AS source, -- folder, or table (a deployments.csv)
    coalesce(seen.pictures, 0) AS pictures, -- brought by all cards
    coalesce(seen.days, 0) AS days_with_pictures, -- days
    span.first_at AS first_picture_at, -- camera clock
    span.last_at AS last_picture_at, -- camera clock
    DAYS(coalesce(d.started_at, span.first_at), coalesce(d.ended_at, span.last_at)) AS effort_days, -- days between set up and taken down, where not given first and last picture; outages not taken out
    CASE WHEN d.started_at IS NULL OR d.ended_at IS NULL THEN 'pictures' ELSE 'dates' END AS effort_basis -- dates (given), pictures (first or last one stands in)
FROM deployment d
LEFT JOIN seen ON seen.deployment_id = d.id
LEFT JOIN span ON span.deployment_id = d.id
