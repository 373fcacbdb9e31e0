"""A drawn memory card: for the demo and the tests, and one more source of training pictures.

Four cameras over five days: a forest glade; a meadow whose grass waves in the wind; a track with
people, a car at night and, at the end, somebody who pulls a sack over the camera; a rocky bank
where the battery runs out and the clock is reset to its first day. As on real cards, there are also
an incomplete picture, a broken and an empty file, a text, a video and a sidecar. The same seed
draws the same bytes.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.train.drawn.bodies import bird, four_legged, person
from pipeline.train.drawn.light import Spot, by_day, by_night
from pipeline.train.drawn.scene import HEIGHT, WIDTH, Scene, blades, place, scene, shadow, tuft
from pipeline.train.drawn.sculpt import Body, Pixels, sculpt
from pipeline.train.drawn.vehicle import car

FIRST_DAY = datetime(2026, 5, 4)
DAYS = 5
BURST = 3  # pictures a trigger
BANNER = 52  # rows under the view
QUALITY = 85
SACK = tuple(FIRST_DAY + timedelta(days=DAYS - 1, hours=hour) for hour in (13.3, 13.4, 14.9))
DOE, STAG, FOX, BOAR = "Capreolus capreolus", "Cervus elaphus", "Vulpes vulpes", "Sus scrofa"
HARE, BADGER, CROW = "Lepus europaeus", "Meles meles", "Corvus corone"
Diary = tuple[tuple[str, int, tuple[float, float]], ...]
# What each camera meets: (what, how often, hours between which).
DIARY: Mapping[tuple[str, str], Diary] = {
    ("CamA", "glade"): (
        (DOE, 4, (6, 20)), (STAG, 1, (18, 20)), (BOAR, 3, (21, 29)), (FOX, 2, (22, 28)),
        (BADGER, 1, (22, 27)), ("blank", 3, (7, 19)), ("blank", 2, (21, 29))),
    ("CamB", "meadow"): (
        ("blank", 14, (8, 19)), (HARE, 2, (6, 9)), (DOE, 1, (17, 20)), (CROW, 2, (8, 18)),
        (FOX, 1, (23, 28))),
    ("CamC", "track"): (
        ("person", 3, (9, 19)), ("person", 2, (22, 27)), ("car", 1, (23, 26)), (FOX, 2, (21, 28)),
        (BADGER, 1, (22, 27)), (DOE, 1, (6, 9)), ("blank", 3, (8, 28))),
    ("CamD", "bank"): (
        (CROW, 2, (8, 18)), (BOAR, 1, (21, 28)), (HARE, 1, (21, 28)), ("blank", 2, (8, 19))),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """One drawn picture and what is truly on it."""

    path: str  # relative to the card, '/' between the parts
    kind: str  # animal, human, vehicle or blank
    species: str | None
    camera: str
    taken_at: datetime  # as the camera's clock says
    light: str  # colour or infrared
    capture_method: str  # activityDetection or timeLapse
    whole: bool = True  # False: the end of the file is missing


@dataclass(frozen=True, slots=True)
class Trigger:
    """One moment at which a camera takes pictures."""

    when: datetime
    what: str  # blank, person, car, noon, sack, or a species


def draw_card(
    folder: Path, seed: int | None = None, cameras: Mapping[tuple[str, str], Diary] = DIARY
) -> list[Drawn]:
    """Draw a card into `folder`; without a seed the clock gives one. About 190 pictures."""
    seed = time.time_ns() if seed is None else seed
    truths: list[Drawn] = []
    for number, ((camera, kind), diary) in enumerate(cameras.items()):
        rng = np.random.default_rng([seed, number])
        view = scene(kind, rng)
        truths += _camera(folder, camera, view, list(_triggers(camera, diary, rng)), rng)
    return _litter(folder, truths)


def _triggers(camera: str, diary: Diary, rng: np.random.Generator) -> Iterator[Trigger]:
    """The camera's five days in order, a time-lapse picture at each noon. CamD stops early."""
    days = 3 if camera == "CamD" else DAYS
    found = [
        Trigger(FIRST_DAY + timedelta(days=day, hours=12), "noon") for day in range(days)
    ]  # the clock's own picture
    for what, times, (begin, end) in diary:
        for turn in range(times):
            day = (turn * days / times + rng.uniform(0, days / times)) // 1
            seconds = int(rng.uniform(begin, end) * 3600)
            found.append(Trigger(FIRST_DAY + timedelta(days=day, seconds=seconds), what))
    found.sort(key=lambda trigger: trigger.when)
    if camera == "CamC":  # nothing behind the sack is seen
        found = [trigger for trigger in found if trigger.when < SACK[0]]
        found += [Trigger(at, "sack") for at in SACK]
    if camera == "CamD":  # new batteries, nobody set the clock
        start = datetime(2000, 1, 1, 0, 4)
        found += [Trigger(start + timedelta(minutes=9 * i), what) for i, what in
                  enumerate((CROW, "blank"))]  # fmt: skip
    yield from found


def _camera(
    folder: Path,
    camera: str,
    view: Scene,
    triggers: Sequence[Trigger],
    rng: np.random.Generator,
) -> list[Drawn]:
    truths: list[Drawn] = []
    for trigger in triggers:
        # the clock that fell back to midnight wrote pictures by day
        hour = 10.0 if trigger.when.year == 2000 else trigger.when.hour + trigger.when.minute / 60
        night = not 5.2 < hour < 20.7
        frames = 1 if trigger.what == "noon" else BURST
        for turn, pixels in enumerate(_burst(view, trigger.what, hour, night, frames, rng)):
            number = len(truths) + 1
            roll = 101 if camera == "CamC" and number > 20 else 100  # a folder is full
            path = f"{camera}/DCIM/{roll}RECNX/RCNX{number:04}.JPG"
            taken = trigger.when + timedelta(seconds=turn, milliseconds=int(rng.integers(40, 990)))
            image = _with_banner(pixels, camera, taken, trigger.what, turn, frames, hour)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            image.save(target, quality=QUALITY, exif=_exif(camera, taken))
            truths.append(
                Drawn(
                    path, *_truth(trigger.what), camera, taken, "infrared" if night else "colour",
                    "timeLapse" if trigger.what == "noon" else "activityDetection",
                )
            )  # fmt: skip
    return truths


def _truth(what: str) -> tuple[str, str | None]:
    if what in ("blank", "noon", "sack"):
        return "blank", None
    kind = {"person": "human", "car": "vehicle"}.get(what, "animal")
    return kind, what if kind == "animal" else None


def _burst(
    view: Scene, what: str, hour: float, night: bool, frames: int, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Pictures of one trigger: from one to the next the animal walks on and the grass moves."""
    if what == "sack":
        yield from (_sack(rng) for _ in range(frames))
        return
    haze, wind = rng.uniform(0, 0.7) if hour < 9 else rng.uniform(0, 0.3), rng.uniform(0.1, 0.5)
    facing_left, near = rng.random() < 0.5, rng.uniform(0.30, 0.60)
    near = {"person": 0.68, STAG: 0.75, DOE: 0.9}.get(what, 1.0) * near  # the tall keep away
    x, stride, grazes = rng.uniform(0.22, 0.70), rng.uniform(0, 6.3), rng.random() < 0.35
    look = int(rng.integers(2**32))  # the same animal in each picture of the burst
    sway = rng.uniform(0, 6.3)
    grass = tuft(view.kind, rng, 420, HEIGHT + 140, HEIGHT - 260, view.horizon, 0.42)
    for turn in range(frames):
        colour, depth = view.colour.copy(), view.depth.copy()
        normal = np.zeros_like(colour)
        normal[..., 2] = 1
        row = view.horizon + near * (HEIGHT - view.horizon)
        eyes: list[Spot] = []
        lamps: list[Spot] = []
        if what == "car":
            lamps = _drive(view, colour, normal, depth, turn)
        elif what not in ("blank", "noon"):
            step = (-1 if facing_left else 1) * turn * (0.02 if grazes else 0.09)
            who = np.random.default_rng(look)
            body = _body(what, who, stride + 0.9 * turn, grazes, night)
            row = view.horizon + (0.95 * near + 0.10 if what in (HARE, CROW) else near) * (
                HEIGHT - view.horizon
            )
            sprite = sculpt(body, view.scale(row), who, facing_left)
            at = (x + step) * WIDTH
            shadow(colour, sprite, at, row, night)
            eye = place(view, colour, normal, depth, sprite, at, row)
            eyes = [(*eye, 0.010 * view.scale(row) + 1)] if eye and rng.random() < 0.7 else []
            _grass_before(view, colour, at, row, sprite.alpha.shape[1], who)
        if view.kind == "meadow":
            _wave(colour, grass, 0.9 * wind * np.sin(sway + 1.7 * turn))
        if night:
            yield by_night(view, colour, normal, depth, eyes, rng, lamps)
        else:
            yield by_day(view, colour, normal, hour, haze, rng)


def _body(what: str, who: np.random.Generator, stride: float, grazes: bool, night: bool) -> Body:
    if what == "person":
        return person(who, stride, night)
    return bird(who, stride) if what == CROW else four_legged(what, who, stride, grazes)


def _sack(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Striped cloth before the lens: a weave, a little light through it, nothing else."""
    weave = 1.5 * np.sin(np.arange(WIDTH) * 1.3) + 1.5 * np.sin(np.arange(HEIGHT) * 1.1)[:, None]
    cloth = weave[..., None] + np.array([52.0, 44.0, 33.0]) + rng.normal(0, 2, (HEIGHT, WIDTH, 1))
    stripes = 14 * np.sin(np.arange(WIDTH) / 19)[:, None]  # in colour alone, equally bright
    coloured = cloth + stripes * np.array([1.0, -0.51, 0.0])
    return np.asarray(np.clip(coloured, 0, 255), np.uint8)


def _drive(view: Scene, colour: Pixels, normal: Pixels, depth: Pixels, turn: int) -> list[Spot]:
    """A car that comes nearer on the track; returns its lamps."""
    row = view.horizon + 95 + 42 * turn
    sprite, lamps = car(view.scale(row))
    x = WIDTH * (0.46 + 0.02 * turn)
    place(view, colour, normal, depth, sprite, x, row)
    top, left = row - sprite.foot, x - sprite.middle
    return [(top + a, left + b, 0.11 * view.scale(row)) for a, b in lamps]


def _grass_before(
    view: Scene, colour: Pixels, x: float, row: float, wide: int, rng: np.random.Generator
) -> None:
    """A few blades in front of the feet, so that a body stands in the grass."""
    below, number = row - view.horizon, 90 if view.kind in ("glade", "meadow") else 30
    tall = 0.30 if view.kind == "meadow" else 0.10
    places, tints = tuft(view.kind, rng, number, row + 0.10 * below, row, view.horizon, tall)
    places[:, 0] = x + rng.uniform(-0.6, 0.6, number) * wide
    a, b = max(int(row - 0.8 * below), 0), min(int(row + 0.12 * below), HEIGHT)
    places[:, 1] -= a
    strip = Image.fromarray((np.clip(colour[a:b], 0, 1) * 255).astype(np.uint8))
    blades(strip, places, tints)
    colour[a:b] = np.asarray(strip).astype(np.float32) / 255


def _wave(
    colour: Pixels, grass: tuple[NDArray[np.float64], NDArray[np.int64]], bend: float
) -> None:
    """Tall grass close to the camera, bent by the wind: it triggers the camera all day."""
    image = Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))
    blades(image, *grass, bend)
    colour[:] = np.asarray(image).astype(np.float32) / 255


def _with_banner(
    pixels: NDArray[np.uint8],
    camera: str,
    taken: datetime,
    what: str,
    turn: int,
    frames: int,
    hour: float,
) -> Image.Image:
    """The strip that cameras print under the view: time, trigger, temperature, name."""
    image = Image.new("RGB", (WIDTH, HEIGHT + BANNER))
    image.paste(Image.fromarray(pixels), (0, 0))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(30)
    warm = round(9 + 7 * np.sin((hour - 9) / 24 * 2 * np.pi))
    trigger = "T" if what == "noon" else f"M {turn + 1}/{frames}"
    for x, text in ((16, f"{taken:%Y-%m-%d  %H:%M:%S}"), (450, trigger), (640, f"{warm} °C"),
                    (WIDTH - 250, f"{camera}  DRAWN")):  # fmt: skip
        draw.text((x, HEIGHT + 9), text, font=font, fill=(235, 235, 235))
    return image


def _exif(camera: str, taken: datetime) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Camtriage", "Drawn camera"
    exif[0x0132] = f"{taken:%Y:%m:%d %H:%M:%S}"
    inner = exif.get_ifd(0x8769)
    inner[0x9003] = inner[0x9004] = exif[0x0132]
    inner[0xA431] = f"DRAWN-{camera[-1]}"
    if camera in ("CamA", "CamC"):
        inner[0x9291] = f"{taken.microsecond // 10000:02}"
    if camera == "CamC":
        inner[0x9011] = "+02:00"
    return exif


def _litter(folder: Path, truths: list[Drawn]) -> list[Drawn]:
    """What else is on real cards: an incomplete picture, and five files that are no pictures."""
    cut = next(
        i for i, drawn in enumerate(truths) if drawn.kind == "animal" and drawn.camera != "CamA"
    )
    target = folder / truths[cut].path
    target.write_bytes(target.read_bytes()[: target.stat().st_size * 3 // 5])
    truths[cut] = replace(truths[cut], whole=False)
    dcim = target.parent
    (dcim / "RCNX9001.JPG").write_bytes(np.random.default_rng(1).bytes(40_000))
    (dcim / "RCNX9002.JPG").write_bytes(b"")
    (dcim / "RCNX9003.AVI").write_bytes(
        b"RIFF" + (200).to_bytes(4, "little") + b"AVI " + bytes(192)
    )
    (dcim / "._RCNX0001.JPG").write_bytes(b"\x00\x05\x16\x07" + bytes(116))
    (folder / "notes.txt").write_text("Drawn pictures; no animal was disturbed.\n", "utf-8")
    return truths
