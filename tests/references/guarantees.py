"""Guarantees: exact bounds, and what becomes of them when pictures come in stations."""

from bisect import bisect_right

import numpy as np
from scipy.stats import betabinom, binom

from pipeline.trust.intervals import share_high, total_high
from tests.references import Departure, equal, expected, near
from tests.tables import rows


def share_low(hits: int, tried: int, confidence: float) -> float:
    """One-sided: the share is at least this."""
    return 1 - share_high(tried - hits, tried, confidence)


SIMULATED = 4 * np.sqrt(0.25 / 20_000)  # four standard errors of a table of 20 000 runs


@expected("guarantees/elusion_upper_bounds.csv")
def thrown_away():
    for row in rows("guarantees/elusion_upper_bounds.csv"):
        size, looked, hits = (int(row[key]) for key in ("N", "n", "found"))
        confidence = float(row["confidence"])
        yield equal([total_high(size, looked, hits, confidence)], [int(row["upper_missed"])])
        if looked < size:
            high = size * share_high(hits, looked, confidence)
            yield near([high], [float(row["binomial_upper"])], 1e-6)


@expected("guarantees/positives_needed_clopper_pearson.csv")
def positives_needed():
    for row in rows("guarantees/positives_needed_clopper_pearson.csv"):
        recall, confidence = float(row["target_recall"]), float(row["confidence"])
        for missed in (0, 1, 2, 3, 5, 10, 20):
            known = int(row[f"k{missed}"])
            yield equal([_needed(recall, confidence, missed, known)], [known])


def _needed(recall: float, confidence: float, missed: int, near_: int) -> int:
    """Fewest animal pictures whose bound reaches `recall` though so many were missed."""
    tried = range(max(near_ - 3, missed + 1), near_ + 3)
    holds = [n for n in tried if share_low(n - missed, n, confidence) >= recall - 1e-12]
    return min(holds, default=-1)


@expected("guarantees/split_conformal_recall_distribution.csv")
def threshold_at_a_picture():
    """Recall of a threshold at the l-th lowest of n animals: 95 % have at least the bound for l - 1
    missed of n. That is the certificate; the mean that conformal promises is not claimed."""
    for row in rows("guarantees/split_conformal_recall_distribution.csv"):
        keys = ("calibration_positives", "threshold_rank_from_lowest")
        n, rank = (int(row[key]) for key in keys)
        bound = 1.0 if rank == 0 else share_low(n - rank + 1, n, 0.95)
        yield near([bound], [float(row["p05_recall"])], 1e-9)
    yield Departure("mean_recall, prob_recall_below_target", "no threshold is set by conformal")


@expected("guarantees/clustered_coverage_simulation.csv")
def clustered():
    """What a bound that thinks pictures independent really covers: exact here, simulated there."""
    for row in rows("guarantees/clustered_coverage_simulation.csv"):
        stations, each = int(row["stations"]), int(row["positives_per_station"])
        recall, icc = float(row["true_recall"]), float(row["icc"])
        covered = clustered_coverage(stations, each, recall, icc)
        yield near([covered], [float(row["coverage_of_95pct_lower_bound"])], SIMULATED)
        yield near([1 + (each - 1) * icc], [float(row["design_effect"])], 1e-4)


def clustered_coverage(stations: int, each: int, recall: float, icc: float) -> float:
    """Chance that the one-sided 95 % bound on pictures lies at or below the true recall."""
    found = np.arange(each + 1)
    if icc > 0:
        size = 1 / icc - 1
        one = betabinom.pmf(found, each, recall * size, (1 - recall) * size)
    else:
        one = binom.pmf(found, each, recall)
    chances = np.ones(1)
    for _ in range(stations):
        chances = np.convolve(chances, one)
    n = stations * each
    too_high = bisect_right(range(n + 1), recall, key=lambda hits: share_low(hits, n, 0.95))
    return float(chances[:too_high].sum())
