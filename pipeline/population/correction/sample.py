"""A random sample of visits for people to look at, from which the machine's errors are learned.

Strata are the machine's name and how sure it was; more of the doubtful are drawn. Each visit has
its place in a queue by a hash of the seed and its first picture, whatever else is in the database:
a larger sample holds the smaller one, a sample of a grown database asks little again, and what was
answered from the top of a stratum's queue is itself a random sample of it.
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

SURE_FROM = 0.8  # probability of the machine's name
POOL = 30  # visits below which a stratum goes to the others of its band
LEAST = 10  # visits that each stratum gives, where the sample is large enough
OTHERS = "others"
UNDECIDED = "unknown"


class Call(NamedTuple):
    """A visit, what the machine calls it, and what people said of it."""

    sha256: str  # of its first picture
    batch: str
    deployment: str
    started_at: str  # camera clock, ISO 8601
    kind: str
    name: str | None
    probability: float | None
    said: tuple[str, ...] | None = None  # taxa; (): blank; None: nobody has looked

    @property
    def taxon(self) -> str:
        return self.name or self.kind

    @property
    def band(self) -> str:
        return SURE if (self.probability or 0) >= SURE_FROM else DOUBTFUL

    @property
    def undecided(self) -> bool:
        return self.said is not None and set(self.said) == {UNDECIDED}


@dataclass(frozen=True, slots=True)
class Sample:
    """A draw as it stands: every visit of the cards that it was drawn from."""

    calls: Sequence[Call]  # of all cards, those that came later too
    drawn: frozenset[str]
    strata: Mapping[str, int]  # size of each when it was drawn
    batches: frozenset[str]
    seed: int


def place(seed: int, sha256: str) -> int:
    """Where a visit stands in the queue; the smallest is first."""
    return int.from_bytes(hashlib.sha256(f"{seed} {sha256}".encode()).digest()[:8], "big")


def stratum_of(call: Call, names: Iterable[str]) -> str | None:
    """Its stratum among those of a draw; None: the draw knows none for it."""
    for name in (f"{call.taxon} | {call.band}", f"{OTHERS} | {call.band}"):
        if name in names:
            return name
    return None


def strata_of(calls: Sequence[Call]) -> dict[str, list[Call]]:
    """Visits by stratum, sorted by name; small strata go to the others of their band."""
    size = Counter((call.taxon, call.band) for call in calls)
    found: dict[str, list[Call]] = {}
    for call in calls:
        large = size[call.taxon, call.band] >= POOL
        found.setdefault(f"{call.taxon if large else OTHERS} | {call.band}", []).append(call)
    return dict(sorted(found.items()))


def draw_sample(calls: Sequence[Call], events: int, seed: int) -> list[Draw]:
    """Draw so many visits, at least two a stratum, in the order of the queue."""
    strata = strata_of(calls)
    if not strata:
        raise SettingsError("no visit to draw from: run a card first")
    sizes = np.array([len(some) for some in strata.values()])
    if events < (fewest := int(np.minimum(sizes, 2).sum())):
        raise SettingsError(f"--events {events}: {len(strata)} strata need {fewest} or more")
    hard = np.array([HARDER if name.endswith(DOUBTFUL) else 1.0 for name in strata])
    least = np.minimum(sizes, max(2, min(LEAST, events // (2 * len(strata)))))
    numbers = shared_out(sizes, hard, least, events)
    drawn = []
    for (name, some), number in zip(strata.items(), numbers.tolist(), strict=True):
        queue = sorted((place(seed, call.sha256), call.sha256) for call in some)
        part = number / len(some)
        drawn += [(at, Draw(sha, name, len(some), number, part)) for at, sha in queue[:number]]
    return [one for _, one in sorted(drawn, key=lambda pair: pair[0])]


def answered(calls: Sequence[Call], drawn: frozenset[str], seed: int) -> list[Call]:
    """Of one stratum's visits those that speak for it: drawn, and answered without a gap from the
    top of the queue. What somebody picked out to review further down does not."""
    queue = sorted((c for c in calls if c.sha256 in drawn), key=lambda c: place(seed, c.sha256))
    gap = next((i for i, call in enumerate(queue) if call.said is None), len(queue))
    return queue[:gap]
