"""Occupancy as unmarked fits it, boundaries and false detections included."""

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from pipeline.population.estimates.false_positives import fit_certain
from pipeline.population.estimates.occupancy import fit
from tests.references import Departure, Difference, alike, equal, expected, near
from tests.tables import matrix, number, rows

Z95 = float(norm.ppf(0.975))
FITS = "occupancy/expected_occupancy.csv"
MADE = {
    "toy6": "occupancy/toy6.csv",
    "toy_boundary": "occupancy/toy_boundary.csv",
    "toy_boundary_psi_1": "occupancy/toy_boundary.csv",
    "frogs_pfer": "occupancy/frogs_pfer.csv",
    "frogs_pcru": "occupancy/frogs_pcru.csv",
    "all_zero": np.zeros((5, 3)),
    "all_one": np.ones((4, 3)),
    "one_occasion": np.array([[1.0], [0], [1], [0], [0], [0]]),
}
EARLY = {"frogs_pfer", "toy_boundary_psi_1", "algar_wolf_7day_effort"}
UNDONE = {"all_zero": "no detections", "all_one": "boundary", "one_occasion": "refused"}


def history_of(dataset: str):
    """The history and the covariates of p that a row of the expected table was made from."""
    if dataset.startswith("mesocarnivores"):
        return matrix(f"occupancy/{dataset}.csv"), {}
    if dataset.startswith("algar"):
        name = dataset.split("_")[1]
        effort = matrix(f"algar/dh_{name}_7_effort.csv", labels=1)
        given = {"effort": effort} if dataset.endswith("effort") else {}
        return matrix(f"algar/dh_{name}_7.csv", labels=1), given
    made = MADE[dataset]
    return (matrix(made) if isinstance(made, str) else made), {}


def log_likelihood(y, psi, p) -> float:
    """Written out, site by site, cell by cell: nothing shared with what is tested."""
    total = 0.0
    for i, site in enumerate(y):
        seen = [j for j, cell in enumerate(site) if np.isfinite(cell)]
        if not seen:
            continue
        here = psi * np.prod([p[i, j] if site[j] else 1 - p[i, j] for j in seen])
        total += np.log(here + (1 - psi) * (not any(site[j] for j in seen)))
    return total


@expected(FITS)
def single_season():
    for row in rows(FITS):
        yield from compare_fit(row, *history_of(row["dataset"]))


def compare_fit(row: dict[str, str], y, given: dict):
    """One row of the expected table, and a history with its covariates of p."""
    name = row["dataset"]
    known = {key: number(row[key]) for key in row if key not in ("dataset", "formula")}
    got = fit(y, p_covariates=given)
    counts = [got.sites, got.occasions, got.cells, got.detected]
    keys = ("sites", "occasions", "cells", "sites_detected")
    yield equal(counts, [known[key] for key in keys])
    yield near([got.naive], [known["naive"]], 1e-9)
    if name in UNDONE:
        yield equal([got.status], [UNDONE[name]])
        yield Departure(f"{name}: numbers", f"{got.status}: the data do not hold them")
        return
    below = max(known["logLik"] - got.log_likelihood, 0)  # never lower than theirs
    yield Difference(1, below, 1e-9, "absolute")
    if name in EARLY:
        yield equal([got.status], ["boundary"])
        yield near([got.psi.value], [known["psi"]], 3e-4)
        yield Departure(f"{name}: p, errors, limits", "the original stopped before the top")
        return
    yield from _fitted(name, y, given, got, known)


def _fitted(name, y, given, got, known):
    yield equal([got.status], ["ok"])
    half_aic = len(got.coefficients) - got.log_likelihood
    yield near([got.log_likelihood, half_aic], [known["logLik"], known["AIC"] / 2], 1e-6)
    logit, logit_se = got.coefficients["psi"]
    wald = expit([logit - Z95 * logit_se, logit + Z95 * logit_se])
    mine = [got.psi.value, *wald, *got.psi.profile]
    keys = ["psi", "psi_lo95", "psi_hi95", "psi_lo95_profile", "psi_hi95_profile"]
    yield near(mine, [known[key] for key in keys], 1e-5)
    errors = [_delta(got.psi.value, logit_se), logit_se]
    yield alike(errors, [known["psi_se_delta"], known["logit_psi_se"]], 1e-4)
    if not given:
        yield near([got.p.value], [known["p"]], 1e-5)
        yield alike([_delta(got.p.value, got.coefficients["p"][1])], [known["p_se_delta"]], 1e-4)
        return
    # the original stops 1e-7 below the top of a flat ridge: equal to a thousandth of its error
    mean, sd = got.scales["p:effort"]
    slope, error = got.coefficients["p:effort"]
    intercept = got.coefficients["p"][0] - slope * mean / sd
    off = [(slope / sd - known["beta_cov"]) / known["beta_cov_se"]]
    off.append((intercept - known["logit_p"]) / known["logit_p_se"])
    yield near(off, [0, 0], 1e-3)
    yield alike([error / sd], [known["beta_cov_se"]], 1e-3)
    theirs = 1 / (1 + np.exp(-known["logit_p"] - known["beta_cov"] * given["effort"]))
    yield near([log_likelihood(y, known["psi"], theirs)], [known["logLik"]], 1e-6)


def _delta(share: float, logit_se: float) -> float:
    """Standard error of a share by the delta method."""
    return share * (1 - share) * logit_se


@expected("occupancy/profile_intervals_own.csv")
def profile_intervals():
    for row in rows("occupancy/profile_intervals_own.csv"):
        got = fit(history_of(row["dataset"])[0])
        known = [float(row["psi_profile_lo95"]), float(row["psi_profile_hi95"])]
        yield near(got.psi.profile, known, 1e-6)
        # theirs is the top of a grid, ours the top
        yield near([got.log_likelihood], [float(row["logLik"])], 2e-6)


@expected("occupancy/sim_false_positive_expected.csv")
def false_positives():
    y = matrix("occupancy/sim_false_positive_type3.csv")
    miller = fit_certain(y)
    everything, certain = fit(np.minimum(y, 1)), fit((y == 2).astype(float))
    order = {"psi": 0, "p": 1, "fp": 2, "b": 3}
    for row in rows("occupancy/sim_false_positive_expected.csv"):
        value, error = float(row["estimate"]), float(row["logit_se"])
        name = row["parameter"]
        if row["model"].startswith("mackenzie"):
            got = everything if row["model"].endswith("errors") else certain
            yield near([getattr(got, name).value], [value], 1e-5)
            yield alike([got.coefficients[name][1]], [error], 1e-4)
        elif row["model"].startswith("miller"):
            got = miller
            yield near([(got.psi, got.p, got.f, got.b)[order[name]]], [value], 1e-5)
            yield alike([got.logit_errors[order[name]]], [error], 1e-4)
        else:
            continue
        yield near([got.log_likelihood], [float(row["logLik"])], 1e-6)
    yield Departure("royle_link rows", "not fitted here: without certain detections too weak")


@expected("occupancy/false_positive_bias_simulation.csv")
def bias_by_false_detections():
    """Ours over 40 surveys, theirs over 200: medians within .03."""
    for row in rows("occupancy/false_positive_bias_simulation.csv")[::4]:
        rng = np.random.default_rng(3)
        wrong, found = float(row["false_positive_per_occasion"]), []
        for _ in range(40):
            there = rng.random(100) < 0.3
            y = rng.random((100, 12)) < np.where(there, 0.3, 0)[:, None]
            found.append(fit(y | (rng.random(y.shape) < wrong)).psi.value)
        yield near([np.median(found)], [float(row["median_psi_hat"])], 0.03)
