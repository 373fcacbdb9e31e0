"""A recipe says whose results it holds, so that another program's names never pass for ours.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0010", "0009"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("recipe", sa.Column("source", TEXT, nullable=True))


def downgrade() -> None:
    op.drop_column("recipe", "source")
