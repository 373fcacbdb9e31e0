"""Pictures to the input of an image tower, by its own configuration; without torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_KERNELS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
MODES = ("shortest", "longest", "squash")


@dataclass(frozen=True, slots=True)
class Pixels:
    """How one model takes its pictures; it differs from family to family."""

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"  # or bilinear
    resize_mode: str = "squash"  # of MODES; a square crop loses nothing in any of them
    fill: int = 0  # grey around the picture where the mode is longest

    def __call__(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """(h, w, 3) RGB each, any size -> (n, 3, height, width)."""
        sized = np.stack([self._sized(picture) for picture in pictures]).astype(np.float32) / 255
        scaled = (sized - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def _sized(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        image, wanted = Image.fromarray(picture), (self.width, self.height)
        if self.resize_mode == "squash":
            return np.asarray(image.resize(wanted, _KERNELS[self.interpolation]))
        ratios = image.width / self.width, image.height / self.height
        if self.resize_mode == "longest":
            ratio = max(ratios)
            size = round(image.width / ratio), round(image.height / ratio)
        else:  # as torchvision: the shorter side exact, the longer cut to whole pixels
            ratio = min(ratios)
            size = int(image.width / ratio), int(image.height / ratio)
        size = max(1, size[0]), max(1, size[1])
        image = image.resize(size, _KERNELS[self.interpolation])
        return np.asarray(self._centred(image))

    def _centred(self, image: Image.Image) -> Image.Image:
        left = round((image.width - self.width) / 2)
        top = round((image.height - self.height) / 2)
        if left >= 0 and top >= 0:
            return image.crop((left, top, left + self.width, top + self.height))
        canvas = Image.new("RGB", (self.width, self.height), (self.fill,) * 3)
        canvas.paste(image, ((self.width - image.width) // 2, (self.height - image.height) // 2))
        return canvas
