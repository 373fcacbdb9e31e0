-- One row for a folder as it lay in the inbox once: when its files change, it is another arrival.
SELECT
    a.folder AS folder, -- its full path, where the inbox is watched
    a.status AS status, -- taken (waits, or runs), done, failed, cancelled
    a.tries AS tries, -- how often a run began on it
    a.taken_at AS taken_at, -- UTC, the newest try
    a.ended_at AS ended_at, -- UTC; empty: it waits or runs, or its machine died
    a.message AS message, -- why it failed
    a.flow_run AS flow_run -- the newest try's id in Prefect
FROM arrival a
