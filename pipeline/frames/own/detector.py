"""A detector of the user's own: `--detector local:FILE.onnx`, a YOLOX, NanoDet or RT-DETR export.

What it is is read from the shapes of its inputs and outputs:

    YOLOX     one output (1, places, 5 + classes): box, objectness, classes; 8, 16, 32 pixels apart
    NanoDet   one output (1, places, classes + 32), or turned; 8, 16, 32 (and 64) pixels apart
    RT-DETR   logits (1, queries, classes) and pred_boxes (1, queries, 4), or labels, boxes, scores

Classes are MegaDetector's (animal, person, vehicle), or those of FILE.json beside it. Nobody has
measured levels for it: they stand in that file, or the ones below are taken, and the recipe says
which. Its boxes keep a picture; what it does not see hides none.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.frames.boxes import Seen, picked
from pipeline.frames.classifier import squeeze
from pipeline.frames.detector import Detector, load_detector
from pipeline.frames.evidence import KINDS, Evidence, Levels
from pipeline.frames.own.forms import UNDERSTOOD, Read, as_input, form_of, shown
from pipeline.models import weights
from pipeline.models.runtime import OnnxSession

PREFIX = "local:"
CLASSES = ("animal", "person", "vehicle")  # MegaDetector's order
KIND_OF = {"animal": "animal", "person": "human", "human": "human", "vehicle": "vehicle"}
DEFAULT = Evidence(  # MegaDetector's usual 0.2; nothing of it was measured here
    human=Levels(call=0.5, look=0.2),
    vehicle=Levels(call=0.5, look=0.2),
    animal=0.2,
    animal_usual=0.5,
    against_animal=0.0,
    blank_weight=0.0,
    blank_middle=0.5,
)


@dataclass(frozen=True, slots=True)
class OwnDetector:
    """A loaded export. Threads may share it: it keeps no state."""

    name: str
    sha256: str  # of the file, its classes and levels
    size: tuple[int, int]  # height, width of its input in pixels
    evidence: Evidence
    form: str  # YOLOX, NanoDet, RT-DETR
    own: str  # where its levels are from
    runtime: str
    kinds: tuple[int | None, ...]  # place in KINDS of each of its classes
    session: OnnxSession = field(repr=False)
    inputs: tuple[str, ...] = field(repr=False)
    read: Read = field(repr=False)

    def prepare(
        self, pixels: NDArray[np.uint8], same: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """The picture at the size of its input; for YOLOX with its own aspect, not filled up."""
        if self.form != "YOLOX":
            return squeeze(pixels, self.size)
        height, width = pixels.shape[:2]
        scale = min(self.size[0] / height, self.size[1] / width)
        return squeeze(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> list[Seen]:
        """Prepared pictures, each run alone."""
        return [self._seen(picture) for picture in pixels]

    def _seen(self, picture: NDArray[np.uint8]) -> Seen:
        given = {self.inputs[0]: as_input(picture, self.form, self.size)}
        if len(self.inputs) > 1:  # RT-DETR asks for the size in which it should say its boxes
            given[self.inputs[1]] = np.array([[1, 1]], np.int64)
        edges, classes = self.read(self.session.run(given), self.size)
        scores = np.zeros((len(classes), len(KINDS)))
        for number, kind in enumerate(self.kinds):
            if kind is not None and number < classes.shape[1]:
                scores[:, kind] = np.maximum(scores[:, kind], classes[:, number])
        filled = np.array([self.size[1] / picture.shape[1], self.size[0] / picture.shape[0]])
        shares = np.clip(np.nan_to_num(edges) * np.tile(filled, 2), 0, 1)
        shares[:, 2:] = np.maximum(shares[:, 2:], shares[:, :2])
        return picked(shares, np.clip(np.nan_to_num(scores), 0, 1))


def load_any(name: str, threads: int = 1) -> Detector | OwnDetector:
    """The detector of that name: starter, a folder, or local:FILE.onnx; WeightsError says what is
    wrong."""
    if not name.startswith(PREFIX):
        return load_detector(name, threads)
    path = Path(name.removeprefix(PREFIX))
    if path.suffix != ".onnx":
        raise WeightsError(f"{name}: give an ONNX file, {PREFIX}FILE.onnx")
    sha256 = weights.check(path)
    classes, evidence, stated = _facts(path)
    session = OnnxSession(path, threads)
    size = _size(path, session)
    form, read, count = form_of(path, session, size, len(classes))
    if count is not None and count != len(classes):
        raise WeightsError(
            f"{path}: {form} of {count} classes, and {len(classes)} names: write all of them, in"
            f' its order, into {path.with_suffix(".json")} as {{"classes": [...]}}'
        )
    shaped = json.dumps([sha256, classes, evidence.to_json()])
    return OwnDetector(
        path.stem,
        hashlib.sha256(shaped.encode()).hexdigest(),
        size,
        evidence,
        form,
        "levels of its own file" if stated else "default levels, not measured",
        "onnxruntime",
        tuple(KINDS.index(KIND_OF[one]) if one in KIND_OF else None for one in classes),
        session,
        tuple(session.input_shapes),
        read,
    )


def _facts(path: Path) -> tuple[tuple[str, ...], Evidence, bool]:
    """Classes and levels of FILE.json beside it, else the defaults; whether levels are stated."""
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return CLASSES, DEFAULT, False
    try:
        facts: dict[str, Any] = json.loads(beside.read_text("utf-8"))
        classes = tuple(str(name).lower() for name in facts.pop("classes", CLASSES))
        levels = facts.pop("levels", {})
        evidence = Evidence.from_json({**DEFAULT.to_json(), **levels})
        if facts or not {*levels} <= {"animal", "human", "vehicle"}:
            raise ValueError(f"unknown {', '.join([*facts, *levels])}")
    except (OSError, ValueError, TypeError, AttributeError) as why:
        raise WeightsError(
            f'{beside}: {why}; write {{"classes": ["animal", "person", "vehicle"], "levels":'
            ' {"animal": 0.2, "human": {"call": 0.5, "look": 0.2}, "vehicle": {...}}}'
        ) from why
    if not {KIND_OF[name] for name in classes if name in KIND_OF}:
        raise WeightsError(f"{beside}: none of its classes is {', '.join(CLASSES)}")
    return classes, evidence, bool(levels)


def _size(path: Path, session: OnnxSession) -> tuple[int, int]:
    shapes = list(session.input_shapes.values())
    first = shapes[0] if shapes else ()
    fixed = len(first) == 4 and all(isinstance(side, int) for side in first[2:])
    if not fixed or first[1] != 3 or len(shapes) > 2:
        raise WeightsError(
            f"{path}: its inputs are {shown(session.input_shapes)}; {UNDERSTOOD}: (1, 3, height,"
            " width)"
        )
    return int(first[2]), int(first[3])
