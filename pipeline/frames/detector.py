"""The detector: boxes of animals, people and vehicles, from the very pixels the frame model sees.

A model is a folder (`detector.json`, `detector.safetensors`, `detector.onnx`); the starter model
and one of your own (`camtriage train detector`) have the same form, described in
pipeline/frames/detector_network.py.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.frames.boxes import Seen, seen_in
from pipeline.frames.evidence import KINDS, Evidence
from pipeline.models import runtime as runtimes
from pipeline.models import weights

if TYPE_CHECKING:
    from torch import nn

STARTER = Path(__file__).parents[1] / "models" / "starter" / "detector"
INPUTS, OUTPUTS = ("pixels",), ("kinds", "bins")
_FORM = 1

Facts: TypeAlias = dict[str, Any]  # what stands in detector.json


@dataclass(frozen=True, slots=True)
class Detector:
    """A loaded detector. Threads may share it: it keeps no state."""

    name: str
    sha256: str  # of everything that shapes its answers: weights, size, levels
    size: tuple[int, int]  # height, width of its input in pixels
    evidence: Evidence
    runtime: str  # onnxruntime, or torch
    session: runtimes.Session = field(repr=False)

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> list[Seen]:
        """Pictures squeezed to `size` (pipeline.frames.classifier.squeeze), each run alone."""
        found = [self.session.run({INPUTS[0]: picture[None]}) for picture in pixels]
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
    session: runtimes.Session = (_torch_session if by_torch else _session)(facts, files, threads)
    height, width = facts["size"]
    return Detector(
        name=facts["name"],
        sha256=_digest(facts),
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
            f"{name}: no such detector; give starter, or a folder with detector.json in it "
            f"(`camtriage train detector` makes one)"
        )
    try:
        facts: Facts = json.loads(path.read_text("utf-8"))
        if facts["form"] != _FORM or tuple(facts["classes"]) != KINDS:
            raise WeightsError(f"{path}: of another version of camtriage; train it again")
        height, width = (int(side) for side in facts["size"])
        digests = facts["files"]["detector.safetensors"], facts["name"]
        Evidence.from_json(facts["evidence"])
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise WeightsError(f"{path}: not a detector's description: {why!r}") from why
    if not all(digests) or min(height, width) < 64 or height % 32 or width % 32:
        raise WeightsError(f"{path}: a detector needs a name, digests, and a size in 32s from 64")
    return facts


def _session(facts: Facts, files: dict[str, Path], threads: int) -> runtimes.Session:
    """ONNX Runtime on the file that is there or one made now; else PyTorch."""
    if runtimes.device() != "cpu" or not runtimes.has_onnxruntime():
        return _torch_session(facts, files, threads)
    path = files.get("detector.onnx")
    if path is None:
        key = f"detector-{_digest(facts)[:32]}.onnx"
        path = runtimes.cached(key, lambda fresh: export(_network(files), facts, fresh))
    if path is None:
        return _torch_session(facts, files, threads)
    return runtimes.OnnxSession(path, threads, batch=1)


def _torch_session(facts: Facts, files: dict[str, Path], threads: int) -> runtimes.TorchSession:
    return runtimes.TorchSession(_network(files), INPUTS, OUTPUTS, threads, runtimes.device())


def _network(files: dict[str, Path]) -> "nn.Module":
    """The PyTorch network with its weights (torch is imported here, not before)."""
    from pipeline.frames.detector_network import DetectorNet

    network = DetectorNet()
    path = files["detector.safetensors"]
    try:
        network.load_state_dict(weights.load(path))
    except RuntimeError as why:
        first = str(why).splitlines()[1].strip() if "\n" in str(why) else str(why)
        raise WeightsError(f"{path}: do not fit the network: {first}") from why
    return network.eval()


def save_detector(network: "nn.Module", facts: Facts, folder: Path, onnx: bool = True) -> Facts:
    """Write a network as a model folder; returns `facts` with the files' digests, as written.

    facts   what stands in detector.json, without "form", "classes" and "files"
    onnx    False leaves the ONNX file to be made on first use
    """
    folder.mkdir(parents=True, exist_ok=True)
    same = runtimes.halved(network)
    files = {
        "detector.safetensors": weights.save(same.state_dict(), folder / "detector.safetensors")
    }
    if onnx:
        export(same, facts, folder / "detector.onnx")
        files["detector.onnx"] = weights.digest(folder / "detector.onnx")
    facts = {**facts, "form": _FORM, "classes": list(KINDS), "files": files}
    (folder / "detector.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return facts


def export(network: "nn.Module", facts: Facts, path: Path) -> float:
    """Write a network as ONNX; returns the relative difference to PyTorch."""
    import torch

    noise = np.random.default_rng(0).integers(0, 256, (2, *facts["size"], 3), dtype=np.uint8)
    return runtimes.export_onnx(network, (torch.from_numpy(noise),), path, INPUTS, OUTPUTS)


def _digest(facts: Facts) -> str:
    """Of all that shapes a result: two trainings with the same outcome are one model."""
    shaping = {key: value for key, value in facts.items() if key not in ("training", "name")}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()
