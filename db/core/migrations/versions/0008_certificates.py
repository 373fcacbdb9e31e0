"""Certificates stand with their evidence: what was promised of the blank filter, and why.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("recall", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("counted", TEXT, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("misses", sa.Double(), nullable=False),
        sa.Column("data_hash", TEXT, nullable=False),
        sa.Column("evidence", TEXT, nullable=False),
        sa.Column("models", TEXT, nullable=False),
        sa.Column("made_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("name", name=op.f("uq_certificate_name")),
    )


def downgrade() -> None:
    op.drop_table("certificate")
