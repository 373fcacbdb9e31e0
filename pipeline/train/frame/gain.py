"""Whether a frame model that learned on beats the one it began with, on studies left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.blank import Fusion
from pipeline.train.frame.decision import RECALL, decided, decision, inputs
from pipeline.train.frame.learn import Data
from pipeline.trust.measure import auc, interval, removed_at_recall


@dataclass(frozen=True, slots=True)
class Gain:
    """AUC and share of the blanks removed at recall RECALL, (before, after) each."""

    auc: tuple[float, float]
    removed: tuple[float, float]
    low: float  # 95 % interval of the AUC's gain, whole studies drawn again
    high: float
    studies: int

    @property
    def better(self) -> bool:
        """Whether it ranks better, whichever studies are drawn again."""
        return self.low > 0


def gain_of(
    data: Data,
    before: NDArray[np.float32],
    fusion: Fusion,
    after: NDArray[np.float32],
    rows: NDArray[np.intp],
) -> Gain:
    """Compare the two on `rows`; `fusion` is of the model before.

    before, after   logits (n, 4); those after by networks that did not learn from the study
    """
    studies = np.array([example.study for example in data.examples])
    is_blank = np.array([example.kind == "blank" for example in data.examples])
    old, _ = decided(data, before, fusion, inputs(data, before)[1])
    novelty = inputs(data, after)[1]
    new = np.full(len(studies), np.nan)
    for study in np.unique(studies[rows]):
        others, held = rows[studies[rows] != study], rows[studies[rows] == study]
        fitted = decision(data, after, others, lambda text: None)
        new[held] = decided(data, after, fitted, novelty)[0][held]

    def gained(some: NDArray[np.intp]) -> float:
        picked = rows[some]
        return auc(new[picked], is_blank[picked]) - auc(old[picked], is_blank[picked])

    low, high = interval(gained, studies[rows].tolist())
    return Gain(
        auc=(auc(old[rows], is_blank[rows]), auc(new[rows], is_blank[rows])),
        removed=(
            removed_at_recall(old[rows], is_blank[rows], RECALL),
            removed_at_recall(new[rows], is_blank[rows], RECALL),
        ),
        low=low,
        high=high,
        studies=len(np.unique(studies[rows])),
    )
