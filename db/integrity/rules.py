"""What must hold between rows, and no key or constraint says: for db/integrity/check.py.

Each rule is a sentence and a query of both databases that counts the rows that break it.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema, views
from pipeline.counted import counted
from pipeline.records import (
    KINDS,
    LIFE_STAGES,
    NAMED,
    OBSERVATION_TYPES,
    REASONS,
    SEXES,
    VISIT,
)


def _of(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _beyond(*columns: str) -> str:
    return " OR ".join(f"NOT ({column} BETWEEN 0 AND 1)" for column in columns)


SEEN = f"substr(m.sha256, 1, 6) NOT IN ({_of((NAMED, VISIT))})"  # its bytes, by a card

RULES = {
    "files of an unknown kind": f"file WHERE kind NOT IN ({_of(KINDS)})",
    "files that hold a picture and are of another kind": (
        "file WHERE media_id IS NOT NULL AND kind NOT IN ('picture', 'video')"
    ),
    "pictures that stand in no file of their card": (
        f"media AS m WHERE {SEEN} AND NOT EXISTS"
        " (SELECT 1 FROM file AS f WHERE f.batch_id = m.batch_id AND f.path = m.path)"
    ),
    "pictures without bytes that no data set names": (
        f"media AS m WHERE NOT ({SEEN}) AND NOT EXISTS"
        " (SELECT 1 FROM imported AS i WHERE i.media_id = m.id AND i.batch_id = m.batch_id)"
    ),
    "pictures whose sha-256 is none": (
        "media WHERE length(sha256) <> 64 OR lower(sha256) <> sha256"
    ),
    "pictures in a window of another card": (
        "media AS m JOIN work_window AS w ON w.id = m.work_window_id WHERE w.batch_id <> m.batch_id"
    ),
    "troubles of an unknown reason": f"trouble WHERE reason NOT IN ({_of(REASONS)})",
    "looks of an unknown state": "look WHERE state NOT IN ('blank', 'kept', 'failed')",
    "looks without scores": (
        "look AS k WHERE k.state <> 'failed' AND k.p_blank IS NULL"
        " AND coalesce(k.decided_by, '') <> 'data_set'"
    ),
    "looks with scores beyond 0 and 1": (
        "look WHERE " + _beyond("p_blank", "p_animal", "p_human", "p_vehicle")
    ),
    "alerts in an unknown state": (
        "alert WHERE state NOT IN ('queued', 'sent', 'failed', 'acknowledged', 'dismissed')"
        " OR age NOT IN ('live', 'historic')"
    ),
    "boxes of an unknown kind": "box WHERE category NOT IN ('animal', 'human', 'vehicle')",
    "boxes beyond their picture": (
        "box WHERE "
        + _beyond("x", "y", "width", "height", "confidence")
        + " OR x + width > 1.000001 OR y + height > 1.000001"
    ),
    "boxes of pictures that were never scored": (
        "box AS x WHERE NOT EXISTS (SELECT 1 FROM look AS k WHERE k.media_id = x.media_id"
        " AND k.recipe_id = x.recipe_id AND k.state <> 'failed')"
    ),
    "labels with probabilities beyond 0 and 1": (
        "label WHERE " + _beyond("probability", "raw_probability")
    ),
    "labels of an unknown kind": (
        f"label WHERE observation_type NOT IN ({_of(OBSERVATION_TYPES)})"
    ),
    "reviews of an unknown kind": (
        f"review WHERE observation_type NOT IN ({_of(OBSERVATION_TYPES)})"
    ),
    "reviews of an unknown life stage or sex": (
        f"review WHERE life_stage NOT IN ({_of(LIFE_STAGES)}) OR sex NOT IN ({_of(SEXES)})"
    ),
    "answers that have lost a row": (
        "(SELECT media_id FROM review GROUP BY media_id, answer"
        " HAVING max(position) <> count(*) - 1) AS torn"
    ),
    "answers of blank and something else": (
        "review AS r JOIN review AS n ON n.media_id = r.media_id AND n.answer = r.answer"
        " AND n.position > r.position WHERE 'blank' IN (r.observation_type, n.observation_type)"
    ),
    "taxa that begin with a picture of another visit": (
        "visit_taxon AS t WHERE t.media_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM visit_media"
        " AS x WHERE x.visit_id = t.visit_id AND x.media_id = t.media_id)"
    ),
    "visits without their first picture": (
        "visit AS v WHERE NOT EXISTS"
        " (SELECT 1 FROM visit_media AS x WHERE x.visit_id = v.id AND x.media_id = v.media_id)"
    ),
    "visits with pictures of another deployment": (
        "visit AS v WHERE EXISTS (SELECT 1 FROM visit_media AS x JOIN media AS m"
        " ON m.id = x.media_id WHERE x.visit_id = v.id AND m.deployment_id <> v.deployment_id)"
    ),
    "flags without their first picture": (
        "flag AS g WHERE NOT EXISTS"
        " (SELECT 1 FROM flag_media AS x WHERE x.flag_id = g.id AND x.media_id = g.media_id)"
    ),
    "pictures of the audit with an impossible chance": (
        "audit_draw WHERE drawn > stratum_size OR NOT (probability > 0 AND probability <= 1)"
    ),
    "cards whose current recipes are of another step": (
        "batch AS b JOIN recipe AS r ON r.id = b.look_recipe_id AND r.step <> 'look'"
        " OR r.id = b.label_recipe_id AND r.step <> 'label'"
        " OR r.id = b.flag_recipe_id AND r.step <> 'flag'"
    ),
}


def broken(conn: Connection) -> Iterator[str]:
    for sentence, rows in RULES.items():
        if n := conn.exec_driver_sql(f"SELECT count(*) FROM {rows}").scalar():
            yield f"{n} {sentence}"


def texts(conn: Connection) -> Iterator[str]:
    """Times and JSON are text to the database: what is no time and no JSON would stop a reader."""
    for table in schema.metadata.sorted_tables:
        for column in table.c:
            text = sa.cast(column, sa.Text)
            whole: sa.ColumnElement[bool]
            if isinstance(column.type, schema.Time):
                whole = text.like("____-__-__T__:__:__%")
            elif isinstance(column.type, schema.Json):
                whole = sa.or_(text.like("{%}"), text.like("[%]"), text.in_(("null", "")))
            else:
                continue
            count = sa.select(sa.func.count()).select_from(table)
            if n := conn.execute(count.where(column.is_not(None), sa.not_(whole))).scalar():
                yield f"{table.name}.{column.name}: {counted(n, 'row')} cannot be read"


def missing(conn: Connection) -> Iterator[str]:
    """Tables, columns, indices and views that are missing."""
    look = sa.inspect(conn)
    here = set(look.get_table_names())
    for table in schema.metadata.sorted_tables:
        if table.name not in here:
            yield f"table {table.name} is missing"
            continue
        columns = {column["name"] for column in look.get_columns(table.name)}
        indices = {index["name"] for index in look.get_indexes(table.name)}
        for name in sorted(set(table.c.keys()) - columns):
            yield f"column {table.name}.{name} is missing"
        wanted = {str(index.name) for index in table.indexes}
        for name in sorted(wanted - indices):
            yield f"index {name} is missing: queries will be slow"
    for name in sorted(set(views.VIEWS) - set(look.get_view_names())):
        yield f"view {name} is missing"
