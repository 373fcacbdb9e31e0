"""Who was shown a picture of people as it is, not pixelated, is written down.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0009", "0008"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "access_to_people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("reviewer", TEXT, nullable=False),
        sa.Column("task", TEXT, nullable=False),
        sa.Column("asked_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media.id"], name=op.f("fk_access_to_people_media_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_to_people")),
    )
    op.create_index(op.f("ix_access_to_people_media_id"), "access_to_people", ["media_id"])


def downgrade() -> None:
    op.drop_table("access_to_people")
