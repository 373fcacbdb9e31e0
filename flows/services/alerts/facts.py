"""What an alert is about, read when it is sent: place, time, and the picture as this channel may
see it."""

import base64
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.store.alerts import pictures_of_alert
from db.store.reviewing.access import save_access
from pipeline.alerts.channels import SPECIES, Channel
from pipeline.alerts.message import Alert
from pipeline.poaching.rules import may_show_people
from pipeline.report.day import shows_people
from pipeline.report.page import open_thumbnail
from pipeline.settings import Poaching

SIDE = 480  # pixels, of the shorter side of a picture that is sent
TASK = "alerts"


def facts_of(
    conn: Connection, channel: Channel, row: sa.Row[Any], age: str, with_picture: bool
) -> Alert:
    """One alert of the queue. Who is sent a person as they are is written down first."""
    pictures = list(pictures_of_alert(conn, row.media_id))
    return Alert(
        flag_id=row.flag_id,
        deployment_id=row.deployment_id,
        place=row.place,
        latitude=row.latitude,
        longitude=row.longitude,
        camera_time=row.camera_time,
        seen_at=row.seen_at,
        severity=row.severity,
        rules=tuple(row.rules),
        reason=row.reason,
        age=age,
        pictures=len(pictures),
        picture=_picture(conn, channel, row, pictures) if with_picture else None,
        page=f"/flags/{row.flag_id}" if {*row.rules} - {SPECIES} else f"/visit/{row.media_id}",
    )


def _picture(
    conn: Connection, channel: Channel, row: sa.Row[Any], pictures: list[sa.Row[Any]]
) -> bytes | None:
    """The likeliest to show what it is about; as blocks where any of the visit may show a person,
    unless the channel may see people. None: its file cannot be read."""
    rules = [name for name in row.rules if name != SPECIES]
    bar = Poaching().pixelate_bar
    people = (bool(rules) and may_show_people(rules)) or any(
        shows_people(picture.p_human, picture.observation_type, bar) for picture in pictures
    )
    best = max(pictures, key=lambda one: (one.p_human or 0) + (one.p_vehicle or 0))
    shown = open_thumbnail(Path(best.root), best.path, SIDE, people and not channel.people)
    if shown is None:
        return None
    if people and channel.people:
        save_access(conn, [best.sha256], f"channel {channel.name}", TASK)
    return base64.b64decode(shown.partition(",")[2])
