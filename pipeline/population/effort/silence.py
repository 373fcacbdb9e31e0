"""Outages that a camera's own pictures suggest. None counts before a person has accepted it.

Each camera is compared with itself: the same silence is long for one and usual for another. Where
there are time-lapse pictures, a missing one shows a silence. Elsewhere a silence is judged by the
usual gaps between pictures. A camera with few pictures is judged only by a very long silence at
its end.

In simulated seasons of 60 days without an outage (300 of each kind): where pictures come at random
every 8 hours, silences of 3 days and more are proposed, wrongly in 3 of 100 seasons; where they
come in clusters with long pauses, those of 9 days and more, wrongly in 21 of 100.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import log
from statistics import median, quantiles

from pipeline.poaching.camera import Change
from pipeline.records import Deployment, Outage

APART = timedelta(hours=1)  # shorter gaps belong to one visit
FEWEST = 20  # gaps needed to know what is usual
SEASONS = 100  # in one season of so many, a proposed silence is chance alone
AT_LEAST = timedelta(days=2)
LAPSES = 10  # time-lapse pictures needed to judge by them
LAPSE_DAYS = 3  # days with time-lapse pictures needed
MISSED = 1.5  # times the longest gap of a usual day: one time-lapse picture is missing
TAIL = timedelta(days=14)  # least silent end of a camera with too few pictures; half of its time


def proposals(
    place: Deployment,
    times: Iterable[tuple[datetime, str | None]],
    changes: Sequence[Change] = (),
    known: Sequence[Outage] = (),
) -> list[Outage]:
    """Stretches in which this deployment's camera may not have worked, with the evidence.

    times  (repaired time, capture method) of its pictures
    known  accepted outages: what overlaps one of them is not proposed again
    """
    seen = sorted(picture for picture in times if _inside(place, picture[0]))
    found = [*_silences(place, seen), *_changed(place, changes)]
    together = _joined(sorted(found, key=lambda outage: (outage.started_at, outage.reason)))
    return [new for new in together if not any(_overlaps(new, old) for old in known)]


def _inside(place: Deployment, at: datetime) -> bool:
    late = place.ended_at is not None and at > place.ended_at
    return not late and (place.started_at is None or at >= place.started_at)


def _silences(place: Deployment, seen: Sequence[tuple[datetime, str | None]]) -> list[Outage]:
    moments = [at for at, _ in seen]
    least, why = _least_silence(seen)
    if least is None:
        return _very_long_end(place, moments)
    ends = [*filter(None, [place.started_at]), *moments, *filter(None, [place.ended_at])]
    found = []
    for before, after in pairwise(ends):
        if after - before > least:
            to = None if after == place.ended_at and after not in moments[-1:] else after
            found.append(
                _proposed(place, before, to, f"no picture for {_days(after - before)}; {why}")
            )
    return found


def _least_silence(seen: Sequence[tuple[datetime, str | None]]) -> tuple[timedelta | None, str]:
    """(the least silence that is proposed, why); None where too little is known."""
    lapses = [at for at, method in seen if method == "timeLapse"]
    longest = _longest_by_day(lapses)
    if len(lapses) >= LAPSES and len(longest) >= LAPSE_DAYS:
        every = timedelta(seconds=median(gap.total_seconds() for gap in longest))
        return max(APART, MISSED * every), f"its time-lapse picture comes every {_days(every)}"
    gaps = [b - a for (a, _), (b, _) in pairwise(seen) if b - a > APART]
    if len(gaps) < FEWEST:
        return None, ""
    least = APART + timedelta(hours=_by_chance([(gap - APART) / APART for gap in gaps]))
    why = f"of its {len(gaps)} gaps, chance makes one of {_days(least)} in one season of {SEASONS}"
    return max(AT_LEAST, least), why


def _by_chance(gaps: Sequence[float]) -> float:
    """The gap that chance alone makes in one season of SEASONS, for a camera with such gaps.

    From a Weibull distribution through their median and 95 % quantile: it covers random waiting
    times as well as the long tails of animals that come in clusters.
    """
    twentieths = quantiles(gaps, n=20, method="inclusive")
    half, long = max(twentieths[9], 1e-3), max(twentieths[18], 1e-3)
    stretch = max(log(long / half), 1e-9) / log(log(20) / log(2))  # 1: at chance; more: bouts
    return float(half * (log(SEASONS * len(gaps)) / log(2)) ** stretch)


def _longest_by_day(lapses: Sequence[datetime]) -> list[timedelta]:
    """The longest gap that begins on each day: the night, where a camera takes them by day only."""
    longest: dict[date, timedelta] = defaultdict(timedelta)
    for a, b in pairwise(lapses):
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
    """Stretches in which the lens was covered or the view was a different one."""
    return [
        _proposed(place, change.at, change.until, change.sentence)
        for change in changes
        if change.at is not None and (change.until is None or change.until > change.at)
    ]


def _proposed(place: Deployment, begin: datetime, end: datetime | None, why: str) -> Outage:
    return Outage(place.deployment_id, begin, end, why, "proposed", accepted=False)


def _joined(found: Sequence[Outage]) -> list[Outage]:
    """Proposals that overlap as one, with both reasons."""
    made: list[Outage] = []
    for outage in found:
        last = made[-1] if made else None
        if last and _overlaps(last, outage):
            open_end = last.ended_at is None or outage.ended_at is None
            end = None if open_end else max(filter(None, [last.ended_at, outage.ended_at]))
            made[-1] = replace(last, ended_at=end, reason=f"{last.reason}; {outage.reason}")
        else:
            made.append(outage)
    return made


def _overlaps(first: Outage, second: Outage) -> bool:
    begins_before = second.ended_at is None or first.started_at < second.ended_at
    return begins_before and (first.ended_at is None or second.started_at < first.ended_at)


def _days(long: timedelta) -> str:
    hours = long / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
