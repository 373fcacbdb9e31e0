"""A head from reviewed pictures: logistic regression against a penalty."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.species.labelset import Taxon
from pipeline.species.learned import Head, Numbers
from pipeline.species.zeroshot import Bank

PARTS = 256  # directions of the vectors that are fitted; more add time and little else
TYPICAL = 0.05  # share of the reviewed pictures that may be less like them than is asked for
ABSENT = -1e4  # logit of a class without pictures
STEPS = 200

Wide = NDArray[np.float64]


def start_vectors(taxa: Sequence[Taxon], bank: Bank) -> Wide:
    """(2 d, names + 1) the labeller's own weights of each name, of its narrower taxa's mean; where
    it has none, and for the rest, those of the mean of the label set."""
    share = bank.calibration.crop_share
    scale = bank.scale / bank.calibration.temperature * np.sqrt(2)
    everything = bank.vectors.mean(axis=0)
    columns = []
    for taxon in taxa:
        rows = [
            k
            for k, other in enumerate(bank.labelset.taxa)
            if taxon.name in (other.name, *(name for _, name in other.parents))
        ]
        mine = np.isin(bank.owner, rows)
        columns.append(bank.vectors[mine].mean(axis=0) if mine.any() else everything)
    vectors = np.stack([*columns, everything], axis=1).astype(np.float64)
    weights: Wide = np.concatenate([share * vectors, (1 - share) * vectors]) * scale
    return weights


def fit(
    both: Numbers,
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    taxa: tuple[Taxon, ...],
    start: Wide,
    strength: float,
    facts: dict[str, object],
) -> Head:
    """A head without a level.

    both      (n, 2 d), at least one picture
    classes   (n,) place in taxa; their number stands for the rest
    groups    (n,) pictures of one group resemble each other by more than their names
    start     (2 d, names + 1) weights that the penalty pulls towards
    strength  inverse penalty, for vectors whose usual distance from their mean is 1
    """
    count = len(taxa) + 1
    here = np.bincount(classes, minlength=count) > 0
    given = both.astype(np.float64)
    centre = given.mean(axis=0)
    away = given - centre
    unit = max(float(np.sqrt((away**2).sum(axis=1).mean())), 1e-9)
    axes = np.linalg.svd(away, full_matrices=False)[2][:PARTS]
    weight, bias = _regress(away @ axes.T / unit, given @ start, classes, here, strength)
    whole = axes.T @ weight / unit
    sums = np.zeros((count, both.shape[1]))
    np.add.at(sums, classes, given)
    return Head(
        taxa,
        0.0,
        (),
        _typical(given, classes, groups, sums),
        (whole + start).astype(np.float32),
        np.where(here, bias - centre @ whole, ABSENT).astype(np.float32),
        _unit(sums[here]).astype(np.float32),
        facts,
    )


def _typical(
    given: Wide, classes: NDArray[np.int64], groups: NDArray[np.int64], sums: Wide
) -> float:
    """The likeness that all but a few pictures have to what was reviewed in other groups."""
    like = np.full(len(classes), -1.0)
    for group in np.unique(groups):
        mine = groups == group
        others = sums.copy()
        np.subtract.at(others, classes[mine], given[mine])
        like[mine] = (given[mine] @ _unit(others).T).max(axis=1)
    return float(np.quantile(like, TYPICAL))


def _unit(vectors: Wide) -> Wide:
    lengths: Wide = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return vectors / lengths


def _regress(
    given: Wide, offset: Wide, classes: NDArray[np.int64], here: NDArray[np.bool_], strength: float
) -> tuple[Wide, Wide]:
    """Weights (r, C) and biases (C,); those of classes without pictures stay 0.

    given   (n, r)
    offset  (n, C) added to the logits
    here    (C,) classes that have pictures
    """
    width, count = given.shape[1], int(here.sum())
    target = np.eye(count)[(np.cumsum(here) - 1)[classes]]
    before = offset[:, here]

    def loss(flat: Wide) -> tuple[float, Wide]:
        weight = flat[: width * count].reshape(width, count)
        logits = given @ weight + flat[width * count :] + before
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        wrong = np.exp(logs) - target
        value = (weight**2).sum() / (2 * strength) - (logs * target).sum()
        slope = [(given.T @ wrong + weight / strength).ravel(), wrong.sum(axis=0)]
        return float(value), np.concatenate(slope)

    begin, how = np.zeros((width + 1) * count), {"maxiter": STEPS}
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options=how).x
    weight, bias = np.zeros((width, len(here))), np.zeros(len(here))
    weight[:, here] = found[: width * count].reshape(width, count)
    bias[here] = found[width * count :]
    return weight, bias
