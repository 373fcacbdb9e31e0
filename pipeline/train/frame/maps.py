"""The features of a frozen backbone for the training pictures, computed once.

Most of a training's time is spent in the backbone. Where its first stages do not change, their maps
of every picture and of a few altered copies are kept in files, and training takes minutes on a
laptop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.frames import background
from pipeline.frames.blank import smooth
from pipeline.frames.light import light_of
from pipeline.train.pictures import (
    Example,
    altered_view,
    augment,
    read_pixels,
    squash,
    windows_of,
)

if TYPE_CHECKING:
    from pipeline.train.frame.stages import Stages

Array = NDArray[Any]
IGNORE, EMPTY, BODY = -1, 0, 1  # of a cell: not known, background, on the animal
_BODY_FROM, _EMPTY_TO = 0.65, 0.3  # of a picture's novelty peak
_FAINTEST = 0.1  # peak below which novelty shows no body
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Maps:
    """Arrays by (variant, row): variant 0 is the picture, the others are altered copies."""

    arrays: tuple[Array, ...]  # (variants, rows, ...) each, what the network's `finish` takes
    cells: NDArray[np.float16]  # (rows, h, w, c) stride-16 features of the pictures themselves
    lights: NDArray[np.str_]  # (rows,)

    def batch(self, variants: Sequence[int], rows: Sequence[int]) -> tuple[Array, ...]:
        """What `finish` takes of these rows, each in its variant."""
        return tuple(
            np.stack([array[v, r] for v, r in zip(variants, rows, strict=True)])
            for array in self.arrays
        )


def compute_maps(
    examples: Sequence[Example],
    stages: "Stages",
    size: tuple[int, int],
    variants: int,
    seed: int,
    folder: Path,
    say: Callable[[int, int], None],
) -> Maps:
    """Run `stages.begin` over every picture and its altered copies into files in `folder`.

    size    (height, width) of the network
    say     called with (done, all)
    """
    arrays: list[Array] = []
    cells: NDArray[np.float16] | None = None
    lights: list[str] = []
    steps = range(0, len(examples), _AT_ONCE)
    for start in steps:
        part = [read_pixels(item) for item in examples[start : start + _AT_ONCE]]
        rows = slice(start, start + len(part))
        lights += [light_of(item).light for item in part]
        for variant in range(variants):
            copies = [
                item if variant == 0 else augment(item, _rng(seed, variant, start + i))
                for i, item in enumerate(part)
            ]
            pixels = np.stack([squash(item, size) for item in copies])
            fine, kept = stages.begin(pixels)
            if not arrays:
                whole = (variants, len(examples))
                arrays = [_file(folder, i, whole, item) for i, item in enumerate(kept)]
                cells = np.zeros((len(examples), *fine.shape[1:]), np.float16)
            for array, item in zip(arrays, kept, strict=True):
                array[variant, rows] = item
            if variant == 0 and cells is not None:
                cells[rows] = fine
        say(min(start + _AT_ONCE, len(examples)), len(examples))
    assert cells is not None  # there is at least one picture
    return Maps(tuple(arrays), cells, np.array(lights))


def cell_targets(
    examples: Sequence[Example], maps: Maps, variants: int, seed: int
) -> NDArray[np.int8]:
    """(variants, rows, h, w) of IGNORE, EMPTY, BODY: where in a picture its animal is.

    A blank is empty everywhere. In other pictures the novelty in the picture's window shows the
    body without any label: cells far from everything seen there before are on it, near ones not.
    """
    count, height, width = maps.cells.shape[:3]
    found = np.full((variants, count, height, width), IGNORE, np.int8)
    for rows in windows_of(examples):
        novelty = background.novelty_map(maps.cells[rows], maps.lights[rows].tolist())
        smoothed = smooth(novelty.astype(np.float64))
        smoothed[:, [0, -1]] *= _EMPTY_TO  # there the camera prints its clock
        for row, peaks in zip(rows, smoothed, strict=True):
            if examples[row].kind == "blank":
                found[:, row] = EMPTY
            elif np.isfinite(peaks).all() and peaks.max() >= _FAINTEST:
                for variant in range(variants):
                    rng = _rng(seed, variant, row) if variant else None
                    found[variant, row] = _body(peaks / peaks.max(), rng)
    return found


def _body(share: NDArray[np.float64], rng: np.random.Generator | None) -> NDArray[np.int8]:
    """Novelty as a share of its peak to BODY, EMPTY, IGNORE, moved as the altered copy was."""
    sure = np.where(share > _BODY_FROM, 1.0, np.where(share < _EMPTY_TO, 0.0, 0.5))
    if rng is not None:
        height, width = sure.shape
        image = Image.fromarray(sure.astype(np.float32)).resize((width * 8, height * 8))
        moved = altered_view(image, rng).resize((width, height), Image.Resampling.BOX)
        sure = np.asarray(moved)
    return np.where(sure > 0.85, BODY, np.where(sure < 0.1, EMPTY, IGNORE)).astype(np.int8)


def _rng(seed: int, variant: int, row: int) -> np.random.Generator:
    return np.random.default_rng([seed, variant, row])


def _file(folder: Path, number: int, whole: tuple[int, int], kept: Array) -> Array:
    """An array on disk: 2 000 pictures in four variants are some gigabytes."""
    shape, path = (*whole, *kept.shape[1:]), folder / f"maps{number}.npy"
    kind = kept.dtype if kept.dtype == np.uint8 else np.float16
    array: Array = np.lib.format.open_memmap(path, "w+", kind, shape)
    return array
