"""Do two people see the same? Cohen's kappa of what they answered, and where they differ."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance, of two people."""

    answered: int  # by both
    same: int  # of these, the same answer
    stations: int
    kappa: float | None  # None: both always gave one and the same answer, or none was given
    low: float | None  # of its 95 % interval; None where nobody ever differed, or answers are few
    high: float | None


@dataclass(frozen=True, slots=True)
class AnsweredTwice:
    """A picture or visit that two people answered, each with their own first answer."""

    sha256: str  # the picture, or the visit's first one
    of_visit: bool
    batch: str
    deployment: str
    station: str
    path: str
    first_reviewer: str  # who answered first
    second_reviewer: str
    first: str  # in words, as `in_words` gives them
    second: str
    first_kinds: str
    second_kinds: str
    counts: str  # the answer that counts now
    settled: bool  # somebody answered again after both

    @property
    def same(self) -> bool:
        """Whether both named the same."""
        return self.first == self.second


def in_words(names: Iterable[str]) -> str:
    """All that an answer names, in one order: "Equus quagga + Homo sapiens"."""
    return " + ".join(sorted(set(names)))


def drawn_again(sha256_of_picture: str, share: float, seed: int) -> bool:
    """Whether a second person is to answer this picture or visit too: a random `share` of all,
    the same for one seed whatever else is there, so that it may be asked one by one."""
    digest = sha256(f"{seed} {sha256_of_picture}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def kappa(
    first: Sequence[str], second: Sequence[str], stations: Sequence[str] | None = None
) -> Kappa:
    """Cohen's kappa with a 95 % interval.

    first, second   what each of the two said, (n,) in the same order
    stations        (n,) where; None, or one station only: each answer counts by itself

    The interval is that of Fleiss, Cohen and Everitt (1969); with several stations their sums take
    the place of single answers (linearised, Student's t with stations - 1 degrees of freedom):
    what is hard to see at one station is hard each time.
    """
    n = len(first)
    same = sum(a == b for a, b in zip(first, second, strict=True))
    homes = list(stations or [])
    known = len(set(homes))
    words = {word: i for i, word in enumerate(sorted({*first, *second}))}
    if len(words) < 2:
        return Kappa(n, same, known, None, None, None)
    a = np.array([words[word] for word in first])
    b = np.array([words[word] for word in second])
    share_a, share_b = (np.bincount(x, minlength=len(words)) / n for x in (a, b))
    seen, chance = same / n, float(share_a @ share_b)
    value = (seen - chance) / (1 - chance)
    weight = ((a == b) - seen) / (1 - chance)  # what each answer moves kappa by
    weight -= (1 - seen) / (1 - chance) ** 2 * (share_b[a] + share_a[b] - 2 * chance)
    half = _half_width(weight, homes)
    if same == n or not half:
        return Kappa(n, same, known, value, None, None)
    return Kappa(n, same, known, value, max(value - half, -1.0), min(value + half, 1.0))


def _half_width(weight: np.ndarray[tuple[int], np.dtype[np.float64]], homes: list[str]) -> float:
    from scipy.special import ndtri, stdtrit

    upper = (1 + CONFIDENCE) / 2
    many = len(set(homes))
    if many < 2:
        return float(ndtri(upper) * np.sqrt((weight**2).sum()) / len(weight))
    _, place = np.unique(homes, return_inverse=True)
    sums = np.bincount(place, weight)
    spread = np.sqrt(many / (many - 1) * (sums**2).sum()) / len(weight)
    return float(stdtrit(many - 1, upper) * spread)


def pairs_of_people(twice: Collection[AnsweredTwice]) -> dict[tuple[str, str], list[AnsweredTwice]]:
    """What each two people answered both, by their names in the order of the alphabet."""
    found: dict[tuple[str, str], list[AnsweredTwice]] = {}
    for place in twice:
        one, other = sorted((place.first_reviewer, place.second_reviewer))
        found.setdefault((one, other), []).append(place)
    return dict(sorted(found.items()))
