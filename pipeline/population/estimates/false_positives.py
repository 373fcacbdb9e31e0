"""Occupancy when some detections may be false: Miller et al. 2011, Royle and Link 2006.

    fit_certain(history)    0 nothing, 1 uncertain, 2 certain (seen by a person), nan no effort
    fit_symmetric(history)  0 or 1 only: weak, since (psi, p, f) and (1 - psi, f, p) fit alike

First choice is the plain model on confirmed cells (pipeline.population.verify). These two are for
histories of which only a part was reviewed; what was reviewed must depend on the machine's output
alone, not on what one believes of a site.
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
    """Miller's model: a certain detection settles which sites are occupied."""
    none, unsure, sure = _counts(history, (0, 1, 2))
    if not sure.any():
        why = "no certain detection: nothing tells true from false"
        return WithErrors("no detections", why, len(none))
    climb = _climber(none, unsure, sure)
    starts = [np.array([0.0, -0.5, -3.0, 0.0]), np.array([-1.5, -2.0, -4.0, 1.0])]
    return _told(climb, starts, len(none), confidence)


def fit_symmetric(history: NDArray[np.floating], confidence: float = 0.95) -> WithErrors:
    """Royle and Link's model, with p > f imposed to choose one of its two equal answers."""
    none, unsure, _ = _counts(history, (0, 1))
    if not unsure.any():
        return WithErrors("no detections", "never detected: nothing is known", len(none))
    climb = _climber(none, unsure, None)
    starts = [np.array([0.0, 0.0, -2.5]), np.array([1.0, -1.5, -4.0])]
    return _told(climb, starts, len(none), confidence)


def _counts(history: NDArray[np.floating], states: tuple[int, ...]) -> list[Floats]:
    """How often each state was seen, each (sites,); sites without a usable cell are left out."""
    y = np.array(history, float, ndmin=2)
    y = y[np.isfinite(y).any(1)]
    if not np.isin(y[np.isfinite(y)], states).all():
        raise PopulationError(f"this history may hold {', '.join(map(str, states))} or nothing")
    if not len(y) or np.isfinite(y).sum(1).max() < 2:
        raise PopulationError("fewer than 2 occasions: occupancy and errors cannot be told apart")
    return [(y == state).sum(1).astype(float) for state in (0, 1, 2)]


def _climber(none: Floats, unsure: Floats, sure: Floats | None) -> Climb:
    """Log-likelihood and gradient in the logits of psi, p, f and, with certain cells, b."""
    certain = np.zeros_like(none) if sure is None else sure
    hits = unsure + certain

    def climb(theta: Floats) -> tuple[float, Floats]:
        psi, p, f = theta[:3]
        here = log_expit(psi) + none * log_expit(-p) + hits * log_expit(p)
        if sure is not None:
            here = here + unsure * log_expit(-theta[3]) + sure * log_expit(theta[3])
        away = log_expit(-psi) + none * log_expit(-f) + unsure * log_expit(f)
        away = np.where(certain > 0, -np.inf, away)
        log_l = np.logaddexp(here, away)
        w = np.exp(here - log_l)
        rise = [
            (w - expit(psi)).sum(),
            (w * (hits - (none + hits) * expit(p))).sum(),
            ((1 - w) * (unsure - (none + unsure) * expit(f))).sum(),
        ]
        if sure is not None:
            rise.append((w * (sure - hits * expit(theta[3]))).sum())
        return float(log_l.sum()), np.array(rise)

    return climb


def _told(climb: Climb, starts: list[Floats], sites: int, confidence: float) -> WithErrors:
    peak = maximise(climb, starts)
    if len(peak.theta) == 3 and peak.theta[1] < peak.theta[2]:  # the mirrored answer
        psi, p, f = peak.theta
        peak = maximise(climb, [np.array([-psi, f, p])])
    names = ("psi", "p", "f", "b")
    lost = ", ".join(n for n, bad in zip(names, peak.at_boundary, strict=False) if bad)
    low, high = profile_limits(climb, peak, 0, confidence)
    return WithErrors(
        "boundary" if lost else "ok",
        f"no usable standard error for {lost}: read the profile interval" if lost else "",
        sites,
        float(expit(peak.theta[0])),
        (float(expit(low)), float(expit(high))),
        *(float(expit(value)) for value in peak.theta[1:]),
        **({} if len(peak.theta) == 4 else {"b": None}),
        logit_errors=tuple(peak.errors.tolist()),
        log_likelihood=peak.value,
    )
