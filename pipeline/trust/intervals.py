"""Exact limits for counts: of an endless population (Clopper-Pearson), or of a known number of
pictures (hypergeometric)."""

from math import ceil, e, exp

from scipy.special import bdtr, betaincinv, xlogy


def share_high(hits: int, tried: int, confidence: float) -> float:
    """One-sided Clopper-Pearson limit: the share is at most this."""
    return float(betaincinv(hits + 1, tried - hits, confidence)) if hits < tried else 1.0


def total_high(size: int, drawn: int, hits: int, confidence: float) -> int:
    """At most so many of `size` pictures are hits, when `drawn` at random held `hits`.

    The largest K with P(X <= hits | size, K, drawn) > 1 - confidence."""
    from scipy.stats import hypergeom  # slow to import: half of the time in which a command starts

    low, high = hits, size - drawn + hits  # fewest and most that are possible
    while low < high:
        middle = (low + high + 1) // 2
        if hypergeom.cdf(hits, size, middle, drawn) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def total_low(size: int, drawn: int, hits: int, confidence: float) -> int:
    """At least so many: the smallest K with P(X >= hits | size, K, drawn) > 1 - confidence."""
    return size - total_high(size, drawn, drawn - hits, confidence)


def mean_tail(mean: float, units: int, most: float) -> float:
    """At most the chance that `units` losses of 0-1 have so low a mean, if `most` is expected.

    The smaller of Hoeffding's and Bentkus's bounds (Bates and others 2021, Journal of the ACM
    68:43). Where no unit loses anything it is (1 - most) ** units, as for shares.
    """
    low = min(mean, most)
    apart = xlogy(low, low / most) + xlogy(1 - low, (1 - low) / (1 - most))
    few = bdtr(min(ceil(mean * units - 1e-9), units), units, most)
    return float(min(exp(-units * apart), e * few, 1.0))
