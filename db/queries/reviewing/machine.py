"""What the machine alone says of pictures, whatever people said: to be compared with the truth."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.rows import chunks

_SAYS = """
SELECT m.sha256, b.root, b.name AS batch, m.path, m.taken_at,
    d.name AS deployment, coalesce(d.location_id, d.name) AS station,
    k.light, k.state, k.p_blank, k.p_human, k.p_vehicle, k.decided_by,
    t.observation_type, t.name, t.rank, t.probability,
    b.look_recipe_id AS look, b.label_recipe_id AS label
FROM media m
JOIN batch b ON b.id = m.batch_id
JOIN deployment d ON d.id = m.deployment_id
LEFT JOIN look k ON k.media_id = m.id AND k.recipe_id = b.look_recipe_id
LEFT JOIN label t ON t.media_id = m.id AND t.recipe_id = b.label_recipe_id
WHERE m.sha256 IN :shas
ORDER BY d.name, m.path, m.sha256
"""


def machine_says(conn: Connection, sha256s: Iterable[str]) -> list[sa.Row[Any]]:
    """Of each picture its current scores and label; state None: it was never looked at."""
    query = sa.text(_SAYS).bindparams(sa.bindparam("shas", expanding=True))
    return [row for part in chunks(sha256s) for row in conn.execute(query, {"shas": part})]
