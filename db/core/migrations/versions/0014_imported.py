"""Data sets of others come in: pictures known by name alone, and programs that are not ours.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0014", "0013"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "imported",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("source_id", TEXT, nullable=False),
        sa.Column("file_path", TEXT, nullable=False),
        sa.Column("file_name", TEXT, nullable=False),
        sa.Column("event", TEXT),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_imported_media_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_imported_batch_id")),
        sa.PrimaryKeyConstraint("media_id", "batch_id", name=op.f("pk_imported")),
        sa.UniqueConstraint("batch_id", "source_id", name=op.f("uq_imported_batch_id_source_id")),
    )
    for table in ("label", "visit"):
        op.add_column(table, sa.Column("classified_by", TEXT))


def downgrade() -> None:
    for table in ("label", "visit"):
        op.drop_column(table, "classified_by")
    op.drop_table("imported")
