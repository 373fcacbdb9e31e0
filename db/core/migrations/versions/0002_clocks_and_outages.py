"""Repairs of clocks, the times that they make, and outages of cameras.

New tables alone: no row that stood before changes.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "clock_repair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer()),
        sa.Column("first_at", TEXT),
        sa.Column("last_at", TEXT),
        sa.Column("first_path", TEXT),
        sa.Column("last_path", TEXT),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("parameters", TEXT, nullable=False),
        sa.Column("comment", TEXT),
        sa.Column("made_by", TEXT),
        sa.Column("made_at", TEXT, nullable=False),
        sa.Column("undone_by", TEXT),
        sa.Column("undone_at", TEXT),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_clock_repair_batch_id")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_clock_repair_deployment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_repair")),
    )
    op.create_index(op.f("ix_clock_repair_batch_id"), "clock_repair", ["batch_id"])
    op.create_index(op.f("ix_clock_repair_deployment_id"), "clock_repair", ["deployment_id"])
    op.create_table(
        "repaired_time",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("clock_repair_id", sa.Integer(), nullable=False),
        sa.Column("taken_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["clock_repair_id"], ["clock_repair.id"], name=op.f("fk_repaired_time_clock_repair_id")
        ),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_repaired_time_media_id")),
        sa.PrimaryKeyConstraint("media_id", name=op.f("pk_repaired_time")),
    )
    op.create_index(op.f("ix_repaired_time_clock_repair_id"), "repaired_time", ["clock_repair_id"])
    op.create_table(
        "outage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("ended_at", TEXT),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("said_by", TEXT),
        sa.Column("said_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_outage_deployment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
        sa.UniqueConstraint(
            "deployment_id", "started_at", name=op.f("uq_outage_deployment_id_started_at")
        ),
    )


def downgrade() -> None:
    for name in ("outage", "repaired_time", "clock_repair"):
        op.drop_table(name)
