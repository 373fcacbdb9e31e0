"""Which visits open an independent event, by the model's names and by what people saw.

A visit opens an event of a species if no other visit of it ended within the gap before, at the same
station and in the same stretch of effort. So a species has as many events as visits that open one,
and the openings are 0/1 values of visits: the difference estimator (corrected.py; Särndal, Swensson
and Wretman 1992, Model Assisted Survey Sampling, chapter 6) corrects events as it corrects visits.

    f   1 where a visit opens an event by the model's own names: their sum is its number of events
    y   1 where people saw the species on a drawn visit, and none was there in the gap before

Whether one was there before is told by people where they reviewed those visits (the sheet of the
sample asks for them once a drawn visit shows an animal), else by the model: `guessed`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.population.correction.sample import LabelledVisit


@dataclass(frozen=True, slots=True)
class Opening:
    """A visit of the sample's population, and the events that it opens."""

    visit: LabelledVisit
    said: str | None  # the model's name, if it opens an event by the model; else None
    seen: tuple[str, ...]  # of what people saw, the taxa that open an event
    waiting: tuple[LabelledVisit, ...]  # visits before it that may decide this, not reviewed
    before: tuple[LabelledVisit, ...]  # all visits in the gap before it

    @property
    def guessed(self) -> bool:
        """The model's names of other visits decided whether this one opens an event."""
        return bool(self.waiting)


def openings(
    visits: Sequence[LabelledVisit], within: Sequence[object], gap_s: float
) -> list[Opening]:
    """One for each visit, in their order.

    within   (n,) what no event leaves: station and stretch of effort
    gap_s    by lastRecord; at 0 every visit is an event
    """
    before: dict[object, list[int]] = defaultdict(list)
    gap, found = timedelta(seconds=gap_s), {}
    begins = [datetime.fromisoformat(visit.started_at) for visit in visits]
    ends = [datetime.fromisoformat(visit.ended_at or visit.started_at) for visit in visits]
    for i in sorted(range(len(visits)), key=lambda i: (begins[i], visits[i].sha256)):
        recent = before[within[i]]
        recent[:] = [j for j in recent if ends[j] > begins[i] - gap] if gap_s > 0 else []
        found[i] = _opening(visits[i], [visits[j] for j in recent])
        recent.append(i)
    return [found[i] for i in range(len(visits))]


def _opening(visit: LabelledVisit, recent: Sequence[LabelledVisit]) -> Opening:
    said = visit.taxon not in {other.taxon for other in recent}
    sure = {name for other in recent for name in (*(other.answer or ()), *other.in_part)}
    silent = [other for other in recent if other.answer is None]
    believed = sure | {other.taxon for other in silent}
    answer = () if visit.answer is None or visit.undecided else visit.answer
    open_question = any(name not in sure for name in answer)
    return Opening(
        visit,
        visit.taxon if said else None,
        tuple(name for name in answer if name not in believed),
        tuple(silent) if open_question else (),
        tuple(recent),
    )


def before_drawn(found: Sequence[Opening], drawn: frozenset[str]) -> Iterator[LabelledVisit]:
    """Visits in the gap before drawn ones that show an animal: what people see in them tells
    whether the drawn one opens an event. Each once; drawn ones are asked for anyway."""
    asked = set(drawn)
    for opening in found:
        if opening.visit.sha256 in drawn and _shows_animal(opening.visit):
            for visit in opening.waiting:
                if visit.sha256 not in asked:
                    asked.add(visit.sha256)
                    yield visit


def because_drawn(found: Sequence[Opening], drawn: Set[str]) -> frozenset[str]:
    """Drawn visits, and those that the sheet asks for because a drawn one shows an animal, answered
    by now or not."""
    before = {
        visit.sha256
        for opening in found
        if opening.visit.sha256 in drawn and _shows_animal(opening.visit)
        for visit in opening.before
    }
    return frozenset(drawn | before)


def _shows_animal(visit: LabelledVisit) -> bool:
    return bool(set(visit.answer or ()) - {"human", "vehicle", "Homo sapiens"})
