"""The audit of the blanks: which ones a person is asked to look at, and what follows from it.

The blanks of a card are cut into strata: deployment x light x score band. A sample is drawn in each
at random, more of the doubtful ones, and its inclusion probability is kept. What is said afterwards
holds for these very pictures and needs nothing of the model: it is counting. Bursts do
not matter here, because each picture is drawn by itself out of a known heap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from pipeline.records import Draw
from pipeline.settings import Audit
from pipeline.trust.intervals import share_high, share_low, total_high, total_low

DOUBTFUL, SURE = "doubtful", "sure"  # score bands: next to the threshold, and the rest
DOUBTFUL_PART = 0.25  # of a card's blanks: those with the lowest p_blank
HARDER = 3.0  # a doubtful blank is drawn this many times as often as a sure one
Blank = tuple[str, float, str, str]  # sha256, p_blank, deployment, light


@dataclass(frozen=True, slots=True)
class Stratum:
    """One heap of blanks and what people saw in the sample of it."""

    deployment_id: str
    name: str  # deployment | light | score band; empty: no draw covers these blanks
    size: int
    drawn: int = 0
    missed: int = 0  # of the drawn: not blank after all
    blank: int = 0  # of the drawn: truly blank
    undecided: int = 0  # of the drawn: a person could not tell

    @property
    def band(self) -> str:
        return self.name.rsplit(" | ", 1)[-1]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the audit says about the blanks of some deployments. `low` and `high`: the interval."""

    blanks: int
    drawn: int
    reviewed: int  # of the drawn
    seen: int  # of the reviewed: not blank after all
    missed: float  # expected among all blanks (Horvitz-Thompson)
    missed_low: int
    missed_high: int
    found_by_people: int  # kept pictures with something on them, as people said
    found_by_machine: int  # further ones, as the machine said: nobody looked
    confidence: float

    def share(self, missed: float) -> float:
        """Missed as a share of the blanks."""
        return missed / self.blanks if self.blanks else 0.0

    def recall(self, missed: float) -> float | None:
        """Of all pictures with something on them, the share that was kept. None: there are none."""
        found = self.found_by_people + self.found_by_machine
        return found / (found + missed) if found + missed else None


def draw(
    blanks: Iterable[Blank], settings: Audit, seed: int, earlier: Sequence[Draw] = ()
) -> list[Draw]:
    """Draw the sample of a card's blanks, sorted by sha256: its beginning is a sample as well.

    Each stratum gives `per_stratum` pictures or all it has, also where that makes more than
    `pictures`. `earlier`: draws that stay; new strata then carry the number of their round.
    """
    strata = _strata(sorted(blanks), _round(earlier))
    sizes = np.array([len(members) for _, members in strata])
    hard = np.array([HARDER if name.endswith(DOUBTFUL) else 1.0 for name, _ in strata])
    numbers = _shared_out(sizes, hard, settings)
    rng = np.random.default_rng(seed)
    drawn: list[Draw] = []
    for (name, members), number in zip(strata, numbers, strict=True):
        for which in rng.choice(len(members), number, replace=False):
            part = number / len(members)
            drawn.append(Draw(members[which], name, len(members), int(number), part))
    return sorted(drawn, key=lambda one: one.sha256)


def _round(earlier: Sequence[Draw]) -> int:
    rounds = [one.stratum.split(" | ")[-2] for one in earlier]
    return 1 + max((int(r[6:]) if r.startswith("round ") else 1 for r in rounds), default=0)


def _strata(blanks: Sequence[Blank], turn: int) -> list[tuple[str, list[str]]]:
    """(name, sha256s) in a fixed order; the doubtful part is that of the whole card."""
    by_score = sorted(blanks, key=lambda one: (one[1], one[0]))
    doubtful = {one[0] for one in by_score[: round(DOUBTFUL_PART * len(blanks))]}
    again = f"round {turn} | " if turn > 1 else ""
    named = sorted(
        (f"{deployment} | {light} | {again}{DOUBTFUL if sha in doubtful else SURE}", sha)
        for sha, _, deployment, light in blanks
    )
    return [(name, [sha for _, sha in some]) for name, some in groupby(named, lambda one: one[0])]


def _shared_out(sizes: np.ndarray, hard: np.ndarray, settings: Audit) -> np.ndarray:
    """How many of each stratum: the least it must give, then the rest by size and doubt."""
    numbers = np.minimum(sizes, settings.per_stratum)
    while (left := settings.pictures - numbers.sum()) > 0 and (numbers < sizes).any():
        weight = np.where(numbers < sizes, sizes * hard, 0.0)
        more = np.minimum(np.floor(left * weight / weight.sum()).astype(int), sizes - numbers)
        if not more.any():  # fewer left than strata: one each, the heaviest first
            more[np.argsort(-weight, kind="stable")[:left]] = 1
            more = np.minimum(more, sizes - numbers)
        numbers = numbers + more
    return numbers


def estimate(
    strata: Sequence[Stratum], by_people: int, by_machine: int, confidence: float = 0.95
) -> Estimate | None:
    """Missed pictures and their exact interval. None: nobody has looked, the word is *unaudited*.

    Undecided pictures count as missed for the upper end and as blank for the lower; strata that
    nobody looked into may hold anything.
    """
    looked = [one for one in strata if one.missed + one.blank]
    if not looked:
        return None
    tail = (1 - confidence) / 2 / len({one.band for one in strata if one.name} or {""})
    bands = [[one for one in strata if one.band == band] for band in {one.band for one in strata}]
    return Estimate(
        sum(one.size for one in strata),
        sum(one.drawn for one in strata),
        sum(one.missed + one.blank for one in strata),
        sum(one.missed for one in strata),
        sum(_expected(band, looked) for band in bands),
        sum(_at_least(band, 1 - tail) for band in bands),
        sum(_at_most(band, 1 - tail) for band in bands),
        by_people, by_machine, confidence,
    )  # fmt: skip


def _expected(band: Sequence[Stratum], looked: Sequence[Stratum]) -> float:
    """Horvitz-Thompson; a stratum nobody looked into gets the share of its band, else of all."""
    here = [one for one in band if one.missed + one.blank]
    alike = here or looked
    size = sum(one.size for one in alike)
    share = sum(one.size * one.missed / (one.missed + one.blank) for one in alike) / size
    of_looked = sum(one.size * one.missed / (one.missed + one.blank) for one in here)
    return of_looked + share * sum(one.size for one in band if one not in here)


def _at_most(band: Sequence[Stratum], confidence: float) -> int:
    """Upper bound of the missed in one band, whatever the strata hold.

    The number T of misses seen is a sum of independent draws with mean mu = sum f_h K_h (f_h the
    share looked at, K_h the missed). By Hoeffding (1956) its lower tail is at most a binomial's of
    the same mean, so Clopper-Pearson bounds mu, and the K_h that fit under it are filled in where
    the least was looked at. As safe as adding bounds at delta/H (E9.9), and narrower. One stratum
    alone has its hypergeometric bound.
    """
    seen = [(one.size, _looked(one), one.missed + one.undecided) for one in band]
    known = sum(hits for size, n, hits in seen if n == size)
    part = [(size, n, hits) for size, n, hits in seen if n < size]
    if len(part) == 1:
        return known + total_high(*part[0], confidence)
    looked, hits = sum(n for _, n, _ in part), sum(k for _, _, k in part)
    budget = looked * share_high(hits, looked, confidence) if looked else 0.0
    if budget < hits + 1:  # nearly every picture is a hit: the theorem does not reach there
        budget = looked
    total = 0.0
    for size, n, hits in sorted(part, key=lambda one: one[1] / one[0]):
        most = size - n + hits
        if n:
            most = min(most, max(budget, 0.0) * size / n)
            budget -= most * n / size
        total += most
    return known + max(int(total), hits)


def _at_least(band: Sequence[Stratum], confidence: float) -> int:
    """Lower bound: what was seen, or, where it says more, the mirror image of `_at_most`."""
    seen = [(one.size, _looked(one), one.missed) for one in band]
    known = sum(hits for size, n, hits in seen if n == size)
    part = [(size, n, hits) for size, n, hits in seen if n < size]
    if len(part) == 1:
        return known + max(total_low(*part[0], confidence), part[0][2])
    looked, hits = sum(n for _, n, _ in part), sum(k for _, _, k in part)
    budget, total = looked * share_low(hits, looked, confidence), 0.0
    for size, n, _ in sorted(part, key=lambda one: -one[1] / one[0]):
        few = min(size, budget * size / n) if n else 0.0
        budget -= few * n / size
        total += few
    return known + max(int(np.ceil(total - 1e-9)), hits)


def _looked(one: Stratum) -> int:
    return one.missed + one.blank + one.undecided
