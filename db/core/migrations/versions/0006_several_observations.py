"""Any number of observations of a picture and of a visit, each taxon with its own times.

A review was one row a picture, and a second row took the first one's place: of zebra 2 and
wildebeest 7 only the wildebeest stayed. Rows now form answers, which count as a whole, and have
Camtrap DP's words for what an animal is and does. Each row that stood before is an answer by
itself, in the order in which they came, so the newest one counts as before.

A taxon of a visit had the visit's times: in a herd's visit of two hours the lion of a minute stood
at its begin. Taxa get the times of the pictures that show them, by the labels that stand; a taxon
that went for more than a minute and came back has a row each time in visit_stretch.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

revision, down_revision = "0006", "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WORDS = ("life_stage", "sex", "behavior", "individual_id")
NUMBERS = ("answer", "position")
UNIQUE = "uq_review_media_id_answer_position"
GAP = timedelta(seconds=60)  # of a visit, by its default
PICTURES = """
SELECT x.visit_id, x.media_id, coalesce(z.taken_at, m.taken_at) AS taken_at, k.state,
    k.count AS boxed, t.observation_type AS kind, t.name
FROM visit_media x
JOIN visit v ON v.id = x.visit_id
JOIN media m ON m.id = x.media_id
JOIN batch b ON b.id = m.batch_id
LEFT JOIN repaired_time z ON z.media_id = m.id
LEFT JOIN look k ON k.media_id = m.id AND k.recipe_id = b.look_recipe_id
LEFT JOIN label t ON t.media_id = m.id AND t.recipe_id = v.recipe_id
ORDER BY x.visit_id, coalesce(z.taken_at, m.taken_at), m.path, m.sha256
"""
TAXA = "SELECT visit_id, position, observation_type AS kind, name FROM visit_taxon ORDER BY 1, 2"


def upgrade() -> None:
    _reviews()
    _taxa()


def _reviews() -> None:
    for name in NUMBERS:
        op.add_column("review", sa.Column(name, sa.Integer()))
    for name in WORDS:
        op.add_column("review", sa.Column(name, TEXT))
    op.execute("CREATE TEMPORARY TABLE turn (id INTEGER PRIMARY KEY, answer INTEGER NOT NULL)")
    op.execute(
        "INSERT INTO turn SELECT id, row_number() OVER (PARTITION BY media_id ORDER BY id)"
        " FROM review"
    )
    op.execute(
        "UPDATE review SET position = 0,"
        " answer = (SELECT turn.answer FROM turn WHERE turn.id = review.id)"
    )
    op.execute("DROP TABLE turn")
    op.drop_index("ix_review_media_id", "review")  # the rule below has one of its own
    with op.batch_alter_table("review") as table:
        for name in NUMBERS:
            table.alter_column(name, existing_type=sa.Integer(), nullable=False)
        table.create_unique_constraint(UNIQUE, ["media_id", *NUMBERS])


def _taxa() -> None:
    op.create_table(
        "visit_stretch",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("stretch", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("started_at", TEXT),
        sa.Column("ended_at", TEXT),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer()),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_visit_stretch_media_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_stretch_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", "position", "stretch", name=op.f("pk_visit_stretch")),
    )
    op.create_index(op.f("ix_visit_stretch_media_id"), "visit_stretch", ["media_id"])
    with op.batch_alter_table("visit_taxon") as table:
        table.add_column(sa.Column("media_id", sa.Integer()))
        table.add_column(sa.Column("started_at", TEXT))
        table.add_column(sa.Column("ended_at", TEXT))
        table.add_column(sa.Column("count", sa.Integer()))
        table.create_foreign_key(op.f("fk_visit_taxon_media_id"), "media", ["media_id"], ["id"])
    op.create_index(op.f("ix_visit_taxon_media_id"), "visit_taxon", ["media_id"])
    conn = op.get_bind()
    tables = sa.MetaData()
    tables.reflect(conn, only=["visit_taxon", "visit_stretch"])
    taxon, stretch = tables.tables["visit_taxon"], tables.tables["visit_stretch"]
    mine = (taxon.c.visit_id == sa.bindparam("visit")) & (taxon.c.position == sa.bindparam("at"))
    names = ("pictures", "media_id", "started_at", "ended_at", "count")
    change = sa.update(taxon).where(mine).values({name: sa.bindparam(name) for name in names})
    for some in _parts(conn):
        seen = [{"visit": visit, "at": at, **_whole(parts)} for visit, at, parts in some]
        conn.execute(change, seen)
        apart = [
            {"visit_id": visit, "position": at, "stretch": number, **part}
            for visit, at, parts in some
            for number, part in enumerate(parts if len(parts) > 1 else ())
        ]
        if apart:
            conn.execute(stretch.insert(), apart)


def _parts(conn: Connection) -> Iterator[list[tuple[int, int, list[dict[str, Any]]]]]:
    """(visit, position of the taxon, its stretches) of taxa that any picture shows, in chunks."""
    taxa: dict[int, dict[int, tuple[str, str | None]]] = {}
    for visit, position, kind, name in conn.exec_driver_sql(TAXA):
        taxa.setdefault(visit, {})[position] = kind, name
    found: list[tuple[int, int, list[dict[str, Any]]]] = []
    for visit, pictures in groupby(conn.exec_driver_sql(PICTURES), key=lambda row: row[0]):
        shown = _shown([*pictures], taxa.get(visit, {}))
        found += [(visit, at, _stretches(mine, kind)) for at, (kind, mine) in shown.items() if mine]
        if len(found) > 1000:
            yield found
            found = []
    if found:
        yield found


def _shown(
    pictures: list[sa.Row[Any]], taxa: dict[int, tuple[str, str | None]]
) -> dict[int, tuple[str, list[sa.Row[Any]]]]:
    """By position its type and the pictures that show it: further taxa by type and name, then the
    visit's own by type; where no picture is labelled so, it keeps the visit's times."""
    shown: dict[int, tuple[str, list[sa.Row[Any]]]] = {at: (taxa[at][0], []) for at in taxa}
    further = {taxon: at for at, taxon in taxa.items() if at}
    for row in pictures:
        if row.kind is None or row.state == "blank":
            continue
        at = further.get((row.kind, row.name))
        if at is None and 0 in taxa and row.kind == taxa[0][0]:
            at = 0
        if at is not None:
            shown[at][1].append(row)
    return shown


def _stretches(pictures: list[sa.Row[Any]], kind: str) -> list[dict[str, Any]]:
    runs: list[list[sa.Row[Any]]] = []
    last = None
    for row in pictures:
        at = datetime.fromisoformat(row.taken_at) if row.taken_at else None
        if not runs or (at and last and at - last > GAP):
            runs.append([])
        runs[-1].append(row)
        last = at
    return [
        {
            "media_id": run[0].media_id,
            "started_at": run[0].taken_at,
            "ended_at": run[-1].taken_at,
            "pictures": len(run),
            "count": _most([row.boxed for row in run if kind in ("animal", "human")]),
        }
        for run in runs
    ]


def _whole(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """What a taxon's stretches say together."""
    pictures = sum(part["pictures"] for part in parts)
    ends = {**parts[0], "ended_at": parts[-1]["ended_at"], "pictures": pictures}
    return {**ends, "count": _most([part["count"] for part in parts])}


def _most(counts: list[int | None]) -> int | None:
    return max((count for count in counts if count is not None), default=None)


def downgrade() -> None:
    op.drop_table("visit_stretch")
    op.drop_index("ix_visit_taxon_media_id", "visit_taxon")
    with op.batch_alter_table("visit_taxon") as table:
        table.drop_constraint("fk_visit_taxon_media_id", type_="foreignkey")
        for name in ("media_id", "started_at", "ended_at", "count"):
            table.drop_column(name)
    with op.batch_alter_table("review") as table:
        table.drop_constraint(UNIQUE, type_="unique")
        for name in (*NUMBERS, *WORDS):
            table.drop_column(name)
    op.create_index("ix_review_media_id", "review", ["media_id"])
