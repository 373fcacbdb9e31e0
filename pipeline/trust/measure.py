"""Measures of a blank filter. Pictures that are not blank are the positives.

Scores are p_blank: high means blank. Every figure can have an interval by drawing whole cards
again, because pictures of one card are not independent.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pipeline.trust.intervals import share_high

ROUNDS = 1000  # of the bootstrap
FEWEST = 5  # pictures of each kind that a card needs for an AUC of its own


@dataclass(frozen=True, slots=True)
class Share:
    """A share of n, with its 95 % interval where there are groups enough to draw again."""

    share: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.share:.2f} [{self.low:.2f}, {self.high:.2f}]"

    @property
    def has_interval(self) -> bool:
        return bool(np.isfinite(self.low))


def share_of(
    values: NDArray[np.floating], groups: Sequence[Hashable], fewest: int = 1, rounds: int = ROUNDS
) -> Share:
    """The mean of values of 0-1; whole groups are drawn again, where there are `fewest` of them.

    Where all values are 0, or all 1, drawing again tells nothing: then exactly, as if each group
    were one value."""
    none = float("nan")
    if not len(values):
        return Share(none, none, none, 0)
    low, high = none, none
    if len({*groups}) >= fewest:
        names = [str(group) for group in groups]
        low, high = interval(lambda rows: float(values[rows].mean()), names, rounds)
        if low == high == 0:
            high = share_high(0, len({*groups}), 0.975)
        elif low == high == 1:
            low = 1 - share_high(0, len({*groups}), 0.975)
    return Share(float(values.mean()), low, high, len(values))


def auc(p_blank: NDArray[np.floating], is_blank: NDArray[np.bool_]) -> float:
    """Chance that a picture that is not blank scores lower than a blank; ties half. nan: one kind.

    [0.1, 0.9] with [False, True] gives 1.0.
    """
    blanks, shown = int(is_blank.sum()), int((~is_blank).sum())
    if not blanks or not shown:
        return float("nan")
    ranks = rankdata(p_blank)
    return float((ranks[is_blank].sum() - blanks * (blanks + 1) / 2) / (blanks * shown))


def recall(p_blank: NDArray[np.floating], is_blank: NDArray[np.bool_], threshold: float) -> float:
    """Share of the pictures with something on them that is kept (p_blank below the threshold)."""
    return _share(p_blank[~is_blank] < threshold)


def removed(p_blank: NDArray[np.floating], is_blank: NDArray[np.bool_], threshold: float) -> float:
    """Share of the blanks that is hidden (p_blank from the threshold up)."""
    return _share(p_blank[is_blank] >= threshold)


def removed_at_recall(
    p_blank: NDArray[np.floating], is_blank: NDArray[np.bool_], wanted: float = 0.95
) -> float:
    """Share of the blanks above the score that keeps `wanted` of the rest (b95).

    The score is chosen on the same pictures."""
    shown = np.sort(p_blank[~is_blank])
    if not len(shown) or not is_blank.any():
        return float("nan")
    highest_kept = shown[int(np.ceil(wanted * len(shown))) - 1]
    return _share(p_blank[is_blank] > highest_kept)


def in_card(
    p_blank: NDArray[np.floating], is_blank: NDArray[np.bool_], cards: Sequence[str]
) -> float:
    """Mean AUC inside the cards that have FEWEST of both kinds."""
    found, card_of = [], np.asarray(cards)
    for card in np.unique(card_of):
        rows = card_of == card
        if min(is_blank[rows].sum(), (~is_blank[rows]).sum()) >= FEWEST:
            found.append(auc(p_blank[rows], is_blank[rows]))
    return float(np.mean(found)) if found else float("nan")


def interval(
    measure: Callable[[NDArray[np.intp]], float],
    cards: Sequence[str],
    rounds: int = ROUNDS,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of measure(rows), whole cards drawn again with replacement.

    Draws without a value (no blank among them) are left out.
    """
    _, place = np.unique(np.asarray(cards), return_inverse=True)
    members = [np.flatnonzero(place == card) for card in range(place.max() + 1)]
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(rounds):
        picked = rng.integers(0, len(members), len(members))
        value = measure(np.concatenate([members[card] for card in picked]))
        if np.isfinite(value):
            draws.append(value)
    if not draws:
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")
