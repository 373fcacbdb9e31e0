"""Who is told of a flag, and whether they have heard: a queue that survives days without a network.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0013", "0012"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("age", TEXT, nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("rules", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("seen_at", TEXT),
        sa.Column("queued_at", TEXT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", TEXT, nullable=False),
        sa.Column("ended_at", TEXT),
        sa.Column("error", TEXT),
        sa.Column("receipt", TEXT),
        sa.Column("said_by", TEXT),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_alert_media_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("media_id", "channel", name=op.f("uq_alert_media_id_channel")),
    )
    op.create_index(op.f("ix_alert_state_next_try_at"), "alert", ["state", "next_try_at"])


def downgrade() -> None:
    op.drop_table("alert")
