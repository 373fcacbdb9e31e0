"""Cards of 8-megapixel pictures for the benchmarks: drawn once, then told apart by their EXIF.

A camera's view is drawn with animals and without, enlarged to 3264 x 2448 and saved as a trail
camera would: with a sensor's noise in about 2 MB, or smooth in about 0.6 MB. Each picture of the
card is one of them with a time of its own in its EXIF, so all bytes differ; three in ten show an
animal, and no animal twice in a window.
"""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.train.drawn.card import BANNER, BOAR, DOE, FOX, draw_card

WIDTH, HEIGHT = 3264, 2448
BEGIN = datetime(2026, 5, 1, 6, 0)
DIARY = ((DOE, 5, (7, 19)), (BOAR, 5, (7, 19)), (FOX, 4, (7, 19)), ("blank", 6, (7, 19)))
KINDS = {"heavy": ("glade", 6.0, 2_000_000), "light": ("bank", 0.0, 620_000)}  # scene, noise, bytes


def make_card(folder: Path, pictures: int, drawn_in: Path, cameras: int = 4) -> Path:
    """A card of `pictures` in the folders of `cameras`, half of them heavy, half light."""
    views = {kind: _views(drawn_in / kind, kind) for kind in KINDS}
    for number in range(pictures):
        camera, shot = number % cameras, number // cameras
        animals, blanks = views[list(KINDS)[camera % len(KINDS)]]
        some = animals if shot // 3 % 10 in (2, 5, 8) else blanks
        taken_at = BEGIN + timedelta(minutes=10 * (shot // 3), seconds=shot % 3)
        place = folder / f"Cam{camera}" / "DCIM" / f"IMG_{shot:05}.JPG"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(with_exif(some[shot % len(some)], taken_at, f"A{camera}"))
    return folder


def with_exif(jpeg: bytes, taken_at: datetime, serial: str) -> bytes:
    """The same picture with another time in its EXIF; nothing is encoded again."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Camtriage", "Drawn camera"
    inner = exif.get_ifd(0x8769)
    inner[0x9003] = inner[0x9004] = f"{taken_at:%Y:%m:%d %H:%M:%S}"
    inner[0xA431] = serial
    block = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]


def _views(folder: Path, kind: str) -> tuple[list[bytes], list[bytes]]:
    """(with an animal, blank) pictures of one camera; kept in `folder` for the next time."""
    if not folder.is_dir():
        _draw(folder, *KINDS[kind])
    return tuple(
        [one.read_bytes() for one in sorted(folder.glob(f"{name}-*.jpg"))]
        for name in ("animal", "blank")
    )


def _draw(folder: Path, scene: str, noise: float, size: int) -> None:
    drawn = folder.with_name(f"{folder.name}-drawn")
    truths = [one for one in draw_card(drawn, 1, {("CamB", scene): DIARY}) if one.whole]
    pixels = [np.asarray(Image.open(drawn / one.path).convert("RGB")) for one in truths]
    quality = _quality(_enlarged(pixels[0], noise, 0), size)
    folder.mkdir(parents=True)

    def save(number: int) -> None:
        name = "blank" if truths[number].kind == "blank" else "animal"
        image = _enlarged(pixels[number], noise, number)
        image.save(folder / f"{name}-{number:03}.jpg", quality=quality, subsampling="4:2:2")

    with ThreadPoolExecutor() as pool:
        list(pool.map(save, range(len(truths))))


def _enlarged(pixels: np.ndarray, noise: float, seed: int) -> Image.Image:
    """3264 x 2448 without the banner, with the grain of a small sensor."""
    image = Image.fromarray(pixels[:-BANNER]).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    if not noise:
        return image
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.normal(0, noise, (HEIGHT // 2, WIDTH // 2)).astype(np.float32))
    grain = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    grain = grain + rng.standard_normal((HEIGHT, WIDTH), np.float32) * 2
    whole = np.asarray(image, np.int16) + grain[..., None].astype(np.int16)
    return Image.fromarray(np.clip(whole, 0, 255).astype(np.uint8))


def _quality(image: Image.Image, size: int) -> int:
    """The JPEG quality that comes nearest to `size` bytes."""
    return min(_sizes(image), key=lambda one: abs(one[1] - size))[0]


def _sizes(image: Image.Image) -> Iterator[tuple[int, int]]:
    for quality in range(30, 97, 3):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, subsampling="4:2:2")
        yield quality, file.tell()
