"""The detector as a PyTorch network: NanoDet-Plus-m with the kinds of a camera trap.

ShuffleNetV2 sees, Ghost-PAN joins what it sees at strides 8 to 64, and a small head says for each
place what is there and how far the edges of its box are. Batch-norm is folded into the kernels.
Used for training and export; a run needs only the ONNX form. What stands in `detector.json`:

    {"form": 1, "name": "starter", "classes": ["animal", "human", "vehicle"],
     "size": [320, 448],       height, width: the picture as the frame model sees it
     "evidence": {...},        pipeline.frames.evidence.Evidence
     "files": {"detector.safetensors": sha-256, "detector.onnx": sha-256},
     "training": {...}}        data, studies, options, measured numbers

The ONNX file takes `pixels` (n, height, width, 3) uint8, RGB, and gives `kinds` (n, places, 3)
log-odds and `bins` (n, places, 32) distances, see pipeline/frames/boxes.py.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.frames.boxes import BINS

SEEN = (  # what the head tells apart within each kind, as in COCO
    ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    ("person",),
    ("bicycle", "car", "motorcycle", "bus", "train", "truck"),
)
NAMES = sum(len(group) for group in SEEN)
_MEAN, _SPREAD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # blue, green, red
_WIDTHS, _REPEATS = (24, 116, 232, 464), (4, 8, 4)  # of ShuffleNetV2 1.0x
_MIDDLE = 96  # channels of the four maps


class DetectorNet(nn.Module):
    """Pixels to kinds and distances, in one pass."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Body()
        self.neck = Neck()
        self.heads = nn.ModuleList(Head() for _ in range(4))
        self.mean: Tensor
        self.scale: Tensor
        mean, scale = torch.tensor(_MEAN), 1 / torch.tensor(_SPREAD)
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("scale", scale[:, None, None], persistent=False)

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """(n, h, w, 3) uint8 RGB to four maps (n, 96, h/8, w/8) ... (n, 96, h/64, w/64)."""
        blue_first = pixels.permute(0, 3, 1, 2).flip(1)  # turned first: whole planes are quick
        scaled = (blue_first.to(self.mean.dtype) - self.mean) * self.scale
        found: list[Tensor] = self.neck(self.body(scaled))
        return found

    @property
    def outs(self) -> "list[nn.Conv2d]":
        """The last layer of each head."""
        return [head.out for head in self.heads if isinstance(head, Head)]

    def before_last(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The four maps as the last layers see them."""
        return [head(level) for head, level in zip(self.heads, maps, strict=True)]

    def last(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """What the heads have made of the four maps to kinds (n, places, 3) and bins (n, places,
        4 * BINS)."""
        found = [out(level) for out, level in zip(self.outs, maps, strict=True)]
        every = torch.cat([level.flatten(2) for level in found], dim=2).transpose(1, 2)
        return kinds_of(every[:, :, :NAMES]), every[:, :, NAMES:]

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self.last(self.before_last(self.maps(pixels)))


def kinds_of(names: Tensor) -> Tensor:
    """(..., NAMES) log-odds of each name to (..., 3) of each kind: its likeliest name's."""
    groups = names.split([len(group) for group in SEEN], dim=-1)
    return torch.cat([group.amax(dim=-1, keepdim=True) for group in groups], dim=-1)


def conv(given: int, made: int, size: int = 1, stride: int = 1, each: bool = False) -> nn.Conv2d:
    """A convolution that keeps the size at stride 1. each: every channel for itself."""
    return nn.Conv2d(given, made, size, stride, size // 2, groups=given if each else 1)


def act(values: Tensor) -> Tensor:
    """The one non-linearity of this network."""
    return F.leaky_relu(values, 0.1)


class Block(nn.Module):
    """A block of ShuffleNetV2: half of the channels pass, half are worked on, then all are mixed.

    With `stride` 2 both halves are made of all channels given."""

    def __init__(self, given: int, made: int, stride: int) -> None:
        super().__init__()
        half = made // 2
        self.halves = stride == 1
        self.first = conv(half if self.halves else given, half)
        self.middle = conv(half, half, 3, stride, each=True)
        self.last = conv(half, half)
        if not self.halves:
            self.beside = conv(given, given, 3, stride, each=True)
            self.beside_last = conv(given, half)

    def forward(self, maps: Tensor) -> Tensor:
        if self.halves:
            passed, worked = maps.chunk(2, dim=1)
        else:
            passed, worked = act(self.beside_last(self.beside(maps))), maps
        worked = act(self.last(self.middle(act(self.first(worked)))))
        both = torch.stack([passed, worked], dim=2)  # channels of both in turn
        return both.flatten(1, 2)


class Body(nn.Module):
    """ShuffleNetV2 1.0x: the maps at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.first = conv(3, _WIDTHS[0], 3, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    Block(given if number == 0 else made, made, 2 if number == 0 else 1)
                    for number in range(repeats)
                )
            )
            for given, made, repeats in zip(_WIDTHS, _WIDTHS[1:], _REPEATS, strict=False)
        )

    def forward(self, scaled: Tensor) -> list[Tensor]:
        maps = F.max_pool2d(act(self.first(scaled)), 3, 2, 1)
        found = []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        return found


class Ghost(nn.Module):
    """A Ghost bottleneck from 192 channels to 96."""

    def __init__(self) -> None:
        super().__init__()
        half = _MIDDLE // 2
        self.squeezed, self.squeezed_cheap = conv(2 * _MIDDLE, half), conv(half, half, 3, each=True)
        self.spread, self.spread_cheap = conv(_MIDDLE, half), conv(half, half, 3, each=True)
        self.short_each = conv(2 * _MIDDLE, 2 * _MIDDLE, 5, each=True)
        self.short = conv(2 * _MIDDLE, _MIDDLE)

    def forward(self, maps: Tensor) -> Tensor:
        plain = act(self.squeezed(maps))
        wide = torch.cat([plain, act(self.squeezed_cheap(plain))], dim=1)
        plain = self.spread(wide)
        wide = torch.cat([plain, self.spread_cheap(plain)], dim=1)
        summed: Tensor = wide + self.short(self.short_each(maps))
        return summed


class Pair(nn.Module):
    """A 5 x 5 convolution of each channel and one across channels."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.each = conv(_MIDDLE, _MIDDLE, 5, stride, each=True)
        self.across = conv(_MIDDLE, _MIDDLE)

    def forward(self, maps: Tensor) -> Tensor:
        return act(self.across(act(self.each(maps))))


class Neck(nn.Module):
    """Ghost-PAN: three maps to four of 96 channels, each knowing of the finer and coarser ones."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(conv(width, _MIDDLE) for width in _WIDTHS[1:])
        self.downward = nn.ModuleList([Ghost(), Ghost()])  # from coarse to fine
        self.steps = nn.ModuleList([Pair(2), Pair(2)])
        self.upward = nn.ModuleList([Ghost(), Ghost()])  # from fine to coarse
        self.further_given, self.further_made = Pair(2), Pair(2)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        fine, middle, coarse = (
            act(narrow(level)) for narrow, level in zip(self.narrow, maps, strict=True)
        )
        middle = self.downward[0](torch.cat([_doubled(coarse), middle], dim=1))
        fine = self.downward[1](torch.cat([_doubled(middle), fine], dim=1))
        middle_out = self.upward[0](torch.cat([self.steps[0](fine), middle], dim=1))
        coarse_out = self.upward[1](torch.cat([self.steps[1](middle_out), coarse], dim=1))
        further = self.further_given(coarse) + self.further_made(coarse_out)
        return [fine, middle_out, coarse_out, further]


class Head(nn.Module):
    """Of one map: what the last layer sees, and the last layer: names in SEEN, and distances."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs = nn.Sequential(Pair(), Pair())
        self.out = conv(_MIDDLE, NAMES + 4 * BINS)

    def forward(self, maps: Tensor) -> Tensor:
        found: Tensor = self.pairs(maps)
        return found


def _doubled(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
