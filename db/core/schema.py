"""The tables. Inside, rows join by integer keys; a sha-256 stands once, in `media`.

Tables are named in the singular, the views for researchers (db/views) in the plural. Times are the
camera's own clock, naive, as ISO 8601 text: one form on both databases, sorted as time is. JSON is
text with sorted keys, so that the same facts are the same bytes. On PostgreSQL every text sorts by
its bytes, as on SQLite.
"""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.types import TypeDecorator

from pipeline.records import time_of

HEAD = (
    "0015"  # newest migration: known here so that opening an up-to-date database loads no Alembic
)

VERSION_TABLE = "camtriage_version"  # Alembic's, under a name no other program uses

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


class Words(TypeDecorator[str]):
    """Text from outside: what no database can hold (NUL, half a surrogate) is replaced."""

    impl, cache_ok = TEXT, True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """As it is stored."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\ufffd").encode("utf-8", "backslashreplace").decode("utf-8")


class Time(TypeDecorator[datetime]):
    """A naive datetime as 2026-05-01T06:30:00 (microseconds only where there are some), and a
    DayAlone as 2026-05-01: whatever reads the text sees that there is no hour."""

    impl, cache_ok = TEXT, True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """As it is stored."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """As it is read."""
        return None if value is None else time_of(value)


class Json(TypeDecorator[Any]):
    """Plain lists and dictionaries as canonical JSON text."""

    impl, cache_ok = TEXT, True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """As it is stored."""
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """As it is read."""
        return None if value is None else json.loads(value)


def canonical(value: object) -> str:
    """One text for one value: keys sorted, no spaces, what has no JSON form refused."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("\\u0000", "\\ufffd")


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _to(table: str, index: bool = False, **kw: Any) -> sa.Column[int]:
    """A foreign key to `table`, named after it. index=False where another index starts with it."""
    kw.setdefault("nullable", False)
    return sa.Column(f"{table}_id", sa.ForeignKey(f"{table}.id"), index=index, **kw)


def _recipe(step: str) -> sa.Column[int]:
    return sa.Column(f"{step}_recipe_id", sa.ForeignKey("recipe.id"), index=True)


about = sa.Table(  # whose database this is, and which views stand in it
    "about",
    metadata,
    sa.Column("key", TEXT, primary_key=True),
    sa.Column("value", TEXT, nullable=False),
)

recipe = sa.Table(  # everything that shapes a result, by its hash
    "recipe",
    metadata,
    _key(),
    sa.Column("step", TEXT, nullable=False),  # look, label, flag
    sa.Column("hash", TEXT, nullable=False),
    sa.Column("description", Json, nullable=False),
    sa.Column("source", Words),  # another program, whose results these are; empty: our own
    sa.UniqueConstraint("step", "hash"),
)

batch = sa.Table(  # a card under its name, and the recipes whose results the views show
    "batch",
    metadata,
    _key(),
    sa.Column("name", Words, nullable=False, unique=True),
    sa.Column("root", Words, nullable=False),
    sa.Column("content", TEXT, index=True),  # hash of what lies on it
    _recipe("look"),
    _recipe("label"),
    _recipe("flag"),
)

run = sa.Table(
    "run",
    metadata,
    _key(),
    _to("batch", index=True, nullable=True),
    sa.Column("status", TEXT, nullable=False),  # running, finished, unfinished, failed
    sa.Column("started_at", Time, nullable=False),  # UTC
    sa.Column("ended_at", Time),  # UTC
    sa.Column("version", TEXT, nullable=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("models", Json, nullable=False),  # name and sha-256
    sa.Column("counts", Json, nullable=False),
    sa.Column("message", Words),
)

deployment = sa.Table(
    "deployment",
    metadata,
    _key(),
    sa.Column("name", Words, nullable=False, unique=True),  # Camtrap DP's deploymentID
    sa.Column("location_id", Words, index=True),
    sa.Column("location_name", Words),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("coordinate_uncertainty_m", sa.Integer),
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    sa.Column("utc_offset_min", sa.Integer),
    sa.Column("camera_id", Words),
    sa.Column("camera_model", Words),
    sa.Column("tags", Words),
    sa.Column("timestamp_issues", sa.Boolean),
    sa.Column("source", TEXT, nullable=False),
    sa.Column("other", Json, nullable=False),
)

work_window = sa.Table(
    "work_window",
    metadata,
    _key(),
    _to("batch", index=True),
    _to("deployment"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.UniqueConstraint("deployment_id", "number"),
)

media = sa.Table(
    "media",
    metadata,
    _key(),
    sa.Column("sha256", TEXT, nullable=False, unique=True),
    _to("batch", index=True),  # the batch that brought it first
    _to("deployment"),
    sa.Column("path", Words, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mediatype", TEXT, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("taken_at", Time),
    sa.Column("clock", TEXT, nullable=False),
    sa.Column("time_text", Words),
    sa.Column("utc_offset_min", sa.Integer),
    sa.Column("make", Words),
    sa.Column("model", Words),
    sa.Column("serial", Words),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("orientation", sa.Integer, nullable=False),
    sa.Column("temperature_c", sa.Double),
    sa.Column("moon", Words),
    sa.Column("sequence_n", sa.Integer),
    sa.Column("sequence_m", sa.Integer),
    sa.Column("camera_event", sa.BigInteger),
    sa.Column("capture_method", TEXT),
    sa.Column("camera_label", Words),
    sa.Column("duration_s", sa.Double),  # of a clip
    sa.Column("frame_rate", sa.Double),  # of a clip
    _to("work_window", index=True, nullable=True),
    sa.Column("position", sa.Integer),  # within its window, from 0
    sa.Column("burst", sa.Integer),  # within its deployment, from 0
    sa.Index(None, "deployment_id", "path"),
    sa.Index(None, "deployment_id", "batch_id", "taken_at"),
)

arrival = sa.Table(  # a card's folder as it lay in the inbox once, and what came of it
    "arrival",
    metadata,
    _key(),
    sa.Column("folder", Words, nullable=False),
    sa.Column("listing", TEXT, nullable=False),  # digest of its files' paths and sizes
    sa.Column("status", TEXT, nullable=False),  # taken, done, failed, cancelled
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("flow_run", TEXT, nullable=False, index=True),  # Prefect's id of the newest try
    sa.Column("taken_at", Time, nullable=False),  # UTC, of the newest try
    sa.Column("ended_at", Time),  # UTC
    sa.Column("message", Words),
    sa.UniqueConstraint("folder", "listing"),
)

file = sa.Table(  # every file found on a card, also those that are no pictures
    "file",
    metadata,
    _key(),
    _to("batch"),
    sa.Column("path", Words, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    _to("media", index=True, nullable=True),
    sa.UniqueConstraint("batch_id", "path"),
    sa.Index(None, "batch_id", "kind", "media_id"),
)

imported = sa.Table(  # a picture as a data set of others names it, with or without bytes
    "imported",
    metadata,
    _to("media", primary_key=True),
    _to("batch", primary_key=True),  # the data set
    sa.Column("source_id", Words, nullable=False),  # what it calls the picture
    sa.Column("file_path", Words, nullable=False),  # as it writes it: relative, or an address
    sa.Column("file_name", Words, nullable=False),
    sa.Column("event", Words),  # what it calls the event
    sa.Column("public", sa.Boolean),  # false: it does not show it; empty: it says nothing
    sa.UniqueConstraint("batch_id", "source_id"),
)

trouble = sa.Table(
    "trouble",
    metadata,
    _key(),
    _to("batch"),
    sa.Column("path", Words, nullable=False),
    sa.Column("step", TEXT, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("detail", Words, nullable=False),
    sa.UniqueConstraint("batch_id", "path", "step", "reason"),
)

clock_repair = sa.Table(  # a person's word on a wrong clock; media.taken_at stays as it was written
    "clock_repair",
    metadata,
    _key(),
    _to("deployment", index=True),
    _to("batch", index=True, nullable=True),  # only the pictures that this card brought
    sa.Column("first_at", Time),  # the stretch: as the camera wrote its times, both ends in it
    sa.Column("last_at", Time),
    sa.Column("first_path", Words),  # or: from this file to that one, in the order of paths
    sa.Column("last_path", Words),
    sa.Column("kind", TEXT, nullable=False),  # shift, year, zone, am_pm, drift, set
    sa.Column("parameters", Json, nullable=False),
    sa.Column("comment", Words),
    sa.Column("made_by", Words),
    sa.Column("made_at", Time, nullable=False),  # UTC
    sa.Column("undone_by", Words),
    sa.Column("undone_at", Time),  # UTC; empty: it stands
)

repaired_time = sa.Table(  # what standing repairs make of a picture's time; one repair a picture
    "repaired_time",
    metadata,
    _to("media", primary_key=True),
    _to("clock_repair", index=True),
    sa.Column("taken_at", Time, nullable=False),
)

outage = sa.Table(  # a stretch in which a camera did not work; accepted ones are no effort
    "outage",
    metadata,
    _key(),
    _to("deployment"),
    sa.Column("started_at", Time, nullable=False),  # camera clock, repaired
    sa.Column("ended_at", Time),  # empty: to the end of the deployment
    sa.Column("reason", Words, nullable=False),
    sa.Column("source", TEXT, nullable=False),  # entered, proposed, dismissed
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("said_by", Words),  # who entered or accepted it
    sa.Column("said_at", Time, nullable=False),  # UTC
    sa.UniqueConstraint("deployment_id", "started_at"),
)

window_done = sa.Table(
    "window_done",
    metadata,
    _to("work_window", primary_key=True),
    _to("recipe", index=True, primary_key=True),
)

look = sa.Table(  # one row a picture and look recipe; state failed: no scores
    "look",
    metadata,
    _to("media", primary_key=True),
    _to("recipe", primary_key=True),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("p_blank", sa.Double),
    sa.Column("p_animal", sa.Double),
    sa.Column("p_human", sa.Double),
    sa.Column("p_vehicle", sa.Double),
    sa.Column("novelty", sa.Double),
    sa.Column("decided_by", TEXT),
    sa.Column("light", TEXT),
    sa.Column("luma", sa.Double),
    sa.Column("contrast", sa.Double),
    sa.Column("view_shift", sa.Double),
    sa.Column("crop_x", sa.Double),
    sa.Column("crop_y", sa.Double),
    sa.Column("crop_width", sa.Double),
    sa.Column("crop_height", sa.Double),
    sa.Column("crop_source", TEXT),
    sa.Column("count", sa.Integer),
    sa.Column("logits", Json),
    sa.Column("frame_number", sa.Integer),  # of a clip: the frame with crop, boxes and vectors
    sa.Column("frames", Json),  # of a clip: those that were looked at
    sa.Index(None, "recipe_id", "media_id"),
)

embedding = sa.Table(
    "embedding",
    metadata,
    _to("media", primary_key=True),
    _to("recipe", primary_key=True),
    sa.Column("view", TEXT, primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Index(None, "recipe_id", "media_id"),
)

box = sa.Table(  # what a detector drew on a picture, the surest first
    "box",
    metadata,
    _to("media", primary_key=True),
    _to("recipe", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("category", TEXT, nullable=False),  # animal, human, vehicle
    sa.Column("confidence", sa.Double, nullable=False),
    sa.Column("x", sa.Double, nullable=False),
    sa.Column("y", sa.Double, nullable=False),
    sa.Column("width", sa.Double, nullable=False),
    sa.Column("height", sa.Double, nullable=False),
    sa.Column("sure", sa.Boolean, nullable=False),  # reaches the level from which it counts
    sa.Column("detector", Words, nullable=False),
    sa.Index(None, "recipe_id", "media_id"),
)

label = sa.Table(
    "label",
    metadata,
    _to("media", primary_key=True),
    _to("recipe", primary_key=True),
    sa.Column("observation_type", TEXT, nullable=False),
    sa.Column("raw_name", Words),
    sa.Column("raw_probability", sa.Double),
    sa.Column("name", Words),
    sa.Column("rank", TEXT),
    sa.Column("probability", sa.Double),
    sa.Column("reason", Words, nullable=False),
    sa.Column("top", Json, nullable=False),
    sa.Column("off_list", Json, nullable=False),
    sa.Column("classified_by", Words),  # a program of others; empty: our own
    sa.Index(None, "recipe_id", "media_id"),
)

visit = sa.Table(
    "visit",
    metadata,
    _key(),
    _to("recipe", index=True),
    _to("batch", index=True),  # of its first picture: tells which recipe the views show
    _to("deployment", index=True),
    _to("media", index=True),  # its first picture, and so its name
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    sa.Column("pictures", sa.Integer, nullable=False),
    sa.Column("capture_method", TEXT),
    sa.Column("count", sa.Integer),
    sa.Column("count_basis", TEXT),
    sa.Column("classified_by", Words),  # as of a label
    sa.UniqueConstraint("recipe_id", "media_id"),
)

visit_media = sa.Table(
    "visit_media",
    metadata,
    _to("media", primary_key=True),
    _to("visit", index=True, primary_key=True),
)

visit_taxon = sa.Table(  # position 0 is the visit's own label, then further taxa
    "visit_taxon",
    metadata,
    _to("visit", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("observation_type", TEXT, nullable=False),
    sa.Column("name", Words),
    sa.Column("rank", TEXT),
    sa.Column("probability", sa.Double),
    sa.Column("pictures", sa.Integer, nullable=False),  # that show it
    _to("media", index=True, nullable=True),  # the first of them; empty: the visit's, as its times
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    sa.Column("count", sa.Integer),  # individuals, where boxes show how many
)

visit_stretch = sa.Table(  # of a taxon that went and came back within its visit
    "visit_stretch",
    metadata,
    _to("visit", primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),  # of the taxon
    sa.Column("stretch", sa.Integer, primary_key=True, autoincrement=False),  # from 0
    _to("media", index=True),  # its first picture
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    sa.Column("pictures", sa.Integer, nullable=False),
    sa.Column("count", sa.Integer),
)

flag = sa.Table(
    "flag",
    metadata,
    _key(),
    _to("recipe", index=True),
    _to("batch", index=True),  # of its first picture
    _to("deployment", index=True),
    _to("media", index=True),  # its first picture
    sa.Column("started_at", Time),
    sa.Column("rules", Json, nullable=False),
    sa.Column("severity", sa.Integer, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("reason", Words, nullable=False),
    sa.UniqueConstraint("recipe_id", "media_id"),
)

flag_media = sa.Table(
    "flag_media",
    metadata,
    _to("flag", primary_key=True),
    _to("media", index=True, primary_key=True),
)

verdict = sa.Table(  # what a person said about a flag; hangs on the picture, so no run touches it
    "verdict",
    metadata,
    _key(),
    _to("media", index=True),
    sa.Column("confirmed", sa.Boolean, nullable=False),
    sa.Column("reviewer", Words),
    sa.Column("said_at", Time, nullable=False),  # UTC
    sa.Column("comment", Words),
)

alert = sa.Table(  # a visit and a channel that hears of it; no run changes one that was sent
    "alert",
    metadata,
    _key(),
    _to("media"),  # the visit's first picture when it was queued
    sa.Column("channel", Words, nullable=False),
    sa.Column("state", TEXT, nullable=False),  # queued, sent, failed, acknowledged, dismissed
    sa.Column("age", TEXT, nullable=False),  # live, historic
    sa.Column("severity", sa.Integer, nullable=False),
    sa.Column("rules", Json, nullable=False),  # that fired; species: an animal on the list
    sa.Column("reason", Words, nullable=False),
    sa.Column("seen_at", Time),  # UTC
    sa.Column("queued_at", Time, nullable=False),  # UTC
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_try_at", Time, nullable=False),  # UTC
    sa.Column("ended_at", Time),  # UTC: sent, given up, acknowledged
    sa.Column("error", Words),  # of the newest try
    sa.Column("receipt", Words),  # the receiver's own name for it
    sa.Column("said_by", Words),  # who acknowledged it
    sa.UniqueConstraint("media_id", "channel"),
    sa.Index(None, "state", "next_try_at"),
)

audit_draw = sa.Table(
    "audit_draw",
    metadata,
    _to("media", primary_key=True),
    _to("recipe", primary_key=True),
    sa.Column("stratum", Words, nullable=False),
    sa.Column("stratum_size", sa.Integer, nullable=False),
    sa.Column("drawn", sa.Integer, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Index(None, "recipe_id", "media_id"),
)

review = sa.Table(  # append-only; one row an observation, the rows of one answer count together
    "review",
    metadata,
    _key(),
    _to("media"),
    sa.Column("answer", sa.Integer, nullable=False),  # 1, 2, ... of its picture, as they came
    sa.Column("position", sa.Integer, nullable=False),  # in its answer; 0 stands for the picture
    sa.Column("observation_type", TEXT, nullable=False),
    sa.Column("name", Words),
    sa.Column("count", sa.Integer),
    sa.Column("life_stage", TEXT),  # adult, subadult, juvenile
    sa.Column("sex", TEXT),  # female, male
    sa.Column("behavior", Words),
    sa.Column("individual_id", Words),
    sa.Column("reviewer", Words),
    sa.Column("reviewed_at", Time),  # local time of this machine, as reviewers write it
    sa.Column("purpose", TEXT, nullable=False),
    sa.Column("comment", Words),
    sa.Column("source", Words, nullable=False),
    sa.Column("saved_at", Time, nullable=False),  # local time too: both tell which is newest
    sa.Column("withdrawn_at", Time),  # UTC; set: taken back on the review screen, it says nothing
    sa.UniqueConstraint("media_id", "answer", "position"),
)

access_to_people = sa.Table(  # append-only: who was shown a picture of people as it is
    "access_to_people",
    metadata,
    _key(),
    _to("media", index=True),
    sa.Column("reviewer", Words, nullable=False),
    sa.Column("task", TEXT, nullable=False),  # in which part of the review screen
    sa.Column("asked_at", Time, nullable=False),  # UTC
)

review_claim = sa.Table(  # what a reviewer has on the screen: nobody else is given it meanwhile
    "review_claim",
    metadata,
    _to("media", primary_key=True),  # the picture, or the first one of the visit
    sa.Column("reviewer", Words, nullable=False),
    sa.Column("until", Time, nullable=False),  # UTC; then anybody may have it
)

favourite = sa.Table(  # pictures that people want to find again
    "favourite",
    metadata,
    _to("media", primary_key=True),
    sa.Column("reviewer", Words, nullable=False),
    sa.Column("said_at", Time, nullable=False),  # UTC
)

certificate = sa.Table(  # a recall that is promised of a threshold, and on which evidence
    "certificate",
    metadata,
    _key(),
    sa.Column("name", Words, nullable=False, unique=True),
    sa.Column("kind", TEXT, nullable=False),  # not blank, human, vehicle
    sa.Column("level", TEXT, nullable=False),  # picture, visit
    sa.Column("recall", sa.Double, nullable=False),
    sa.Column("confidence", sa.Double, nullable=False),
    sa.Column("threshold", sa.Double, nullable=False),  # p_blank; p_human, p_vehicle
    sa.Column("method", TEXT, nullable=False),
    sa.Column("counted", TEXT, nullable=False),  # what n counts: stations, pictures, visits
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("misses", sa.Double, nullable=False),  # of n; of stations the sum of their shares
    sa.Column("data_hash", TEXT, nullable=False),
    sa.Column("evidence", Json, nullable=False),  # counts of the sample
    sa.Column("models", Json, nullable=False),  # what shapes a score: void for any other
    sa.Column("made_at", Time, nullable=False),  # UTC
)

status = sa.Table(  # the current result of each picture, written by db.core.rows.refresh alone
    "status",
    metadata,
    _to("media", primary_key=True),
    _to("batch"),
    _to("deployment"),
    sa.Column("taken_at", Time),  # repaired where a repair of the clock stands
    sa.Column("taken_on", TEXT),  # its day
    sa.Column("state", TEXT, nullable=False),
    sa.Column("p_blank", sa.Double),
    sa.Column("p_animal", sa.Double),
    sa.Column("p_human", sa.Double),
    sa.Column("p_vehicle", sa.Double),
    sa.Column("novelty", sa.Double),
    sa.Column("decided_by", TEXT),
    sa.Column("observation_type", TEXT, nullable=False),
    sa.Column("name", TEXT),
    sa.Column("probability", sa.Double),
    sa.Column("count", sa.Integer),
    sa.Column("method", TEXT),  # machine, human
    _to("visit", index=True, nullable=True),
    _to("review", index=True, nullable=True),  # first row of the answer that counts
    # Indices that hold every key the views join by, so that counting reads no table (measured)
    sa.Index(None, "batch_id", "state", "deployment_id"),
    sa.Index(None, "state", "batch_id", "deployment_id"),  # SQLite alone: rare states
    sa.Index(None, "deployment_id", "taken_on", "batch_id", "state"),
)
_BLANK = status.c.state == "blank"
sa.Index(None, status.c.state, status.c.p_blank, sqlite_where=_BLANK, postgresql_where=_BLANK)
