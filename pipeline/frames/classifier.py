"""The frame model: pixels to logits, background cells and attention.

A model is a folder (`frame.json`, `frame.safetensors`, `frame.onnx`); the starter model and one of
your own (`camtriage train frame`) have the same form, described in pipeline/frames/network.py.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import WeightsError
from pipeline.frames.blank import Fusion
from pipeline.models import runtime as runtimes
from pipeline.models import weights
from pipeline.models.folder import Facts, Form, digest, with_weights

if TYPE_CHECKING:
    from torch import nn

STARTER = Path(__file__).parents[1] / "models" / "starter" / "frame"
CLASSES = ("animal", "human", "vehicle", "blank")
OUTPUTS = ("logits", "cells", "attention")
FORM = Form("frame", 1, CLASSES, inputs=("pixels",), outputs=OUTPUTS)


@dataclass(frozen=True, slots=True)
class FrameOutput:
    """The frame model's results for n pictures, on a grid of h x w cells."""

    logits: NDArray[np.float32]  # (n, 4) in the order of CLASSES, before calibration
    cells: NDArray[np.float32]  # (n, h, w, c) features at a sixteenth of the size
    attention: NDArray[np.float32]  # (n, h, w) 0-1, where something is seen


@dataclass(frozen=True, slots=True)
class FrameModel:
    """A loaded frame model. Threads may share it: it keeps no state."""

    name: str
    sha256: str  # of everything that shapes its answers: weights, size, fusion
    size: tuple[int, int]  # height, width of its input in pixels
    fusion: Fusion
    runtime: str  # onnxruntime, or torch
    session: runtimes.Session = field(repr=False)

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture of any size to (height, width, 3) of this model, as it was trained."""
        return squeeze(pixels, self.size)

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> FrameOutput:
        """Prepared pictures (height, width, 3), one after the other: all at once is no faster.

        Each runs alone, so that its scores do not depend on the others, and in 50 MB.
        """
        found = [self.session.run({"pixels": picture[None]}) for picture in pixels]
        return joined([FrameOutput(*(arrays[name] for name in OUTPUTS)) for arrays in found])


def joined(parts: Sequence[FrameOutput]) -> FrameOutput:
    """The outputs of several runs as one, in order."""
    if not parts:
        raise ValueError("no pictures to run")
    return FrameOutput(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in OUTPUTS)
    )


def squeeze(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The whole picture at (height, width), aspect not kept: one grid for every camera."""
    image = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(image)


def load_frame_model(
    name_or_folder: str = "starter", threads: int = 1, by_torch: bool = False
) -> FrameModel:
    """Load and check a frame model; WeightsError says in one line what is wrong.

    threads   inside one operator; several pictures run in several threads anyway
    by_torch  PyTorch also where ONNX Runtime is, to compare them
    """
    folder = STARTER if name_or_folder == "starter" else Path(name_or_folder)
    facts = read_facts(folder, name_or_folder)
    files = {name: folder / name for name in facts["files"]}
    for name, path in files.items():
        weights.check(path, facts["files"][name])
    session = FORM.session(facts, files, lambda: _network(facts, files), threads, by_torch)
    height, width = facts["size"]
    return FrameModel(
        name=facts["name"],
        sha256=digest(facts),
        size=(height, width),
        fusion=Fusion.from_json(facts["fusion"]),
        runtime="onnxruntime" if isinstance(session, runtimes.OnnxSession) else "torch",
        session=session,
    )


def read_facts(folder: Path, name: str | None = None) -> Facts:
    """frame.json, checked for every key that a run needs. name: as the model was given."""
    name = name or str(folder)
    weights.refuse_pickled(folder)
    path = folder / "frame.json"
    if not path.is_file():
        raise WeightsError(
            f"{name}: no such frame model; give starter, or a folder with frame.json in it "
            f"(`camtriage train frame` makes one)"
        )
    try:
        facts: Facts = json.loads(path.read_text("utf-8"))
        if facts["form"] != FORM.number or tuple(facts["classes"]) != CLASSES:
            raise WeightsError(f"{path}: of another version of camtriage; train it again")
        height, width = (int(side) for side in facts["size"])
        digests = facts["files"]["frame.safetensors"], facts["name"], facts["fusion"]
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise WeightsError(f"{path}: not a frame model's description: {why!r}") from why
    if not (all(digests) and min(height, width) >= 32):
        raise WeightsError(f"{path}: a frame model needs a name, digests, a fusion and a size")
    return facts


def _network(facts: Facts, files: dict[str, Path]) -> "nn.Module":
    """The PyTorch network with its weights (torch and timm are imported here, not before)."""
    from pipeline.frames.network import FrameNet

    network = FrameNet(
        facts["backbone"],
        facts["hidden"],
        facts["mean"],
        facts["std"],
        facts.get("backbone_args"),
    )
    return with_weights(network, files["frame.safetensors"])


def save_frame_model(network: "nn.Module", facts: Facts, folder: Path, onnx: bool = True) -> Facts:
    """Write a network as a model folder; returns `facts` with the files' digests, as written.

    facts   what stands in frame.json, without "form", "classes" and "files"
    onnx    False leaves the ONNX file to be made on first use
    """
    return FORM.save(network, facts, folder, onnx)
