"""Training pictures: the table that names them, and how copies of them are altered."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pipeline.errors import SettingsError
from pipeline.frames.decode import decode
from pipeline.tables.reader import read_table, shown
from pipeline.tables.times import typed_time

WINDOW = 128  # pictures, as in pipeline.settings.Windows
KINDS = ("animal", "human", "vehicle", "blank")
FURTHER = ("station", "taken_at", "scientific_name")  # where the table has them
COLUMNS = ("path", "label_kind", "split", "may_train_shipped_weights", "card", "source_repo")


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled picture. Measuring leaves out whole studies (`study`) at a time."""

    path: Path
    kind: str  # of KINDS, or unknown
    split: str  # train, validate, test
    may_train: bool  # weights that are given to others may learn from it
    card: str
    study: str
    station: str = ""  # one fixed view, where the table knows it
    name: str = ""  # path as the table writes it
    taken_at: datetime | None = None
    scientific_name: str = ""  # where the table knows it


def read_examples(table: Path) -> list[Example]:
    """Rows of a CSV with the columns of COLUMNS; paths are relative to the table's folder."""
    read = read_table(table, COLUMNS, FURTHER)
    order = read.order("taken_at")
    found = []
    for row in read.rows:
        path, kind = row.filled("path"), row.filled("label_kind")
        if kind and kind not in (*KINDS, "unknown"):
            row.fault(f"label_kind must be one of {', '.join(KINDS)}, unknown: {shown(kind)}")
        taken = typed_time(row.text("taken_at") or "", order)
        found.append(
            Example(
                path=table.parent / path,
                kind=kind,
                split=row.text("split") or "",
                may_train=row.flag("may_train_shipped_weights") or False,
                card=row.text("card") or "",
                study=row.text("source_repo") or "",
                station=row.text("station") or "",
                name=path,
                taken_at=taken.at if taken else None,  # without it the order of names is used
                scientific_name=row.text("scientific_name") or "",
            )
        )
    read.faults.refuse()
    if not found:
        raise SettingsError(f"{table}: no rows")
    return found


def windows_of(examples: Sequence[Example]) -> list[NDArray[np.intp]]:
    """Rows of one station of one card in the table's order of names, cut evenly at WINDOW."""
    places: dict[tuple[str, str], list[int]] = {}
    for row, example in enumerate(examples):
        places.setdefault((example.card, example.station), []).append(row)
    found = []
    for rows in places.values():
        rows.sort(key=lambda row: (examples[row].taken_at or datetime.min, examples[row].name))
        found += np.array_split(np.array(rows), -(-len(rows) // WINDOW))
    return found


def burst_numbers(examples: Sequence[Example], gap_s: float = 10.0) -> list[int]:
    """The number of each picture's burst: gaps of at most `gap_s`; without a time it is alone."""
    numbers: list[int] = []
    last: datetime | None = None
    for example in examples:
        now = example.taken_at
        near = last is not None and now is not None and 0 <= (now - last).total_seconds() <= gap_s
        numbers.append((numbers[-1] + (not near)) if numbers else 0)
        last = now
    return numbers


def read_pixels(example: Example) -> NDArray[np.uint8]:
    """(h, w, 3), as the pipeline decodes it. A picture that cannot be read stops the training."""
    return decode(example.path.read_bytes()).pixels


def squash(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The whole picture at (height, width), its aspect not kept: the same grid for every camera."""
    image = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(image)


def targets(kinds: list[str]) -> NDArray[np.float32]:
    """(n, 4) of 0 and 1 in the order of KINDS."""
    return np.array([[kind == known for known in KINDS] for kind in kinds], dtype=np.float32)


def augment(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture as another camera might have taken it; its animal stays visible.

    pixels  (h, w, 3); returns (h', w', 3). Changes: infrared grey, light, noise, blur, JPEG
    quality, a banner, a small rotation, a small cut.
    """
    image = altered_view(Image.fromarray(pixels), rng)
    if rng.random() < 0.35:
        image = image.convert("L").convert("RGB")
    if rng.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.0)))
    image = Image.fromarray(_light(np.asarray(image, dtype=np.float32), rng))
    if rng.random() < 0.2:
        image = _banner(image, rng)
    return np.asarray(_jpeg(image, rng) if rng.random() < 0.4 else image)


def altered_view(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Mirrored, rotated, cut: the first part of `augment`. The same rng moves a map of it alike."""
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.3:
        image = image.rotate(rng.uniform(-7, 7), Image.Resampling.BILINEAR)
    width, height = image.size
    wide, high = (side * rng.uniform(0.85, 1.0) for side in (width, height))
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    return image.crop((round(left), round(top), round(left + wide), round(top + high)))


def _light(grey: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    unit = (grey / 255) ** np.exp(rng.uniform(-0.5, 0.5))
    unit = (unit - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.4:
        unit = unit + rng.normal(0, rng.uniform(0.01, 0.05), unit.shape).astype(np.float32)
    return np.asarray((np.clip(unit, 0, 1) * 255).round(), np.uint8)


def _banner(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A black or white strip with marks as wide as letters, at the top or the bottom."""
    pixels = np.array(image)
    high = max(4, round(len(pixels) * rng.uniform(0.03, 0.08)))
    marks = rng.random((2, pixels.shape[1] // 6 + 1)) < 0.3
    strip = np.asarray(Image.fromarray(marks).resize((pixels.shape[1], high))).astype(bool)
    strip = strip ^ bool(rng.random() < 0.5)
    rows = slice(None, high) if rng.random() < 0.4 else slice(-high, None)
    pixels[rows] = np.where(strip, 255, 0)[:, :, None]
    return Image.fromarray(pixels)


def _jpeg(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(30, 85)))
    return Image.open(file).convert("RGB")
