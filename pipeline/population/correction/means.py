"""Corrected means: prediction-powered means, and prevalence by Rogan and Gladen.

    ppi_mean(y, f, f_unlabelled)              both sets are samples of an endless population
                                              (PPI++, Angelopoulos et al. 2023, arXiv 2311.01453)
    rogan_gladen(...), lang_reiczigel(...)    from a test's sensitivity and specificity elsewhere
                                              (Rogan and Gladen 1978, American Journal of
                                              Epidemiology 107:71; Lang and Reiczigel 2014,
                                              Preventive Veterinary Medicine 113:13)

Prefer pipeline.population.correction.corrected with strata: it needs no assumption on the model.
Sensitivity and specificity seldom hold at another site.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from pipeline.errors import PopulationError

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mean:
    """An estimate with its limits. `se` is None where the limits do not come from one."""

    value: float
    se: float | None
    low: float
    high: float


def ppi_mean(
    y: Floats,
    f: Floats,
    f_unlabelled: Floats,
    lam: float | None = None,
    confidence: float = 0.95,
) -> Mean:
    """PPI++ mean. y, f (n,) on the reviewed units, f_unlabelled (N,) on others; lam None: tuned."""
    n, more = len(y), len(f_unlabelled)
    if n < 2:
        raise PopulationError(f"{n} reviewed units: at least 2 are needed, 30 make sense")
    if lam is None:
        spread = (1 + n / more) * np.concatenate([f, f_unlabelled]).var(ddof=1)
        shared = ((y - y.mean()) * (f - f.mean())).mean()
        lam = float(np.clip(shared / spread, 0, 1)) if spread > 0 else 0.0
    value = float(lam * f_unlabelled.mean() + (y - lam * f).mean())
    se = float(np.sqrt((lam * f_unlabelled).var() / more + (y - lam * f).var() / n))
    return _normal(value, se, confidence)


def rogan_gladen(
    positives: int,
    tested: int,
    se_hits: int,
    se_n: int,
    sp_hits: int,
    sp_n: int,
    confidence: float = 0.95,
) -> Mean:
    """True share from an imperfect test, delta-method limits. se_hits of se_n positives were
    detected, sp_hits of sp_n negatives were not."""
    share, hit, clear = positives / tested, se_hits / se_n, sp_hits / sp_n
    value = _prevalence(share, hit, clear)
    variance = (
        share * (1 - share) / tested
        + value**2 * hit * (1 - hit) / se_n
        + (1 - value) ** 2 * clear * (1 - clear) / sp_n
    )
    se = float(np.sqrt(variance) / (hit + clear - 1))
    got = _normal(value, se, confidence)
    return Mean(got.value, se, max(got.low, 0.0), min(got.high, 1.0))


def lang_reiczigel(
    positives: int,
    tested: int,
    se_hits: int,
    se_n: int,
    sp_hits: int,
    sp_n: int,
    confidence: float = 0.95,
) -> Mean:
    """The same share with Lang and Reiczigel's limits (2014), which hold for small counts."""
    z = float(norm.ppf((1 + confidence) / 2))
    many, hits, clears = tested + z**2, se_n + 2, sp_n + 2
    share = (positives + z**2 / 2) / many
    hit, clear = (se_hits + 1) / hits, (sp_hits + 1) / clears
    value = _prevalence(share, hit, clear)
    of_hit, of_clear = hit * (1 - hit) / hits, clear * (1 - clear) / clears
    variance = share * (1 - share) / many + value**2 * of_hit + (1 - value) ** 2 * of_clear
    se = float(np.sqrt(variance)) / (hit + clear - 1)
    shift = 2 * z**2 * (value * of_hit - (1 - value) * of_clear)
    return Mean(
        value, None, max(value + shift - z * se, 0.0), min(max(value + shift + z * se, 0.0), 1.0)
    )


def _prevalence(share: float, hit: float, clear: float) -> float:
    if hit + clear <= 1:
        raise PopulationError(
            f"sensitivity {hit:.3f} and specificity {clear:.3f} add up to 1 or less: "
            "such a model says nothing here"
        )
    return float(np.clip((share + clear - 1) / (hit + clear - 1), 0, 1))


def _normal(value: float, se: float, confidence: float) -> Mean:
    z = float(norm.ppf((1 + confidence) / 2))
    return Mean(value, se, value - z * se, value + z * se)
