"""A random sample of visits for people to review, which measures the model's errors.

Strata are the model's name and how sure it was; doubtful visits are drawn more often. The place of
a visit in its queue is a hash of the seed and its first picture, whatever else is in the database.
So a larger sample contains the smaller one, most of a sample stays valid when cards are added, and
the answers from the top of a stratum's queue are a random sample of it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.errors import SettingsError
from pipeline.records import Draw
from pipeline.trust.audit import DOUBTFUL, HARDER, SURE, shared_out

SURE_FROM = 0.8  # probability of the model's name
POOL = 30  # a stratum with fewer visits joins the others of its band
LEAST = 10  # visits drawn from each stratum, where the sample is large enough
OTHERS = "others"
UNDECIDED = "unknown"


class LabelledVisit(NamedTuple):
    """A visit, the model's name for it, and what people saw on it."""

    sha256: str  # of its first picture
    batch: str
    deployment: str
    started_at: str  # camera clock, ISO 8601
    kind: str
    name: str | None
    probability: float | None
    answer: tuple[str, ...] | None = None  # taxa; (): blank; None: not told of the whole visit
    ended_at: str | None = None  # of its last picture; None: as it began
    in_part: tuple[str, ...] = ()  # taxa that people saw on single pictures of it
    replaced: bool = False  # people's word took the place of the machine's name

    @property
    def taxon(self) -> str:
        return self.name or self.kind

    @property
    def band(self) -> str:
        return SURE if (self.probability or 0) >= SURE_FROM else DOUBTFUL

    @property
    def told(self) -> bool:
        """People told what is on it, or on some of its pictures."""
        return self.answer is not None or bool(self.in_part)

    @property
    def undecided(self) -> bool:
        return self.answer is not None and set(self.answer) == {UNDECIDED}


@dataclass(frozen=True, slots=True)
class Sample:
    """A draw, and the visits as they are now."""

    visits: Sequence[LabelledVisit]  # of all cards, those that came later too
    drawn: frozenset[str]
    strata: Mapping[str, int]  # size of each when it was drawn
    batches: frozenset[str]
    seed: int
    asked: frozenset[str] | None = None  # by any draw, not answered before it; None: as drawn

    @property
    def by_draws(self) -> frozenset[str]:
        """Visits that people answered because they were drawn, now or earlier."""
        return self.drawn if self.asked is None else self.asked


def place(seed: int, sha256: str) -> int:
    """The place of a visit in the queue; the smallest is first."""
    return int.from_bytes(hashlib.sha256(f"{seed} {sha256}".encode()).digest()[:8], "big")


def stratum_of(visit: LabelledVisit, names: Iterable[str]) -> str | None:
    """Its stratum among those of a draw; None: the draw has none for it."""
    for name in (f"{visit.taxon} | {visit.band}", f"{OTHERS} | {visit.band}"):
        if name in names:
            return name
    return None


def strata_of(visits: Sequence[LabelledVisit]) -> dict[str, list[LabelledVisit]]:
    """Visits by stratum, sorted by name; small strata join the others of their band."""
    size = Counter((visit.taxon, visit.band) for visit in visits)
    found: dict[str, list[LabelledVisit]] = {}
    for visit in visits:
        name = visit.taxon if size[visit.taxon, visit.band] >= POOL else OTHERS
        found.setdefault(f"{name} | {visit.band}", []).append(visit)
    return dict(sorted(found.items()))


def draw_sample(visits: Sequence[LabelledVisit], events: int, seed: int) -> list[Draw]:
    """Draw so many visits, at least two a stratum, in the order of the queue."""
    strata = strata_of(visits)
    if not strata:
        raise SettingsError("no visit to draw from: run a card first")
    sizes = np.array([len(members) for members in strata.values()])
    if events < (fewest := int(np.minimum(sizes, 2).sum())):
        raise SettingsError(f"--events {events}: {len(strata)} strata need {fewest} or more")
    hard = np.array([HARDER if name.endswith(DOUBTFUL) else 1.0 for name in strata])
    least = np.minimum(sizes, max(2, min(LEAST, events // (2 * len(strata)))))
    numbers = shared_out(sizes, hard, least, events)
    drawn = []
    for (name, members), number in zip(strata.items(), numbers.tolist(), strict=True):
        queue = sorted((place(seed, visit.sha256), visit.sha256) for visit in members)
        share = number / len(members)
        drawn += [(at, Draw(sha, name, len(members), number, share)) for at, sha in queue[:number]]
    return [draw for _, draw in sorted(drawn, key=lambda pair: pair[0])]


def answered(
    visits: Sequence[LabelledVisit], drawn: frozenset[str], seed: int
) -> list[LabelledVisit]:
    """Of the visits of one stratum those that count as its sample: drawn, and answered from the top
    of the queue without a gap. Reviews further down the queue do not count: somebody chose them."""
    queue = sorted((v for v in visits if v.sha256 in drawn), key=lambda v: place(seed, v.sha256))
    gap = next((i for i, visit in enumerate(queue) if visit.answer is None), len(queue))
    return queue[:gap]
