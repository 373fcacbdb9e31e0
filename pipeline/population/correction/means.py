"""A machine's mean put right: prediction-powered means, and Rogan and Gladen's prevalence.

    ppi_mean(y, f, f_unlabelled)              both sets are samples of an endless population
    finite_mean(y, f, f_sum, size)            the sample is out of a known heap, all of it scored:
                                              what a card is, and the tighter of the two
    rogan_gladen(...), lang_reiczigel(...)    from a test's sensitivity and specificity elsewhere

Prefer `finite_mean`, or pipeline.population.corrected with strata: only these need nothing of the
machine. Sensitivity and specificity seldom carry over to a new site.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from pipeline.errors import PopulationError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mean:
    """An estimate with its limits. `se` is None where the limits do not come from one."""

    value: float
    se: float | None
    low: float
    high: float
    lam: float | None = None  # how far the machine was believed


def ppi_mean(
    y: Floats,
    f: Floats,
    f_unlabelled: Floats,
    lam: float | None = None,
    confidence: float = 0.95,
) -> Mean:
    """PPI++ mean. y, f (n,) on the reviewed units, f_unlabelled (N,) on others; lam None: tuned."""
    y, f, others = (np.asarray(one, float) for one in (y, f, f_unlabelled))
    n, more = len(y), len(others)
    _need_two(n)
    if lam is None:
        spread = np.concatenate([f, others]).var(ddof=1)
        shared = ((y - y.mean()) * (f - f.mean())).mean()
        lam = _clipped(shared, (1 + n / more) * spread)
    value = float(lam * others.mean() + (y - lam * f).mean())
    se = float(np.sqrt((lam * others).var() / more + (y - lam * f).var() / n))
    return _normal(value, se, confidence, lam)


def finite_mean(
    y: Floats,
    f: Floats,
    f_sum: float,
    size: int,
    lam: float | None = None,
    confidence: float = 0.95,
) -> Mean:
    """Mean over a heap of `size` units of which these were drawn; f_sum: f over the whole heap."""
    y, f = np.asarray(y, float), np.asarray(f, float)
    _need_two(len(y))
    if lam is None:
        (_, shared), (_, spread) = np.cov(y, f)
        lam = _clipped(shared, spread)
    rest = y - lam * f
    value = float(lam * f_sum / size + rest.mean())
    se = float(np.sqrt((1 - len(y) / size) * rest.var(ddof=1) / len(y)))
    return _normal(value, se, confidence, lam)


def rogan_gladen(
    positives: int,
    tested: int,
    se_hits: int,
    se_n: int,
    sp_hits: int,
    sp_n: int,
    confidence: float = 0.95,
) -> Mean:
    """True share from an imperfect test, delta-method limits. se_hits of se_n positives were found,
    sp_hits of sp_n negatives were left alone."""
    share, hit, clear = positives / tested, se_hits / se_n, sp_hits / sp_n
    value = _untangled(share, hit, clear)
    variance = (
        share * (1 - share) / tested
        + value**2 * hit * (1 - hit) / se_n
        + (1 - value) ** 2 * clear * (1 - clear) / sp_n
    )
    se = float(np.sqrt(variance) / (hit + clear - 1))
    got = _normal(value, se, confidence, None)
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
    value = _untangled(share, hit, clear)
    of_hit, of_clear = hit * (1 - hit) / hits, clear * (1 - clear) / clears
    variance = share * (1 - share) / many + value**2 * of_hit + (1 - value) ** 2 * of_clear
    se = float(np.sqrt(variance)) / (hit + clear - 1)
    shift = 2 * z**2 * (value * of_hit - (1 - value) * of_clear)
    return Mean(
        value, None, max(value + shift - z * se, 0.0), min(max(value + shift + z * se, 0.0), 1.0)
    )


def _need_two(n: int) -> None:
    if n < 2:
        raise PopulationError(f"{n} reviewed units: at least 2 are needed, 30 make sense")


def _clipped(shared: float, spread: float) -> float:
    return float(np.clip(shared / spread, 0, 1)) if spread > 0 else 0.0


def _untangled(share: float, hit: float, clear: float) -> float:
    if hit + clear <= 1:
        raise PopulationError(
            f"sensitivity {hit:.3f} and specificity {clear:.3f} add up to 1 or less: "
            "the machine says nothing here"
        )
    return float(np.clip((share + clear - 1) / (hit + clear - 1), 0, 1))


def _normal(value: float, se: float, confidence: float, lam: float | None) -> Mean:
    z = float(norm.ppf((1 + confidence) / 2))
    return Mean(value, se, value - z * se, value + z * se, lam)
