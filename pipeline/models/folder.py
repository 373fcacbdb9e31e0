"""A model as a folder: NAME.json says what it is, NAME.safetensors and NAME.onnx are its network.

Frame models and detectors are such folders; what stands in their NAME.json is their own.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pipeline.errors import WeightsError
from pipeline.models import runtime, weights

if TYPE_CHECKING:
    from torch import nn

Facts: TypeAlias = dict[str, Any]  # what stands in NAME.json


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of model folder. Its network takes pixels (n, height, width, 3) uint8."""

    name: str  # of its files
    number: int  # of this form of its NAME.json
    classes: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def session(
        self,
        facts: Facts,
        files: Mapping[str, Path],
        network: Callable[[], "nn.Module"],
        threads: int = 1,
        by_torch: bool = False,
    ) -> runtime.Session:
        """ONNX Runtime on the file that is there or one made now; else PyTorch."""
        path = None
        if not by_torch and runtime.device() == "cpu" and runtime.has_onnxruntime():
            path = files.get(f"{self.name}.onnx") or runtime.cached(
                f"{self.name}-{digest(facts)[:32]}.onnx",
                lambda fresh: self.export(network(), facts, fresh),
            )
        if path is not None:
            return runtime.OnnxSession(path, threads, batch=1)
        given = network(), self.inputs, self.outputs, threads, runtime.device()
        return runtime.TorchSession(*given)

    def save(self, network: "nn.Module", facts: Facts, folder: Path, onnx: bool = True) -> Facts:
        """Write a network as a folder; returns `facts` with the files' digests, as written.

        facts   what stands in NAME.json, without "form", "classes" and "files"
        onnx    False leaves the ONNX file to be made on first use
        """
        folder.mkdir(parents=True, exist_ok=True)
        same, numbers = runtime.halved(network), f"{self.name}.safetensors"
        files = {numbers: weights.save(same.state_dict(), folder / numbers)}
        if onnx:
            path = folder / f"{self.name}.onnx"
            self.export(same, facts, path)
            files[path.name] = weights.digest(path)
        known = {"form": self.number, "classes": list(self.classes), "files": files}
        facts = {**facts, **known}
        (folder / f"{self.name}.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
        return facts

    def export(self, network: "nn.Module", facts: Facts, path: Path) -> float:
        """Write a network as ONNX; returns the relative difference to PyTorch."""
        import torch

        noise = np.random.default_rng(0).integers(0, 256, (2, *facts["size"], 3), dtype=np.uint8)
        pixels = torch.from_numpy(noise)
        return runtime.export_onnx(network, (pixels,), path, self.inputs, self.outputs)


def with_weights(network: "nn.Module", path: Path) -> "nn.Module":
    """A network with the numbers of a file, to be run; WeightsError where they do not fit it."""
    try:
        network.load_state_dict(weights.load(path))
    except RuntimeError as why:
        first = str(why).splitlines()[1].strip() if "\n" in str(why) else str(why)
        raise WeightsError(f"{path}: do not fit the network: {first}") from why
    return network.eval()


def digest(facts: Facts) -> str:
    """Of all that shapes a result: two trainings with the same outcome are one model."""
    shaping = {key: value for key, value in facts.items() if key not in ("training", "name")}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()
