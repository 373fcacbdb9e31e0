"""Boxes to learn from: what several detectors agree on, in pictures whose kind a person has named.

A box must be of the picture's own kind. One detector that is sure is enough, and so are two that
are half sure of the same place. What is seen at the same place in other pictures of the camera that
show nothing of the kind is a stone or a post.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.frames.boxes import overlap
from pipeline.records import Detection
from pipeline.train.pictures import Example, altered_view

SURE, LIKELY = 0.4, 0.2  # confidence of one detector alone, and of two that agree
SAME = 0.5  # intersection over union from which on two detectors mean the same
STATIC = 0.6  # and from which on something stands where it stood in another picture
_GRID = (160, 224)  # height, width of the mask that moves with an altered copy
_LEFT = 0.3  # share of a box that must stay inside an altered copy

Boxes = NDArray[np.float64]  # (n, 4) left, top, right, bottom, shares of the picture


def truth_of(
    examples: Sequence[Example], teachers: Sequence[Mapping[str, Sequence[Detection]]]
) -> list[Boxes]:
    """The boxes of each picture, of its own kind; none where no detector sees one.

    teachers   each detector's boxes by Example.name
    """
    elsewhere: dict[tuple[str, str], list[tuple[str, Detection]]] = {}
    for example in examples:
        place = elsewhere.setdefault((example.card, example.station), [])
        place += [(example.kind, box) for boxes in teachers for box in boxes.get(example.name, ())]
    found = []
    for example in examples:
        seen = [
            [box for box in boxes.get(example.name, ()) if box.category == example.kind]
            for boxes in teachers
        ]
        others = [
            box
            for kind, box in elsewhere[(example.card, example.station)]
            if box.category == example.kind and _without(kind, example.kind)
        ]
        found.append(_agreed(seen, others))
    return found


def moved(boxes: Boxes, rng: np.random.Generator) -> Boxes:
    """Boxes as `pipeline.train.pictures.augment` moves a picture with the same rng."""
    drawn = []
    state = rng.bit_generator.state
    for box in boxes:
        rng.bit_generator.state = state
        height, width = _GRID
        mask = Image.new("L", (width, height))
        corners = box * [width, height, width, height]
        ImageDraw.Draw(mask).rectangle(tuple(corners.tolist()), fill=255)
        image = altered_view(mask, rng)
        inside = np.asarray(image) > 127
        if inside.sum() < _LEFT * max(np.prod(corners[2:] - corners[:2]), 1):
            continue
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        edges = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        drawn.append(np.array(edges) / [image.width, image.height, image.width, image.height])
    return np.array(drawn).reshape(-1, 4)


def corners(box: Detection) -> NDArray[np.float64]:
    """(4,) left, top, right, bottom."""
    left, top, width, height = box.box
    return np.array([left, top, left + width, top + height])


def _without(shown: str, kind: str) -> bool:
    """Whether a picture that shows the one kind has none of the other: people may have vehicles."""
    return shown not in (kind, "unknown") and (shown, kind) != ("human", "vehicle")


def _agreed(seen: Sequence[Sequence[Detection]], others: Sequence[Detection]) -> Boxes:
    """seen: by detector, of the right kind; others: the same kind in pictures without it."""
    every = sorted(
        ((box.confidence, number, corners(box)) for number, one in enumerate(seen) for box in one),
        key=lambda entry: -entry[0],
    )
    static = [(box.confidence, corners(box)) for box in others]
    kept: list[NDArray[np.float64]] = []
    for confidence, number, place in every:
        if kept and (overlap(place, np.array(kept)) >= SAME).any():
            continue
        again = any(
            other != number and second >= LIKELY and overlap(place, at[None])[0] >= SAME
            for second, other, at in every
        )
        stood = any(
            before >= confidence / 2 and overlap(place, at[None])[0] >= STATIC
            for before, at in static
        )
        if not stood and (confidence >= SURE or (confidence >= LIKELY and again)):
            kept.append(place)
    return np.array(kept).reshape(-1, 4)
