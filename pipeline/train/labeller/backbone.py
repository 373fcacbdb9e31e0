"""The image network behind the starter labeller, from the weights folder."""

import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.models import runtime, weights
from pipeline.species import towers
from pipeline.train.labeller.head import MAP_SIZE, SIZE

FILE = "mobilenet_edgetpu_100.imagenet.safetensors"
SHA256 = "149ad1be711f5e23f21810c83bc3ca427a44d610903825111b04c32d3913cf27"
ANIMALS = [*range(7, 25), *range(80, 107), *range(127, 147), *range(151, 300), *range(330, 389)]
MEAN = STD = (0.5, 0.5, 0.5)


class Backbone:
    """MobileNet-EdgeTPU: features of pictures, and where in a frame it sees an animal."""

    def __init__(self, folder: Path) -> None:
        towers.register()
        import timm

        self.state = weights.load(Path(folder) / FILE, SHA256)
        self.module: Any = timm.create_model(towers.NAME, num_classes=1000).eval()
        self.module.load_state_dict(self.state)
        classifier = cast(Any, self.module).classifier
        self.weight = classifier.weight.detach().double().numpy()
        self.bias = classifier.bias.detach().double().numpy()
        self._pooled = _session(self.module, (SIZE, SIZE), pooled=True)
        self._cells = _session(self.module, MAP_SIZE, pooled=False)

    def features(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, 224, 224, 3) -> (n, 1280)."""
        return self._pooled.run({"image": scaled(pictures)})["features"]

    def attention(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(h, w) probability of any mammal or bird class, cell by cell."""
        cells = self._cells.run({"image": scaled(pixels[None])})["features"][0]
        close = np.einsum("kc,chw->khw", self.weight, cells) + self.bias[:, None, None]
        each = np.exp(close - close.max(axis=0))
        return np.asarray(each[ANIMALS].sum(axis=0) / each.sum(axis=0))


def scaled(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, h, w, 3) 0-255 -> (n, 3, h, w) as the network was trained."""
    unit = (pictures.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(
        STD, np.float32
    )
    return np.ascontiguousarray(unit.transpose(0, 3, 1, 2))


def _session(module: Any, size: tuple[int, int], pooled: bool) -> runtime.OnnxSession:
    import torch
    from torch import nn

    class Features(nn.Module):
        """Everything before the classifier, averaged over the picture or cell by cell."""

        def __init__(self) -> None:
            super().__init__()
            self.module: Any = module

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            cells: torch.Tensor = self.module.forward_features(image)
            if not pooled:
                return cells
            averaged: torch.Tensor = self.module.forward_head(cells, pre_logits=True)
            return averaged

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "features.onnx"
        runtime.export_onnx(
            Features(), (torch.randn(2, 3, *size),), place, ("image",), ("features",)
        )
        return runtime.OnnxSession(place.read_bytes())
