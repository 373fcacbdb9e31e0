"""The plan: pictures in order, bursts, and windows of at most 128 cut at burst borders.

A clip weighs as much as the frames of it that are looked at.

The same content gives the same plan, whatever order the pictures come in.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate, pairwise

from pipeline.frames.clip import is_clip, looked_at
from pipeline.records import DayAlone, Media, Window
from pipeline.settings import Windows


def plan(
    media: Sequence[Media],
    settings: Windows,
    next_numbers: Mapping[str, tuple[int, int]] | None = None,
) -> list[Window]:
    """Cut every deployment's pictures into windows. Each content is planned once.

    next_numbers   by deployment: (next window, next burst); what is planned already never changes
    """
    deployments: dict[str, list[Media]] = defaultdict(list)
    for picture in _once(media):
        deployments[picture.deployment_id].append(picture)
    return [
        window
        for name in sorted(deployments)
        for window in _windows(name, deployments[name], settings, (next_numbers or {}).get(name))
    ]


def in_order(picture: Media) -> tuple[datetime, str, str]:
    """Sort key: camera time, then file order; pictures without a time come last."""
    return (picture.taken_at or datetime.max, picture.path, picture.sha256)


def burst_starts(media: Sequence[Media], gap_s: float) -> list[int]:
    """Positions at which a burst begins, for the pictures of one deployment in order."""
    starts = [at + 1 for at, pair in enumerate(pairwise(media)) if _new_burst(*pair, gap_s)]
    return [0, *starts] if media else []


def _once(media: Sequence[Media]) -> list[Media]:
    """Each content once, by deployment, in order."""
    ordered = sorted(media, key=lambda picture: (picture.deployment_id, in_order(picture)))
    found: dict[str, Media] = {}
    for picture in ordered:
        found.setdefault(picture.sha256, picture)
    return list(found.values())


def _new_burst(last: Media, this: Media, gap_s: float) -> bool:
    """Whether the camera was triggered again between two pictures that follow each other.

    Its own event number and "n of m" know best; else the gap decides.
    """
    if _differ(last.serial, this.serial) or _differ(last.capture_method, this.capture_method):
        return True
    step = None  # within "n of m"
    if last.sequence_n is not None and this.sequence_n is not None:
        step = this.sequence_n - last.sequence_n
        if step <= 0 or this.sequence_m != last.sequence_m:
            return True
    if last.camera_event is not None and this.camera_event is not None:
        if last.camera_event != this.camera_event:
            return True
        if step is not None:
            return False
    if last.taken_at is None or this.taken_at is None:
        return step != 1
    if isinstance(last.taken_at, DayAlone) or isinstance(this.taken_at, DayAlone):
        return step != 1 or last.taken_at.date() != this.taken_at.date()
    gap = (this.taken_at - last.taken_at).total_seconds() - (last.duration_s or 0.0)
    return gap > gap_s


def _differ(last: str | None, this: str | None) -> bool:
    """Whether both are known and not the same."""
    return None not in (last, this) and last != this


def _windows(
    name: str, media: list[Media], settings: Windows, next_number: tuple[int, int] | None
) -> list[Window]:
    number, burst = next_number or (0, 0)
    starts = burst_starts(media, settings.burst_gap_s)
    bursts = [burst + bisect_right(starts, at) - 1 for at in range(len(media))]
    cuts = _cuts(starts, [_weight(picture) for picture in media], settings.size)
    return [
        Window(
            name,
            number + at,
            tuple(picture.sha256 for picture in media[begin:end]),
            tuple(bursts[begin:end]),
        )
        for at, (begin, end) in enumerate(pairwise(cuts))
    ]


def _weight(picture: Media) -> int:
    return looked_at(picture.duration_s) if is_clip(picture.mediatype) else 1


def _cuts(starts: list[int], weights: Sequence[int], size: int) -> list[int]:
    """Where windows begin and end: at burst borders, of even weight, as few as possible.

    A burst heavier than a window has to be cut anyway, so it may be cut anywhere.
    """
    count, upto = len(weights), [0, *accumulate(weights)]  # weight before each position
    allowed: list[int] = []
    for begin, end in pairwise([*starts, count]):
        allowed += range(begin, end) if upto[end] - upto[begin] > size else [begin]
    allowed.append(count)
    cuts = [0]
    while cuts[-1] < count:
        begin = cuts[-1]
        windows = -((upto[begin] - upto[count]) // size)  # that the rest needs at least
        even = upto[begin] + (upto[count] - upto[begin]) / windows
        first = bisect_right(allowed, begin)
        last = bisect_right(allowed, bisect_right(upto, upto[begin] + size) - 1)
        reach = allowed[first : max(last, first + 1)]
        cuts.append(min(reach, key=lambda at: abs(upto[at] - even)))
    return cuts
