"""What the answers of a queue say so far, and what the next ones will do to the interval."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock

from db.core.engine import reading
from db.queries.day.audit import blank_counts
from db.queries.population.sample import sample_in_force
from flows.execution.databases import known_database
from flows.facts.study import read_sample
from flows.services.reviewing.queues import Queue
from pipeline.population.correction.sample import LabelledVisit, Sample, stratum_of
from pipeline.records import Stratum
from pipeline.trust.foresight import foresee

LONG_S = 1.0  # a line that takes longer to make is kept
RESTS = 20  # times as long: in a large database the answers are not held up by it


@dataclass(slots=True)
class Intervals:
    """The lines of one database, by queue. Several threads may ask at once."""

    database: str
    _made: dict[str, tuple[str, float]] = field(default_factory=dict)  # line, until when it stands
    _one_at_a_time: Lock = field(default_factory=Lock)

    def of(self, queue: Queue) -> str:
        """One line for the page; empty for queues that estimate nothing."""
        if queue.kind not in ("audit", "sample"):
            return ""
        with self._one_at_a_time:
            line, until = self._made.get(queue.kind, ("", 0.0))
            begun = time.monotonic()
            if begun >= until:
                line, done = _line(self.database, queue.kind), time.monotonic()
                stands = RESTS * (done - begun) if done - begun > LONG_S else 0
                self._made[queue.kind] = line, done + stands
        return line


def _line(database: str, kind: str) -> str:
    with reading(known_database(database)) as conn:
        if kind == "audit":
            strata = [part for counts in blank_counts(conn) for part in counts.strata]
            return foresee(strata).in_words("missed among the blanks")
        if sample_in_force(conn) is None:  # no need to read every visit
            return ""
        return foresee(_of_sample(read_sample(conn))).in_words("the machine's word is wrong in")


def _of_sample(sample: Sample) -> list[Stratum]:
    """The strata of the draw in force: visits, and those whose word people did not find true."""
    parts: dict[str, list[LabelledVisit]] = defaultdict(list)
    for visit in sample.visits:
        name = stratum_of(visit, sample.strata)
        if visit.sha256 in sample.drawn and name is not None:
            parts[name].append(visit)
    return [_stratum(name, sample.strata[name], visits) for name, visits in parts.items()]


def _stratum(name: str, size: int, drawn: list[LabelledVisit]) -> Stratum:
    answered = [visit for visit in drawn if visit.answer is not None]
    undecided = sum(visit.undecided for visit in answered)
    right = sum(_is_right(visit) for visit in answered if not visit.undecided)
    wrong = len(answered) - undecided - right
    return Stratum("", name, max(size, len(drawn)), len(drawn), wrong, right, undecided)


def _is_right(visit: LabelledVisit) -> bool:
    if visit.kind == "blank":
        return visit.answer == ()
    return visit.answer is not None and visit.taxon in visit.answer
