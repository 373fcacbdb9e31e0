"""Single-season occupancy (MacKenzie et al. 2002, Ecology 83:2248), as R's unmarked fits it.

    fit(history)                                  history (sites, occasions): 1, 0, nan (no effort)
    fit(history, p_covariates={"effort": effort})

A site is occupied with probability psi, all season; an occupied one gives a detection in an
occasion with probability p. p includes being in front of the camera: for animals that roam, read
psi as "used". The model assumes no false detection: give it confirmed histories, or use
pipeline.population.estimates.false_positives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from pipeline.errors import PopulationError
from pipeline.population.estimates.likelihood import FAR, Floats, Peak, maximise, profile_limits

FEWEST_OCCASIONS = 2  # with one, only psi times p can be known
FLAT = 1e-6  # a covariate whose SD is below this part of its mean is a constant


@dataclass(frozen=True, slots=True)
class Share:
    """A probability, at the mean of its covariates, with its profile limits."""

    value: float
    profile: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """The result of a fit. `status`: ok, boundary, no detections or refused; `reason` says why."""

    status: str
    reason: str
    sites: int  # with at least one usable cell
    occasions: int
    cells: int  # usable
    detected: int  # sites with a detection
    psi: Share | None = None
    p: Share | None = None
    log_likelihood: float | None = None
    coefficients: dict[str, tuple[float, float]] = field(default_factory=dict)  # estimate, SE
    scales: dict[str, tuple[float, float]] = field(default_factory=dict)  # mean, SD of covariates

    @property
    def naive(self) -> float | None:
        """Share of the surveyed sites with a detection. None: nothing was surveyed."""
        return self.detected / self.sites if self.sites else None

    @property
    def effort_of_p(self) -> float | None:
        """Days of effort in the occasion that p is for: their mean. None: p is fitted without."""
        return self.scales["p:effort"][0] if "p:effort" in self.scales else None


@dataclass(frozen=True, slots=True)
class Design:
    """Likelihood terms: u distinct sites, c distinct kinds of cells. theta: logit psi, then p's."""

    hits: Floats  # (u, c) detections
    tries: Floats  # (u, c) usable cells
    w: Floats  # (u, c, b) for p: 1 and the covariates
    weight: Floats  # (u,) sites of the kind

    def climb(self, theta: Floats) -> tuple[float, Floats]:
        """Log-likelihood and its gradient."""
        eta, zeta = theta[0], self.w @ theta[1:]
        seen = (self.hits * log_expit(zeta) + (self.tries - self.hits) * log_expit(-zeta)).sum(1)
        here = log_expit(eta) + seen
        away = np.where(self.hits.sum(1) > 0, -np.inf, log_expit(-eta))
        log_l = np.logaddexp(here, away)
        occupied = np.exp(here - log_l)
        rise_psi = self.weight @ (occupied - expit(eta))
        missing = (self.weight * occupied)[:, None] * (self.hits - self.tries * expit(zeta))
        rise_p = np.einsum("uc,ucb->b", missing, self.w)
        return float(self.weight @ log_l), np.append(rise_psi, rise_p)


def fit(
    history: NDArray[np.floating] | NDArray[np.bool_],
    p_covariates: Mapping[str, NDArray[np.floating]] | None = None,
    confidence: float = 0.95,
) -> Occupancy:
    """Fit one season. Covariates of p: (sites, occasions).

    They are standardised over usable cells; a cell without its covariate is not usable.
    """
    y, covariates = _checked(history, p_covariates or {})
    kept = np.isfinite(y).any(1)
    usable = np.isfinite(y[kept])
    facts = Occupancy(
        "refused",
        "fewer than 2 occasions: only psi times p is known",
        sites=int(kept.sum()),
        occasions=y.shape[1],
        cells=int(usable.sum()),
        detected=int((y[kept] > 0).any(1).sum()),
    )
    if not usable.size or usable.sum(1).max() < FEWEST_OCCASIONS:
        return facts
    if not facts.detected:
        return replace(
            facts, status="no detections", reason="never detected: occupancy is not known"
        )
    w, scales = _standard({n: value[kept] for n, value in covariates.items()}, usable)
    full = Design(np.where(usable, y[kept], 0.0), usable.astype(float), w, np.ones(facts.sites))
    design = _collapsed(full)
    peak = maximise(design.climb, _starts(full))
    names = ["psi", "p", *(f"p:{name}" for name in scales)]
    lost = ", ".join(n for n, bad in zip(names, peak.at_boundary, strict=True) if bad)
    pairs = zip(peak.theta.tolist(), peak.errors.tolist(), strict=True)
    return replace(
        facts,
        status="boundary" if lost else "ok",
        reason=f"no usable standard error for {lost}: read the profile interval" if lost else "",
        psi=_share(design, peak, 0, confidence),
        p=_share(design, peak, 1, confidence),
        log_likelihood=peak.value,
        coefficients=dict(zip(names, pairs, strict=True)),
        scales={f"p:{name}": scale for name, scale in scales.items()},
    )


def _checked(
    history: NDArray[np.floating] | NDArray[np.bool_],
    p_covariates: Mapping[str, NDArray[np.floating]],
) -> tuple[Floats, dict[str, Floats]]:
    """History and covariates as floats; a cell without a covariate is not usable."""
    y = np.array(history, float, ndmin=2)
    if not np.isin(y[np.isfinite(y)], (0, 1)).all():
        raise PopulationError("a detection history holds 0, 1 or nothing; make counts binary first")
    covariates = {name: np.asarray(value, float) for name, value in p_covariates.items()}
    for name, value in covariates.items():
        if value.shape != y.shape:
            raise PopulationError(f"covariate {name}: shape {value.shape}, history {y.shape}")
        y[~np.isfinite(value)] = np.nan
    return y, covariates


def _standard(
    values: Mapping[str, Floats], usable: NDArray[np.bool_]
) -> tuple[Floats, dict[str, tuple[float, float]]]:
    """Design (sites, occasions, 1 + covariates) and {name: (mean, SD)}; covariates that do not vary
    are left out."""
    columns, scales = [np.ones(usable.shape)], {}
    for name, value in values.items():
        there = value[usable]
        mean, sd = float(there.mean()), float(there.std(ddof=1)) if len(there) > 1 else 0.0
        if sd <= FLAT * max(abs(mean), 1e-9):
            continue
        columns.append(np.where(usable, (value - mean) / sd, 0.0))
        scales[name] = (mean, sd)
    return np.stack(columns, -1), scales


def _collapsed(full: Design) -> Design:
    """The same likelihood with fewer terms: cells of a site with equal covariates become one (most
    weeks have the same effort; without covariates all are equal), and so do equal sites."""
    sites, occasions, wide = full.w.shape
    kinds, kind = np.unique(full.w.reshape(-1, wide), axis=0, return_inverse=True)
    if len(kinds) >= occasions:
        return full
    hits, tries = np.zeros((sites, len(kinds))), np.zeros((sites, len(kinds)))
    at = (np.repeat(np.arange(sites), occasions), kind.ravel())
    np.add.at(hits, at, full.hits.ravel())
    np.add.at(tries, at, full.tries.ravel())
    distinct, weight = np.unique(np.hstack([hits, tries]), axis=0, return_counts=True)
    hits, tries = np.split(distinct, 2, axis=1)
    w = np.broadcast_to(kinds, (len(distinct), *kinds.shape))
    return Design(hits, tries, w, weight.astype(float))


def _starts(full: Design) -> list[Floats]:
    """From the detected share, and from a rarely seen species that is everywhere."""
    hits, tries = full.hits.sum(), full.tries.sum()
    naive = np.clip((full.hits.sum(1) > 0).mean(), 0.02, 0.98)
    here = np.clip(hits / max(full.tries[full.hits.sum(1) > 0].sum(), 1), 0.02, 0.98)
    starts = []
    for psi, p in ((naive, here), (0.95, np.clip(hits / tries, 0.005, 0.98))):
        theta = np.zeros(1 + full.w.shape[2])
        theta[:2] = np.log(psi / (1 - psi)), np.log(p / (1 - p))
        starts.append(theta)
    return starts


def _share(design: Design, peak: Peak, index: int, confidence: float) -> Share:
    theta = float(peak.theta[index])
    value = float(expit(theta)) if abs(theta) < FAR else float(theta > 0)
    low, high = expit(profile_limits(design.climb, peak, index, confidence))
    return Share(value, (float(low), float(high)))
