"""What happens to the camera itself: covered, dark by day, or turned away for good.

The bars for covered and dark were set on real daylight pictures: of some 1 300, three had a
contrast below 0.03 (all a hand before the lens), none a luma below 0.05; fog and dusk reach 0.036.
No real camera that was moved is at hand. In its place ten pictures of another camera were put
behind sixty of one (25 pairs of 8 cards, first starter weights): they reach 0.79-0.98, while 99 in
100 of a fixed camera's own stay below 0.67, or 0.81 where animals fill the picture or places mix.
On ten whole cards (1 596 pictures) the rule spoke twice: of a hand before the lens at the end of a
card, rightly, and of a porch camera whose lamps go on and off.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from pipeline.counted import counted
from pipeline.records import Deployment, FrameScores

BROAD_DAY = range(9, 16)  # hours in which it is light outside the polar circles
FLAT = 0.03  # contrast: nothing to be seen, whatever its brightness
DARK = 0.05  # luma: as good as no light
USUAL_CONTRAST = 0.06  # the camera must have shown more than fog before it can turn flat
CLEAR_BEFORE = 3  # pictures by day that show what is usual
RUN = 2  # pictures in a row: a single one is a wrong exposure
MOVED = 0.8  # view_shift: 0 same view ... 1 nothing in common
MOVED_RUN = 3  # pictures, at two moments at least: an animal at the lens fills one
PERSISTS_MIN = 30  # minutes the new view must hold where the run ends before the deployment does


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the camera, told once, with the pictures of the moment it began."""

    rule: str  # camera_covered, camera_dark, camera_moved
    sha256s: tuple[str, ...]
    at: datetime | None
    score: float  # 0-1
    sentence: str
    until: datetime | None = None  # last picture of it; None: to the last picture of all


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as these rules see it."""

    at: datetime | None  # None where the clock is not to be trusted
    moment: int  # same number: within the gap of a visit
    look: FrameScores


def trusted(deployment: Deployment, at: datetime | None) -> datetime | None:
    """The time where the camera's clock may be believed, else None."""
    return None if deployment.timestamp_issues else at


def frames_of(
    times: Iterable[tuple[str, datetime | None]],
    looks: Mapping[str, FrameScores],
    deployment: Deployment,
    gap_s: float,
) -> list[Frame]:
    """Pictures of one camera that were looked at, blank ones too, in the order given.

    times  (sha-256, camera time); without a time every picture is a moment of its own
    """
    frames: list[Frame] = []
    moment, last = 0, None
    for sha, at in times:
        if sha not in looks:
            continue
        apart = at is None or last is None or abs((at - last).total_seconds()) > gap_s
        moment, last = moment + apart, at
        frames.append(Frame(trusted(deployment, at), moment, looks[sha]))
    return frames


def camera_changes(frames: Sequence[Frame]) -> list[Change]:
    """All changes of one camera.

    Told once where they begin: of a lens that is covered for a day, a time-lapse camera makes a
    hundred visits, and of a night without infrared light another hundred.
    """
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
        rule = "camera_dark" if dark else "camera_covered"
        sentence = f"{what}, in {counted(len(run.frames), 'picture')}, {until}"
        changes.append(_change(rule, run, run.frames, min(1.0, max(0.0, score)), sentence))
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
        if len(new) < MOVED_RUN or len({one.moment for one in new}) < 2:
            continue
        if not (run.to_the_end or _minutes(new) >= PERSISTS_MIN):
            continue
        end = "until the last picture" if run.to_the_end else f"for {_span(_minutes(new))}"
        sentence = f"the view changed and stayed changed in {len(new)} pictures, {end}"
        score = float(median(one.look.view_shift for one in new))
        changes.append(_change("camera_moved", run, new, score, sentence))
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


def _change(rule: str, run: _Run, frames: Sequence[Frame], score: float, sentence: str) -> Change:
    first = [one for one in frames if one.moment == frames[0].moment]
    shas = tuple(one.look.sha256 for one in first)
    until = None if run.to_the_end else frames[-1].at
    return Change(rule, shas, first[0].at, score, sentence, until)


def _minutes(frames: Sequence[Frame]) -> float:
    """From the first to the last of them, 0 where the clock is not to be trusted."""
    first, last = frames[0].at, frames[-1].at
    return (last - first).total_seconds() / 60 if first and last else 0.0


def _span(minutes: float) -> str:
    """A stretch of time in the unit that a person would use."""
    for unit, length in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * length:
            return f"{minutes / length:.0f} {unit}"
    return f"{minutes:.0f} minutes"
