"""What happens to the camera itself: covered, dark by day, or turned away for good.

The bars for covered and dark were set on real daylight pictures: of some 1 300, three had a
contrast below 0.03 (all a hand before the lens), none a luma below 0.05; fog and dusk reach 0.036.
No real camera that was moved is at hand. In its place ten pictures of another camera were put
behind sixty of one (25 pairs of 8 cards, first starter weights): they reach 0.79-0.98, while 99 in
100 of a fixed camera's own stay below 0.67, or 0.81 where animals fill the picture or places mix.
On ten whole cards (1 596 pictures) the rule fired twice: for a hand before the lens at the end of a
card, rightly, and for a porch camera whose lamps go on and off.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal, TypeAlias

from pipeline.counted import counted
from pipeline.records import DayAlone, Deployment, FrameScores

BROAD_DAY = range(9, 16)  # hours in which it is light outside the polar circles
FLAT = 0.03  # contrast: nothing to be seen, whatever its brightness
DARK = 0.05  # luma: as good as no light
USUAL_CONTRAST = 0.06  # the camera must have shown more than fog before it can turn flat
CLEAR_BEFORE = 3  # pictures by day that show what is usual
RUN = 2  # pictures in a row: a single one is a wrong exposure
MOVED = 0.8  # view_shift: 0 same view ... 1 nothing in common
MOVED_RUN = 3  # pictures, at two moments at least: an animal at the lens fills one
PERSISTS_MIN = 30  # minutes the new view must hold where the run ends before the deployment does

ChangeRule: TypeAlias = Literal["camera_covered", "camera_dark", "camera_moved"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the camera, reported once, with the pictures of the moment it began."""

    rule: ChangeRule  # the rule of pipeline.poaching.rules that reports it
    sha256s: tuple[str, ...]
    at: datetime | None
    score: float  # 0-1
    sentence: str
    until: datetime | None = None  # last picture of it; None: to the last picture of all


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as these rules see it."""

    at: datetime | None  # None where the clock cannot be trusted
    moment: int  # same number: within the gap of a visit
    scores: FrameScores


def trusted(deployment: Deployment, at: datetime | None) -> datetime | None:
    """The time where the camera's clock can be trusted and has an hour, else None."""
    return None if deployment.timestamp_issues or isinstance(at, DayAlone) else at


def frames_of(
    times: Iterable[tuple[str, datetime | None]],
    scores: Mapping[str, FrameScores],
    deployment: Deployment,
    gap_s: float,
) -> list[Frame]:
    """Pictures of one camera that were scored, blank ones too, in the order given.

    times  (sha-256, camera time); without a time or its hour every picture is a moment of its own
    """
    frames: list[Frame] = []
    moment, last = 0, None
    for sha, at in times:
        if sha not in scores:
            continue
        at = None if isinstance(at, DayAlone) else at
        apart = at is None or last is None or abs((at - last).total_seconds()) > gap_s
        moment, last = moment + apart, at
        frames.append(Frame(trusted(deployment, at), moment, scores[sha]))
    return frames


def camera_changes(frames: Sequence[Frame]) -> list[Change]:
    """All changes of one camera.

    Each is reported once, where it begins: while a lens is covered for a day, a time-lapse camera
    makes a hundred visits, and in a night without infrared light another hundred.
    """
    return covered(frames) + moved(frames)


def covered(frames: Sequence[Frame]) -> list[Change]:
    """A lens that shows nothing in broad daylight, though it did before, was covered or has failed.

    Needs a clock: at night a dark picture is an ordinary one.
    """
    day = [frame for frame in frames if frame.at is not None and frame.at.hour in BROAD_DAY]
    changes: list[Change] = []
    runs, clear = _runs(day, lambda scores: scores.contrast < FLAT or scores.luma < DARK)
    for run in runs:
        before = [frame.scores.contrast for frame in clear[: run.clear]]
        if len(run.frames) < RUN or len(before) < CLEAR_BEFORE or median(before) < USUAL_CONTRAST:
            continue
        dark = median(frame.scores.luma for frame in run.frames) < DARK
        what = "the picture turned dark by day" if dark else "the lens seems covered by day"
        until = "until the last picture by day" if run.to_the_end else "then the view came back"
        score = 1 - median(frame.scores.contrast for frame in run.frames) / median(before)
        rule: ChangeRule = "camera_dark" if dark else "camera_covered"
        sentence = f"{what}, in {counted(len(run.frames), 'picture')}, {until}"
        changes.append(_change(rule, run, run.frames, min(1.0, max(0.0, score)), sentence))
    return changes


def moved(frames: Sequence[Frame]) -> list[Change]:
    """A view that changes and stays changed: the camera was turned, knocked over or taken down.

    Only where the same light (colour or infrared) has shown the usual view before, because some
    cameras see another picture by night than by day.
    """
    changes: list[Change] = []
    known = [frame for frame in frames if frame.scores.view_shift is not None]
    runs, usual = _runs(known, lambda scores: _shift(scores) >= MOVED)
    for run in runs:
        lights = {frame.scores.light for frame in usual[: run.clear]}
        new = [frame for frame in run.frames if frame.scores.light in lights]
        if len(new) < MOVED_RUN or len({frame.moment for frame in new}) < 2:
            continue
        if not (run.to_the_end or _minutes(new) >= PERSISTS_MIN):
            continue
        end = "until the last picture" if run.to_the_end else f"for {_span(_minutes(new))}"
        sentence = f"the view changed and stayed changed in {len(new)} pictures, {end}"
        score = float(median(_shift(frame.scores) for frame in new))
        changes.append(_change("camera_moved", run, new, score, sentence))
    return changes


def _shift(scores: FrameScores) -> float:
    return scores.view_shift or 0.0


@dataclass(frozen=True, slots=True)
class _Run:
    """Pictures in a row that are unlike the usual ones."""

    frames: list[Frame]
    clear: int  # how many ordinary pictures came before
    to_the_end: bool


def _runs(
    frames: Sequence[Frame], odd: Callable[[FrameScores], bool]
) -> tuple[list[_Run], list[Frame]]:
    """Stretches of odd pictures in a row; and all ordinary pictures, in order."""
    runs: list[_Run] = []
    ordinary: list[Frame] = []
    current: list[Frame] = []
    for frame in frames:
        if odd(frame.scores):
            current.append(frame)
            continue
        if current:
            runs.append(_Run(current, len(ordinary), False))
            current = []
        ordinary.append(frame)
    if current:
        runs.append(_Run(current, len(ordinary), True))
    return runs, ordinary


def _change(
    rule: ChangeRule, run: _Run, frames: Sequence[Frame], score: float, sentence: str
) -> Change:
    first = [frame for frame in frames if frame.moment == frames[0].moment]
    shas = tuple(frame.scores.sha256 for frame in first)
    until = None if run.to_the_end else frames[-1].at
    return Change(rule, shas, first[0].at, score, sentence, until)


def _minutes(frames: Sequence[Frame]) -> float:
    """From the first to the last of them, 0 where the clock cannot be trusted."""
    first, last = frames[0].at, frames[-1].at
    return (last - first).total_seconds() / 60 if first and last else 0.0


def _span(minutes: float) -> str:
    """A stretch of time in the unit that a person would use."""
    for unit, length in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * length:
            return f"{minutes / length:.0f} {unit}"
    return f"{minutes:.0f} minutes"
