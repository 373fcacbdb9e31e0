"""The frame model at work: pixels to logits, background cells and attention.

A model is a folder (`frame.json`, `frame.safetensors`, `frame.onnx`); the starter model and one of
your own (`camtriage train frame`) have the same form, told in pipeline/frames/network.py.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import WeightsError
from pipeline.frames.blank import Fusion
from pipeline.models import runtime, weights

STARTER = Path(__file__).parents[1] / "models" / "starter" / "frame"
CLASSES = ("animal", "human", "vehicle", "blank")
INPUTS, OUTPUTS = ("pixels",), ("logits", "cells", "attention")
_FORM = 1


@dataclass(frozen=True, slots=True)
class FrameOutput:
    """What the frame model says about n pictures, on a grid of h x w cells."""

    logits: NDArray[np.float32]  # (n, 4) in the order of CLASSES, before calibration
    cells: NDArray[np.float32]  # (n, h, w, c) features at a sixteenth of the size
    attention: NDArray[np.float32]  # (n, h, w) 0-1, where something is


@dataclass(frozen=True, slots=True)
class FrameModel:
    """A loaded frame model. Threads may share it: a run keeps nothing."""

    name: str
    sha256: str  # of everything that shapes its answers: weights, size, fusion
    size: tuple[int, int]  # height, width of its input in pixels
    fusion: Fusion
    runtime: str  # onnxruntime, or torch
    session: runtime.OnnxSession | runtime.TorchSession = field(repr=False)

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture of any size to (height, width, 3) of this model, as it was trained."""
        return squeeze(pixels, self.size)

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> FrameOutput:
        """Prepared pictures (height, width, 3), one after the other: all at once is no faster.

        Each alone, so that a picture scores the same in any company, and in 50 MB.
        """
        rows = [self.session.run({INPUTS[0]: one[None]}) for one in pixels]
        return joined([FrameOutput(*(row[name] for name in OUTPUTS)) for row in rows])


def joined(parts: Sequence[FrameOutput]) -> FrameOutput:
    """Outputs of some pictures after each other, as one."""
    if not parts:
        raise ValueError("no pictures to run")
    return FrameOutput(*(np.concatenate([getattr(one, name) for one in parts]) for name in OUTPUTS))


def squeeze(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The whole picture at (height, width), its shape not kept: one grid for every camera."""
    image = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(image)


def load_frame_model(
    name_or_folder: str = "starter", threads: int = 1, by_torch: bool = False
) -> FrameModel:
    """Load and check a frame model; WeightsError in one line where that cannot be.

    threads   inside one operator; several pictures run in several threads anyway
    by_torch  PyTorch also where ONNX Runtime is, to compare them
    """
    folder = STARTER if name_or_folder == "starter" else Path(name_or_folder)
    facts = _facts(folder, name_or_folder)
    files = {name: folder / name for name in facts["files"]}
    for name, path in files.items():
        weights.check(path, facts["files"][name])
    session = (_torch_session if by_torch else _session)(facts, files, threads)
    return FrameModel(
        name=facts["name"],
        sha256=_digest(facts),
        size=tuple(facts["size"]),
        fusion=Fusion.from_json(facts["fusion"]),
        runtime="onnxruntime" if isinstance(session, runtime.OnnxSession) else "torch",
        session=session,
    )


def _facts(folder: Path, asked: str) -> dict:
    """frame.json as a dict with every key a run needs."""
    weights.refuse_pickled(folder)
    path = folder / "frame.json"
    if not path.is_file():
        raise WeightsError(
            f"{asked}: no such frame model; give starter, or a folder with frame.json in it "
            f"(`camtriage train frame` makes one)"
        )
    try:
        facts = json.loads(path.read_text("utf-8"))
        if facts["form"] != _FORM or tuple(facts["classes"]) != CLASSES:
            raise WeightsError(f"{path}: of another version of camtriage; train it again")
        height, width = (int(side) for side in facts["size"])
        digests = facts["files"]["frame.safetensors"], facts["name"], facts["fusion"]
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise WeightsError(f"{path}: not a frame model's description: {why!r}") from why
    if not (all(digests) and min(height, width) >= 32):
        raise WeightsError(f"{path}: a frame model needs a name, digests, a fusion and a size")
    return facts


def _session(facts: dict, files: dict[str, Path], threads: int):
    """ONNX Runtime on the file that came along or one made now; PyTorch where that cannot be."""
    if runtime.device() != "cpu" or not runtime.has_onnxruntime():
        return _torch_session(facts, files, threads)
    path = files.get("frame.onnx")
    if path is None:
        key = f"frame-{_digest(facts)[:32]}.onnx"
        path = runtime.cached(key, lambda fresh: export(_network(facts, files), facts, fresh))
    if path is None:
        return _torch_session(facts, files, threads)
    return runtime.OnnxSession(path, threads, batch=1)


def _torch_session(facts: dict, files: dict[str, Path], threads: int) -> runtime.TorchSession:
    network = _network(facts, files)
    return runtime.TorchSession(network, INPUTS, OUTPUTS, threads, runtime.device())


def _network(facts: dict, files: dict[str, Path]):
    """The PyTorch network with its weights (torch and timm are imported here, not before)."""
    from pipeline.frames.network import FrameNet

    network = FrameNet(
        facts["backbone"],
        facts["hidden"],
        facts["mean"],
        facts["std"],
        facts.get("backbone_args"),
    )
    path = files["frame.safetensors"]
    try:
        network.load_state_dict(weights.load(path))
    except RuntimeError as why:
        first = str(why).splitlines()[1].strip() if "\n" in str(why) else str(why)
        raise WeightsError(
            f"{files['frame.safetensors']}: do not fit the network: {first}"
        ) from why
    return network.eval()


def save_frame_model(network, facts: dict, folder: Path, onnx: bool = True) -> dict:
    """Write a network as a model folder; returns `facts` with the files' digests, as written.

    facts   what stands in frame.json, without "form", "classes" and "files"
    onnx    False leaves the ONNX file to be made on first use
    """
    folder.mkdir(parents=True, exist_ok=True)
    same = runtime.halved(network)
    files = {"frame.safetensors": weights.save(same.state_dict(), folder / "frame.safetensors")}
    if onnx:
        export(same, facts, folder / "frame.onnx")
        files["frame.onnx"] = weights.digest(folder / "frame.onnx")
    facts = {**facts, "form": _FORM, "classes": list(CLASSES), "files": files}
    (folder / "frame.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return facts


def export(network, facts: dict, path: Path) -> float:
    """Write a network as ONNX; returns the relative difference to PyTorch."""
    import torch

    noise = np.random.default_rng(0).integers(0, 256, (2, *facts["size"], 3), dtype=np.uint8)
    return runtime.export_onnx(network, (torch.from_numpy(noise),), path, INPUTS, OUTPUTS)


def _digest(facts: dict) -> str:
    """Of everything but what was only noted: the same outcome of two trainings is one model."""
    shaping = {key: value for key, value in facts.items() if key not in ("training", "name")}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()
