"""YOLOX, NanoDet and RT-DETR exports: told by the shapes of their outputs, read with numpy."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.models.runtime import Array, OnnxSession

BGR_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # NanoDet's
BGR_SPREAD = np.array([57.375, 57.12, 58.395], np.float32)
GREY = 114  # with which YOLOX fills up
BINS = 8  # NanoDet's distances, 0-7 cells
UNDERSTOOD = "YOLOX, NanoDet and RT-DETR exports of a fixed size are understood"

Floats: TypeAlias = NDArray[np.float64]

Read: TypeAlias = Callable[[Mapping[str, Array], tuple[int, int]], tuple[Floats, Floats]]


def form_of(
    path: Path, session: OnnxSession, size: tuple[int, int], classes: int
) -> tuple[str, Read, int | None]:
    """Which export it is, how it is read, and its number of classes (None: it does not say)."""
    grey = np.full((*size, 3), GREY, np.uint8)
    given = {next(iter(session.input_shapes)): as_input(grey, "YOLOX", size)}
    if len(session.input_shapes) > 1:
        given[list(session.input_shapes)[1]] = np.array([[1, 1]], np.int64)
    try:
        found = session.run(given)
    except Exception as why:  # onnxruntime's own classes share no base but this
        first = str(why).splitlines()[0]
        raise WeightsError(f"{path}: it does not take a picture: {first}; {UNDERSTOOD}") from why
    shapes = {name: array.shape for name, array in found.items()}
    if {"labels", "boxes", "scores"} <= {*shapes}:
        return "RT-DETR", _listed(classes), None
    pairs = [name for name, shape in shapes.items() if len(shape) == 3 and shape[-1] == 4]
    logits = [name for name, shape in shapes.items() if len(shape) == 3 and name not in pairs]
    if len(pairs) == 1 and len(logits) == 1:
        return "RT-DETR", _queries(pairs[0], logits[0]), shapes[logits[0]][-1]
    if len(shapes) == 1 and len(shape := next(iter(shapes.values()))) == 3:
        output = next(iter(found.values()))[0]
        for strides in ((8, 16, 32), (8, 16, 32, 64)):
            points, stride = _grid(size, strides)
            for turned in (False, True):
                places, numbers = shape[1:][::-1] if turned else shape[1:]
                if places != len(points) or numbers < 6:
                    continue
                table = output.T if turned else output
                if numbers - 4 * BINS == classes or (
                    numbers > 4 * BINS and numbers - 5 != classes and 64 in strides
                ):
                    return "NanoDet", _nanodet(points, stride, turned, table), numbers - 4 * BINS
                if len(strides) == 3:
                    return "YOLOX", _yolox(points, stride, turned, table), numbers - 5
    raise WeightsError(f"{path}: its outputs are {shown(shapes)}; {UNDERSTOOD}")


def _yolox(points: Floats, stride: Floats, turned: bool, grey: Array) -> Read:
    """Boxes from centre and side, as offsets and logarithms of cells, or in pixels already: then
    the centres of an empty picture follow their places."""
    centres = points + stride[:, None] / 2
    near = np.abs(grey[:, :2] - centres).mean() < np.abs(grey[:, :2] * stride[:, None]).mean()
    decoded = bool(near and np.corrcoef(grey[:, 0], points[:, 0])[0, 1] > 0.9)

    def read(outputs: Mapping[str, Array], size: tuple[int, int]) -> tuple[Floats, Floats]:
        rows = _rows(outputs, turned)
        centre, sides = rows[:, :2], rows[:, 2:4]
        if not decoded:
            centre = centre * stride[:, None] + points
            sides = np.exp(np.clip(sides, -20, 20)) * stride[:, None]
        edges = np.concatenate([centre - sides / 2, centre + sides / 2], axis=1)
        return edges / _span(size), rows[:, 5:] * rows[:, 4:5]

    return read


def _nanodet(points: Floats, stride: Floats, turned: bool, grey: Array) -> Read:
    """Boxes from the mean of four distributions; scores may still be log-odds."""
    classes = grey.shape[1] - 4 * BINS
    logits = bool(grey[:, :classes].min() < 0 or grey[:, :classes].max() > 1)

    def read(outputs: Mapping[str, Array], size: tuple[int, int]) -> tuple[Floats, Floats]:
        rows = _rows(outputs, turned)
        away = rows[:, classes:].reshape(-1, 4, BINS)
        away = np.exp(away - away.max(axis=2, keepdims=True))
        distance = (away @ np.arange(BINS)) / away.sum(axis=2) * stride[:, None]
        edges = np.concatenate([points - distance[:, :2], points + distance[:, 2:]], axis=1)
        scores = rows[:, :classes]
        return edges / _span(size), _sigmoid(scores) if logits else scores

    return read


def _queries(boxes: str, logits: str) -> Read:
    """RT-DETR as it is trained: centre and side as shares of the picture, log-odds."""

    def read(outputs: Mapping[str, Array], size: tuple[int, int]) -> tuple[Floats, Floats]:
        centre, sides = np.split(outputs[boxes][0].astype(np.float64), 2, axis=1)
        edges = np.concatenate([centre - sides / 2, centre + sides / 2], axis=1)
        return edges, _sigmoid(outputs[logits][0].astype(np.float64))

    return read


def _listed(classes: int) -> Read:
    """RT-DETR as it is deployed: a class, a score, and a box in the size that was asked for."""

    def read(outputs: Mapping[str, Array], size: tuple[int, int]) -> tuple[Floats, Floats]:
        labels = outputs["labels"][0].astype(np.int64)
        scores = np.zeros((len(labels), classes))
        known = (labels >= 0) & (labels < classes)
        scores[np.flatnonzero(known), labels[known]] = outputs["scores"][0][known]
        return outputs["boxes"][0].astype(np.float64), scores

    return read


def as_input(picture: NDArray[np.uint8], form: str, size: tuple[int, int]) -> Array:
    """(1, 3, height, width) float32: YOLOX blue first and filled up, NanoDet blue first and scaled
    by its means, RT-DETR red first, 0-1."""
    given: Array = picture.astype(np.float32)
    if form == "YOLOX":
        filled = np.full((*size, 3), GREY, np.float32)
        filled[: given.shape[0], : given.shape[1]] = given
        given = filled[:, :, ::-1]
    elif form == "NanoDet":
        given = (given[:, :, ::-1] - BGR_MEAN) / BGR_SPREAD
    else:
        given = given / 255
    return np.ascontiguousarray(given.transpose(2, 0, 1)[None], dtype=np.float32)


def _grid(size: tuple[int, int], strides: Sequence[int]) -> tuple[Floats, Floats]:
    """Of all places: points (places, 2) right and down in pixels, and their strides."""
    points, wide = [], []
    for stride in strides:
        down, right = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        points.append(np.stack([right, down], axis=-1).reshape(-1, 2) * float(stride))
        wide.append(np.full(len(points[-1]), float(stride)))
    return np.concatenate(points), np.concatenate(wide)


def _rows(outputs: Mapping[str, Array], turned: bool) -> Floats:
    found = next(iter(outputs.values()))[0].astype(np.float64)
    return np.asarray(found.T if turned else found)


def _span(size: tuple[int, int]) -> Floats:
    return np.array([size[1], size[0], size[1], size[0]], np.float64)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))))


def shown(shapes: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"{name} ({', '.join(map(str, one))})" for name, one in shapes.items())
