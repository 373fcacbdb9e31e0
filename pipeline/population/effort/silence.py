"""Outages that a camera's own pictures suggest. A person accepts them; until then none counts.

A camera is held against itself: what is a long silence for one is an ordinary week for another.
Time-lapse pictures are a heartbeat. Without them, silence is judged by the gaps between what came
before the camera; a camera that was seldom triggered is judged by nothing but a very long end.

Drawn seasons of 60 days without an outage (300 of each kind): where pictures come at chance every
8 hours, a silence is proposed from 3 days on and in 3 of 100 seasons wrongly; where they come in
long-tailed bouts, from 9 days on and in 21 of 100. So a person looks before anything counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import log
from statistics import median, quantiles

from pipeline.poaching.camera import Change
from pipeline.records import Deployment, Outage

APART = timedelta(hours=1)  # shorter gaps are one coming and going, not silence
FEWEST = 20  # gaps that show what is usual
SEASONS = 100  # in one of so many a silence that is proposed is mere chance
AT_LEAST = timedelta(days=2)
BEATS = 10  # time-lapse pictures, on
BEAT_DAYS = 3  # days at least
MISSED = 1.5  # times the longest gap of a usual day: one beat is missing
TAIL = timedelta(days=14)  # of a camera with too few pictures, and half of its time


def proposals(
    place: Deployment,
    times: Iterable[tuple[datetime, str | None]],
    changes: Sequence[Change] = (),
    known: Sequence[Outage] = (),
) -> list[Outage]:
    """Stretches in which this deployment's camera may not have worked, with the evidence.

    times  (repaired time, capture method) of its pictures
    known  accepted outages: what lies over one of them is not proposed again
    """
    seen = sorted(one for one in times if _inside(place, one[0]))
    found = [*_silences(place, seen), *_changed(place, changes)]
    together = _joined(sorted(found, key=lambda one: (one.started_at, one.reason)))
    return [one for one in together if not any(_over(one, other) for other in known)]


def _inside(place: Deployment, at: datetime) -> bool:
    late = place.ended_at is not None and at > place.ended_at
    return not late and (place.started_at is None or at >= place.started_at)


def _silences(place: Deployment, seen: Sequence[tuple[datetime, str | None]]) -> list[Outage]:
    moments = [at for at, _ in seen]
    bar, why = usual(seen)
    if bar is None:
        return _very_long_end(place, moments)
    ends = [*filter(None, [place.started_at]), *moments, *filter(None, [place.ended_at])]
    found = []
    for before, after in pairwise(ends):
        if after - before > bar:
            to = None if after == place.ended_at and after not in moments[-1:] else after
            found.append(
                _proposed(place, before, to, f"no picture for {_days(after - before)}; {why}")
            )
    return found


def usual(seen: Sequence[tuple[datetime, str | None]]) -> tuple[timedelta | None, str]:
    """(the silence from which a camera is doubted, why); None where too little is known."""
    beats = [at for at, method in seen if method == "timeLapse"]
    longest = _longest_by_day(beats)
    if len(beats) >= BEATS and len(longest) >= BEAT_DAYS:
        beat = median(longest)
        return max(APART, MISSED * beat), f"its time-lapse picture comes every {_days(beat)}"
    gaps = [b - a for (a, _), (b, _) in pairwise(seen) if b - a > APART]
    if len(gaps) < FEWEST:
        return None, ""
    bar = APART + timedelta(hours=by_chance([(one - APART) / APART for one in gaps]))
    why = f"of its {len(gaps)} gaps, chance makes one of {_days(bar)} in one season of {SEASONS}"
    return max(AT_LEAST, bar), why


def by_chance(gaps: Sequence[float]) -> float:
    """The gap that chance alone makes in one season of SEASONS, for a camera with such gaps.

    A Weibull curve through their median and their 19th of 20: waiting times at chance are one of
    its forms, and the long tails of animals that come in bouts another.
    """
    twentieths = quantiles(gaps, n=20, method="inclusive")
    half, long = max(twentieths[9], 1e-3), max(twentieths[18], 1e-3)
    stretch = max(log(long / half), 1e-9) / log(log(20) / log(2))  # 1: at chance; more: bouts
    return half * (log(SEASONS * len(gaps)) / log(2)) ** stretch


def _longest_by_day(beats: Sequence[datetime]) -> list[timedelta]:
    """The longest gap that begins on each day: the night, where beats come by day alone."""
    longest: dict = defaultdict(timedelta)
    for a, b in pairwise(beats):
        longest[a.date()] = max(longest[a.date()], b - a)
    return list(longest.values())


def _very_long_end(place: Deployment, moments: Sequence[datetime]) -> list[Outage]:
    if place.started_at is None or place.ended_at is None:
        return []
    last = moments[-1] if moments else place.started_at
    silent = place.ended_at - last
    if silent < TAIL or silent < (place.ended_at - place.started_at) / 2:
        return []
    what = "last picture" if moments else "no picture at all, set up"
    why = f"{what} {_days(silent)} before it was taken down; too few to know what is usual"
    return [_proposed(place, last, None, why)]


def _changed(place: Deployment, changes: Sequence[Change]) -> list[Outage]:
    """A lens that was covered, or a view that was another one, as the pictures show."""
    return [
        _proposed(place, one.at, one.until, one.sentence)
        for one in changes
        if one.at is not None and (one.until is None or one.until > one.at)
    ]


def _proposed(place: Deployment, begin: datetime, end: datetime | None, why: str) -> Outage:
    return Outage(place.deployment_id, begin, end, why, "proposed", accepted=False)


def _joined(found: Sequence[Outage]) -> list[Outage]:
    """Proposals that lie over each other as one, with both reasons."""
    made: list[Outage] = []
    for one in found:
        last = made[-1] if made else None
        if last and _over(last, one):
            ends = (
                None if None in (last.ended_at, one.ended_at) else max(last.ended_at, one.ended_at)
            )
            made[-1] = Outage(
                *(one.deployment_id, last.started_at, ends, f"{last.reason}; {one.reason}"),
                *("proposed", False),
            )
        else:
            made.append(one)
    return made


def _over(one: Outage, other: Outage) -> bool:
    begins_before = other.ended_at is None or one.started_at < other.ended_at
    return begins_before and (one.ended_at is None or other.started_at < one.ended_at)


def _days(long: timedelta) -> str:
    hours = long / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
