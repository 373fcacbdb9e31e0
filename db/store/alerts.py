"""Alerts: the queue of who is to be told of which visit. Times are UTC, naive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.core.rows import chunks, media_ids

OPEN = ("queued", "failed")


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert that is to be queued."""

    sha256s: tuple[str, ...]  # of the visit
    channel: str
    age: str
    severity: int
    rules: tuple[str, ...]
    reason: str
    seen_at: datetime | None
    next_try_at: datetime


def queue_alerts(conn: Connection, alerts: Iterable[NewAlert], at: datetime) -> int:
    """Queue those of which their channel has not heard yet by any picture of the visit, and that
    nobody has confirmed or dismissed; how many. The caller commits, with the flags."""
    queued = 0
    for part in chunks(alerts):
        keys = media_ids(conn, (sha for alert in part for sha in alert.sha256s))
        known = _heard(conn, keys.values())
        judged = _judged(conn, keys.values())
        rows = []
        for alert in part:
            mine = {keys[sha] for sha in alert.sha256s}
            if mine & judged or any((key, alert.channel) in known for key in mine):
                continue
            known |= {(key, alert.channel) for key in mine}
            first = keys[alert.sha256s[0]]
            rows.append(_row(alert, first, at))
        if rows:
            conn.execute(schema.alert.insert(), rows)
        queued += len(rows)
    return queued


def _row(alert: NewAlert, media_id: int, at: datetime) -> dict[str, Any]:
    about = {name: getattr(alert, name) for name in NewAlert.__slots__ if name != "sha256s"}
    about["rules"] = list(alert.rules)
    return {**about, "media_id": media_id, "state": "queued", "queued_at": at, "tries": 0}


def _heard(conn: Connection, keys: Iterable[int]) -> set[tuple[int, str]]:
    a, found = schema.alert.c, set()
    for part in chunks(keys):
        rows = conn.execute(sa.select(a.media_id, a.channel).where(a.media_id.in_(part)))
        found |= {(media, channel) for media, channel in rows}
    return found


def _judged(conn: Connection, keys: Iterable[int]) -> set[int]:
    v, found = schema.verdict.c, set[int]()
    for part in chunks(keys):
        found |= set(conn.execute(sa.select(v.media_id).where(v.media_id.in_(part))).scalars())
    return found


def taken_utc(conn: Connection, sha256s: Iterable[str]) -> dict[str, datetime]:
    """When these pictures were taken, UTC, where that is known."""
    query = sa.text("SELECT media_id, taken_at_utc FROM pictures WHERE media_id IN :part")
    query = query.bindparams(sa.bindparam("part", expanding=True))
    found = {}
    for part in chunks(dict.fromkeys(sha256s)):
        for sha, at in conn.execute(query, {"part": part}):
            if at is not None:
                found[sha] = datetime.fromisoformat(str(at)).replace(tzinfo=None)
    return found


_SAID = """
SELECT a.id AS id, v.confirmed AS confirmed, v.reviewer AS reviewer
FROM alert a JOIN verdict v ON v.id = (
    SELECT max(w.id) FROM verdict w WHERE w.media_id = a.media_id OR w.media_id IN (
        SELECT y.media_id FROM flag_media x JOIN flag_media y ON y.flag_id = x.flag_id
        WHERE x.media_id = a.media_id))
WHERE a.state IN ('queued', 'failed')
"""
_GONE = """
SELECT a.id FROM alert a WHERE a.state = 'queued' AND a.rules NOT LIKE '%"species"%'
AND NOT EXISTS (SELECT 1 FROM flag_media x WHERE x.media_id = a.media_id)
"""


def quiet_judged(conn: Connection, at: datetime) -> int:
    """End the alerts whose flag a person has confirmed or dismissed, or no rule makes any more."""
    said = [
        {"key": row.id, "to": "acknowledged" if row.confirmed else "dismissed", "by": row.reviewer}
        for row in conn.execute(sa.text(_SAID))
    ]
    keys = conn.execute(sa.text(_GONE)).scalars()
    gone = [{"key": key, "to": "dismissed", "by": None} for key in keys]
    a = schema.alert.c
    end = schema.alert.update().where(a.id == sa.bindparam("key"))
    values = {"state": sa.bindparam("to"), "said_by": sa.bindparam("by"), "ended_at": at}
    if ended := [*said, *gone]:
        conn.execute(end.values(values), ended)
    return len(ended)


_DUE = """
SELECT a.id AS id, a.media_id AS media_id, m.sha256 AS flag_id, d.name AS deployment_id,
    coalesce(d.location_name, d.location_id) AS place, d.latitude AS latitude,
    d.longitude AS longitude, a.channel AS channel, a.age AS age, a.severity AS severity,
    a.rules AS rules, a.reason AS reason, a.seen_at AS seen_at, a.tries AS tries,
    coalesce(z.taken_at, m.taken_at) AS camera_time
FROM alert a
JOIN media m ON m.id = a.media_id
JOIN deployment d ON d.id = m.deployment_id
LEFT JOIN repaired_time z ON z.media_id = m.id
WHERE a.state = 'queued' AND a.next_try_at <= :at
ORDER BY CASE a.age WHEN 'live' THEN 0 ELSE 1 END, a.severity DESC, a.seen_at, a.id
"""
_TYPES = {"rules": schema.Json, "seen_at": schema.Time, "camera_time": schema.Time}


def due_alerts(conn: Connection, at: datetime) -> Sequence[sa.Row[Any]]:
    """What may be sent now, live ones first, then the gravest, then the oldest."""
    query = sa.text(_DUE).columns(**{name: kind() for name, kind in _TYPES.items()})
    return conn.execute(query, {"at": at.isoformat()}).all()


def later_alerts(conn: Connection, at: datetime) -> tuple[int, datetime | None]:
    """How many wait for their hour, and when the first of them goes out, UTC."""
    a = schema.alert.c
    later = (a.state == "queued") & (a.next_try_at > at)
    query = sa.select(sa.func.count(), sa.func.min(a.next_try_at)).where(later)
    count, first = conn.execute(query).one()
    return count, first


_PICTURES = """
SELECT m.sha256 AS sha256, b.root AS root, m.path AS path, s.observation_type AS observation_type,
    (SELECT max(k.p_human) FROM look k WHERE k.media_id = m.id) AS p_human,
    (SELECT max(k.p_vehicle) FROM look k WHERE k.media_id = m.id) AS p_vehicle
FROM media m
JOIN batch b ON b.id = m.batch_id
LEFT JOIN status s ON s.media_id = m.id
WHERE m.id = :media_id OR m.id IN (
    SELECT y.media_id FROM flag_media x JOIN flag_media y ON y.flag_id = x.flag_id
    WHERE x.media_id = :media_id
    UNION SELECT y.media_id FROM visit_media x JOIN visit_media y ON y.visit_id = x.visit_id
    WHERE x.media_id = :media_id)
ORDER BY coalesce(s.taken_at, m.taken_at), m.path
"""


def pictures_of_alert(conn: Connection, media_id: int) -> Sequence[sa.Row[Any]]:
    """The pictures of its visit, in the order they were taken."""
    return conn.execute(sa.text(_PICTURES), {"media_id": media_id}).all()


def claim_alerts(conn: Connection, ids: Iterable[int], at: datetime, until: datetime) -> list[int]:
    """Those of these that are ours to send: no other process takes them before `until`, when they
    are due again if nobody says what came of it."""
    a = schema.alert.c
    mine = []
    for key in ids:
        free = (a.id == key) & (a.state == "queued") & (a.next_try_at <= at)
        taken = schema.alert.update().where(free)
        if conn.execute(taken.values(tries=a.tries + 1, next_try_at=until)).rowcount:
            mine.append(key)
    return mine


def settle_alerts(conn: Connection, ids: Iterable[int], **values: Any) -> None:
    """Write what came of a try: state, ended_at, error, receipt, next_try_at, age."""
    for part in chunks(ids):
        mine = schema.alert.c.id.in_(part) & (schema.alert.c.state == "queued")
        conn.execute(schema.alert.update().where(mine).values(**values))


def requeue_failed(conn: Connection, at: datetime) -> int:
    """Try again those that were given up; how many."""
    failed = schema.alert.update().where(schema.alert.c.state == "failed")
    return conn.execute(failed.values(state="queued", next_try_at=at, ended_at=None)).rowcount


def end_alerts(
    conn: Connection, flag_id: str, state: str, by: str | None, at: datetime
) -> Sequence[sa.Row[Any]]:
    """Quiet all alerts of this visit, those that were sent too; the view's rows of them.

    state   acknowledged, dismissed
    """
    a, m = schema.alert.c, schema.media.c
    mine = a.media_id.in_(sa.select(m.id).where(m.sha256 == flag_id))
    still = a.state.in_((*OPEN, "sent"))
    ended = {"state": state, "said_by": by, "ended_at": at}
    conn.execute(schema.alert.update().where(mine, still).values(**ended))
    query = sa.text("SELECT * FROM alerts WHERE flag_id = :flag_id ORDER BY channel")
    return conn.execute(query, {"flag_id": flag_id}).all()


def alerts_named(conn: Connection, begins: str) -> Sequence[str]:
    """flag_id of every visit with an alert whose name begins so."""
    query = sa.text("SELECT DISTINCT flag_id FROM alerts WHERE substr(flag_id, 1, :n) = :begins")
    return conn.execute(query, {"n": len(begins), "begins": begins}).scalars().all()


def alerts_shown(conn: Connection) -> Sequence[sa.Row[Any]]:
    """The view `alerts`, the newest first."""
    return conn.execute(sa.text("SELECT * FROM alerts ORDER BY alert_id DESC")).all()
