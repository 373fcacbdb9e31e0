"""Exact intervals for counts: out of a stream without end (Clopper-Pearson), or out of a known
number of pictures (hypergeometric)."""

from scipy.special import betaincinv


def share_bounds(hits: int, tried: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided Clopper-Pearson interval of a share; (0, 1) when nothing was tried."""
    tail = (1 - confidence) / 2
    return share_low(hits, tried, 1 - tail), share_high(hits, tried, 1 - tail)


def share_low(hits: int, tried: int, confidence: float) -> float:
    """One-sided: the share is at least this."""
    return float(betaincinv(hits, tried - hits + 1, 1 - confidence)) if hits else 0.0


def share_high(hits: int, tried: int, confidence: float) -> float:
    """One-sided: the share is at most this."""
    return float(betaincinv(hits + 1, tried - hits, confidence)) if hits < tried else 1.0


def total_high(size: int, looked: int, hits: int, confidence: float) -> int:
    """At most so many of `size` pictures are hits, when `looked` drawn at random held `hits`.

    The largest K with P(X <= hits | size, K, looked) > 1 - confidence (statistics E9.8)."""
    from scipy.stats import hypergeom  # half of the time in which a command starts

    low, high = hits, size - looked + hits  # fewest and most that are possible
    while low < high:
        middle = (low + high + 1) // 2
        if hypergeom.cdf(hits, size, middle, looked) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def total_low(size: int, looked: int, hits: int, confidence: float) -> int:
    """At least so many: the smallest K with P(X >= hits | size, K, looked) > 1 - confidence."""
    return size - total_high(size, looked, looked - hits, confidence)
