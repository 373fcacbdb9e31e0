"""Bodies as chains of rounded bones, drawn with colour, fur and light.

Metres, x to the right (the way the body faces), y up, feet at y = 0. A bone is a round cone seen
from the side; where bones overlap the nearer surface wins, so bodies come out round and shaded.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

Colour = tuple[float, float, float]
Point = tuple[float, float, float]  # x, y, radius in metres
Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chain:
    """Round cones one after the other: rows of (x, y, radius)."""

    points: tuple[tuple[float, float, float], ...]
    colour: Colour
    z: float = 0.0  # nearer to the camera is larger


@dataclass(frozen=True, slots=True)
class Body:
    """Something that can stand before a camera."""

    chains: tuple[Chain, ...]
    belly: float = 1.0  # undersides are this much brighter than backs
    fuzz: float = 0.008  # metres: how far fur sticks out
    eye: tuple[float, float] | None = None  # shines in the flash


@dataclass(frozen=True, slots=True)
class Sprite:
    """A body drawn at one size. Row 0 is the top; the ground is `foot` rows down."""

    colour: NDArray[np.float32]  # (h, w, 3) 0-1
    normal: NDArray[np.float32]  # (h, w, 3) x right, y up, z to the camera
    alpha: NDArray[np.float32]  # (h, w)
    foot: int
    middle: int  # column of x = 0
    eye: tuple[int, int] | None  # (row, column)


def sculpt(body: Body, scale: float, rng: np.random.Generator, flip: bool = False) -> Sprite:
    """Draw a body at `scale` pixels a metre; `flip` lets it face left."""
    every = np.array([p for chain in body.chains for p in chain.points])
    x0, y0 = (every[:, :2] - every[:, 2:]).min(0) - 0.05
    x1, y1 = (every[:, :2] + every[:, 2:]).max(0) + 0.05
    width, height = int((x1 - x0) * scale) + 2, int((y1 - y0) * scale) + 2
    x = (x0 + np.arange(width, dtype=np.float32) / scale)[None, :].repeat(height, 0)
    y = (y1 - np.arange(height, dtype=np.float32) / scale)[:, None].repeat(width, 1)
    hair = _hair(height, width, rng)
    x, y = x + body.fuzz * hair[0], y + body.fuzz * hair[1]
    depth = np.full((height, width), -9.0, np.float32)
    alpha, colour = np.zeros_like(depth), np.zeros((height, width, 3), np.float32)
    for chain in body.chains:
        ends = chain.points if len(chain.points) > 1 else chain.points * 2
        for a, b in pairwise(ends):
            _bone(a, b, chain, (x0, y1, scale), (x, y, depth, alpha, colour))
    normal = _normals(depth, scale)
    under = np.clip(-normal[..., 1] * 1.4, 0, 1)[..., None]
    shade = 1 + (body.belly - 1) * under + 0.16 * hair[0][..., None] * min(1, body.fuzz * 150)
    sprite = Sprite(
        np.clip(colour * shade, 0, 1), normal, alpha, round((y1) * scale), round(-x0 * scale),
        body.eye and (round((y1 - body.eye[1]) * scale), round((body.eye[0] - x0) * scale)),
    )  # fmt: skip
    return _mirrored(sprite) if flip else sprite


def _bone(
    a: Point,
    b: Point,
    chain: Chain,
    place: tuple[float, float, float],
    canvas: tuple[Pixels, Pixels, Pixels, Pixels, Pixels],
) -> None:
    """Paint one round cone where it is nearer than what is there."""
    (x0, y1, scale), (x, y, depth, alpha, colour) = place, canvas
    pad = max(a[2], b[2]) + 0.04
    left, right = (
        int((min(a[0], b[0]) - pad - x0) * scale),
        int((max(a[0], b[0]) + pad - x0) * scale),
    )
    top, low = int((y1 - max(a[1], b[1]) - pad) * scale), int((y1 - min(a[1], b[1]) + pad) * scale)
    cut = np.s_[max(top, 0) : low + 2, max(left, 0) : right + 2]
    px, py, dx, dy = x[cut] - a[0], y[cut] - a[1], b[0] - a[0], b[1] - a[1]
    t = np.clip((px * dx + py * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    away, r = np.hypot(px - t * dx, py - t * dy), a[2] + t * (b[2] - a[2])
    alpha[cut] = np.maximum(alpha[cut], np.clip((r - away) * scale + 0.5, 0, 1))
    wide = r + 0.7 / scale
    here = np.where(away < wide, chain.z + np.sqrt(np.maximum(wide**2 - away**2, 0)), -9.0)
    wins = here > depth[cut]
    depth[cut] = np.where(wins, here, depth[cut])
    colour[cut] = np.where(wins[..., None], np.array(chain.colour, np.float32), colour[cut])


def _normals(depth: Pixels, scale: float) -> Pixels:
    solid = (depth > -8).astype(np.float32)
    blur = max(0.6, 0.008 * scale)
    smooth = gaussian_filter(np.where(solid > 0, depth, 0), blur) / np.maximum(
        gaussian_filter(solid, blur), 1e-3
    )
    down, right = np.gradient(smooth * scale)
    normal = np.stack([-right, down, np.ones_like(down)], -1)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    return np.asarray(normal / length, np.float32)


def _hair(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Two fields of short strokes, about -2 to 2, longer along the body than across it."""
    coarse = rng.standard_normal((2, height // 2 + 2, width // 5 + 2)).astype(np.float32)
    return np.asarray(zoom(coarse, (1, 2, 5), order=1)[:, :height, :width], np.float32)


def _mirrored(sprite: Sprite) -> Sprite:
    width = sprite.alpha.shape[1]
    normal = sprite.normal[:, ::-1] * np.array([-1, 1, 1], np.float32)
    eye = sprite.eye and (sprite.eye[0], width - 1 - sprite.eye[1])
    return Sprite(
        sprite.colour[:, ::-1], normal, sprite.alpha[:, ::-1], sprite.foot,
        width - 1 - sprite.middle, eye,
    )  # fmt: skip
