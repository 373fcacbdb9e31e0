"""The end of a deployment that is a day alone is the midnight that ends it.

It was kept as the last second of its day, 23:59:59, and every reader had to know that this second
meant the whole day. Periods are half-open now: they do not hold their end. The ends that came from
a deployment table and lie at 23:59:59 move by one second; no other row changes.

Revision ID: 0004
Revises: 0003
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"

deployment = sa.table(
    "deployment",
    sa.column("id", sa.Integer),
    sa.column("ended_at", sa.Text),
    sa.column("source", sa.Text),
)


def upgrade() -> None:
    d, conn = deployment.c, op.get_bind()
    last_second = (d.source == "table") & d.ended_at.like("%T23:59:59")
    for key, ended_at in conn.execute(sa.select(d.id, d.ended_at).where(last_second)).all():
        midnight = datetime.fromisoformat(ended_at) + timedelta(seconds=1)
        change = sa.update(deployment).where(d.id == key)
        conn.execute(change.values(ended_at=midnight.isoformat()))


def downgrade() -> None:
    """Nothing: earlier versions read an end at midnight as what it is."""
