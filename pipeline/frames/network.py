"""The frame model as a PyTorch network: any timm backbone and two small heads.

Used for training and export; a run needs only the ONNX form. What stands in `frame.json`:

    {"form": 1, "name": "starter",
     "backbone": "tf_efficientnet_lite0", "backbone_args": {}, "hidden": 64,
     "size": [320, 448],            height, width: the whole picture is squeezed to it, bicubic
     "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],     done inside the network
     "classes": ["animal", "human", "vehicle", "blank"],
     "fusion": {...},               pipeline.frames.blank.Fusion
     "files": {"frame.safetensors": sha-256, "frame.onnx": sha-256},
     "training": {...}}             data, studies, options, measured numbers

The ONNX file takes `pixels` (n, height, width, 3) uint8 and gives `logits` (n, 4), `cells`
(n, height/16, width/16, c) and `attention` (n, height/16, width/16), 0-1.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.models.torchvision_shim import ensure_torchvision

SHARPNESS = 4.0  # of the soft maximum over cells: near a maximum, still with a gradient for all


class FrameHead(nn.Module):
    """Evidence cell by cell, and a linear layer over the whole picture.

    A small animal is a few cells, a blank has none: so the strongest cells count beside the mean of
    the deepest map. Cells are judged from the stride-16 and the stride-32 map together.
    """

    def __init__(self, fine: int, coarse: int, deep: int, hidden: int) -> None:
        super().__init__()
        self.fine = Cells(fine, hidden)
        self.coarse = Cells(coarse, hidden)
        self.drop = nn.Dropout(0.3)
        self.whole = nn.Linear(deep, 4)
        self.mix = nn.Parameter(torch.full((3,), 0.5))
        self.blank_mix = nn.Parameter(torch.tensor(0.5))

    def forward(self, fine: Tensor, coarse: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (n, c, h, w) and the deepest map's mean (n, c) to logits and evidence.

        Returns logits (n, 4) and evidence (n, 3, h, w): log-odds of each kind in each cell.
        """
        evidence = self.fine(fine) + F.interpolate(self.coarse(coarse), size=fine.shape[-2:])
        kinds = soft_maximum(evidence) * self.mix
        blank = -self.blank_mix * soft_maximum(evidence.amax(dim=1, keepdim=True))
        return self.whole(self.drop(pooled)) + torch.cat([kinds, blank], dim=1), evidence


class Cells(nn.Module):
    """Three log-odds per cell, from the cell and from the mean of all cells around it."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.cell = nn.Conv2d(channels, hidden, 1)
        self.around = nn.Linear(channels, hidden)
        self.drop = nn.Dropout(0.2)
        self.kinds = nn.Conv2d(hidden, 3, 1)

    def forward(self, cells: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, 3, h, w)."""
        cells = self.norm(cells)
        around = self.around(cells.mean(dim=(2, 3)))[:, :, None, None]
        kinds: Tensor = self.kinds(self.drop(F.relu(self.cell(cells) + around)))
        return kinds


def soft_maximum(evidence: Tensor) -> Tensor:
    """(n, k, h, w) to (n, k): log-mean-exp with SHARPNESS, at most the maximum."""
    flat = evidence.flatten(2) * SHARPNESS
    return (torch.logsumexp(flat, dim=2) - math.log(flat.shape[2])) / SHARPNESS


class FrameNet(nn.Module):
    """Pixels to logits, background cells and attention, in one pass."""

    def __init__(
        self,
        backbone: str,
        hidden: int = 64,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.5, 0.5, 0.5),
        backbone_args: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.body = make_body(backbone, backbone_args)
        fine, coarse = (stage["num_chs"] for stage in self.body.feature_info[-2:])
        self.head = FrameHead(fine, coarse, self.body.num_features, hidden)
        self.scale: Tensor
        self.shift: Tensor
        scale = 1 / (255 * torch.tensor(std).float())
        shift = -torch.tensor(mean) / torch.tensor(std)
        self.register_buffer("scale", scale[:, None, None], persistent=False)
        self.register_buffer("shift", shift[:, None, None], persistent=False)

    def maps(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, h, w, 3) uint8 to the stride-16 and stride-32 maps and the deepest map's mean."""
        deep, (fine, coarse) = self.body.forward_intermediates(self.scaled(pixels), indices=2)
        return fine, coarse, deep.mean(dim=(2, 3))

    def scaled(self, pixels: Tensor) -> Tensor:
        """(n, h, w, 3) uint8 to (n, 3, h, w) as the backbone was trained.

        Turned first: a number for each colour is quick on whole planes, slow on pixel after pixel.
        """
        return pixels.permute(0, 3, 1, 2).to(self.scale.dtype) * self.scale + self.shift

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine, coarse, pooled = self.maps(pixels)
        logits, evidence = self.head(fine, coarse, pooled)
        return logits, fine.permute(0, 2, 3, 1), evidence.amax(dim=1).sigmoid()


def make_body(backbone: str, backbone_args: dict[str, Any] | None = None) -> Any:
    """A timm backbone (an nn.Module with more parts) without its classifier and without weights.

    Raises SettingsError where timm does not know it.
    """
    from pipeline.errors import SettingsError

    ensure_torchvision()  # timm imports torchvision
    import timm

    if not timm.is_model(backbone):
        near = timm.list_models(f"*{backbone.split('_')[0]}*")[:3]
        raise SettingsError(
            f"unknown timm backbone {backbone!r}; near: {', '.join(near) or 'none'}"
        )
    return timm.create_model(backbone, pretrained=False, num_classes=0, **(backbone_args or {}))
