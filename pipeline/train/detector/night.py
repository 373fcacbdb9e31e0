"""A picture by day as an infrared camera might take it by night. A simulation, no more."""

import numpy as np
from numpy.typing import NDArray


def at_night(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """(h, w, 3) to the same: grey, lit from the camera, dark towards the edges, with noise."""
    grey = pixels.astype(np.float32).mean(axis=2) / 255
    height, width = grey.shape
    down = (np.arange(height, dtype=np.float32) / height - rng.uniform(0.4, 0.6))[:, None]
    right = (np.arange(width, dtype=np.float32) / width - rng.uniform(0.35, 0.65))[None, :]
    lit = np.exp(-(down**2 + right**2) / rng.uniform(0.08, 0.4)) * rng.uniform(0.5, 1.0)
    noise = rng.normal(0, rng.uniform(0.01, 0.04), grey.shape).astype(np.float32)
    seen = np.clip(grey ** rng.uniform(0.8, 1.3) * lit + 0.02 + noise, 0, 1)
    return np.repeat((seen * 255).round().astype(np.uint8)[:, :, None], 3, axis=2)
