"""What the frozen part of the network says of the training pictures, computed once.

All but the last layer of each head stays as it was, and of the places of a picture few are worth a
look. So of every picture and of an altered copy the surest places are kept, each with the numbers
that the last layer sees. That is 60 kB a picture, and the last layers learn from them in seconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.boxes import STRIDES, edges_at, grid, seen_in
from pipeline.frames.classifier import squeeze
from pipeline.models.runtime import OnnxSession, export_onnx
from pipeline.records import Detection
from pipeline.train.detector.night import at_night
from pipeline.train.pictures import Example, augment, read_pixels

if TYPE_CHECKING:
    from pipeline.frames.detector_network import DetectorNet

KEPT = 300  # places of a picture
_OUTPUTS = ("numbers", "kinds", "bins")
_NIGHT = 0.25  # of the altered copies are darkened


@dataclass(frozen=True, slots=True)
class Places:
    """Of n pictures in v variants (0: as it is, others: altered) the KEPT places."""

    numbers: NDArray[np.float16]  # (v, n, KEPT, 96) what the last layer of its head sees
    heads: NDArray[np.int8]  # (v, n, KEPT) number of the head
    edges: NDArray[np.float32]  # (v, n, KEPT, 4) left, top, right, bottom, shares of the picture


class Looker:
    """All but the last layers, ready to run; threads and processes may share the work."""

    def __init__(self, network: "DetectorNet", size: tuple[int, int], folder: Path) -> None:
        import torch

        class Numbers(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.whole = network

            def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
                maps = self.whole.before_last(self.whole.maps(pixels))
                flat = torch.cat([level.flatten(2) for level in maps], dim=2).transpose(1, 2)
                return flat, *self.whole.last(maps)

        path = folder / "numbers.onnx"
        export_onnx(
            Numbers(), (torch.zeros((2, *size, 3), dtype=torch.uint8),), path, ("pixels",), _OUTPUTS
        )
        self._session, self._size = OnnxSession(path, batch=1), size
        strides = grid(size)[1]
        self._heads = np.searchsorted(np.array(STRIDES), strides).astype(np.int8)

    def look(
        self, example: Example, row: int, variants: int, seed: int
    ) -> tuple[Places, tuple[Detection, ...]]:
        """The places of one picture (n = 1), and the boxes that the network sees at the start."""
        pixels = read_pixels(example)
        found, seen = [], tuple[Detection, ...]()
        for variant in range(variants):
            copy = squeeze(altered(pixels, seed, variant, row), self._size)
            given = self._session.run({"pixels": copy[None]})
            numbers, kinds, bins = (given[name][0] for name in _OUTPUTS)
            if variant == 0:
                seen = seen_in(kinds, bins, self._size).boxes
            places = np.argsort(-kinds.max(axis=1), kind="stable")[:KEPT]
            edges = edges_at(bins, places, self._size).astype(np.float32)
            found.append((numbers[places].astype(np.float16), self._heads[places], edges))
        return Places(*(np.stack(part)[:, None] for part in zip(*found, strict=True))), seen


def look_at(
    examples: Sequence[Example],
    looker: Looker,
    variants: int,
    seed: int,
    say: Callable[[int, int], None],
) -> tuple[Places, dict[str, tuple[Detection, ...]]]:
    """The places of all pictures, and by name what the network sees in them at the start.

    say   called with (done, all)
    """
    parts, seen = [], {}
    for row, example in enumerate(examples):
        places, boxes = looker.look(example, row, variants, seed)
        parts.append(places)
        seen[example.name] = boxes
        say(row + 1, len(examples))
    return joined(parts), seen


def joined(parts: Sequence[Places]) -> Places:
    """The places of several groups of pictures as one, in order."""
    return Places(
        *(
            np.concatenate([getattr(part, name) for part in parts], axis=1)
            for name in Places.__slots__
        )
    )


def altered(pixels: NDArray[np.uint8], seed: int, variant: int, row: int) -> NDArray[np.uint8]:
    """A picture as it is (variant 0), or an altered copy that is the same in every run."""
    if variant == 0:
        return pixels
    rng = variant_rng(seed, variant, row)
    copy = augment(pixels, rng)
    return at_night(copy, rng) if rng.random() < _NIGHT else copy


def variant_rng(seed: int, variant: int, row: int) -> np.random.Generator:
    """The random numbers of one altered copy."""
    return np.random.default_rng([seed, variant, row])
