"""Whether a data set of others shows a picture that it names.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0015", "0014"


def upgrade() -> None:
    op.add_column("imported", sa.Column("public", sa.Boolean()))


def downgrade() -> None:
    op.drop_column("imported", "public")
