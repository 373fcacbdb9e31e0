"""The boxes of a detector are kept: drawn on pages, counted and exported.

Databases of before have none: boxes that were imported left their counts and crops alone. A count
of animals is none of people, and the other way: where a picture's label is of the other kind, its
current result has no count.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"

MISTAKEN = """
UPDATE status SET count = NULL
WHERE review_id IS NULL AND count IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM batch b
    JOIN look k ON k.media_id = status.media_id AND k.recipe_id = b.look_recipe_id
    JOIN label t ON t.media_id = status.media_id AND t.recipe_id = b.label_recipe_id
    WHERE b.id = status.batch_id AND k.state = 'kept'
        AND t.observation_type = CASE WHEN k.p_human >= k.p_animal THEN 'human' ELSE 'animal' END
)
"""
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "box",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("category", TEXT, nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("width", sa.Double(), nullable=False),
        sa.Column("height", sa.Double(), nullable=False),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.Column("detector", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_box_media_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name=op.f("fk_box_recipe_id")),
        sa.PrimaryKeyConstraint("media_id", "recipe_id", "position", name=op.f("pk_box")),
    )
    op.execute(MISTAKEN)
    op.create_index(op.f("ix_box_recipe_id_media_id"), "box", ["recipe_id", "media_id"])


def downgrade() -> None:
    op.drop_table("box")
