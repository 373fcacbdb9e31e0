"""A car as seen from the front: panels of grey, shaded to its sides."""

from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from pipeline.train.drawn.sculpt import Sprite

WIDE, HIGH = 2.3, 1.95  # metres of the sprite
FINE = 3  # drawn so many times as large, for smooth edges
LAMP = (0.71, 0.81)  # metres from the middle, above the ground
Corners: TypeAlias = tuple[tuple[float, float], ...]  # metres right of the middle, above the ground


def _bar(left: float, low: float, right: float, high: float) -> Corners:
    return (left, low), (right, low), (right, high), (left, high)


CABIN = ((-0.80, 1.10), (0.80, 1.10), (0.64, 1.74), (0.56, 1.80), (-0.56, 1.80), (-0.64, 1.74))
DRIVER = ((0.22, 1.16), (0.58, 1.16), (0.52, 1.34), (0.47, 1.50), (0.35, 1.50), (0.28, 1.34))
PANELS: tuple[tuple[int, Corners], ...] = (  # (grey, corners), what lies in front later
    (10, _bar(-0.88, 0.12, 0.88, 0.60)),  # under the car
    (16, _bar(-0.92, 0.0, -0.64, 0.62)),  # tyres
    (16, _bar(0.64, 0.0, 0.92, 0.62)),
    (104, CABIN),
    (26, ((-0.71, 1.16), (0.71, 1.16), (0.57, 1.68), (-0.57, 1.68))),  # windscreen
    (52, ((-0.55, 1.16), (-0.30, 1.16), (-0.08, 1.68), (-0.30, 1.68))),  # its reflection
    (14, DRIVER),
    (70, ((-1.06, 1.12), (-0.84, 1.12), (-0.84, 1.30), (-1.04, 1.30))),  # mirrors
    (70, ((0.84, 1.12), (1.06, 1.12), (1.04, 1.30), (0.84, 1.30))),
    (150, ((-0.92, 0.98), (0.92, 0.98), (0.76, 1.17), (-0.76, 1.17))),  # bonnet
    (132, ((-0.40, 0.98), (0.40, 0.98), (0.34, 1.17), (-0.34, 1.17))),
    (120, ((-0.96, 0.58), (0.96, 0.58), (0.94, 1.00), (-0.94, 1.00))),  # front
    (28, ((-0.44, 0.64), (0.44, 0.64), (0.48, 0.94), (-0.48, 0.94))),  # grille and its slats
    *((92, _bar(-0.46, low, 0.46, low + 0.02)) for low in (0.70, 0.76, 0.82, 0.88)),
    (205, ((-0.90, 0.70), (-0.54, 0.68), (-0.54, 0.93), (-0.88, 0.94))),  # headlights
    (205, ((0.54, 0.68), (0.90, 0.70), (0.88, 0.94), (0.54, 0.93))),
    (82, _bar(-0.98, 0.34, 0.98, 0.60)),  # bumper
    (30, ((-0.46, 0.38), (0.46, 0.38), (0.50, 0.50), (-0.50, 0.50))),
    (225, _bar(-0.26, 0.46, 0.26, 0.58)),  # plate
    (40, _bar(-0.20, 0.49, 0.20, 0.55)),
)


def car(scale: float) -> tuple[Sprite, tuple[tuple[int, int], tuple[int, int]]]:
    """A car from the front, `scale` pixels a metre, and its headlights (row, column)."""
    width, height = int(WIDE * scale), int(HIGH * scale)
    large = Image.new("RGBA", (FINE * width, FINE * height))
    pen = ImageDraw.Draw(large)
    for grey, corners in PANELS:
        places = [((x + WIDE / 2) * scale * FINE, (height - y * scale) * FINE) for x, y in corners]
        pen.polygon(places, fill=(grey, grey, grey, 255))
    image = large.resize((width, height), Image.Resampling.BOX)
    pixels = np.asarray(np.asarray(image).astype(np.float32) / 255, np.float32)
    to_the_side = np.linspace(-WIDE / 2, WIDE / 2, width, dtype=np.float32)
    shade = (1 - 0.35 * to_the_side**2) * np.linspace(1.1, 0.85, height, dtype=np.float32)[:, None]
    colour = np.asarray(pixels[..., :3] * shade[..., None], np.float32)
    normal = np.zeros((height, width, 3), np.float32)
    normal[..., 2] = 1
    row = height - int(LAMP[1] * scale)
    left, right = (int((WIDE / 2 + side * LAMP[0]) * scale) for side in (-1, 1))
    return Sprite(colour, normal, pixels[..., 3], height, width // 2, None), (
        (row, left),
        (row, right),
    )
