"""The maximum of a log-likelihood, its curvature, and profile limits, valid at the boundary too.

Parameters are logits or coefficients of standardised covariates; beyond +-FAR a logit is 0 or 1 to
ten digits, so no search goes further.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.stats import chi2

Floats: TypeAlias = NDArray[np.float64]
Climb: TypeAlias = Callable[
    [Floats], tuple[float, Floats]
]  # theta -> log-likelihood and its gradient

FAR = 25.0  # logit: 1e-11 away from 0 or 1
STEEP = 8.0  # a logit beyond it counts as at the boundary
LOOSE = 10.0  # so does one with a larger standard error
STEP = 1e-5  # of the central differences of the gradient


@dataclass(frozen=True, slots=True)
class Peak:
    """The maximum. `covariance` is None where the curvature is not that of a peak."""

    theta: Floats
    value: float  # log-likelihood
    covariance: Floats | None

    @property
    def errors(self) -> Floats:
        """Standard errors; nan without a covariance."""
        if self.covariance is None:
            return np.full_like(self.theta, np.nan)
        return np.sqrt(np.diag(self.covariance))

    @property
    def at_boundary(self) -> NDArray[np.bool_]:
        """Which parameters have no usable Wald interval."""
        return (np.abs(self.theta) > STEEP) | ~(self.errors <= LOOSE)


def maximise(climb: Climb, starts: Sequence[Floats]) -> Peak:
    """The best maximum over the starts."""
    free = np.ones(len(starts[0]), bool)
    tops = [_ascend(climb, np.asarray(start, float), free) for start in starts]
    theta, value = max(tops, key=lambda top: top[1])
    theta, value = _push(climb, theta, value)
    return Peak(theta, value, covariance(climb, theta))


def information(climb: Climb, theta: Floats) -> Floats:
    """Observed information: minus the derivative of the gradient, made symmetric."""
    shifts = STEP * np.eye(len(theta))
    slope = np.array([climb(theta + d)[1] - climb(theta - d)[1] for d in shifts]) / (2 * STEP)
    return -(slope + slope.T) / 2


def covariance(climb: Climb, theta: Floats) -> Floats | None:
    """Inverse of the information, or None where that is not positive definite.

    A parameter at the boundary is fixed there: its errors are nan, the others keep theirs.
    """
    inner = np.abs(theta) < STEEP
    matrix = information(climb, theta)[np.ix_(inner, inner)]
    full = np.full((len(theta), len(theta)), np.nan)
    try:
        np.linalg.cholesky(matrix)
        full[np.ix_(inner, inner)] = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return None
    return full


def profile_limits(
    climb: Climb, peak: Peak, index: int, confidence: float = 0.95
) -> tuple[float, float]:
    """All values of one parameter that the data allow: 2 (top - profile) <= chi-square quantile.

    -inf or inf where the likelihood never falls that far: the interval reaches 0 or 1.
    """
    bar = float(chi2.ppf(confidence, 1))
    free = np.arange(len(peak.theta)) != index
    error = peak.errors[index]
    step = float(error) if 1e-6 < error < 1.0 else 1.0

    def excess(value: float, start: Floats, seen: dict[float, Floats]) -> float:
        theta = start.copy()
        theta[index] = value
        seen[value], top = _ascend(climb, theta, free)
        return 2 * (peak.value - top) - bar

    def limit(side: int) -> float:
        """Search outward from the peak: far away the likelihood is flat and a search misleads."""
        inside, width, start = float(peak.theta[index]), step, peak.theta
        while side * inside < FAR:
            outside = side * min(side * inside + width, FAR)
            seen: dict[float, Floats] = {}
            if excess(outside, start, seen) > 0:
                return float(brentq(excess, inside, outside, args=(start, seen), xtol=1e-7))
            inside, width, start = outside, 1.5 * width, seen[outside]
        return side * np.inf

    return limit(-1), limit(1)


def _ascend(climb: Climb, start: Floats, free: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Maximise over the free parameters from `start`; the others stay as they are."""
    theta = start.copy()
    if not free.any():
        return theta, climb(theta)[0]

    def downhill(part: Floats) -> tuple[float, Floats]:
        theta[free] = part
        value, gradient = climb(theta)
        return -value, -gradient[free]

    bounds = [(-FAR, FAR)] * int(free.sum())
    found = minimize(
        downhill,
        np.clip(start[free], -FAR, FAR),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    theta[free] = found.x
    return theta, -float(found.fun)


def _push(climb: Climb, theta: Floats, value: float) -> tuple[Floats, float]:
    """A parameter that tends to infinity is set to FAR if the likelihood does not fall by it."""
    for index in np.flatnonzero(np.abs(theta) > STEEP):
        there = theta.copy()
        there[index] = np.sign(theta[index]) * FAR
        there, top = _ascend(climb, there, np.arange(len(theta)) != index)
        if top >= value:
            theta, value = there, top
    return theta, value
