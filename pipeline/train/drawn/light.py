"""The light of a drawn scene: daylight, infrared flash, headlights, the sensor's noise."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from pipeline.train.drawn.scene import FAR_M, HEIGHT, WIDTH, Scene
from pipeline.train.drawn.sculpt import Pixels

Spot = tuple[float, float, float]  # row, column, size in pixels

_SUN = np.array([-0.36, 0.74, 0.57], np.float32)  # where daylight comes from: left, up, front
_LUMA = np.array([0.30, 0.59, 0.11], np.float32)


def by_day(
    view: Scene,
    colour: Pixels,
    normal: Pixels,
    hour: float,
    haze: float,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Daylight: sun through leaves, moving with the hour, warm when low; a little noise."""
    high = float(np.sin(np.clip((hour - 4.5) / 16.5, 0, 1) * np.pi))
    shift = int(np.clip((hour - 5) / 15, 0, 1) * 300)
    lit = view.shadows[:, shift : shift + WIDTH]
    if view.kind == "meadow":
        lit = 0.75 + 0.25 * lit
    facing = np.maximum(normal @ _SUN, 0) / _SUN[2]  # flat ground counts as facing the camera
    sun = (0.35 + 0.75 * high) * (0.30 + 0.70 * lit) * (1 - 0.5 * haze)
    light = (0.36 + 0.20 * high + 0.16 * haze) + 0.55 * sun * np.minimum(facing, 1.7)
    warm = (
        np.array([1.10, 1.0, 0.86], np.float32) * (1 - high)
        + np.array([1.0, 1.0, 0.98], np.float32) * high
    )
    out = colour * light[..., None] * warm
    bright = (colour + 0.10) * (0.45 + 0.55 * high)
    out += view.sky[..., None] * (bright - out)
    away = np.clip(view.depth / FAR_M, 0, 1)[..., None] * (0.10 + 0.30 * haze)
    out += away * (0.60 * (0.5 + 0.5 * high) - out)
    return _sensor(out * 1.10, rng, 0.012)


def by_night(
    view: Scene,
    colour: Pixels,
    normal: Pixels,
    depth: Pixels,
    eyes: Sequence[Spot],
    rng: np.random.Generator,
    lamps: Sequence[Spot] = (),
) -> NDArray[np.uint8]:
    """Infrared: grey, bright near the middle and the camera, black far away, and noisy."""
    grey = colour @ _LUMA
    leafy = np.clip((colour[..., 1] - colour[..., 2]) * 2.2, 0, 0.5)  # leaves shine in infrared
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    beam = np.exp(-(0.55 * x**2 + 0.60 * (y - 0.05) ** 2))
    fall = np.minimum(2.3, 19.0 / (depth**1.8 + 2.5))
    out = (
        (0.10 + 0.9 * grey + 0.9 * leafy)
        * beam
        * fall
        * (0.30 + 0.70 * np.clip(normal[..., 2], 0, 1))
    )
    out = np.where(depth >= FAR_M, 0.004, out) * 0.80 + 0.02
    for row, column, size in eyes:
        glow = (y * HEIGHT / 2 - row + HEIGHT / 2) ** 2 + (x * WIDTH / 2 - column + WIDTH / 2) ** 2
        out += 1.6 * np.exp(-glow / (2 * size**2)) + 0.10 * np.exp(-glow / (2 * (5 * size) ** 2))
    for row, column, size in lamps:
        out += _lamp(row, column, size, y, x)
    out = gaussian_filter(1 - np.exp(-1.25 * out), 0.7)
    return _sensor(np.repeat(out[..., None], 3, 2), rng, 0.030, grey=True)


def _lamp(row: float, column: float, size: float, y: Pixels, x: Pixels) -> Pixels:
    """A headlight that blinds the sensor: disc, halo, a streak across, light on the ground."""
    dy, dx = y * HEIGHT / 2 + HEIGHT / 2 - row, x * WIDTH / 2 + WIDTH / 2 - column
    away = np.hypot(dx, dy) / size
    streak = np.exp(-np.abs(dy) / (0.25 * size)) * np.exp(-np.abs(dx) / (14 * size))
    pool = np.exp(-(((dy - 5.0 * size) / (3.0 * size)) ** 2) - (dx / (9 * size)) ** 2)
    light = 3.0 * np.exp(-(away**2)) + 0.7 / (1 + (away / 2.0) ** 2) + 0.4 * streak + 0.18 * pool
    return np.asarray(light)


def _sensor(
    light: Pixels, rng: np.random.Generator, noise: float, grey: bool = False
) -> NDArray[np.uint8]:
    """The sensor's noise (a field for each channel, or the same for all), clipped to bytes."""
    down, right = rng.integers(0, 64, 2)
    grain = _grain(1 if grey else 3)[down : down + HEIGHT, right : right + WIDTH]
    spread = noise * (0.6 + np.sqrt(np.clip(light, 0, 1)))
    spread *= grain
    spread += light
    return np.asarray(np.clip(spread, 0, 1) * 255 + 0.5).astype(np.uint8)


@lru_cache(maxsize=2)
def _grain(channels: int) -> NDArray[np.float32]:
    """More noise than a picture needs; each picture takes it from another corner."""
    shape = (HEIGHT + 64, WIDTH + 64, channels)
    grain = np.random.default_rng(7).standard_normal(shape, dtype=np.float32)
    return np.asarray(gaussian_filter1d(grain, 0.6, axis=1) * 1.4) if channels == 3 else grain
