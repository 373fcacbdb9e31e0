"""When a ranger should look at a visit: one function per rule, its reason as its docstring.

A picture shows a person, not a crime (field P6). Every flag is a suspicion until a person confirms
it, lists the rules that fired, and says what was seen. Rules that lack what they need (a place
class, staff hours, a clock, a count) stay silent, and `silent_rules` says which and why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from math import prod

from pipeline.errors import SettingsError
from pipeline.poaching.camera import BROAD_DAY, Change, camera_changes, trusted
from pipeline.poaching.context import WEAK
from pipeline.records import Deployment, Flag, Label, Look, Review, Visit
from pipeline.settings import Poaching, Settings

ACCESS = ("public", "staff", "closed")
DOGS = ("Canis familiaris", "Canis lupus familiaris")
NIGHT_FROM, NIGHT_TO = 21, 5  # hours by the camera's clock
SERVICE = timedelta(minutes=15)  # at both ends of a deployment from a table: who serves the camera
LIVE = timedelta(hours=1)
CLOCK_DRIFT = timedelta(minutes=5)  # a camera may be ahead by so much and still be live


@dataclass(frozen=True, slots=True)
class Fired:
    """One rule that fired."""

    rule: str
    severity: int  # 1 look when there is time, 2 look today, 3 look now
    score: float  # 0-1, how clear the evidence is
    sentence: str
    weak: bool = False  # alone it never says more than severity 1


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


@dataclass(frozen=True, slots=True)
class Scene:
    """One visit with all that its rules may look at."""

    visit: Visit
    deployment: Deployment
    looks: tuple[Look, ...]
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

    def times(self) -> tuple[datetime, datetime] | None:
        """Begin and end of the visit by a clock that may be believed."""
        start = trusted(self.deployment, self.visit.started_at)
        return (start, self.visit.ended_at or start) if start else None

    def staff_expected(self) -> bool | None:
        """Whether staff may be about now: by calendar, or at the camera to serve it. None: unknown."""
        times = self.times()
        if times is None:
            return None
        if _serving(self.deployment, *times):
            return True
        return self.calendar.covers(*times) if self.calendar.given else None


def human_at_night(scene: Scene) -> Fired | None:
    """Few have business in the bush at night.

    Night is infrared light in the picture, or 21:00-05:00 by a clock that may be believed.
    Infrared at broad day means deep shade or a wrong clock: severity 1, and the sentence says so.
    """
    people = scene.showing("human")
    if not people:
        return None
    infrared = [one for one in scene.looks if one.sha256 in people and one.light == "infrared"]
    times = scene.times()
    by_clock = times is not None and any(_is_night(at) for at in times)
    if not infrared and not by_clock:
        return None
    by_day = times is not None and all(at.hour in BROAD_DAY for at in times)
    basis = [f"infrared light in {len(infrared)}"] if infrared else []
    if by_clock or by_day:
        basis.append(f"{times[0]:%H:%M} by the camera's clock")
    if by_day:
        basis.append("so deep shade or a wrong clock")
    severity = 1 if by_day or access_of(scene.deployment) == "public" else 2
    sentence = f"a person at night in {_pictures(people)} ({', '.join(basis)})"
    return Fired("human_at_night", severity, max(people.values()), sentence)


def where_none_is_expected(scene: Scene) -> Fired | None:
    """A person or vehicle in a closed place, or in a staff place outside staff hours or days.

    Silent where `access:` is not given, and in staff places without a calendar or a clock. A closed
    place on a listed staff day, or while the camera is served, is severity 1 instead of 3.
    """
    access = access_of(scene.deployment)
    seen = {kind: scene.showing(kind) for kind in ("human", "vehicle")}
    seen = {kind: shown for kind, shown in seen.items() if shown}
    if not seen or access not in ("staff", "closed"):
        return None
    expected = scene.staff_expected()
    what = " and ".join("a person" if kind == "human" else "a vehicle" for kind in seen)
    score = max(max(shown.values()) for shown in seen.values())
    rule = f"{'human' if 'human' in seen else 'vehicle'}_unexpected"
    if access == "staff":
        if expected is not False:
            return None
        return Fired(rule, 2, score, f"{what} in a staff place outside staff hours or days")
    planned = expected is True and (bool(scene.calendar.days) or _serving_scene(scene))
    if planned:
        return Fired(rule, 1, score, f"{what} in a closed place, when staff were due there")
    return Fired(rule, 3, score, f"{what} in a closed place")


def group_on_foot(scene: Scene) -> Fired | None:
    """Hunting parties come in groups; only where boxes or a person counted, and no public place."""
    if access_of(scene.deployment) == "public":
        return None
    people = scene.showing("human")
    counts = [
        review.count if (review := scene.reviews.get(look.sha256)) is not None else look.count
        for look in scene.looks
        if look.sha256 in people
    ]
    if scene.visit.observation_type == "human" and scene.visit.count_basis and people:
        counts.append(scene.visit.count)
    most = max((one for one in counts if one), default=0)
    if not people or most < scene.settings.group_size:
        return None
    return Fired("group_on_foot", 2, max(people.values()), f"{most} people in one picture")


def dog(scene: Scene) -> Fired | None:
    """Dogs are used to hunt, and hunt by themselves; in public places walkers bring theirs."""
    if access_of(scene.deployment) == "public":
        return None
    sure = []
    for sha in scene.visit.sha256s:
        review, label = scene.reviews.get(sha), scene.labels.get(sha)
        if review is not None:
            sure += [1.0] if review.name in DOGS else []
        elif label is not None and label.name in DOGS:
            sure.append(label.probability or 0.0)
    if not sure:
        return None
    return Fired("dog", 1, max(sure), f"a dog in {_pictures(sure)}")


def weapon_snare_or_carcass(scene: Scene) -> Fired | None:
    """A general picture-and-text model thinks of one of these: weak evidence beside other rules."""
    best: dict[str, float] = {}
    for sha in scene.visit.sha256s:
        for name, p in scene.context.get(sha, {}).items():
            if name in WEAK and p >= scene.settings.context_bar:
                best[name] = max(p, best.get(name, 0.0))
    if not best:
        return None
    what = ", ".join(f"{name} {p:.2f}" for name, p in sorted(best.items()))
    sentence = f"the context model names {what} (weak evidence)"
    return Fired("weapon_snare_or_carcass", 1, 0.5 * max(best.values()), sentence, weak=True)


def camera_tampered(scene: Scene) -> Fired | None:
    """Who does not want to be seen covers, turns or takes the camera; staff days explain a change."""
    if not scene.changes or scene.staff_expected() is True:
        return None
    said = "; ".join(one.sentence for one in scene.changes)
    return Fired(scene.changes[0].rule, 2, max(one.score for one in scene.changes), said)


RULES: tuple[Callable[[Scene], Fired | None], ...] = (
    where_none_is_expected,
    human_at_night,
    group_on_foot,
    dog,
    camera_tampered,
    weapon_snare_or_carcass,
)


def judge(scene: Scene) -> Flag | None:
    """One flag for the visit with every rule that fired, or None.

    severity  the highest of the rules, one more when several agree and not all of them are weak
    score     1 - product(1 - score of each rule): an order within a severity, no probability of a
              crime. More evidence lowers neither.
    """
    fired = [one for rule in RULES if (one := rule(scene)) is not None]
    if not fired:
        return None
    agree = len(fired) > 1 and not all(one.weak for one in fired)
    return Flag(
        deployment_id=scene.visit.deployment_id,
        started_at=scene.visit.started_at,
        sha256s=scene.visit.sha256s,
        rules=tuple(one.rule for one in fired),
        severity=min(3, max(one.severity for one in fired) + agree),
        score=1 - prod(1 - min(1.0, one.score) for one in fired),
        reason="Suspected: " + "; ".join(one.sentence for one in fired) + ".",
    )


def flag_visits(
    visits: Iterable[Visit],
    looks: Mapping[str, Look],
    labels: Mapping[str, Label],
    deployments: Iterable[Deployment],
    settings: Settings,
    context: Mapping[str, Mapping[str, float]] | None = None,
    reviews: Mapping[str, Review] | None = None,
) -> list[Flag]:
    """At most one flag per visit, by deployment and time.

    context  by sha-256: probability of each of pipeline.poaching.context.CONTEXTS, where a model told
    reviews  by sha-256: the newest of each picture
    """
    calendar = read_calendar(settings.poaching)
    by_id = {one.deployment_id: one for one in deployments}
    flags = []
    ordered = sorted(visits, key=_order)
    for deployment_id, group in groupby(ordered, key=lambda one: one.deployment_id):
        deployment = by_id.get(deployment_id) or Deployment(deployment_id)
        of_camera = list(group)
        changes = camera_changes(of_camera, looks, deployment)
        for number, visit in enumerate(of_camera):
            scene = Scene(
                visit,
                deployment,
                tuple(looks[sha] for sha in visit.sha256s if sha in looks),
                labels,
                settings.poaching,
                calendar,
                reviews or {},
                context or {},
                tuple(one for one in changes if one.visit == number),
            )
            flags += [flag] if (flag := judge(scene)) else []
    return flags


def silent_rules(
    settings: Settings, deployments: Iterable[Deployment], context: bool = False
) -> list[tuple[str, str]]:
    """Rules that cannot speak, wholly or at some cameras, each with why and what to do.

    context  whether the model in use can tell the context prompts
    """
    deployments = list(deployments)
    calendar = read_calendar(settings.poaching)
    silent = []
    untold = [one.deployment_id for one in deployments if access_of(one) is None]
    if untold or not deployments:
        where = f"at {_some(untold)}" if deployments else "anywhere"
        tell = "give deploymentTags access:public, access:staff or access:closed"
        silent.append(("human_unexpected, vehicle_unexpected", f"silent {where}: {tell}"))
    if not calendar.given:
        why = "silent in staff places: give staff_hours or staff_days under [poaching]"
        silent.append(("human_unexpected, vehicle_unexpected", why))
    clocks = [one.deployment_id for one in deployments if one.timestamp_issues]
    if clocks:
        why = f"the clock of {_some(clocks)} is marked wrong: only infrared light counts as night"
        silent.append(("human_at_night, camera_covered, camera_dark", why))
    silent.append(("group_on_foot", "speaks only where imported boxes or reviews give a count"))
    if not context:
        why = "the model in use cannot tell these; a general CLIP, CoCa or SigLIP can"
        silent.append(("weapon_snare_or_carcass", why))
    return silent


def age(taken_utc: datetime | None, now: datetime) -> str:
    """`live` under an hour old, else `historic`: intelligence, not interception (field P5).

    Both in UTC, naive or aware. No time, or one in the future, wakes nobody at night: historic.
    """
    if taken_utc is None:
        return "historic"
    old = _utc(now) - _utc(taken_utc)
    return "live" if -CLOCK_DRIFT <= old < LIVE else "historic"


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _order(visit: Visit):
    return (visit.deployment_id, visit.started_at or datetime.max, visit.sha256s)


def _serving(deployment: Deployment, start: datetime, end: datetime) -> bool:
    """Within minutes of set-up or pick-up, as the owner's table (not the pictures) gives them."""
    if deployment.source != "table":
        return False
    ends = [at for at in (deployment.started_at, deployment.ended_at) if at is not None]
    return any(start - SERVICE <= at <= end + SERVICE for at in ends)


def _serving_scene(scene: Scene) -> bool:
    times = scene.times()
    return times is not None and _serving(scene.deployment, *times)


def _is_night(at: datetime) -> bool:
    return at.hour >= NIGHT_FROM or at.hour < NIGHT_TO


def _within(at: time, hours: tuple[time, time]) -> bool:
    start, end = hours
    return start <= at <= end if start <= end else at >= start or at <= end


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _pictures(shown: Sequence | Mapping) -> str:
    return "1 picture" if len(shown) == 1 else f"{len(shown)} pictures"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
