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

from pipeline.records import Draw, Stratum
from pipeline.settings import Audit
from pipeline.trust.intervals import total_high, total_low

DOUBTFUL, SURE = "doubtful", "sure"  # score bands: next to the threshold, and the rest
DOUBTFUL_PART = 0.25  # of a card's blanks: those with the lowest p_blank
HARDER = 2.0  # a doubtful blank is drawn this many times as often as a sure one
Blank = tuple[str, float, str, str]  # sha256, p_blank, deployment, light
Heap = tuple[int, int, int]  # pictures, looked at, hits
_TILTS = np.geomspace(1e-3, 60, 100)[:, None]  # t of the Chernoff bound, times the smallest share


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the audit says about the blanks of some deployments. `low` and `high`: the interval."""

    blanks: int
    drawn: int
    reviewed: int  # of the drawn: people looked and could tell
    seen: int  # of the reviewed: not blank after all
    missed: float  # expected among all blanks (Horvitz-Thompson)
    missed_low: int
    missed_high: int
    found_by_people: int  # kept pictures with something on them, as people said
    found_by_machine: int  # further ones, as the machine said: nobody looked
    confidence: float
    undecided: int = 0  # of the drawn: people looked and could not tell

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

    Each camera and light gives `per_stratum` pictures or all it has, out of both score bands, also
    where that makes more than `pictures`. `earlier`: draws that stay; new strata then carry the
    number of their round.
    """
    strata = _strata(sorted(blanks), _round(earlier))
    sizes = np.array([len(members) for _, members in strata])
    hard = np.array([HARDER if name.endswith(DOUBTFUL) else 1.0 for name, _ in strata])
    cells = [name.rsplit(" | ", 1)[0] for name, _ in strata]
    least = np.array([-(-settings.per_stratum // cells.count(cell)) for cell in cells], int)
    numbers = shared_out(sizes, hard, np.minimum(sizes, least), settings.pictures)
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


def shared_out(sizes: np.ndarray, hard: np.ndarray, least: np.ndarray, sum_: int) -> np.ndarray:
    """How many of each stratum: the least it must give, then the rest by size and doubt."""
    numbers = least
    while (left := sum_ - numbers.sum()) > 0 and (numbers < sizes).any():
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
    if not any(one.missed + one.blank for one in strata):
        return None
    end = 1 - (1 - confidence) / 2
    return Estimate(
        sum(one.size for one in strata),
        sum(one.drawn for one in strata),
        sum(one.missed + one.blank for one in strata),
        sum(one.missed for one in strata),
        _expected(strata),
        _at_least([(one.size, _looked(one), one.missed) for one in strata], end),
        _at_most([(one.size, _looked(one), one.missed + one.undecided) for one in strata], end),
        by_people,
        by_machine,
        confidence,
        sum(one.undecided for one in strata),
    )


def _looked(one: Stratum) -> int:
    return one.missed + one.blank + one.undecided


def _expected(strata: Sequence[Stratum]) -> float:
    """Horvitz-Thompson; what nobody looked into gets the share of the rest."""
    seen = [one for one in strata if one.missed + one.blank]
    missed = sum(one.size * one.missed / (one.missed + one.blank) for one in seen)
    return missed * sum(one.size for one in strata) / sum(one.size for one in seen)


def _at_most(heaps: Sequence[Heap], confidence: float) -> int:
    """Upper bound of the missed, however they lie in the strata; one stratum: hypergeometric.

    Bounds at delta/H for each of H strata (E9.9) add up to nearly everything when strata are many.
    Instead T = sum X_h / f_h (X_h misses seen, f_h share looked at) is bounded as a whole: its
    lower tail is at most exp(t T) prod (1 - f_h + f_h exp(-t / f_h))^K_h for every t > 0, because
    drawing without replacement ties the draws negatively (Chernoff; Joag-Dev and Proschan 1983).
    The bound is the largest sum of K_h that this allows in the worst division among strata; with
    no miss at all it is exact.
    """
    known = sum(hits for size, looked, hits in heaps if looked == size)
    free = sum(size for size, looked, _ in heaps if not looked)  # may hold anything
    part = [heap for heap in heaps if 0 < heap[1] < heap[0]]
    if len(part) < 2:
        return known + free + sum(total_high(*heap, confidence) for heap in part)
    size, looked, hits = np.array(part, float).T
    share, weight, seen = _weighted(size, looked, hits)
    gain = np.log1p(share * np.expm1(-_TILTS * weight))
    low, high = int(hits.sum()), int((size - looked + hits).sum())
    while low < high:
        middle = (low + high + 1) // 2
        tail = (_TILTS[:, 0] * seen + _filled(gain, size - looked + hits, middle)).min()
        low, high = (middle, high) if tail > np.log(1 - confidence) else (low, middle - 1)
    return known + free + low


def _at_least(heaps: Sequence[Heap], confidence: float) -> int:
    """Lower bound: as many as were seen, or the mirror image of `_at_most` where that is more."""
    known = sum(hits for size, looked, hits in heaps if looked == size)
    part = [heap for heap in heaps if 0 < heap[1] < heap[0]]
    if len(part) < 2:
        return known + sum(max(total_low(*heap, confidence), heap[2]) for heap in part)
    size, looked, hits = np.array(part, float).T
    share, weight, seen = _weighted(size, looked, hits)
    gain = np.log1p(share * np.expm1(_TILTS * weight))
    low, high = int(hits.sum()), int(size.sum())
    while low < high:
        middle = (low + high) // 2
        tail = (-_TILTS[:, 0] * seen + _filled(gain, size, middle)).min()
        low, high = (low, middle) if tail > np.log(1 - confidence) else (middle + 1, high)
    return known + low


def _weighted(size, looked, hits):
    """Share looked at; weight of a miss seen, at most 1; the weighted sum of the misses seen."""
    share = looked / size
    weight = share.min() / share
    return share, weight, float((weight * hits).sum())


def _filled(gain: np.ndarray, room: np.ndarray, total: int) -> np.ndarray:
    """(tilts,) largest sum of gain_h K_h with `total` in all and at most room_h in each stratum."""
    order = np.argsort(-gain, axis=1)
    room, gain = room[order], np.take_along_axis(gain, order, 1)
    before = np.cumsum(room, 1) - room
    return (np.clip(total - before, 0, room) * gain).sum(1)
