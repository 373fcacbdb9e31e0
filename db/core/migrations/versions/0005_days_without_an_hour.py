"""A picture dated by day only is stored as its day, 2026-05-04, and no longer as midnight.

Its midnight made night pictures, sun times and visits of a whole day out of an hour that nobody
knew. The text that the camera wrote tells which they are: it has no hour. A repaired one is on the
day of its noon. Visits keep their pictures; `camtriage relabel` forms them again.

Revision ID: 0005
Revises: 0004
"""

import re
from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"

DAY_ONLY = re.compile(r"\d{4}\D\d{1,2}\D\d{1,2}\D*")
FOUND = sa.text(
    "SELECT m.id, m.time_text, m.taken_at, r.taken_at, c.kind FROM media m "
    "LEFT JOIN repaired_time r ON r.media_id = m.id "
    "LEFT JOIN clock_repair c ON c.id = r.clock_repair_id WHERE m.taken_at LIKE '%T00:00:00'"
)
TIMES = {  # table: (key of the picture, times)
    "media": ("id", ["taken_at"]),
    "repaired_time": ("media_id", ["taken_at"]),
    "status": ("media_id", ["taken_at"]),
    "visit": ("media_id", ["started_at", "ended_at"]),
    "flag": ("media_id", ["started_at"]),
}


def upgrade() -> None:
    conn = op.get_bind()
    for key, text, taken_at, repaired_at, kind in conn.execute(FOUND).all():
        if not DAY_ONLY.fullmatch((text or "").strip("\0 ")):
            continue
        day = at = taken_at[:10]
        _write(conn, ["media"], key, taken_at, day)
        if repaired_at and kind != "am_pm":
            at = (datetime.fromisoformat(repaired_at) + timedelta(hours=12)).date().isoformat()
        shown = ["repaired_time", "status", "visit", "flag"]
        _write(conn, shown, key, repaired_at or taken_at, at)
        s = sa.table("status", sa.column("media_id"), sa.column("taken_on"))
        conn.execute(sa.update(s).where(s.c.media_id == key).values(taken_on=at))


def _write(conn: sa.Connection, tables: list[str], key: int, before: str, after: str) -> None:
    for name in tables:
        of, times = TIMES[name]
        for time in times:
            table = sa.table(name, sa.column(of), sa.column(time))
            mine = (table.c[of] == key) & (table.c[time] == before)
            conn.execute(sa.update(table).where(mine).values({time: after}))


def downgrade() -> None:
    conn = op.get_bind()
    for name, (_, times) in TIMES.items():
        for time in times:
            column = sa.column(time, sa.Text)
            alone = sa.func.length(column) == 10
            whole = sa.update(sa.table(name, column)).where(alone)
            conn.execute(whole.values({time: column + "T00:00:00"}))
