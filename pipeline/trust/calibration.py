"""Are probabilities what they say? Temperature, calibration errors, proper scores, reliability.

A reliability has intervals; an expected calibration error depends on its bins, so both are named
beside it. Fit a temperature on data apart from training and from any certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, logit

from pipeline.errors import PopulationError
from pipeline.trust.intervals import share_bounds

Floats = NDArray[np.float64]

BINS = 15
_EDGE = 1e-15  # keeps logarithms finite


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram."""

    n: int
    said: float  # mean probability
    happened: float  # share that was so
    low: float  # Clopper-Pearson limits of it
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far probabilities can be taken at their word."""

    n: int
    log_loss: float
    brier: float
    ece_equal_width: float
    ece_equal_mass: float
    squared_error: float  # debiased, equal mass (Kumar et al. 2019); can be below 0: show 0
    bins: tuple[Bin, ...]  # equal mass


def temperature(logits: Floats, truth: NDArray[np.integer]) -> float:
    """T > 0 that makes the mean of -log softmax(logits / T)[truth] least.

    logits: (n, classes), or (n,) of one class against its opposite; truth: (n,) class, or 0/1.
    """
    z, truth = np.asarray(logits, float), np.asarray(truth).astype(int)
    if len(z) == 0:
        raise PopulationError("a temperature needs examples with known truth")

    def loss(log_t: float) -> float:
        scaled = z / np.exp(log_t)
        if z.ndim == 1:
            return -float(log_expit(np.where(truth > 0, scaled, -scaled)).mean())
        return -float(log_softmax(scaled, 1)[np.arange(len(z)), truth].mean())

    found = minimize_scalar(
        loss, bounds=np.log([1e-3, 1e3]), method="bounded", options={"xatol": 1e-10}
    )
    return float(np.exp(found.x))


def measure(p: Floats, truth: NDArray[np.integer], bins: int = BINS) -> Calibration:
    """All measures of p (n,), the probability that truth (n,) is 1."""
    p, truth = np.asarray(p, float), np.asarray(truth, float)
    mass = equal_mass(p, bins)
    return Calibration(
        len(p),
        log_loss(p, truth),
        brier(p, truth),
        calibration_error(p, truth, equal_width(p, bins)),
        calibration_error(p, truth, mass),
        squared_error(p, truth, mass),
        reliability(p, truth, mass),
    )


def log_loss(p: Floats, truth: Floats) -> float:
    """Mean -log of the probability of what happened."""
    p = np.clip(p, _EDGE, 1 - _EDGE)
    return -float(np.where(truth > 0, np.log(p), np.log1p(-p)).mean())


def brier(p: Floats, truth: Floats) -> float:
    """Mean squared distance of probability and truth."""
    return float(((p - truth) ** 2).mean())


def equal_width(p: Floats, bins: int) -> list[NDArray[np.intp]]:
    """Rows by probability: bins of equal width, upper end included; empty ones are left out."""
    place = np.clip(np.ceil(np.asarray(p) * bins).astype(int) - 1, 0, bins - 1)
    return [rows for k in range(bins) if len(rows := np.flatnonzero(place == k))]


def equal_mass(p: Floats, bins: int) -> list[NDArray[np.intp]]:
    """Rows in order of probability, cut into bins of equal numbers."""
    order = np.argsort(p, kind="stable")
    return [rows for rows in np.array_split(order, bins) if len(rows)]


def calibration_error(p: Floats, truth: Floats, bins: Sequence[NDArray[np.intp]]) -> float:
    """ECE: mean distance of said and happened over the bins. Too high in small samples."""
    return float(sum(abs(_gap(p, truth, rows)) * len(rows) for rows in bins) / len(p))


def squared_error(p: Floats, truth: Floats, bins: Sequence[NDArray[np.intp]]) -> float:
    """Squared calibration error less what chance alone makes of it."""
    parts = 0.0
    for rows in bins:
        share = float(truth[rows].mean())
        chance = share * (1 - share) / (len(rows) - 1) if len(rows) > 1 else 0.0
        parts += len(rows) * (_gap(p, truth, rows) ** 2 - chance)
    return parts / len(p)


def reliability(p: Floats, truth: Floats, bins: Sequence[NDArray[np.intp]]) -> tuple[Bin, ...]:
    """What was said and what happened, bin by bin."""
    return tuple(
        Bin(
            len(rows),
            float(p[rows].mean()),
            float(truth[rows].mean()),
            *share_bounds(int(truth[rows].sum()), len(rows)),
        )
        for rows in bins
    )


def other_prior(p: Floats, prior: float, new_prior: float) -> Floats:
    """The same evidence where the thing is rarer or commoner: odds times the ratio of priors."""
    return expit(logit(p) + logit(new_prior) - logit(prior))


def _gap(p: Floats, truth: Floats, rows: NDArray[np.intp]) -> float:
    return float(p[rows].mean() - truth[rows].mean())
