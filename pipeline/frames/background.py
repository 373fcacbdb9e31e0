"""What this camera usually sees, and what it does not: novelty, cell by cell.

A picture's cell is compared with the same cell in every other picture of the window and light. What
is as near as the third nearest of them was there before; the same stone is no news the thousandth
time. The third nearest, because one passing animal may stand in two pictures at the same place.
Measured against the distance to the median (pooled over cards / inside cards): AUC .90 / .94
against .83 / .89 on the same 2 838 pictures.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHORTEST = 8  # pictures of one view and light: fewer show no background
NEAREST = 3
_AT_ONCE = 64  # cells: 64 x 128 x 128 distances are 4 MB


def novelty_map(
    cells: NDArray[np.floating],
    lights: Sequence[str],
    views: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Cosine distance of each cell to the third nearest of its place, light and view.

    cells    (n, h, w, c) features of one window
    lights   (n,) colour or infrared: what a lamp shows is another background
    views    (n,) where the camera was turned on the way; None: one view
    returns  (n, h, w), 0 seen before to 1 nothing like it; nan where SHORTEST are not reached
    """
    count, height, width, channels = cells.shape
    novelty = np.full((count, height * width), np.nan, np.float32)
    flat = cells.reshape(count, height * width, channels)
    keys = [*zip(lights, views if views is not None else [0] * count, strict=True)]
    for key in sorted(set(keys)):
        rows = np.array([row for row, one in enumerate(keys) if one == key])
        if len(rows) >= SHORTEST:
            for start in range(0, height * width, _AT_ONCE):
                place = slice(start, start + _AT_ONCE)
                novelty[rows, place] = _novelty(flat[rows, place])
    return novelty.reshape(count, height, width)


def _novelty(cells: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, places, c) to (n, places)."""
    unit = cells.astype(np.float32, copy=False).transpose(1, 0, 2)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=2, keepdims=True), 1e-6)
    likeness = unit @ unit.transpose(0, 2, 1)
    everyone = np.arange(likeness.shape[1])
    likeness[:, everyone, everyone] = -1.0  # nobody is a background to itself
    third = -np.partition(-likeness, NEAREST - 1, axis=2)[:, :, NEAREST - 1]
    return np.clip(1.0 - third, 0.0, 1.0).T
