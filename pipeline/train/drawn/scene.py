"""Places in front of a drawn camera, and the things in them.

A scene is drawn once per camera and lit again for every picture (light.py). The lower the feet of
something in the picture, the larger it is: `Scene.scale` gives the pixels of a metre at a row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from pipeline.train.drawn.sculpt import Pixels, Sprite

Random = np.random.Generator

WIDTH, HEIGHT = 1280, 908  # of the view; the banner comes below it
CAMERA_M = 0.75  # height of the camera above the ground
FAR_M = 60.0
_GROUND = {  # two colours that mix, and that of the grass
    "glade": ((0.36, 0.29, 0.19), (0.30, 0.34, 0.16), (0.36, 0.44, 0.18)),
    "meadow": ((0.37, 0.36, 0.23), (0.31, 0.34, 0.19), (0.38, 0.41, 0.22)),
    "track": ((0.47, 0.40, 0.30), (0.36, 0.35, 0.19), (0.37, 0.45, 0.19)),
    "bank": ((0.44, 0.41, 0.37), (0.35, 0.33, 0.27), (0.33, 0.40, 0.20)),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One camera's view."""

    kind: str  # glade, meadow, track or bank
    colour: NDArray[np.float32]  # (H, W, 3) 0-1, in flat light
    depth: NDArray[np.float32]  # (H, W) metres
    horizon: int  # row
    sky: NDArray[np.float32]  # (H, W) 0-1: how much of it is sky
    shadows: NDArray[np.float32]  # (H, W + spare) leaves between the sun and the ground

    def scale(self, row: float) -> float:
        """Pixels a metre for something whose feet are at this row."""
        return (row - self.horizon) / CAMERA_M


def cloud(
    rng: Random,
    cell: float,
    octaves: int = 4,
    shape: tuple[int, ...] = (HEIGHT, WIDTH),
    wide: float = 1.0,
) -> Pixels:
    """Smooth noise of about unit spread: largest features of `cell` pixels, `wide` their aspect."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        step = cell / 2**octave
        small = rng.standard_normal((int(shape[0] / step) + 3, int(shape[1] / step / wide) + 3))
        image = Image.fromarray(small.astype(np.float32)).resize(
            (shape[1], shape[0]), Image.Resampling.BICUBIC
        )
        total += np.asarray(image) * 0.62**octave
    return np.asarray(total / 1.25)


def scene(kind: str, rng: Random) -> Scene:
    """Draw a place of a kind; each seed gives a different place."""
    horizon = int(HEIGHT * rng.uniform(0.30, 0.38))
    rows = np.arange(HEIGHT, dtype=np.float32)
    metres = np.clip(CAMERA_M * 950 / np.maximum(rows - horizon, 1), 0.5, FAR_M)
    flat = np.asarray(metres, np.float32)
    depth = np.repeat(flat[:, None], WIDTH, 1)
    colour, sky = _backdrop(kind, rng, horizon)
    soil = _ground(kind, rng, rows, horizon)
    below = (rows > horizon)[:, None, None]
    colour = np.where(below, soil, colour).astype(np.float32)
    image = Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))
    _grass(image, kind, rng, horizon)
    colour = np.asarray(np.asarray(image).astype(np.float32) / 255, np.float32)
    if kind != "meadow":
        _trees(colour, depth, rng, horizon, 5 if kind == "glade" else 3)
    if kind == "bank":
        _rocks(colour, depth, rng, horizon)
    leaves = cloud(rng, 150, 4, (HEIGHT, WIDTH + 320))
    shadows = gaussian_filter(1 / (1 + np.exp(-5 * (leaves - 0.1))), 2.0)
    return Scene(kind, colour, depth, horizon, sky * (depth >= FAR_M), shadows)


def _backdrop(kind: str, rng: Random, horizon: int) -> tuple[Pixels, Pixels]:
    """Sky, hills and the wood behind, nearer layers darker."""
    shape = (horizon + 1, WIDTH)
    rows = np.arange(horizon + 1, dtype=np.float32)[:, None]
    clouds = (
        0.07 * cloud(rng, 220, 5, shape, 2.5)[..., None] * np.array([1.0, 0.9, 0.75], np.float32)
    )
    colour = (
        np.array([0.72, 0.79, 0.86], np.float32) + 0.14 * (rows / horizon)[..., None] + clouds
    ).astype(np.float32)
    open_sky = np.ones(shape, np.float32)
    tops = (0.75, 0.35, -0.3) if kind != "meadow" else (0.28, 0.16, 0.10)
    for layer, top in enumerate(tops):
        crown = top * horizon * 0.9 + 28 * cloud(rng, 120, 4, (1, WIDTH))[0]
        gaps = cloud(rng, 40 + 25 * layer, 5, shape)
        wood = 1 / (1 + np.exp(-(rows - horizon + crown[None]) / 6 - 1.6 * gaps))
        if top < 0:  # the nearest wood: only holes of light in it
            wood = 1 / (1 + np.exp(-4.0 * (gaps + 0.55)))
        tint = np.array([0.42, 0.52, 0.36], np.float32) * (0.98 - 0.27 * layer)
        haze = (0.45, 0.22, 0.0)[layer]
        leaf = tint * (1 + 0.30 * cloud(rng, 14, 3, shape)[..., None]) * (1 - haze) + 0.72 * haze
        colour += wood[..., None] * (leaf - colour)
        open_sky *= 1 - wood
    for _ in range(26 if kind != "meadow" else 0):  # thin stems far away
        x, wide, lean = rng.uniform(0, WIDTH), rng.uniform(2, 8), rng.normal(0, 0.04)
        stem = np.exp(-(((np.arange(WIDTH, dtype=np.float32) - x - rows * lean) / wide) ** 4))
        colour += (0.75 * stem)[..., None] * (np.array([0.27, 0.24, 0.19], np.float32) - colour)
    full = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    full[: horizon + 1] = colour
    sky = np.zeros((HEIGHT, WIDTH), np.float32)
    sky[: horizon + 1] = open_sky
    return full, sky


def _ground(kind: str, rng: Random, rows: Pixels, horizon: int) -> Pixels:
    """Soil in perspective: noise of the plane, read at every pixel's place on it."""
    first, second, _ = (np.array(c, np.float32) for c in _GROUND[kind])
    below = np.maximum(rows - horizon, 1.5)
    away = (CAMERA_M * 950 / below)[:, None]  # metres
    across = (np.arange(WIDTH) - WIDTH / 2)[None, :] / 950 * away
    patches, grain = cloud(rng, 64, 4, (512, 512)), cloud(rng, 6, 3, (1024, 1024))

    def lie(noise: Pixels, per_metre: float) -> Pixels:
        v = (away * per_metre).astype(int) % len(noise)
        return np.asarray(noise[v, (across * per_metre).astype(int) % len(noise)])

    mix = 1 / (1 + np.exp(-2.2 * lie(patches, 45)))[..., None]
    soil = first + mix * (second - first)
    soil *= 1 + 0.20 * lie(grain, 160)[..., None] + 0.08 * lie(patches, 300)[..., None]
    if kind == "track":  # two ruts that run away from the camera
        middle = 0.25 * np.sin(away / 3.0)
        for side in (-0.75, 0.75):
            rut = np.exp(-(((across - middle - side) / 0.32) ** 2))[..., None]
            bare = np.array([0.52, 0.45, 0.35], np.float32) * (
                1 + 0.12 * lie(grain, 120)[..., None]
            )
            soil += 0.75 * rut * (bare - soil)
    return np.asarray(soil)


def blades(
    image: Image.Image, places: NDArray[np.float64], colours: NDArray[np.int64], bend: float = 0.0
) -> None:
    """Blades of grass: rows of (x, foot row, length, lean) in pixels, far ones first."""
    draw = ImageDraw.Draw(image)
    for (x, foot, long, lean), colour in zip(places.tolist(), colours.tolist(), strict=True):
        lean, wide = lean + bend, max(0.6, long / 26)
        middle = (x + 0.30 * lean * long, foot - 0.62 * long)
        tip = (x + lean * long, foot - long * (1 - 0.25 * abs(lean)))
        if long < 14:
            draw.line((x, foot, *tip), fill=tuple(colour), width=1)
            continue
        left, right = (middle[0] - 0.7 * wide, middle[1]), (middle[0] + 0.7 * wide, middle[1])
        draw.polygon(((x - wide, foot), left, tip, right, (x + wide, foot)), fill=tuple(colour))


def tuft(
    kind: str,
    rng: Random,
    number: int,
    near_row: float,
    far_row: float,
    horizon: int,
    tall: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Places and colours of `number` blades, `tall` metres high, between two rows."""
    foot = np.sort(far_row + (near_row - far_row) * rng.random(number) ** 0.8)
    long = tall * (foot - horizon) / CAMERA_M * rng.uniform(0.4, 1.0, number)
    places = np.stack([rng.uniform(-40, WIDTH + 40, number), foot, long,
                       rng.normal(0, 0.35, number)], 1)  # fmt: skip
    base = np.array(_GROUND[kind][2], np.float32) * rng.uniform(0.50, 1.30, (number, 1))
    dry = rng.random((number, 1)) < 0.18
    colours = np.where(dry, base * [1.5, 1.25, 1.2], base)
    return places, (np.clip(colours, 0, 1) * 255).astype(int)


def _grass(image: Image.Image, kind: str, rng: Random, horizon: int) -> None:
    number, tall = {"glade": (5000, 0.10), "meadow": (15000, 0.26), "track": (6000, 0.09),
                    "bank": (2500, 0.10)}[kind]  # fmt: skip
    places, colours = tuft(kind, rng, number, HEIGHT + 60, horizon + 6, horizon, tall)
    if kind == "track":  # little grows in the ruts
        away = CAMERA_M * 950 / (places[:, 1] - horizon)
        across = np.abs((places[:, 0] - WIDTH / 2) / 950 * away - 0.25 * np.sin(away / 3.0))
        grows = np.abs(across - 0.75) > 0.36
        places, colours = places[grows], colours[grows]
    blades(image, places, colours)


def _trees(colour: Pixels, depth: Pixels, rng: Random, horizon: int, number: int) -> None:
    """Trunks with bark, round in the light; they hide what walks behind them."""
    spots = (np.arange(number) + rng.uniform(0.1, 0.9, number)) / number
    for spot, foot in zip(spots, np.sort(rng.uniform(40, 330, number)), strict=True):
        below = 70.0 if 0.3 < spot < 0.7 and foot > 110 else foot  # the middle stays free
        wide = below / CAMERA_M * rng.uniform(0.11, 0.19)
        lean, middle = rng.normal(0, 0.03), spot * WIDTH
        reach = 2.2 * wide + abs(lean) * HEIGHT
        left, right = max(int(middle - reach), 0), min(int(middle + reach) + 1, WIDTH)
        strip = np.s_[:, left:right]
        trunk, solid = _trunk(rng, left, right, middle, horizon + below, wide, lean)
        colour[strip][solid] = trunk[solid]
        depth[strip][solid] = CAMERA_M * 950 / below
        _stand(
            colour, rng.normal(middle, 1.2 * wide, 60), rng, horizon + below + 0.15 * wide, below
        )


def _trunk(
    rng: Random, left: int, right: int, middle: float, foot: float, wide: float, lean: float
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Colour of a trunk and where it is, for the columns from left to right."""
    columns = np.arange(left, right, dtype=np.float32)[None, :]
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    shape = (HEIGHT, right - left)
    flare = 1 + 0.8 * np.exp(np.minimum(-(foot - rows) / (0.9 * wide), 0))
    across = (columns - middle - (foot - rows) * lean) / (wide * flare)
    across += 0.05 * cloud(rng, 60, 2, shape, 0.6)
    bulge = np.sqrt(np.maximum(1 - across**2, 0))
    light = 0.50 + 0.50 * bulge - 0.22 * across
    tint = np.array([0.36, 0.31, 0.25], np.float32) * rng.uniform(0.8, 1.25)
    bark = tint * (light * (1 + 0.26 * cloud(rng, 34, 4, shape, 0.22)))[..., None]
    return bark, (np.abs(across) < 1) & (rows < foot + 0.12 * wide * bulge)


def _stand(colour: Pixels, x: NDArray[np.float64], rng: Random, foot: float, below: float) -> None:
    """Grass at the foot of a trunk."""
    image = Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))
    long = 0.12 * below / CAMERA_M * rng.uniform(0.4, 1.1, len(x))
    places = np.stack([x, foot + rng.uniform(-0.02, 0.06, len(x)) * below, long,
                       rng.normal(0, 0.3, len(x))], 1)  # fmt: skip
    tint = np.array([0.33, 0.39, 0.17], np.float32) * rng.uniform(0.5, 1.2, (len(x), 1))
    blades(image, places, (tint * 255).astype(int))
    colour[:] = np.asarray(image).astype(np.float32) / 255


def _rocks(colour: Pixels, depth: Pixels, rng: Random, horizon: int) -> None:
    for below in np.sort(rng.uniform(40, 420, 16)):
        wide = below / CAMERA_M * rng.uniform(0.10, 0.34)
        high = wide * rng.uniform(0.16, 0.30)  # most of a rock lies in the ground
        x, y = (
            rng.choice([0.16, 0.30, 0.84]) * WIDTH + rng.normal(0, 130),
            horizon + below - 0.6 * high,
        )
        a, b = max(int(y - 1.4 * high), 0), min(int(y + 1.4 * high), HEIGHT)
        c, d = max(int(x - 1.4 * wide), 0), min(int(x + 1.4 * wide), WIDTH)
        if c >= d:
            continue
        rows, columns = np.mgrid[a:b, c:d].astype(np.float32)
        away = ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2
        away *= 1 + 0.30 * cloud(rng, 60, 4, away.shape)
        away += np.maximum((rows - y) / high - 0.45, 0) * 1.5  # cut off by the soil
        light = 0.42 + 0.5 * np.sqrt(np.maximum(1 - away, 0)) - 0.30 * (rows - y) / high
        grain = 1 + 0.13 * cloud(rng, 22, 4, away.shape)
        stone = np.array([0.46, 0.44, 0.39], np.float32) * (light * grain)[..., None]
        colour[a:b, c:d][away < 1] = stone[away < 1]
        depth[a:b, c:d][away < 1] = CAMERA_M * 950 / below


def place(
    view: Scene,
    colour: Pixels,
    normal: Pixels,
    depth: Pixels,
    sprite: Sprite,
    x: float,
    row: float,
) -> tuple[int, int] | None:
    """Put a sprite into the picture being made; returns where its eye is, if it is seen."""
    top, left = int(row) - sprite.foot, int(x) - sprite.middle
    a, b = max(top, 0), min(top + sprite.alpha.shape[0], HEIGHT)
    c, d = max(left, 0), min(left + sprite.alpha.shape[1], WIDTH)
    if a >= b or c >= d:
        return None
    here, part = np.s_[a:b, c:d], np.s_[a - top : b - top, c - left : d - left]
    away = CAMERA_M * 950 / (row - view.horizon)
    alpha = np.where(depth[here] < away - 0.05, 0, sprite.alpha[part])[..., None]
    colour[here] += alpha * (sprite.colour[part] - colour[here])
    normal[here] += alpha * (sprite.normal[part] - normal[here])
    depth[here] = np.where(alpha[..., 0] > 0.5, away, depth[here])
    if sprite.eye is None or not (a <= top + sprite.eye[0] < b and c <= left + sprite.eye[1] < d):
        return None
    return top + sprite.eye[0], left + sprite.eye[1]


def shadow(colour: Pixels, sprite: Sprite, x: float, row: float, night: bool) -> None:
    """Dark ground under a body; by day drawn out to the right, away from the sun."""
    wide = sprite.alpha.shape[1] * 0.5
    long, thick = wide * (0.75 if night else 1.05), wide * 0.16
    a, b = max(int(row - 3 * thick), 0), min(int(row + 3 * thick), HEIGHT)
    c, d = max(int(x - 2.4 * long), 0), min(int(x + 2.8 * long), WIDTH)
    if a >= b or c >= d:
        return
    rows, columns = np.mgrid[a:b, c:d].astype(np.float32)
    shift = 0.0 if night else 0.35 * wide
    away = ((columns - x - shift) / long) ** 2 + ((rows - row) / thick) ** 2
    colour[a:b, c:d] *= (1 - 0.50 * np.exp(-1.1 * away))[..., None]
