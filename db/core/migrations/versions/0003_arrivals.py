"""The inbox remembers in the database which folders it has taken, and what came of them.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "arrival",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("folder", TEXT, nullable=False),
        sa.Column("listing", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("flow_run", TEXT, nullable=False),
        sa.Column("taken_at", TEXT, nullable=False),
        sa.Column("ended_at", TEXT),
        sa.Column("message", TEXT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival")),
        sa.UniqueConstraint("folder", "listing", name=op.f("uq_arrival_folder_listing")),
    )
    op.create_index(op.f("ix_arrival_flow_run"), "arrival", ["flow_run"])


def downgrade() -> None:
    op.drop_table("arrival")
