"""The best pictures of each name and camera: with the largest, surest boxes of its kind."""

from sqlalchemy import Connection

from db.queries.day.rows import query, time_of
from db.store.scores import boxes_on
from pipeline.day_facts import PagePicture, SeenPicture

# A picture bears the name of its visit: of the taxon that its own label names, else of the first of
# its kind. One whose kind the visit does not have (a person said what it is) is left out.
_BEST = """
WITH taxa AS (
    SELECT visit_id, observation_type, name, position,
        row_number() OVER (PARTITION BY visit_id, observation_type ORDER BY position) AS nth
    FROM event_taxa WHERE batch_id IN :ids AND visit_id IS NOT NULL
),
drawn AS (
    SELECT x.media_id, x.category, max(x.confidence * x.confidence * x.width * x.height) AS score
    FROM box x JOIN media m ON m.id = x.media_id
    JOIN batch b ON b.id = m.batch_id AND b.look_recipe_id = x.recipe_id
    WHERE m.batch_id IN :ids AND x.sure
    GROUP BY x.media_id, x.category
),
named AS (
    SELECT s.media_id, s.deployment_id, s.taken_at, s.observation_type, s.p_human,
        coalesce(s.visit_id, -s.media_id) AS visit,
        CASE WHEN s.method = 'human' OR own.visit_id IS NOT NULL THEN s.name ELSE f.name END
            AS name,
        coalesce(x.score, 0) AS score,
        CASE s.observation_type WHEN 'animal' THEN s.p_animal WHEN 'human' THEN s.p_human
            ELSE s.p_vehicle END AS p
    FROM status s
    LEFT JOIN taxa own ON own.visit_id = s.visit_id AND own.observation_type = s.observation_type
        AND coalesce(own.name, '') = coalesce(s.name, '')
    LEFT JOIN taxa f ON f.visit_id = s.visit_id AND f.observation_type = s.observation_type
        AND f.nth = 1
    LEFT JOIN drawn x ON x.media_id = s.media_id AND x.category = s.observation_type
    WHERE s.batch_id IN :ids AND s.observation_type IN ('animal', 'human', 'vehicle')
        AND (s.method = 'human' OR f.visit_id IS NOT NULL)
),
ranked AS (
    SELECT n.*, m.sha256, m.path, m.batch_id,
        count(*) OVER (PARTITION BY n.observation_type, coalesce(n.name, ''), n.deployment_id)
            AS pictures,
        row_number() OVER (
            PARTITION BY n.observation_type, coalesce(n.name, ''), n.deployment_id, n.visit
            ORDER BY n.score DESC, coalesce(n.p, 0) DESC, n.taken_at IS NULL, n.taken_at, m.sha256
        ) AS in_visit
    FROM named n JOIN media m ON m.id = n.media_id
),
placed AS (
    SELECT r.*,
        row_number() OVER (
            PARTITION BY r.observation_type, coalesce(r.name, ''), r.deployment_id
            ORDER BY r.score DESC, coalesce(r.p, 0) DESC, r.taken_at IS NULL, r.taken_at, r.sha256
        ) AS place
    FROM ranked r WHERE r.in_visit = 1
)
SELECT r.observation_type, r.name, d.name AS deployment, r.taken_at, r.pictures, r.place, r.score,
    r.sha256, b.root, r.path, r.p_human
FROM placed r JOIN deployment d ON d.id = r.deployment_id JOIN batch b ON b.id = r.batch_id
WHERE r.place <= :most
ORDER BY r.observation_type, r.name, r.place, r.score DESC, d.name
"""


def best_pictures(conn: Connection, ids: list[int], most: int) -> list[SeenPicture]:
    """At most so many a name and camera, each of another visit."""
    rows = query(conn, _BEST, ids=ids, most=most)
    boxes = boxes_on(conn, (row.sha256 for row in rows))
    return [
        SeenPicture(
            row.observation_type,
            row.name,
            row.deployment,
            time_of(row.taken_at),
            row.pictures,
            row.place,
            row.score,
            PagePicture(
                row.sha256,
                row.root,
                row.path,
                row.p_human,
                row.observation_type,
                boxes.get(row.sha256, ()),
            ),
        )
        for row in rows
    ]
