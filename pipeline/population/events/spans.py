"""Stretches of time: (k, 2) int64 microseconds since 1970, [from, to), sorted and apart.

Camera clocks have no time zone, so no hour is lost in spring or doubled in autumn.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

DAY = 86_400_000_000  # microseconds
Spans: TypeAlias = NDArray[np.int64]
Moments: TypeAlias = ArrayLike | Sequence[date | None] | date | None


def microseconds(times: Moments) -> NDArray[np.int64]:
    """Datetimes, dates or datetime64 as microseconds since 1970; None and NaT as NaT's number."""
    return np.asarray(times, "datetime64[us]").astype(np.int64)


def union(pieces: Iterable[Sequence[int] | NDArray[np.int64]]) -> Spans:
    """What at least one of the spans covers. Empty and backward spans cover nothing."""
    spans = np.array(list(pieces), np.int64).reshape(-1, 2)
    spans = spans[spans[:, 0] < spans[:, 1]]
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    if not len(spans):
        return spans
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.r_[True, spans[1:, 0] > reach[:-1]])
    return np.stack([spans[first, 0], reach[np.r_[first[1:] - 1, len(spans) - 1]]], axis=1)


def minus(spans: Spans, holes: Spans) -> Spans:
    """What is left of `spans` (a union) without `holes` (a union)."""
    if not len(spans) or not len(holes):
        return spans
    far = np.iinfo(np.int64)
    between = np.stack([np.r_[far.min, holes[:, 1]], np.r_[holes[:, 0], far.max]], axis=1)
    pieces = [
        np.clip(between[(between[:, 1] > a) & (between[:, 0] < b)], a, b) for a, b in spans.tolist()
    ]
    return union(np.concatenate(pieces))


def covered_before(spans: Spans, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """(k,) microseconds of `spans` (a union) that lie before each instant of `at` (k,)."""
    if not len(spans):
        return np.zeros(len(at), np.int64)
    begun = np.searchsorted(spans[:, 0], at, "right")
    total = np.append(0, np.cumsum(spans[:, 1] - spans[:, 0]))
    to_come = np.maximum(spans[np.maximum(begun - 1, 0), 1] - at, 0)
    return np.asarray(total[begun] - np.where(begun > 0, to_come, 0), np.int64)
