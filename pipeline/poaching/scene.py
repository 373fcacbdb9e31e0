"""What the poaching rules look at: one visit, its place, and when staff may be about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from pipeline.errors import SettingsError
from pipeline.poaching.camera import Change, trusted
from pipeline.records import Deployment, FrameScores, Label, Review, Visit
from pipeline.settings import Poaching

ACCESS = ("public", "staff", "closed")
SERVICE = timedelta(minutes=15)  # at both ends of a deployment from a table: who serves the camera


@dataclass(frozen=True, slots=True)
class Calendar:
    """When staff may be about. Empty parts say nothing."""

    days: frozenset[date] = frozenset()
    hours: tuple[time, time] | None = None

    @property
    def given(self) -> bool:
        return bool(self.days) or self.hours is not None

    def covers(self, start: datetime, end: datetime) -> bool:
        """Whether the whole visit lies in staff days and hours, as far as these are given."""
        if self.days and not {start.date(), end.date()} <= self.days:
            return False
        return self.hours is None or all(_within(at.time(), self.hours) for at in (start, end))


def read_calendar(settings: Poaching) -> Calendar:
    """Staff days and hours from the settings' text. Raises SettingsError in one line."""
    try:
        days = frozenset(date.fromisoformat(one) for one in _parts(settings.staff_days, ","))
    except ValueError as why:
        raise SettingsError(f"[poaching] staff_days: write YYYY-MM-DD, YYYY-MM-DD: {why}") from why
    if not settings.staff_hours.strip():
        return Calendar(days)
    try:
        start, end = (time.fromisoformat(one) for one in _parts(settings.staff_hours, "-"))
    except ValueError as why:
        raise SettingsError(
            f"[poaching] staff_hours: write HH:MM-HH:MM, not {settings.staff_hours!r}"
        ) from why
    return Calendar(days, (start, end))


def access_of(deployment: Deployment) -> str | None:
    """`access:public|staff|closed` from the deployment's tags; None: not given."""
    for tag in _parts(deployment.tags or "", "|"):
        key, _, value = tag.partition(":")
        if key.strip().lower() == "access" and value.strip().lower() in ACCESS:
            return value.strip().lower()
    return None


def facts(deployment: Deployment) -> tuple:
    """All that a rule looks at of a deployment: where one changes, flags are formed again."""
    one = deployment
    return one.tags, one.started_at, one.ended_at, one.source, bool(one.timestamp_issues)


@dataclass(frozen=True, slots=True)
class Scene:
    """One visit with all that its rules may look at."""

    visit: Visit
    deployment: Deployment
    looks: tuple[FrameScores, ...]
    labels: Mapping[str, Label]
    settings: Poaching
    calendar: Calendar = Calendar()
    reviews: Mapping[str, Review] = field(default_factory=dict)
    context: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def showing(self, kind: str) -> dict[str, float]:
        """Pictures that show a human or a vehicle, with how sure; a review has the last word."""
        bar = self.settings.human_bar if kind == "human" else self.settings.vehicle_bar
        shown = {}
        for look in self.looks:
            review, label = self.reviews.get(look.sha256), self.labels.get(look.sha256)
            p = look.p_human if kind == "human" else look.p_vehicle
            if review is not None:
                p = 1.0 if review.observation_type == kind else 0.0
            elif label is not None and label.observation_type == kind:
                p = max(p, bar)
            if p >= bar and p > 0:
                shown[look.sha256] = p
        return shown

    def people_counted(self, look: FrameScores) -> int | None:
        """A person's count, else the boxes' where they counted people rather than animals."""
        if (review := self.reviews.get(look.sha256)) is not None:
            return review.count
        return look.count if look.p_human >= look.p_animal else None

    def times(self) -> tuple[datetime, datetime] | None:
        """Begin and end of the visit by a clock that may be believed."""
        start = trusted(self.deployment, self.visit.started_at)
        return (start, self.visit.ended_at or start) if start else None

    def staff_may_be_about(self) -> bool | None:
        """By calendar, or because the camera is being served. None: not known."""
        times = self.times()
        if times is None or not (self.calendar.given or _serving(self.deployment, *times)):
            return None
        return _serving(self.deployment, *times) or self.calendar.covers(*times)

    def staff_due(self) -> bool:
        """A listed staff day (hours alone announce nobody), or the camera is being served."""
        return self.staff_may_be_about() is True and (
            bool(self.calendar.days) or _serving(self.deployment, *self.times())
        )


def _serving(deployment: Deployment, start: datetime, end: datetime) -> bool:
    """Within minutes of set-up or pick-up, as the owner's table (not the pictures) gives them."""
    if deployment.source != "table":
        return False
    ends = [at for at in (deployment.started_at, deployment.ended_at) if at is not None]
    return any(start - SERVICE <= at <= end + SERVICE for at in ends)


def _within(at: time, hours: tuple[time, time]) -> bool:
    start, end = hours
    return start <= at <= end if start <= end else at >= start or at <= end


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]
