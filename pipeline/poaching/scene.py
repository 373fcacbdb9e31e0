"""What the poaching rules see: one visit, its place, and when staff may be present."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias

from pipeline.answers import Answer
from pipeline.errors import SettingsError
from pipeline.poaching.camera import Change, trusted
from pipeline.records import Deployment, FrameScores, Label, Visit
from pipeline.settings import Poaching
from pipeline.tables.times import option_day, typed_hour

ACCESS = ("public", "staff", "closed")
SERVICE = timedelta(minutes=15)  # at both ends of a deployment from a table: who serves the camera

Facts: TypeAlias = tuple[str | None, datetime | None, datetime | None, str, bool]


@dataclass(frozen=True, slots=True)
class Calendar:
    """When staff may be present. An empty part says nothing."""

    days: frozenset[date] = frozenset()
    hours: tuple[time, time] | None = None

    @property
    def given(self) -> bool:
        return bool(self.days) or self.hours is not None

    def covers(self, start: datetime, end: datetime) -> bool:
        """Whether the whole visit lies in staff days and hours, as far as these are given."""
        if self.days and not {start.date(), end.date()} <= self.days:
            return False
        hours = self.hours
        return hours is None or all(_within(at.time(), hours) for at in (start, end))


def read_calendar(settings: Poaching) -> Calendar:
    """Staff days and hours from the settings' text. Raises SettingsError in one line."""
    days = frozenset(
        option_day("[poaching] staff_days", part) for part in _parts(settings.staff_days, ",")
    )
    if not settings.staff_hours.strip():
        return Calendar(days)
    hours = [typed_hour(part) for part in settings.staff_hours.split("-")]
    if len(hours) != 2 or hours[0] is None or hours[1] is None:
        raise SettingsError(
            f"[poaching] staff_hours: write HH:MM-HH:MM, not {settings.staff_hours[:50]!r}"
        )
    return Calendar(days, (hours[0], hours[1]))


def access_of(deployment: Deployment) -> str | None:
    """`access:public|staff|closed` from the deployment's tags; None: not given."""
    for tag in _parts(deployment.tags or "", "|"):
        key, _, value = tag.partition(":")
        if key.strip().lower() == "access" and value.strip().lower() in ACCESS:
            return value.strip().lower()
    return None


def facts(deployment: Deployment) -> Facts:
    """All that a rule reads of a deployment: where one of them changes, flags are formed again."""
    period = deployment.started_at, deployment.ended_at
    return deployment.tags, *period, deployment.source, bool(deployment.timestamp_issues)


@dataclass(frozen=True, slots=True)
class Scene:
    """One visit with all that the rules may use."""

    visit: Visit
    deployment: Deployment
    scores: tuple[FrameScores, ...]  # of its pictures
    labels: Mapping[str, Label]
    settings: Poaching
    calendar: Calendar = Calendar()
    reviews: Mapping[str, Answer] = field(default_factory=dict)  # on its pictures
    context: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def showing(self, kind: Literal["human", "vehicle"]) -> dict[str, float]:
        """Pictures that show a human or a vehicle, with how sure; a review decides where it is."""
        bar = self.settings.human_bar if kind == "human" else self.settings.vehicle_bar
        shown: dict[str, float] = {}
        for picture in self.scores:
            sha = picture.sha256
            answer, label = self.reviews.get(sha), self.labels.get(sha)
            p = picture.p_human if kind == "human" else picture.p_vehicle
            if answer is not None:
                p = 1.0 if any(row.observation_type == kind for row in answer) else 0.0
            elif label is not None and label.observation_type == kind:
                p = max(p, bar)
            if p >= bar and p > 0:
                shown[sha] = p
        return shown

    def people_counted(self, picture: FrameScores) -> int | None:
        """An answer's count, else that of the sure boxes where they counted people."""
        if (answer := self.reviews.get(picture.sha256)) is not None:
            people = [row.count for row in answer if row.observation_type == "human"]
            known = [count for count in people if count is not None]
            return sum(known) + len(people) - len(known) if known else None
        return picture.count if picture.counted == "human" else None

    def times(self) -> tuple[datetime, datetime] | None:
        """Start and end of the visit, where the clock can be trusted."""
        start = trusted(self.deployment, self.visit.started_at)
        return (start, self.visit.ended_at or start) if start else None

    def staff_may_be_present(self) -> bool | None:
        """By calendar, or because the camera is being served. None: not known."""
        times = self.times()
        if times is None or not (self.calendar.given or _serving(self.deployment, *times)):
            return None
        return _serving(self.deployment, *times) or self.calendar.covers(*times)

    def staff_due(self) -> bool:
        """A listed staff day (hours alone announce nobody), or the camera is being served."""
        times = self.times()
        if times is None or not self.staff_may_be_present():
            return False
        return bool(self.calendar.days) or _serving(self.deployment, *times)


def _serving(deployment: Deployment, start: datetime, end: datetime) -> bool:
    """Within minutes of set-up or pick-up, as a deployment table (not the pictures) gives them."""
    if deployment.source != "table":
        return False
    ends = [at for at in (deployment.started_at, deployment.ended_at) if at is not None]
    return any(start - SERVICE <= at <= end + SERVICE for at in ends)


def _within(at: time, hours: tuple[time, time]) -> bool:
    start, end = hours
    return start <= at <= end if start <= end else at >= start or at <= end


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]
