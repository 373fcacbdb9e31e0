"""Occupancy when some detections may be false (Miller et al. 2011, Ecology 92:1422).

    fit_certain(history)    0 nothing, 1 uncertain, 2 certain (seen by a person), nan no effort

The plain model on confirmed cells comes first. This one is for histories of which only a part was
reviewed; what was reviewed must depend on the model's output alone, not on a belief about a site.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from pipeline.errors import PopulationError
from pipeline.population.estimates.likelihood import Climb, Floats, maximise, profile_limits


@dataclass(frozen=True, slots=True)
class WithErrors:
    """Estimates with profile intervals. `status`: ok, boundary, no detections or refused."""

    status: str
    reason: str
    sites: int
    psi: float | None = None
    psi_limits: tuple[float, float] | None = None
    p: float | None = None  # detection, certain or not, where it is
    f: float | None = None  # false detection, where it is not
    b: float | None = None  # share of the true detections that are certain
    logit_errors: tuple[float, ...] = ()  # standard errors of psi, p, f (, b) as logits
    log_likelihood: float | None = None


def fit_certain(history: NDArray[np.floating], confidence: float = 0.95) -> WithErrors:
    """Miller's model: a site with a certain detection is occupied."""
    none, unsure, sure = _counts(history)
    if not sure.any():
        why = "no certain detection: nothing tells true from false"
        return WithErrors("no detections", why, len(none))
    climb = _climber(none, unsure, sure)
    peak = maximise(climb, [np.array([0.0, -0.5, -3.0, 0.0]), np.array([-1.5, -2.0, -4.0, 1.0])])
    names = ("psi", "p", "f", "b")
    lost = ", ".join(n for n, bad in zip(names, peak.at_boundary, strict=True) if bad)
    low, high = profile_limits(climb, peak, 0, confidence)
    psi, p, f, b = expit(peak.theta).tolist()
    return WithErrors(
        "boundary" if lost else "ok",
        f"no usable standard error for {lost}: read the profile interval" if lost else "",
        len(none),
        psi,
        (float(expit(low)), float(expit(high))),
        p,
        f,
        b,
        logit_errors=tuple(peak.errors.tolist()),
        log_likelihood=peak.value,
    )


def _counts(history: NDArray[np.floating]) -> list[Floats]:
    """How often each state was seen, each (sites,); sites without a usable cell are left out."""
    y = np.array(history, float, ndmin=2)
    y = y[np.isfinite(y).any(1)]
    if not np.isin(y[np.isfinite(y)], (0, 1, 2)).all():
        raise PopulationError("this history may hold 0, 1, 2 or nothing")
    if not len(y) or np.isfinite(y).sum(1).max() < 2:
        raise PopulationError("fewer than 2 occasions: occupancy and errors cannot be told apart")
    return [(y == state).sum(1).astype(float) for state in (0, 1, 2)]


def _climber(none: Floats, unsure: Floats, sure: Floats) -> Climb:
    """Log-likelihood and gradient in the logits of psi, p, f and b."""
    hits = unsure + sure

    def climb(theta: Floats) -> tuple[float, Floats]:
        psi, p, f, b = theta
        here = log_expit(psi) + none * log_expit(-p) + hits * log_expit(p)
        here = here + unsure * log_expit(-b) + sure * log_expit(b)
        away = log_expit(-psi) + none * log_expit(-f) + unsure * log_expit(f)
        away = np.where(sure > 0, -np.inf, away)
        log_l = np.logaddexp(here, away)
        w = np.exp(here - log_l)
        rise = [
            (w - expit(psi)).sum(),
            (w * (hits - (none + hits) * expit(p))).sum(),
            ((1 - w) * (unsure - (none + unsure) * expit(f))).sum(),
            (w * (sure - hits * expit(b))).sum(),
        ]
        return float(log_l.sum()), np.array(rise)

    return climb
