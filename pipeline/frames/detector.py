"""The detector: boxes of animals, people and vehicles, from the very pixels the frame model sees.

A model is a folder (`detector.json`, `detector.safetensors`, `detector.onnx`); the starter model
and one of your own (`camtriage train detector`) have the same form, described in
pipeline/frames/detector_network.py.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.frames.boxes import Seen, seen_in
from pipeline.frames.classifier import squeeze
from pipeline.frames.evidence import KINDS, Evidence
from pipeline.models import runtime as runtimes
from pipeline.models import weights
from pipeline.models.folder import Facts, Form, digest, with_weights

if TYPE_CHECKING:
    from torch import nn

STARTER = Path(__file__).parents[1] / "models" / "starter" / "detector"
FORM = Form("detector", 1, KINDS, inputs=("pixels",), outputs=("kinds", "bins"))


@dataclass(frozen=True, slots=True)
class Detector:
    """A loaded detector. Threads may share it: it keeps no state."""

    name: str
    sha256: str  # of everything that shapes its answers: weights, size, levels
    size: tuple[int, int]  # height, width of its input in pixels
    evidence: Evidence
    runtime: str  # onnxruntime, or torch
    session: runtimes.Session = field(repr=False)

    @property
    def own(self) -> str:
        """Its levels were measured: it is no detector of the user's own."""
        return ""

    def prepare(
        self, pixels: NDArray[np.uint8], same: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """The picture squeezed to `size`; `same`, the frame model's input, where it is that."""
        if same is not None and same.shape[:2] == self.size:
            return same
        return squeeze(pixels, self.size)

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> list[Seen]:
        """Pictures squeezed to `size` (pipeline.frames.classifier.squeeze), each run alone."""
        found = [self.session.run({"pixels": picture[None]}) for picture in pixels]
        return [seen_in(arrays["kinds"][0], arrays["bins"][0], self.size) for arrays in found]


def load_detector(
    name_or_folder: str = "starter", threads: int = 1, by_torch: bool = False
) -> Detector:
    """Load and check a detector; WeightsError says in one line what is wrong.

    threads   inside one operator; several pictures run in several threads anyway
    by_torch  PyTorch also where ONNX Runtime is, to compare them
    """
    folder = STARTER if name_or_folder == "starter" else Path(name_or_folder)
    facts = _facts(folder, name_or_folder)
    files = {name: folder / name for name in facts["files"]}
    for name, path in files.items():
        weights.check(path, facts["files"][name])
    session = FORM.session(facts, files, lambda: _network(files), threads, by_torch)
    height, width = facts["size"]
    return Detector(
        name=facts["name"],
        sha256=digest(facts),
        size=(height, width),
        evidence=Evidence.from_json(facts["evidence"]),
        runtime="onnxruntime" if isinstance(session, runtimes.OnnxSession) else "torch",
        session=session,
    )


def _facts(folder: Path, name: str) -> Facts:
    """detector.json, checked for every key that a run needs. name: as the model was given."""
    weights.refuse_pickled(folder)
    path = folder / "detector.json"
    if not path.is_file():
        raise WeightsError(
            f"{name}: no such detector; give starter, none, local:FILE.onnx, or a folder with "
            f"detector.json in it (`camtriage train detector` makes one)"
        )
    try:
        facts: Facts = json.loads(path.read_text("utf-8"))
        if facts["form"] != FORM.number or tuple(facts["classes"]) != KINDS:
            raise WeightsError(f"{path}: of another version of camtriage; train it again")
        height, width = (int(side) for side in facts["size"])
        digests = facts["files"]["detector.safetensors"], facts["name"]
        Evidence.from_json(facts["evidence"])
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise WeightsError(f"{path}: not a detector's description: {why!r}") from why
    if not all(digests) or min(height, width) < 64 or height % 32 or width % 32:
        raise WeightsError(f"{path}: a detector needs a name, digests, and a size in 32s from 64")
    return facts


def _network(files: dict[str, Path]) -> "nn.Module":
    """The PyTorch network with its weights (torch is imported here, not before)."""
    from pipeline.frames.detector_network import DetectorNet

    return with_weights(DetectorNet(), files["detector.safetensors"])


def save_detector(network: "nn.Module", facts: Facts, folder: Path, onnx: bool = True) -> Facts:
    """Write a network as a model folder; returns `facts` with the files' digests, as written.

    facts   what stands in detector.json, without "form", "classes" and "files"
    onnx    False leaves the ONNX file to be made on first use
    """
    return FORM.save(network, facts, folder, onnx)
