"""The review screen: an answer may be taken back, a visit belongs to one reviewer at a time, and a
picture may be a favourite.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0011", "0010"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("review", sa.Column("withdrawn_at", TEXT, nullable=True))
    for name, time in (("review_claim", "until"), ("favourite", "said_at")):
        op.create_table(
            name,
            sa.Column("media_id", sa.Integer(), nullable=False),
            sa.Column("reviewer", TEXT, nullable=False),
            sa.Column(time, TEXT, nullable=False),
            sa.PrimaryKeyConstraint("media_id", name=op.f(f"pk_{name}")),
            sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f(f"fk_{name}_media_id")),
        )


def downgrade() -> None:
    op.drop_table("favourite")
    op.drop_table("review_claim")
    with op.batch_alter_table("review") as table:
        table.drop_column("withdrawn_at")
