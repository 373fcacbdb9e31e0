"""Small real cards for tests: JPEG files with EXIF, drawn in milliseconds, some of them broken."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

TWO_TAXA = """name = "two"
templates = ["a photo of a {name}"]
[lineage]
Cervidae = ["Artiodactyla", "Mammalia"]
Suidae = ["Artiodactyla", "Mammalia"]
[[taxon]]
scientific = "Cervus elaphus"
rank = "species"
family = "Cervidae"
common = ["red deer"]
[[taxon]]
scientific = "Sus scrofa"
rank = "species"
family = "Suidae"
common = ["wild boar"]
"""  # a label set
BEGIN = datetime(2026, 5, 1, 6, 0)


def picture(seed: int, animal: bool = False, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A meadow of noise; with `animal`, a dark body on four legs stands in it."""
    draw = np.random.default_rng(seed)
    width, height = size
    sky = np.linspace(200, 90, height)[:, None, None] * np.array([0.8, 1.0, 0.7])
    pixels = np.broadcast_to(sky, (height, width, 3)) + draw.normal(0, 6, (height, width, 3))
    pixels = pixels.copy()
    if animal:
        x, y = draw.integers(40, width - 120), height // 2
        pixels[y : y + 50, x : x + 90] = (60, 40, 25)
        for leg in (0, 20, 60, 80):
            pixels[y + 50 : y + 90, x + leg : x + leg + 8] = (50, 35, 20)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save(image: Image.Image, path: Path, taken_at: datetime | None, serial: str = "A1") -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "RECONYX", "HYPERFIRE 2"
    if taken_at:
        exif.get_ifd(0x8769)[0x9003] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
        exif.get_ifd(0x8769)[0xA431] = serial
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG", quality=80, exif=exif)


def card(root: Path, pictures: int = 24, cameras: int = 2, broken: bool = True) -> Path:
    """A card of some cameras, bursts of three every ten minutes, every fourth with an animal.

    With `broken`: a zero-byte, a truncated and a text file under picture names, a video, a note and
    a macOS sidecar. The same arguments give the same bytes.
    """
    for number in range(pictures):
        camera, shot = number % cameras, number // cameras
        folder = root / f"Cam{camera}" / "DCIM" / "100RECNX"
        taken_at = BEGIN + timedelta(minutes=10 * (shot // 3), seconds=shot % 3)
        name = f"RCNX{shot + 1:04}.JPG"
        save(picture(number, animal=number % 4 == 0), folder / name, taken_at, f"A{camera}")
    if broken:
        folder = root / "Cam0" / "DCIM" / "100RECNX"
        whole = (folder / "RCNX0001.JPG").read_bytes()
        (folder / "RCNX0901.JPG").write_bytes(b"")
        (folder / "RCNX0902.JPG").write_bytes(whole[: len(whole) * 2 // 3])
        (folder / "RCNX0903.JPG").write_text("not a picture")
        (folder / "RCNX0904.AVI").write_bytes(b"RIFF0000AVI ")
        (folder / "notes.txt").write_text("battery changed")
        (folder / "._RCNX0001.JPG").write_bytes(b"\0\5\x16\7")
    return root
