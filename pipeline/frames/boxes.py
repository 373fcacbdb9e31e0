"""From the detector's numbers at each place to boxes.

A place is a cell of one of four grids (a cell each 8, 16, 32 and 64 pixels). It has a log-odds of
each kind, and for each of the four sides how far the box's edge is away: a distribution over eight
distances, whose mean counts, in cells.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.evidence import KINDS
from pipeline.records import Box, Detection

STRIDES = (8, 16, 32, 64)  # pixels from cell to cell
BINS = 8  # distances of 0-7 cells
FLOOR = 0.05  # confidence: less is no box
MOST = 20  # boxes of a picture
_PLACES = 100  # the surest, which become boxes
_OVERLAP = 0.6  # intersection over union from which on two boxes of a kind are one
_INSIDE = 0.7  # share of the smaller of two boxes from which on both may be of one body
_LEAST = 0.01  # confidence: as good as nothing


@dataclass(frozen=True, slots=True)
class Seen:
    """What the detector sees in one picture."""

    boxes: tuple[Detection, ...]  # the surest first, at most MOST
    confidences: tuple[float, ...]  # the best of each kind in the order of KINDS, from 0.01


def seen_in(kinds: NDArray[np.floating], bins: NDArray[np.floating], size: tuple[int, int]) -> Seen:
    """The boxes of one picture.

    kinds   (places, 3) log-odds in the order of KINDS
    bins    (places, 4 * BINS) before softmax: left, up, right, down
    size    height, width of the network's input in pixels
    """
    best = _sigmoid(kinds.max(axis=0).astype(np.float64))
    places = np.argsort(-kinds.max(axis=1), kind="stable")[:_PLACES]
    sure = _sigmoid(kinds[places].astype(np.float64))
    return _picked(edges_at(bins, places, size), sure, best)


def picked(edges: NDArray[np.float64], sure: NDArray[np.float64]) -> Seen:
    """The boxes of one picture among those of another program's detector.

    edges   (places, 4) left, top, right, bottom, shares of the picture
    sure    (places, 3) confidences in the order of KINDS
    """
    best = sure.max(axis=0, initial=0.0)
    places = np.argsort(-sure.max(axis=1), kind="stable")[:_PLACES]
    return _picked(edges[places], sure[places], best)


def _picked(
    edges: NDArray[np.float64], sure: NDArray[np.float64], best: NDArray[np.float64]
) -> Seen:
    found: list[Detection] = []
    for number, kind in enumerate(KINDS):
        (rows,) = np.nonzero(sure[:, number] >= FLOOR)
        rows = rows[np.argsort(-sure[rows, number], kind="stable")]
        found += [
            Detection(kind, float(sure[row, number]), _box(edges[row]))
            for row in _apart(edges, rows)
        ]
    found.sort(key=lambda one: -one.confidence)
    return Seen(tuple(found[:MOST]), tuple(float(max(value, _LEAST)) for value in best))


def edges_at(
    bins: NDArray[np.floating], places: NDArray[np.intp], size: tuple[int, int]
) -> NDArray[np.float64]:
    """(places, 4) left, top, right, bottom of some places, shares of the picture, cut at its edge.

    bins as in `seen_in`."""
    points, strides = grid(size)
    away = bins[places].reshape(len(places), 4, BINS).astype(np.float64)
    away = np.exp(away - away.max(axis=2, keepdims=True))
    distances = (away @ np.arange(BINS)) / away.sum(axis=2) * strides[places, None]
    centres = points[places]
    corners = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1)
    height, width = size
    shares: NDArray[np.float64] = np.clip(corners / [width, height, width, height], 0, 1)
    return shares


@lru_cache(maxsize=8)
def grid(size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of all places of an input (height, width): points (places, 2) right and down, and strides."""
    points, strides = [], []
    for stride in STRIDES:
        down, right = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        points.append(np.stack([right, down], axis=-1).reshape(-1, 2) * float(stride))
        strides.append(np.full(len(points[-1]), float(stride)))
    return np.concatenate(points), np.concatenate(strides)


def overlap(one: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of a box (4,) left, top, right, bottom with others (n, 4)."""
    wide = np.minimum(one[2], others[:, 2]) - np.maximum(one[0], others[:, 0])
    high = np.minimum(one[3], others[:, 3]) - np.maximum(one[1], others[:, 1])
    shared = np.clip(wide, 0, None) * np.clip(high, 0, None)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    whole = (one[2] - one[0]) * (one[3] - one[1]) + areas - shared
    return np.asarray(shared / np.maximum(whole, 1e-12))


def covers(one: Box, other: Box) -> bool:
    """Whether two boxes share most of the smaller one."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    smaller = min(one[2] * one[3], other[2] * other[3])
    return min(wide, high) > 0 and wide * high >= _INSIDE * smaller


def _apart(edges: NDArray[np.float64], rows: NDArray[np.intp]) -> list[int]:
    """Rows, the surest first, without those that mostly cover a surer one."""
    kept: list[int] = []
    while len(rows) and len(kept) < MOST:
        first, rows = int(rows[0]), rows[1:]
        kept.append(first)
        rows = rows[overlap(edges[first], edges[rows]) < _OVERLAP]
    return kept


def _box(edges: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(edge) for edge in edges)
    return left, top, right - left, bottom - top


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -50, 50)))
    return moved
