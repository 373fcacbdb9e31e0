"""When a ranger should look at a visit: one function per rule, its reason as its docstring.

A picture shows a person, not a crime (field P6). Every flag is a suspicion until a person confirms
it, lists the rules that fired, and says what was seen. Rules that lack what they need (a place
class, staff hours, a clock, a count) stay silent, and `silent_rules` says which and why.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import prod

from pipeline.poaching.camera import BROAD_DAY, Change, camera_changes, frames_of
from pipeline.poaching.context import WEAK
from pipeline.poaching.scene import Scene, access_of, read_calendar
from pipeline.records import Deployment, Flag, FrameScores, Label, Media, Review, Visit
from pipeline.settings import Settings

DOGS = ("Canis familiaris", "Canis lupus familiaris")
NIGHT_FROM, NIGHT_TO = 21, 5  # hours by the camera's clock
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
    """People and vehicles do not belong in a closed place, nor in a staff place out of hours.

    Silent where `access:` is not given, and in staff places without a calendar or a clock. A closed
    place on a listed staff day, or while the camera is served, is severity 1 instead of 3.
    """
    access = access_of(scene.deployment)
    seen = {kind: scene.showing(kind) for kind in ("human", "vehicle")}
    seen = {kind: shown for kind, shown in seen.items() if shown}
    if not seen or access not in ("staff", "closed"):
        return None
    what = " and ".join("a person" if kind == "human" else "a vehicle" for kind in seen)
    score = max(max(shown.values()) for shown in seen.values())
    rule = f"{'human' if 'human' in seen else 'vehicle'}_unexpected"
    if access == "staff":
        if scene.staff_may_be_about() is not False:
            return None
        return Fired(rule, 2, score, f"{what} in a staff place outside staff hours or days")
    if scene.staff_due():
        return Fired(rule, 1, score, f"{what} in a closed place, when staff were due there")
    return Fired(rule, 3, score, f"{what} in a closed place")


def group_on_foot(scene: Scene) -> Fired | None:
    """Hunting parties come in groups; only where boxes or a person counted, and no public place."""
    if access_of(scene.deployment) == "public":
        return None
    people = scene.showing("human")
    counts = [scene.people_counted(look) for look in scene.looks if look.sha256 in people]
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
    """Who does not want to be seen covers, turns or takes the camera. Staff days explain it."""
    if not scene.changes or scene.staff_due():
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
    looks: Mapping[str, FrameScores],
    labels: Mapping[str, Label],
    deployments: Iterable[Deployment],
    settings: Settings,
    context: Mapping[str, Mapping[str, float]] | None = None,
    reviews: Iterable[Review] = (),
    media: Iterable[Media] | None = None,
) -> list[Flag]:
    """At most one flag per visit, by deployment and time.

    context  by sha-256: probability of each of context.CONTEXTS, where a model could tell
    reviews  the newest of each picture, and of each visit (purpose event) by its first picture
    media    all pictures of these deployments: a covered lens shows nothing, so its pictures are
             blank and in no visit. What happens to a camera between visits is a flag of its own.
    """
    calendar = read_calendar(settings.poaching)
    own, whole = {}, {}
    for one in reviews:
        (whole if one.purpose == "event" else own)[one.sha256] = one
    by_id = {one.deployment_id: one for one in deployments}
    visits_of, times_of = _by_deployment(visits, media)
    flags = []
    for deployment_id in sorted(visits_of.keys() | times_of.keys()):
        deployment = by_id.get(deployment_id) or Deployment(deployment_id)
        times = sorted(times_of[deployment_id], key=lambda one: (one[1] or datetime.max, one[2]))
        frames = frames_of(
            ((sha, at) for sha, at, _ in times), looks, deployment, settings.windows.visit_gap_s
        )
        for visit, changes in _with_changes(
            visits_of[deployment_id], camera_changes(frames), deployment_id
        ):
            scene = Scene(
                visit,
                deployment,
                tuple(looks[sha] for sha in visit.sha256s if sha in looks),
                labels,
                settings.poaching,
                calendar,
                _said_of(visit, own, whole),
                context or {},
                changes,
            )
            flags += [flag] if (flag := judge(scene)) else []
    return sorted(flags, key=_order)


def _said_of(
    visit: Visit, own: Mapping[str, Review], whole: Mapping[str, Review]
) -> Mapping[str, Review]:
    """What was said of the visit as a whole holds for its pictures without words of their own."""
    said = whole.get(visit.sha256s[0])
    return {sha: own.get(sha, said) for sha in visit.sha256s} if said else own


def _by_deployment(visits: Iterable[Visit], media: Iterable[Media] | None):
    """Visits, and (sha-256, time, path) of all pictures, or of the visits' without media."""
    visits_of, times_of = defaultdict(list), defaultdict(list)
    for one in visits:
        visits_of[one.deployment_id].append(one)
        if media is None:
            times_of[one.deployment_id] += [(sha, one.started_at, "") for sha in one.sha256s]
    for one in media or ():
        times_of[one.deployment_id].append((one.sha256, one.taken_at, one.path))
    return visits_of, times_of


def _with_changes(
    visits: Sequence[Visit], changes: Sequence[Change], deployment_id: str
) -> Iterator[tuple[Visit, tuple[Change, ...]]]:
    """Each visit with the changes that begin in it; then one nameless visit per other change."""
    visit_of = {sha: number for number, one in enumerate(visits) for sha in one.sha256s}
    inside, outside = defaultdict(list), defaultdict(list)
    for one in changes:
        hit = next((visit_of[sha] for sha in one.sha256s if sha in visit_of), None)
        (outside[one.sha256s[0]] if hit is None else inside[hit]).append(one)
    for number, visit in enumerate(visits):
        yield visit, tuple(inside[number])
    for some in outside.values():
        first, *nothing_known = some[0], "unknown", None, None, None, None, None
        visit = Visit(deployment_id, first.at, first.at, first.sha256s, None, *nothing_known)
        yield visit, tuple(some)


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


def _order(flag: Flag):
    return (flag.deployment_id, flag.started_at or datetime.max, flag.sha256s)


def _is_night(at: datetime) -> bool:
    return at.hour >= NIGHT_FROM or at.hour < NIGHT_TO


def _pictures(shown: Sequence | Mapping) -> str:
    return "1 picture" if len(shown) == 1 else f"{len(shown)} pictures"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
