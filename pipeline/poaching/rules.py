"""When a ranger should see a visit: every poaching rule with all that belongs to it, in RULES.

A picture shows a person, not a crime. Every flag is a suspicion until a person confirms it, lists
the rules that fired, and what was seen. A rule that lacks what it needs (a place class, staff
hours, a clock, a count) is not applicable, and `not_applicable` lists which and why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, TypeAlias

from pipeline.counted import counted
from pipeline.poaching.camera import BROAD_DAY, ChangeRule
from pipeline.poaching.context import WEAK
from pipeline.poaching.scene import Calendar, Scene, access_of, read_calendar
from pipeline.records import Deployment
from pipeline.settings import Settings

DOGS = ("Canis familiaris", "Canis lupus familiaris")
NIGHT_FROM, NIGHT_TO = 21, 5  # hours by the camera's clock
NAMED = 5  # deployments that one line lists by name


@dataclass(frozen=True, slots=True)
class Evidence:
    """What made a rule fire at one visit."""

    score: float  # 0-1, how clear it is
    sentence: str
    severity: int | None = None  # below the rule's own, where something explains the visit


@dataclass(frozen=True, slots=True)
class Study:
    """What a study has given, by which a rule can or cannot be applied."""

    deployments: Sequence[Deployment]
    calendar: Calendar
    context: bool  # whether the model in use can tell the context prompts


Check: TypeAlias = Callable[[Scene], Evidence | None]
Lacks: TypeAlias = Callable[[Study], list[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Its name is stored with every flag: no name is changed or used a second time."""

    name: str
    severity: int  # 1 check when there is time, 2 check today, 3 check now
    reason: str  # why a ranger should see it
    shows_people: bool  # its pictures may show people, so pages pixelate them
    check: Check  # None: it does not fire
    lacks: Lacks  # why it cannot be applied, wholly or at some cameras, and what to do


def human_at_night(scene: Scene) -> Evidence | None:
    """Night is infrared light in the picture, or 21:00-05:00 by a clock that can be trusted.

    Infrared in broad daylight means deep shade or a wrong clock: severity 1, and the sentence says
    so. In a public place it is severity 1 too.
    """
    people = scene.showing("human")
    if not people:
        return None
    infrared = sum(
        picture.sha256 in people and picture.light == "infrared" for picture in scene.scores
    )
    times = scene.times()
    by_clock = times is not None and any(_is_night(at) for at in times)
    if not infrared and not by_clock:
        return None
    by_day = times is not None and all(at.hour in BROAD_DAY for at in times)
    basis = [f"infrared light in {infrared}"] if infrared else []
    if times is not None and (by_clock or by_day):
        basis.append(f"{times[0]:%H:%M} by the camera's clock")
    if by_day:
        basis.append("so deep shade or a wrong clock")
    mild = by_day or access_of(scene.deployment) == "public"
    sentence = f"a person at night in {counted(len(people), 'picture')} ({', '.join(basis)})"
    return Evidence(max(people.values()), sentence, severity=1 if mild else None)


def unexpected(scene: Scene, first: Literal["human", "vehicle"]) -> Evidence | None:
    """A visit whose first kind (human before vehicle) is `first`, where nobody is expected.

    Not applicable where `access:` is not given, and in staff places without a calendar or a clock.
    A closed place is severity 3; on a listed staff day, or while the camera is served, 1. A staff
    place out of hours is 2.
    """
    access = access_of(scene.deployment)
    people, vehicles = scene.showing("human"), scene.showing("vehicle")
    shown = {"human": people, "vehicle": vehicles}
    kinds = [kind for kind, pictures in shown.items() if pictures]
    if access not in ("staff", "closed") or kinds[:1] != [first]:
        return None
    what = " and ".join("a person" if kind == "human" else "a vehicle" for kind in kinds)
    score = max(*people.values(), *vehicles.values(), 0.0)
    if access == "staff":
        if scene.staff_may_be_present() is not False:
            return None
        return Evidence(score, f"{what} in a staff place outside staff hours or days", severity=2)
    if scene.staff_due():
        return Evidence(score, f"{what} in a closed place, when staff were due there", severity=1)
    return Evidence(score, f"{what} in a closed place")


def group_on_foot(scene: Scene) -> Evidence | None:
    """Only where sure boxes or a review counted people, and in no public place."""
    people = scene.showing("human")
    if not people or access_of(scene.deployment) == "public":
        return None
    counts = [scene.people_counted(shown) for shown in scene.scores if shown.sha256 in people]
    if scene.visit.observation_type == "human" and scene.visit.count_basis:
        counts.append(scene.visit.count)
    most = max((count for count in counts if count), default=0)
    if most < scene.settings.group_size:
        return None
    return Evidence(max(people.values()), f"{most} people in one picture")


def dog(scene: Scene) -> Evidence | None:
    """In public places walkers bring their dogs: no flag there."""
    if access_of(scene.deployment) == "public":
        return None
    sure: list[float] = []
    for sha in scene.visit.sha256s:
        answer, label = scene.reviews.get(sha), scene.labels.get(sha)
        if answer is not None:
            sure += [1.0] if any(row.name in DOGS for row in answer) else []
        elif label is not None and label.name in DOGS:
            sure.append(label.probability or 0.0)
    return Evidence(max(sure), f"a dog in {counted(len(sure), 'picture')}") if sure else None


def camera_tampered(scene: Scene, rule: ChangeRule) -> Evidence | None:
    """The changes of the camera that begin in this visit, where the first of them is the rule's.

    A staff day, or the camera being served, explains them: no flag.
    """
    if not scene.changes or scene.changes[0].rule != rule or scene.staff_due():
        return None
    sentence = "; ".join(change.sentence for change in scene.changes)
    return Evidence(max(change.score for change in scene.changes), sentence)


def weapon_snare_or_carcass(scene: Scene) -> Evidence | None:
    """A general picture-and-text model finds one of these likely: weak evidence beside others."""
    best: dict[str, float] = {}
    for sha in scene.visit.sha256s:
        for name, p in scene.context.get(sha, {}).items():
            if name in WEAK and p >= scene.settings.context_bar:
                best[name] = max(p, best.get(name, 0.0))
    if not best:
        return None
    what = ", ".join(f"{name} {p:.2f}" for name, p in sorted(best.items()))
    sentence = f"the context model names {what} (weak evidence)"
    return Evidence(0.5 * max(best.values()), sentence)


# --- what keeps a rule from being applied


def no_place_class(study: Study) -> list[str]:
    """A place class at every deployment, and for staff places a calendar."""
    lacks = []
    unknown = [place.deployment_id for place in study.deployments if access_of(place) is None]
    if unknown or not study.deployments:
        where = f"at {_listed(unknown)}" if study.deployments else "anywhere"
        give = "give deploymentTags access:public, access:staff or access:closed"
        lacks.append(f"not applicable {where}: {give}")
    if not study.calendar.given:
        give = "give staff_hours or staff_days under [poaching]"
        lacks.append(f"not applicable in staff places: {give}")
    return lacks


def no_clock(study: Study) -> list[str]:
    """A clock that can be trusted."""
    wrong = [place.deployment_id for place in study.deployments if place.timestamp_issues]
    marked = f"the clock of {_listed(wrong)} is marked wrong: only infrared light counts as night"
    return [marked] if wrong else []


def no_general_model(study: Study) -> list[str]:
    """A model that knows more than organisms."""
    why = "the model in use cannot tell these; a general CLIP, CoCa or SigLIP can"
    return [] if study.context else [why]


def nothing(study: Study) -> list[str]:
    """For a rule that can always be applied."""
    return []


RULES: tuple[Rule, ...] = (  # in the order in which a flag lists them
    Rule(
        "human_unexpected",
        severity=3,
        reason="people do not belong in a closed place, nor in a staff place out of hours",
        shows_people=True,
        check=partial(unexpected, first="human"),
        lacks=no_place_class,
    ),
    Rule(
        "vehicle_unexpected",
        severity=3,
        reason="vehicles do not belong in a closed place, nor in a staff place out of hours",
        shows_people=False,
        check=partial(unexpected, first="vehicle"),
        lacks=no_place_class,
    ),
    Rule(
        "human_at_night",
        severity=2,
        reason="few people have business in the bush at night",
        shows_people=True,
        check=human_at_night,
        lacks=no_clock,
    ),
    Rule(
        "group_on_foot",
        severity=2,
        reason="hunting parties come in groups",
        shows_people=True,
        check=group_on_foot,
        lacks=nothing,
    ),
    Rule(
        "dog",
        severity=1,
        reason="dogs are used to hunt, and hunt by themselves",
        shows_people=False,
        check=dog,
        lacks=nothing,
    ),
    Rule(
        "camera_covered",
        severity=2,
        reason="who does not want to be seen covers the camera",
        shows_people=False,
        check=partial(camera_tampered, rule="camera_covered"),
        lacks=no_clock,
    ),
    Rule(
        "camera_dark",
        severity=2,
        reason="a picture that turns dark by day may be a covered or broken lens",
        shows_people=False,
        check=partial(camera_tampered, rule="camera_dark"),
        lacks=no_clock,
    ),
    Rule(
        "camera_moved",
        severity=2,
        reason="who does not want to be seen turns the camera or takes it down",
        shows_people=False,
        check=partial(camera_tampered, rule="camera_moved"),
        lacks=nothing,
    ),
    Rule(
        "weapon_snare_or_carcass",
        severity=1,
        reason="a weapon, snare or carcass, by a general model: supports other rules",
        shows_people=True,
        check=weapon_snare_or_carcass,
        lacks=no_general_model,
    ),
)


def rule_names() -> list[str]:
    """The names of all rules, in their order: the part of a flag recipe that names which ran."""
    return [rule.name for rule in RULES]


def may_show_people(names: Iterable[str]) -> bool:
    """Whether pictures flagged by these rules may show people; a rule unknown here: yes."""
    shows: Mapping[str, bool] = {rule.name: rule.shows_people for rule in RULES}
    return any(shows.get(name, True) for name in names)


def not_applicable(
    settings: Settings, deployments: Iterable[Deployment], context: bool = False
) -> list[tuple[str, str]]:
    """Rules that cannot be applied, wholly or at some cameras: (names, why and what to do).

    context  whether the model in use can tell the context prompts
    """
    study = Study(list(deployments), read_calendar(settings.poaching), context)
    names: dict[str, list[str]] = {}
    for rule in RULES:
        for why in rule.lacks(study):
            names.setdefault(why, []).append(rule.name)
    return [(", ".join(rules), why) for why, rules in names.items()]


def _is_night(at: datetime) -> bool:
    return at.hour >= NIGHT_FROM or at.hour < NIGHT_TO


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
