"""Clocks that look wrong: what the pictures' times say against themselves (field B27)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from db.rows import now
from pipeline.report.day import ClockRow

FIRST_YEAR = 2005  # no camera in use is older: earlier dates are those of a clock never set
JUMP = timedelta(days=1)  # backwards from one file to the next
MIDDAY, MIDNIGHT = (10, 11, 12, 13), (22, 23, 0, 1)
ENOUGH = 5  # pictures in the wrong light before a clock is doubted


def clocks(conn: Connection, ids: list[int]) -> tuple[ClockRow, ...]:
    """One row per deployment and doubt, for the pictures of some batches."""
    doubts = [*_times(conn, ids), *_light(conn, ids), *_told(conn, ids)]
    return tuple(ClockRow(name, what) for name, what in sorted(doubts))


def _rows(conn: Connection, text: str, ids: list[int]) -> sa.CursorResult:
    query = sa.text(text).bindparams(sa.bindparam("ids", expanding=True))
    given = {"ids": ids, "since": f"{FIRST_YEAR}"}
    return conn.execute(query, given, execution_options={"stream_results": True})


def _times(conn: Connection, ids: list[int]) -> Iterator[tuple[str, str]]:
    """Never set, ahead of today, jumping back between files of one folder, or no time at all."""
    text = """SELECT d.name AS name, m.path AS path, m.taken_at AS taken_at FROM media m
        JOIN deployment d ON d.id = m.deployment_id
        WHERE m.batch_id IN :ids ORDER BY d.name, m.path"""
    ahead = now() + timedelta(days=1)  # a day, since the camera's zone is not known
    found: dict[str, Counter] = defaultdict(Counter)
    example: dict[tuple[str, str], str] = {}
    before: tuple[str, str, datetime] | None = None
    for row in _rows(conn, text, ids):
        if row.taken_at is None:
            found[row.name]["none"] += 1
            continue
        at, folder = datetime.fromisoformat(row.taken_at), row.path.rpartition("/")[0]
        doubt = "unset" if at.year < FIRST_YEAR else "ahead" if at > ahead else None
        if before and before[:2] == (row.name, folder) and before[2] - at > JUMP:
            example.setdefault((row.name, "back"), f"{before[2]:%Y-%m-%d %H:%M} to {at:%Y-%m-%d}")
            found[row.name]["back"] += 1
        if doubt:
            example.setdefault((row.name, doubt), f"{at:%Y-%m-%d %H:%M}")
            found[row.name][doubt] += 1
        before = (row.name, folder, at)
    for name, doubts in found.items():
        for doubt, number in doubts.items():
            yield name, _sentence(doubt, number, example.get((name, doubt), ""))


def _sentence(doubt: str, number: int, example: str) -> str:
    pictures = f"{number} picture{'' if number == 1 else 's'}"
    return {
        "none": f"{pictures} without a time",
        "unset": f"{pictures} dated before {FIRST_YEAR}, the first {example}: clock never set",
        "ahead": f"{pictures} dated in the future, the first {example}",
        "back": f"jumps back {number} time{'' if number == 1 else 's'}, first from {example}",
    }[doubt]


def _light(conn: Connection, ids: list[int]) -> Iterator[tuple[str, str]]:
    """Mostly infrared at midday or mostly colour at midnight: half a day off, or a wrong zone."""
    text = """SELECT d.name AS name, substr(m.taken_at, 12, 2) AS hour, k.light AS light,
            count(*) AS pictures
        FROM media m JOIN batch b ON b.id = m.batch_id
        JOIN deployment d ON d.id = m.deployment_id
        JOIN look k ON k.media_id = m.id AND k.recipe_id = b.look_recipe_id
        WHERE m.batch_id IN :ids AND m.taken_at >= :since AND k.light IS NOT NULL
        GROUP BY d.name, substr(m.taken_at, 12, 2), k.light"""
    seen: dict[str, Counter] = defaultdict(Counter)
    for row in _rows(conn, text, ids):
        for part, hours in (("midday", MIDDAY), ("midnight", MIDNIGHT)):
            if int(row.hour) in hours:
                seen[row.name][part, row.light] += row.pictures
    for name, counts in seen.items():
        for part, wrong, right in (
            ("midday", "infrared", "colour"),
            ("midnight", "colour", "infrared"),
        ):
            number = counts[part, wrong]
            if number >= ENOUGH and number > counts[part, right]:
                yield (
                    name,
                    (
                        f"{number} of {number + counts[part, right]} pictures around {part} are "
                        f"{wrong}: perhaps half a day off, or another time zone"
                    ),
                )


def _told(conn: Connection, ids: list[int]) -> Iterator[tuple[str, str]]:
    """What the deployment table says, and pictures outside of their deployment."""
    text = """SELECT d.name AS name, count(*) AS pictures,
            max(CASE WHEN d.timestamp_issues THEN 1 ELSE 0 END) AS issues,
            count(CASE WHEN m.taken_at < d.started_at OR m.taken_at > d.ended_at THEN 1 END) AS out
        FROM media m JOIN deployment d ON d.id = m.deployment_id
        WHERE m.batch_id IN :ids AND d.source = 'table' GROUP BY d.name"""
    for row in _rows(conn, text, ids):
        if row.issues:
            yield row.name, "the deployment table says that its times are not to be trusted"
        if row.out:
            yield row.name, f"{row.out} of {row.pictures} pictures lie outside the deployment"
