"""Clips are media like pictures: how long they are, and which of their frames were looked at.

Databases of before have pictures alone: the files of kind `video` are looked at by the next run of
their card.

Revision ID: 0012
Revises: 0011
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0012", "0011"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COLUMNS: tuple[tuple[str, str, sa.types.TypeEngine[Any]], ...] = (
    ("media", "duration_s", sa.Double()),
    ("media", "frame_rate", sa.Double()),
    ("look", "frame_number", sa.Integer()),
    ("look", "frames", TEXT),
)


def upgrade() -> None:
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind))


def downgrade() -> None:
    for table, name, _ in reversed(COLUMNS):
        op.drop_column(table, name)
