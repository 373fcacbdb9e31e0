"""Fit the decision (pipeline.frames.blank.Fusion), on pictures the model was not trained on."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.blank import INPUTS, Fusion

RIDGE = 0.01  # on standardised inputs, against a mean loss
_STEPS = 30  # of Newton's method; it has converged after ten


def balanced(
    groups: Sequence[str] | NDArray[np.str_], is_blank: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n,) weights of mean 1: large cards count by the root of their size, both answers equally."""
    _, place, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(sizes[place])
    for answer in (True, False):
        if (is_blank == answer).any():
            weights[is_blank == answer] /= weights[is_blank == answer].sum()
    return np.asarray(weights / weights.mean())


def logistic(
    table: NDArray[np.float64],
    answer: NDArray[np.bool_],
    weights: NDArray[np.float64],
    ridge: float = RIDGE,
) -> NDArray[np.float64]:
    """Weighted logistic regression by Newton's method: (k + 1,) coefficients, the bias last."""
    table = np.column_stack([table, np.ones(len(table))])
    penalty = np.diag([ridge] * (table.shape[1] - 1) + [1e-6])
    weights = weights / weights.sum()
    found = np.zeros(table.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(table @ found, -50, 50)))
        slope = table.T @ (weights * (p - answer)) + penalty @ found
        bend = (table * (weights * p * (1 - p))[:, None]).T @ table + penalty
        found = found - np.linalg.solve(bend, slope)
    return found


def fit_fusion(
    inputs: Mapping[str, NDArray[np.float64]],
    is_blank: NDArray[np.bool_],
    groups: Sequence[str],
    threshold: float = 0.5,
    sure: float = 0.1,
) -> Fusion:
    """Both regressions: with a background where it is known, and the frame model alone on all."""
    weights = balanced(groups, is_blank)
    alone = logistic(inputs["frame"][:, None], ~is_blank, weights)
    rows = np.isfinite(inputs["novelty_peak"])
    means, spreads, found = np.zeros(len(INPUTS)), np.ones(len(INPUTS)), np.zeros(len(INPUTS) + 1)
    found[0], found[-1] = alone
    if rows.any() and 0 < is_blank[rows].mean() < 1:
        table = np.stack([inputs[name][rows] for name in INPUTS], axis=1)
        means, spreads = table.mean(axis=0), table.std(axis=0) + 1e-9
        weights = balanced(np.asarray(groups)[rows], is_blank[rows])
        found = logistic((table - means) / spreads, ~is_blank[rows], weights)
    return Fusion(
        means=tuple(map(float, means)),
        spreads=tuple(map(float, spreads)),
        weights=tuple(map(float, found[:-1])),
        bias=float(found[-1]),
        alone_weight=float(alone[0]),
        alone_bias=float(alone[1]),
        threshold=threshold,
        sure=sure,
    )


def level_for(share: NDArray[np.float64], groups: Sequence[str], false_calls: float) -> float:
    """The share of a person or vehicle that `false_calls` of the pictures without one reach.

    share   (n,) of pictures that show none, by a model that did not learn from them
    groups  (n,) their cards, which count by the root of their size
    """
    weights = balanced(groups, np.zeros(len(share), bool))
    order = np.argsort(-share, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    level = share[order][int(np.searchsorted(reached, false_calls - 1e-12))]
    return float(np.clip(np.ceil(level * 1000) / 1000, 0.01, 0.99))


def threshold_for(
    p_blank: NDArray[np.float64],
    is_blank: NDArray[np.bool_],
    groups: Sequence[str],
    recall: float,
) -> float:
    """The lowest p_blank, rounded up to 0.01, at which `recall` of the pictures that are not
    blank is kept.

    Cards count by the root of their size, as in the fit, so that no long card decides alone.
    """
    shown = np.flatnonzero(~is_blank)
    weights = balanced(np.asarray(groups)[shown], is_blank[shown])
    order = np.argsort(p_blank[shown], kind="stable")
    kept = np.cumsum(weights[order]) / weights.sum()
    enough = min(int(np.searchsorted(kept, recall - 1e-12)), len(order) - 1)
    return float(min(0.99, np.floor(p_blank[shown][order[enough]] * 100 + 1) / 100))
