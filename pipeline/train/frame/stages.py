"""Which part of the frame network is frozen, and which part is trained."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.errors import SettingsError
from pipeline.frames.network import FrameNet

LEARN = ("heads", "last", "all")


class Stages:
    """A frame network in two parts: `begin` is run once per picture, `finish` is trained.

    learn   heads: the backbone is frozen; last: its last stage is trained too (EfficientNets);
            all: everything is trained, and `begin` only passes the pixels on
    """

    def __init__(self, net: FrameNet, learn: str, device: str) -> None:
        if learn not in LEARN:
            raise SettingsError(f"learn must be one of {', '.join(LEARN)}, not {learn!r}")
        if learn == "last" and not hasattr(net.body, "conv_head"):
            raise SettingsError("learn=last is made for EfficientNets; take heads or all")
        self.net, self.learn, self.device = net.to(device), learn, device

    def begin(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[Any], tuple[NDArray[Any], ...]]:
        """(n, h, w, 3) to the stride-16 cells (n, h', w', c) and what `finish` takes."""
        import torch

        self.net.eval()
        with torch.inference_mode():
            given = torch.from_numpy(pixels).to(self.device)
            last = self.learn == "last"
            kept: tuple[Tensor, ...] = (
                _until_last(self.net, given) if last else self.net.maps(given)
            )
        cells = kept[0].permute(0, 2, 3, 1).float().cpu().numpy()
        if self.learn == "all":
            return cells, (pixels,)
        return cells, tuple(array.float().cpu().numpy() for array in kept)

    def finish(self, *kept: Tensor) -> tuple[Tensor, Tensor]:
        """What `begin` kept, as tensors, to logits (n, 4) and evidence (n, 3, h', w')."""
        if self.learn == "all":
            return self._head(*self.net.maps(*kept))
        if self.learn == "last":
            fine, before = kept
            body: Any = self.net.body
            coarse = body.blocks[-1](before)
            deep = body.bn2(body.conv_head(coarse))
            return self._head(fine, coarse, deep.mean(dim=(2, 3)))
        return self._head(*kept)

    def _head(self, *maps: Tensor) -> tuple[Tensor, Tensor]:
        logits, evidence = self.net.head(*maps)
        return logits, evidence

    def groups(self, rate: float, body_rate: float) -> list[dict[str, Any]]:
        """Parameter groups that learn: fresh heads faster than what was trained before."""
        body: Any = self.net.body
        parts: list[nn.Module] = [body] if self.learn == "all" else []
        if self.learn == "last":
            parts = [body.blocks[-1], body.conv_head, body.bn2]
        learned = [parameter for part in parts for parameter in part.parameters()]
        found = [{"params": list(self.net.head.parameters()), "lr": rate}]
        return found + ([{"params": learned, "lr": body_rate}] if learned else [])

    def train(self) -> None:
        """Training mode for the heads; the backbone's batch-norm keeps its own statistics."""
        self.net.train()
        self.net.body.eval()


def _until_last(net: FrameNet, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The stride-16 map and the input of the last stage of an EfficientNet."""
    body: Any = net.body
    x = net.scaled(pixels)
    fine_at = int(body.feature_info[-2]["module"].rsplit(".", 1)[1])
    x = body.bn1(body.conv_stem(x))
    fine = x
    for number, block in enumerate(body.blocks[:-1]):
        x = block(x)
        fine = x if number == fine_at else fine
    return fine, x
