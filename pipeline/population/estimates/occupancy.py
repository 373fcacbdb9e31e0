"""Single-season occupancy (MacKenzie et al. 2002): where a species is, given that cameras miss it.

    fit(history)                                  history (sites, occasions): 1, 0, nan (no effort)
    fit(history, p_covariates={"effort": effort})

A site is occupied with chance psi, all season; an occupied one gives a detection in an occasion
with chance p. p includes being in front of the camera: for animals that roam, read psi as "used".
Nothing here forgives a false detection: give it confirmed histories (pipeline.population.verify),
or see pipeline.population.false_positives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from pipeline.errors import PopulationError
from pipeline.population.estimates.likelihood import (
    FAR,
    Floats,
    Peak,
    maximise,
    profile_limits,
    wald_limits,
)

FEWEST_OCCASIONS = 2  # with one, only psi times p can be known
FLAT = 1e-6  # a covariate whose SD is below this part of its mean is a constant


@dataclass(frozen=True, slots=True)
class Share:
    """A probability, at the mean of its covariates. No `se` and `wald` at the boundary."""

    value: float
    profile: tuple[float, float]  # always right
    se: float | None = None  # delta method
    wald: tuple[float, float] | None = None  # logit -+ z SE, transformed


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What a fit says. `status`: ok, boundary, no detections or refused; `reason` says why."""

    status: str
    reason: str
    sites: int  # with at least one usable cell
    occasions: int
    cells: int  # usable
    detected: int  # sites with a detection
    dropped: tuple[int, ...] = ()  # rows without a usable cell
    left_out: tuple[str, ...] = ()  # covariates that do not vary
    psi: Share | None = None
    p: Share | None = None
    log_likelihood: float | None = None
    aic: float | None = None
    occupied: float | None = None  # expected number among the surveyed sites
    coefficients: dict[str, tuple[float, float]] = field(default_factory=dict)  # estimate, SE
    scales: dict[str, tuple[float, float]] = field(default_factory=dict)  # mean, SD of covariates
    psi_sites: Floats | None = None  # (sites,)
    occupied_sites: Floats | None = None  # (sites,) 1 where detected
    once: Floats | None = None  # (sites,) chance of at least one detection, if it is there
    p_cells: Floats | None = None  # (sites, occasions), nan where not usable

    @property
    def naive(self) -> float | None:
        """Share of the surveyed sites with a detection. None: nothing was surveyed."""
        return self.detected / self.sites if self.sites else None


@dataclass(frozen=True, slots=True)
class _Design:
    """Likelihood terms: u distinct sites, c distinct kinds of cells."""

    hits: Floats  # (u, c) detections
    tries: Floats  # (u, c) usable cells
    x: Floats  # (u, a) for psi
    w: Floats  # (u, c, b) for p
    weight: Floats  # (u,) sites of the kind

    def terms(self, theta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """(log-likelihood (u,), chance of being occupied (u,), psi (u,), p (u, c))."""
        cut = self.x.shape[1]
        eta, zeta = self.x @ theta[:cut], self.w @ theta[cut:]
        seen = (self.hits * log_expit(zeta) + (self.tries - self.hits) * log_expit(-zeta)).sum(1)
        here = log_expit(eta) + seen
        away = np.where(self.hits.sum(1) > 0, -np.inf, log_expit(-eta))
        log_l = np.logaddexp(here, away)
        return log_l, np.exp(here - log_l), expit(eta), expit(zeta)

    def climb(self, theta: Floats) -> tuple[float, Floats]:
        log_l, here, psi, p = self.terms(theta)
        rise_psi = (self.weight * (here - psi)) @ self.x
        missing = (self.weight * here)[:, None] * (self.hits - self.tries * p)
        rise_p = np.einsum("uc,ucb->b", missing, self.w)
        return float(self.weight @ log_l), np.concatenate([rise_psi, rise_p])


def fit(
    history: NDArray[np.floating],
    psi_covariates: Mapping[str, NDArray[np.floating]] | None = None,
    p_covariates: Mapping[str, NDArray[np.floating]] | None = None,
    confidence: float = 0.95,
) -> Occupancy:
    """Fit one season. Covariates: (sites,) for psi, (sites, occasions) or (sites,) for p.

    They are standardised over usable cells; where a covariate is missing nothing is usable.
    """
    y, site_values, cell_values = _checked(history, psi_covariates or {}, p_covariates or {})
    kept = np.flatnonzero(np.isfinite(y).any(1))
    usable = np.isfinite(y[kept])
    facts = {
        "sites": len(kept),
        "occasions": y.shape[1],
        "cells": int(usable.sum()),
        "detected": int((y[kept] > 0).any(1).sum()),
        "dropped": tuple(int(row) for row in np.flatnonzero(~np.isfinite(y).any(1))),
    }
    if not usable.size or usable.sum(1).max() < FEWEST_OCCASIONS:
        return Occupancy("refused", "fewer than 2 occasions: only psi times p is known", **facts)
    if not facts["detected"]:
        return Occupancy("no detections", "never detected: occupancy is not known", **facts)
    x, for_psi, flat = _standard(site_values, kept, np.ones(len(kept), bool))
    w, for_p, flat_too = _standard(cell_values, kept, usable)
    facts["left_out"] = (*flat, *flat_too)
    full = _Design(np.where(usable, y[kept], 0.0), usable.astype(float), x, w, np.ones(len(kept)))
    design = _collapsed(full)
    peak = maximise(design.climb, _starts(full))
    names = ["psi", *(f"psi:{n}" for n in for_psi), "p", *(f"p:{n}" for n in for_p)]
    scales = {f"psi:{n}": s for n, s in for_psi.items()} | {f"p:{n}": s for n, s in for_p.items()}
    return _told(full, design, peak, names, scales, facts, confidence)


def detected_once(p: float, occasions: int) -> float:
    """Chance of at least one detection in so many occasions, where the species is."""
    return float(-np.expm1(occasions * np.log1p(-p))) if p < 1 else float(occasions > 0)


def _checked(history, psi_covariates, p_covariates):
    """Arrays of floats; what lacks a covariate is not usable."""
    y = np.array(history, float, ndmin=2)
    if not np.isin(y[np.isfinite(y)], (0, 1)).all():
        raise PopulationError("a detection history holds 0, 1 or nothing; make counts binary first")
    sites = {name: np.asarray(value, float) for name, value in psi_covariates.items()}
    cells = {}
    for name, value in p_covariates.items():
        value = np.asarray(value, float)
        cells[name] = value if value.ndim == 2 else np.repeat(value[:, None], y.shape[1], 1)
    for name, value in {**sites, **cells}.items():
        if len(value) != len(y) or (value.ndim == 2 and value.shape != y.shape):
            raise PopulationError(f"covariate {name}: shape {value.shape}, history {y.shape}")
        y[~np.isfinite(value)] = np.nan
    return y, sites, cells


def _standard(values: Mapping[str, Floats], kept: NDArray[np.intp], usable: NDArray[np.bool_]):
    """Design (..., 1 + covariates), {name: (mean, SD)}, names that do not vary."""
    columns, scales, flat = [np.ones(usable.shape)], {}, []
    for name, value in values.items():
        there = value[kept][usable]
        mean, sd = float(there.mean()), float(there.std(ddof=1)) if len(there) > 1 else 0.0
        if sd <= FLAT * max(abs(mean), 1e-9):
            flat.append(name)
            continue
        columns.append(np.where(usable, (value[kept] - mean) / sd, 0.0))
        scales[name] = (mean, sd)
    return np.stack(columns, -1), scales, flat


def _collapsed(full: _Design) -> _Design:
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
    parts = [hits.shape[1], 2 * hits.shape[1]]
    alike, weight = np.unique(np.hstack([hits, tries, full.x]), axis=0, return_counts=True)
    hits, tries, x = np.split(alike, parts, axis=1)
    w = np.broadcast_to(kinds, (len(alike), *kinds.shape))
    return _Design(hits, tries, x, w, weight.astype(float))


def _starts(full: _Design) -> list[Floats]:
    """From what was seen, and from rarely seen but everywhere."""
    hits, tries = full.hits.sum(), full.tries.sum()
    naive = np.clip((full.hits.sum(1) > 0).mean(), 0.02, 0.98)
    here = np.clip(hits / max(full.tries[full.hits.sum(1) > 0].sum(), 1), 0.02, 0.98)
    starts = []
    for psi, p in ((naive, here), (0.95, np.clip(hits / tries, 0.005, 0.98))):
        theta = np.zeros(full.x.shape[1] + full.w.shape[2])
        theta[0], theta[full.x.shape[1]] = np.log(psi / (1 - psi)), np.log(p / (1 - p))
        starts.append(theta)
    return starts


def _told(full, design, peak: Peak, names, scales, facts, confidence) -> Occupancy:
    """The peak in a biologist's words."""
    edge = peak.at_boundary
    status = "boundary" if edge.any() else "ok"
    lost = ", ".join(name for name, bad in zip(names, edge, strict=True) if bad)
    reason = f"no usable standard error for {lost}: read the profile interval" if lost else ""
    _, here, psi, p = full.terms(peak.theta)
    log_miss = (full.tries * log_expit(-(full.w @ peak.theta[full.x.shape[1] :]))).sum(1)
    pairs = zip(peak.theta.tolist(), peak.errors.tolist(), strict=True)
    return Occupancy(
        status,
        reason,
        **facts,
        psi=_share(design, peak, 0, confidence),
        p=_share(design, peak, full.x.shape[1], confidence),
        log_likelihood=peak.value,
        aic=2 * len(peak.theta) - 2 * peak.value,
        occupied=float(here.sum()),
        coefficients=dict(zip(names, pairs, strict=True)),
        scales=scales,
        psi_sites=psi,
        occupied_sites=here,
        once=-np.expm1(log_miss),
        p_cells=np.where(full.tries > 0, p, np.nan),
    )


def _share(design: _Design, peak: Peak, index: int, confidence: float) -> Share:
    theta, error = float(peak.theta[index]), float(peak.errors[index])
    value = float(expit(theta)) if abs(theta) < FAR else float(theta > 0)
    low, high = expit(profile_limits(design.climb, peak, index, confidence))
    profile = (float(low), float(high))
    if peak.at_boundary[index]:
        return Share(value, profile)
    low, high = wald_limits(theta, error, confidence)
    return Share(
        value, profile, value * (1 - value) * error, (float(expit(low)), float(expit(high)))
    )
