"""What happens to the camera itself: covered, dark by day, or turned away for good.

The bars were set on 1 213 real daylight pictures of 19 cards: three had a contrast below 0.03 (all
three a hand before the lens), none a luma below 0.05; the lowest contrasts of fog and dusk are 0.04.
The bar for `view_shift` has not been measured on cameras that were really moved: there are none here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from pipeline.records import Deployment, Look, Visit

BROAD_DAY = range(9, 16)  # hours in which it is light outside the polar circles
FLAT = 0.03  # contrast: nothing to be seen, whatever its brightness
DARK = 0.05  # luma: as good as no light
USUAL_CONTRAST = 0.06  # the camera must have shown more than fog before it can turn flat
CLEAR_BEFORE = 3  # pictures by day that show what is usual
RUN = 2  # pictures in a row: a single one is a wrong exposure
MOVED = 0.6  # view_shift: 0 same view ... 1 nothing in common
MOVED_RUN = 3  # pictures, over two visits at least: an animal at the lens fills one visit
PERSISTS_MIN = 30  # minutes the new view must hold where the run ends before the deployment does


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the camera, and the visit in which it began."""

    rule: str  # camera_covered, camera_dark, camera_moved
    visit: int  # index into the visits given
    score: float  # 0-1
    sentence: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as these rules see it. The time is that of its visit: minutes are enough here."""

    visit: int
    at: datetime | None  # None where the clock is not to be trusted
    look: Look


def trusted(deployment: Deployment, at: datetime | None) -> datetime | None:
    """The time where the camera's clock may be believed, else None."""
    return None if deployment.timestamp_issues else at


def frames_of(
    visits: Sequence[Visit], looks: Mapping[str, Look], deployment: Deployment
) -> list[Frame]:
    """The pictures of one deployment's visits (in order) that were looked at."""
    return [
        Frame(number, trusted(deployment, visit.started_at), looks[sha])
        for number, visit in enumerate(visits)
        for sha in visit.sha256s
        if sha in looks
    ]


def camera_changes(
    visits: Sequence[Visit], looks: Mapping[str, Look], deployment: Deployment
) -> list[Change]:
    """All changes of one deployment, each told once, at the visit where it began.

    A time-lapse camera makes a visit of every shot: a lens covered for a day would otherwise be a
    hundred flags, and a night without infrared light another hundred.
    """
    frames = frames_of(visits, looks, deployment)
    return covered(frames) + moved(frames)


def covered(frames: Sequence[Frame]) -> list[Change]:
    """A lens that shows nothing in broad daylight, though it did before, was covered or has failed.

    Needs a clock: at night a dark picture is an ordinary one.
    """
    day = [one for one in frames if one.at is not None and one.at.hour in BROAD_DAY]
    changes, clear = [], []
    for run in _runs(day, lambda one: one.look.contrast < FLAT or one.look.luma < DARK, clear):
        before = [one.look.contrast for one in clear[: run.clear]]
        if len(run.frames) < RUN or len(before) < CLEAR_BEFORE or median(before) < USUAL_CONTRAST:
            continue
        dark = median(one.look.luma for one in run.frames) < DARK
        what = "the picture turned dark by day" if dark else "the lens seems covered by day"
        until = "until the last picture by day" if run.to_the_end else "then the view came back"
        score = 1 - median(one.look.contrast for one in run.frames) / median(before)
        changes.append(
            Change(
                "camera_dark" if dark else "camera_covered",
                run.frames[0].visit,
                min(1.0, max(0.0, score)),
                f"{what}, in {len(run.frames)} pictures, {until}",
            )
        )
    return changes


def moved(frames: Sequence[Frame]) -> list[Change]:
    """A view that changes and stays changed: the camera was turned, knocked over or taken down.

    Only where the same light (colour or infrared) has shown the usual view before, because some
    cameras see another picture by night than by day.
    """
    changes, usual = [], []
    seen = [one for one in frames if one.look.view_shift is not None]
    for run in _runs(seen, lambda one: one.look.view_shift >= MOVED, usual):
        lights = {one.look.light for one in usual[: run.clear]}
        new = [one for one in run.frames if one.look.light in lights]
        if len(new) < MOVED_RUN or len({one.visit for one in new}) < 2:
            continue
        if not (run.to_the_end or _minutes(new) >= PERSISTS_MIN):
            continue
        end = "until the last picture" if run.to_the_end else f"for {_minutes(new):.0f} minutes"
        changes.append(
            Change(
                "camera_moved",
                new[0].visit,
                float(median(one.look.view_shift for one in new)),
                f"the view changed and stayed changed in {len(new)} pictures, {end}",
            )
        )
    return changes


@dataclass(frozen=True, slots=True)
class _Run:
    frames: list[Frame]
    clear: int  # how many ordinary pictures came before
    to_the_end: bool


def _runs(frames: Sequence[Frame], odd, ordinary: list[Frame]) -> list[_Run]:
    """Stretches of odd pictures in a row; the others are put into `ordinary`, in order."""
    runs, current = [], []
    for one in frames:
        if odd(one):
            current.append(one)
            continue
        if current:
            runs.append(_Run(current, len(ordinary), False))
            current = []
        ordinary.append(one)
    if current:
        runs.append(_Run(current, len(ordinary), True))
    return runs


def _minutes(frames: Sequence[Frame]) -> float:
    """From the first to the last of them, 0 where the clock is not to be trusted."""
    first, last = frames[0].at, frames[-1].at
    return (last - first).total_seconds() / 60 if first and last else 0.0
