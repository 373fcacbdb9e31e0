"""The audit of the blanks: which of them a person is asked to review, and what follows from it.

The blanks of a card form strata: deployment x light x score band. From each a random sample is
drawn, more from the doubtful ones, and the probability of being drawn is kept. The result is about
these very pictures and assumes nothing of the model: it is counting. Bursts make no difference,
because each picture is drawn by itself out of a known number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Draw, Stratum
from pipeline.settings import Audit
from pipeline.trust.intervals import total_high, total_low

DOUBTFUL, SURE = "doubtful", "sure"  # score bands: next to the threshold, and the rest
DOUBTFUL_PART = 0.25  # of a card's blanks: those with the lowest p_blank
HARDER = 2.0  # a doubtful blank is drawn this many times as often as a sure one
Floats: TypeAlias = NDArray[np.float64]
Blank: TypeAlias = tuple[str, float, str, str]  # sha256, p_blank, deployment, light
Counts: TypeAlias = tuple[int, int, int]  # of a stratum: pictures, reviewed, hits
_TILTS = np.geomspace(1e-3, 60, 100)[:, None]  # t of the Chernoff bound, times the smallest share


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the audit says about the blanks of some deployments. `low` and `high`: the interval."""

    blanks: int
    drawn: int
    reviewed: int  # of the drawn: people reviewed them and could tell
    seen: int  # of the reviewed: not blank after all
    missed: float  # expected among all blanks (Horvitz-Thompson)
    missed_low: int
    missed_high: int
    found_by_people: int  # kept pictures with something on them, by reviews
    found_by_model: int  # further ones, by the model alone
    confidence: float
    undecided: int = 0  # of the drawn: people reviewed them and could not tell

    def share(self, missed: float) -> float:
        """Missed as a share of the blanks."""
        return missed / self.blanks if self.blanks else 0.0

    def recall(self, missed: float) -> float | None:
        """Of all pictures with something on them, the share that was kept. None: there are none."""
        found = self.found_by_people + self.found_by_model
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
    return sorted(drawn, key=lambda draw: draw.sha256)


def _round(earlier: Sequence[Draw]) -> int:
    rounds = [draw.stratum.split(" | ")[-2] for draw in earlier]
    return 1 + max((int(r[6:]) if r.startswith("round ") else 1 for r in rounds), default=0)


def _strata(blanks: Sequence[Blank], turn: int) -> list[tuple[str, list[str]]]:
    """(name, sha256s) in a fixed order; the doubtful part is that of the whole card."""
    by_score = sorted(blanks, key=lambda blank: (blank[1], blank[0]))
    doubtful = {sha for sha, *_ in by_score[: round(DOUBTFUL_PART * len(blanks))]}
    again = f"round {turn} | " if turn > 1 else ""
    named = sorted(
        (f"{deployment} | {light} | {again}{DOUBTFUL if sha in doubtful else SURE}", sha)
        for sha, _, deployment, light in blanks
    )
    groups = groupby(named, lambda pair: pair[0])
    return [(name, [sha for _, sha in members]) for name, members in groups]


def shared_out(
    sizes: NDArray[np.int64], hard: Floats, least: NDArray[np.int64], total: int
) -> NDArray[np.int64]:
    """How many of each stratum: first its least number, then the rest by size and doubt."""
    numbers = least
    while (left := total - int(numbers.sum())) > 0 and (numbers < sizes).any():
        weight = np.where(numbers < sizes, sizes * hard, 0.0)
        more = np.minimum(np.floor(left * weight / weight.sum()).astype(int), sizes - numbers)
        if not more.any():  # fewer left than strata: one each, the heaviest first
            more[np.argsort(-weight, kind="stable")[:left]] = 1
            more = np.minimum(more, sizes - numbers)
        numbers = numbers + more
    return numbers


def estimate(
    strata: Sequence[Stratum], by_people: int, by_model: int, confidence: float = 0.95
) -> Estimate | None:
    """Missed pictures and their exact interval. None: no draw was reviewed and decided.

    Undecided pictures count as missed for the upper end and as blank for the lower; strata without
    a review may hold anything.
    """
    if not any(s.missed + s.blank for s in strata):
        return None
    end = 1 - (1 - confidence) / 2
    return Estimate(
        blanks=sum(s.size for s in strata),
        drawn=sum(s.drawn for s in strata),
        reviewed=sum(s.missed + s.blank for s in strata),
        seen=sum(s.missed for s in strata),
        missed=_expected(strata),
        missed_low=_at_least([(s.size, _reviewed(s), s.missed) for s in strata], end),
        missed_high=_at_most([(s.size, _reviewed(s), s.missed + s.undecided) for s in strata], end),
        found_by_people=by_people,
        found_by_model=by_model,
        confidence=confidence,
        undecided=sum(s.undecided for s in strata),
    )


def _reviewed(s: Stratum) -> int:
    return s.missed + s.blank + s.undecided


def _expected(strata: Sequence[Stratum]) -> float:
    """Horvitz-Thompson; strata without a review get the share of the others."""
    seen = [s for s in strata if s.missed + s.blank]
    missed = sum(s.size * s.missed / (s.missed + s.blank) for s in seen)
    return missed * sum(s.size for s in strata) / sum(s.size for s in seen)


def _at_most(strata: Sequence[Counts], confidence: float) -> int:
    """Upper bound of the missed, however they lie in the strata; one stratum: hypergeometric.

    Separate bounds, each at (1 - confidence) / number of strata, add up to nearly everything when
    strata are many. Instead T = sum X_h / f_h (X_h misses seen, f_h share reviewed) is bounded as a
    whole: its lower tail is at most exp(t T) prod (1 - f_h + f_h exp(-t / f_h))^K_h for every
    t > 0, because draws without replacement are negatively associated (Chernoff; Joag-Dev and
    Proschan 1983, Annals of Statistics 11:286). The bound is the largest sum of K_h that this
    allows in the worst division among strata; with no miss at all it is exact.
    """
    known = sum(hits for size, reviewed, hits in strata if reviewed == size)
    free = sum(size for size, reviewed, _ in strata if not reviewed)  # may hold anything
    part = [stratum for stratum in strata if 0 < stratum[1] < stratum[0]]
    if len(part) < 2:
        return known + free + sum(total_high(*stratum, confidence) for stratum in part)
    size, reviewed, hits = np.array(part, float).T
    share, weight, seen = _weighted(size, reviewed, hits)
    gain = np.log1p(share * np.expm1(-_TILTS * weight))
    low, high = int(hits.sum()), int((size - reviewed + hits).sum())
    while low < high:
        middle = (low + high + 1) // 2
        tail = (_TILTS[:, 0] * seen + _filled(gain, size - reviewed + hits, middle)).min()
        low, high = (middle, high) if tail > np.log(1 - confidence) else (low, middle - 1)
    return known + free + low


def _at_least(strata: Sequence[Counts], confidence: float) -> int:
    """Lower bound: as many as were seen, or by the same bound as `_at_most` where that is more."""
    known = sum(hits for size, reviewed, hits in strata if reviewed == size)
    part = [stratum for stratum in strata if 0 < stratum[1] < stratum[0]]
    if len(part) < 2:
        return known + sum(max(total_low(*stratum, confidence), stratum[2]) for stratum in part)
    size, reviewed, hits = np.array(part, float).T
    share, weight, seen = _weighted(size, reviewed, hits)
    gain = np.log1p(share * np.expm1(_TILTS * weight))
    low, high = int(hits.sum()), int(size.sum())
    while low < high:
        middle = (low + high) // 2
        tail = (-_TILTS[:, 0] * seen + _filled(gain, size, middle)).min()
        low, high = (low, middle) if tail > np.log(1 - confidence) else (middle + 1, high)
    return known + low


def _weighted(size: Floats, reviewed: Floats, hits: Floats) -> tuple[Floats, Floats, float]:
    """Share reviewed; weight of a miss seen, at most 1; the weighted sum of the misses seen."""
    share = reviewed / size
    weight = share.min() / share
    return share, weight, float((weight * hits).sum())


def _filled(gain: Floats, room: Floats, total: int) -> Floats:
    """(tilts,) largest sum of gain_h K_h with `total` in all and at most room_h in each stratum."""
    order = np.argsort(-gain, axis=1)
    room, gain = room[order], np.take_along_axis(gain, order, 1)
    before = np.cumsum(room, 1) - room
    return np.asarray((np.clip(total - before, 0, room) * gain).sum(1))
