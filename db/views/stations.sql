-- One row a station: where it is, and how long it was watched. Points for a map.
WITH effort AS (
    SELECT station, sum(days) AS days FROM watched GROUP BY station
)
SELECT
    coalesce(d.location_id, d.name) AS station, -- locationID; a deployment without one is its own station
    min(d.location_name) AS location_name, -- in words
    avg(d.latitude) AS latitude, -- degrees north; the mean of its deployments
    avg(d.longitude) AS longitude, -- degrees east
    count(*) AS deployments, -- at this station
    count(DISTINCT coalesce(d.camera_id, d.name)) AS cameras, -- that stood there
    min(d.started_at) AS set_up_at, -- first set up, camera clock; empty: not known
    CASE WHEN count(d.ended_at) = count(*) THEN max(d.ended_at) END AS taken_down_at, -- last taken down; empty: not known of one
    effort.days AS effort_days -- camera-days by the rule `exact` up to today, outages taken out; empty: no period is known
FROM deployment d
LEFT JOIN effort ON effort.station = coalesce(d.location_id, d.name)
GROUP BY coalesce(d.location_id, d.name), effort.days
