"""Flags: all poaching rules over all visits, at most one flag for each visit."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import prod
from typing import TypeAlias

from pipeline.answers import Answer, answers
from pipeline.poaching import rules
from pipeline.poaching.camera import Change, camera_changes, frames_of
from pipeline.poaching.scene import Scene, read_calendar
from pipeline.records import Deployment, Flag, FrameScores, Label, Media, Review, Visit
from pipeline.settings import Settings

LIVE = timedelta(hours=1)
CLOCK_DRIFT = timedelta(minutes=5)  # a camera may be ahead by so much and still be live

Taken: TypeAlias = tuple[str, datetime | None, str]  # sha-256, camera time, path


def judge(scene: Scene) -> Flag | None:
    """One flag for the visit with every rule that fired, or None.

    severity  the highest of the rules, one more when several agree
    score     1 - product(1 - score of each rule): an order within a severity, no probability of a
              crime. More evidence lowers neither.
    """
    fired = [(rule, found) for rule in rules.RULES if (found := rule.check(scene)) is not None]
    if not fired:
        return None
    highest = max(
        rule.severity if found.severity is None else found.severity for rule, found in fired
    )
    agree = len(fired) > 1
    return Flag(
        deployment_id=scene.visit.deployment_id,
        started_at=scene.visit.started_at,
        sha256s=scene.visit.sha256s,
        rules=tuple(rule.name for rule, _ in fired),
        severity=min(3, highest + agree),
        score=1 - prod(1 - min(1.0, found.score) for _, found in fired),
        reason="Suspected: " + "; ".join(found.sentence for _, found in fired) + ".",
    )


def flag_visits(
    visits: Iterable[Visit],
    scores: Mapping[str, FrameScores],
    labels: Mapping[str, Label],
    deployments: Iterable[Deployment],
    settings: Settings,
    context: Mapping[str, Mapping[str, float]] | None = None,
    reviews: Iterable[Review] = (),
    media: Iterable[Media] | None = None,
) -> list[Flag]:
    """At most one flag per visit, by deployment and time.

    scores, labels  by sha-256
    context  by sha-256: probability of each of context.CONTEXTS, where a model could tell
    reviews  the newest answer on each picture, and on each visit (purpose event) by its first one
    media    all pictures of these deployments: a covered lens shows nothing, so its pictures are
             blank and in no visit. What happens to a camera between visits is a flag of its own.
    """
    calendar = read_calendar(settings.poaching)
    of_pictures: dict[str, Answer] = {}
    of_visits: dict[str, Answer] = {}
    for answer in answers(reviews):
        (of_visits if answer[0].purpose == "event" else of_pictures)[answer[0].sha256] = answer
    places = {deployment.deployment_id: deployment for deployment in deployments}
    visits_of, taken_of = _by_deployment(visits, media)
    flags: list[Flag] = []
    for deployment_id in sorted(visits_of.keys() | taken_of.keys()):
        deployment = places.get(deployment_id) or Deployment(deployment_id)
        taken = sorted(taken_of[deployment_id], key=lambda row: (row[1] or datetime.max, row[2]))
        frames = frames_of(
            ((sha, at) for sha, at, _ in taken), scores, deployment, settings.windows.visit_gap_s
        )
        for visit, changes in _with_changes(
            visits_of[deployment_id], camera_changes(frames), deployment_id
        ):
            scene = Scene(
                visit,
                deployment,
                tuple(scores[sha] for sha in visit.sha256s if sha in scores),
                labels,
                settings.poaching,
                calendar,
                _reviews_of(visit, of_pictures, of_visits),
                context or {},
                changes,
            )
            flags += [flag] if (flag := judge(scene)) else []
    return sorted(flags, key=_order)


def _reviews_of(
    visit: Visit, of_pictures: Mapping[str, Answer], of_visits: Mapping[str, Answer]
) -> Mapping[str, Answer]:
    """The answer on the whole visit holds for its pictures without one of their own."""
    whole = of_visits.get(visit.sha256s[0])
    return {sha: of_pictures.get(sha, whole) for sha in visit.sha256s} if whole else of_pictures


def _by_deployment(
    visits: Iterable[Visit], media: Iterable[Media] | None
) -> tuple[defaultdict[str, list[Visit]], defaultdict[str, list[Taken]]]:
    """Visits, and the times of all pictures, or of the visits' pictures without media."""
    visits_of: defaultdict[str, list[Visit]] = defaultdict(list)
    taken_of: defaultdict[str, list[Taken]] = defaultdict(list)
    for visit in visits:
        visits_of[visit.deployment_id].append(visit)
        if media is None:
            taken_of[visit.deployment_id] += [(sha, visit.started_at, "") for sha in visit.sha256s]
    for picture in media or ():
        row = (picture.sha256, picture.taken_at, picture.path)
        taken_of[picture.deployment_id].append(row)
    return visits_of, taken_of


def _with_changes(
    visits: Sequence[Visit], changes: Sequence[Change], deployment_id: str
) -> Iterator[tuple[Visit, tuple[Change, ...]]]:
    """Each visit with the changes that begin in it; then one nameless visit per other change."""
    visit_of = {sha: number for number, visit in enumerate(visits) for sha in visit.sha256s}
    inside: defaultdict[int, list[Change]] = defaultdict(list)
    outside: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        number = next((visit_of[sha] for sha in change.sha256s if sha in visit_of), None)
        if number is None:
            outside[change.sha256s[0]].append(change)
        else:
            inside[number].append(change)
    for number, visit in enumerate(visits):
        yield visit, tuple(inside[number])
    for together in outside.values():
        yield _nameless(together[0], deployment_id), tuple(together)


def _nameless(change: Change, deployment_id: str) -> Visit:
    """A visit that stands for a change of the camera between visits."""
    return Visit(
        deployment_id,
        started_at=change.at,
        ended_at=change.at,
        sha256s=change.sha256s,
        capture_method=None,
        observation_type="unknown",
        name=None,
        rank=None,
        probability=None,
        count=None,
        count_basis=None,
    )


def _order(flag: Flag) -> tuple[str, datetime, tuple[str, ...]]:
    return flag.deployment_id, flag.started_at or datetime.max, flag.sha256s


def age(taken_utc: datetime | None, now: datetime) -> str:
    """`live` under an hour old, else `historic`: for later patrols, too late to meet anyone.

    Both in UTC, naive or aware. No time, or one in the future, is historic: it raises no alarm.
    """
    if taken_utc is None:
        return "historic"
    old = _utc(now) - _utc(taken_utc)
    return "live" if -CLOCK_DRIFT <= old < LIVE else "historic"


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
