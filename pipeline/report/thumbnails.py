"""Small pictures for pages: upright, self-contained; possible people only as coarse blocks."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.errors import UnreadablePicture
from pipeline.frames.clip import about, frames, still
from pipeline.frames.decode import formats
from pipeline.records import Detection

BLOCKS = 14  # across the shorter side: too few to recognise a face, clothes or a walk
QUALITY = 78
SCREEN_QUALITY = 88
COLOURS = {"animal": "#ffd23f", "human": "#ff4d6d", "vehicle": "#38c6f4"}  # of boxes
WORDS = {"human": "person"}
SURE, UNSURE = 3, 1  # pixels, width of a box's line


def thumbnail(
    data: bytes,
    short_side: int,
    pixelate: bool,
    boxes: Sequence[Detection] = (),
    number: int | None = None,
) -> str | None:
    """A `data:` address of the whole picture made small; None if it cannot be decoded.

    short_side   pixels
    pixelate     the whole picture as blocks: a box may miss a second person
    boxes        drawn over it, in the colour of their kind; thin where they are not sure
    number       of the frame of a clip; None: a picture
    """
    try:
        image = Image.fromarray(still(data, number, short_side).pixels)
    except UnreadablePicture:
        return None
    if pixelate:
        image = _blocks(image)
    _draw(image, boxes)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def jpeg(data: bytes, within: tuple[int, int], pixelate: bool, number: int | None = None) -> bytes:
    """A picture made small enough for (width, height) pixels, never larger than it is.

    number   of the frame of a clip; None: a picture. Raises UnreadablePicture."""
    short_side = _short_side(_upright_size(data, number), within)
    return _screen_jpeg(still(data, number, short_side).pixels, pixelate)


def film(data: bytes, within: tuple[int, int], pixelate: bool) -> dict[int, bytes]:
    """The frames of a clip that are looked at, by their number, each as `jpeg` makes it.

    Raises UnreadablePicture."""
    short_side = _short_side(_upright_size(data, 0), within)
    return {
        one.number: _screen_jpeg(one.small.pixels, pixelate)
        for one in frames(data, short_side)
        if one.number is not None
    }


def _short_side(size: tuple[int, int], within: tuple[int, int]) -> int:
    scale = min(1.0, within[0] / size[0], within[1] / size[1])
    return max(1, round(min(size) * scale))


def _screen_jpeg(pixels: NDArray[np.uint8], pixelate: bool) -> bytes:
    small, out = Image.fromarray(pixels), io.BytesIO()
    (_blocks(small) if pixelate else small).save(out, "JPEG", quality=SCREEN_QUALITY)
    return out.getvalue()


def _upright_size(data: bytes, number: int | None) -> tuple[int, int]:
    """Width and height."""
    if number is not None:
        clip = about(data)
        return clip.width, clip.height
    with _opened(data) as image:
        return image.size if image.getexif().get(0x0112, 1) < 5 else image.size[::-1]


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=formats())
    except Exception as why:  # a decoder may raise anything on hostile bytes
        raise UnreadablePicture("unreadable", f"{type(why).__name__}: {why}") from why


def _blocks(image: Image.Image) -> Image.Image:
    """The same size, in blocks."""
    scale = BLOCKS / min(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    coarse = image.resize((width, height), Image.Resampling.BOX)
    return coarse.resize(image.size, Image.Resampling.NEAREST)


def _draw(image: Image.Image, boxes: Sequence[Detection]) -> None:
    """Outlines, the surest on top; the surest sure one of each kind bears its name."""
    pen = ImageDraw.Draw(image)
    first = {box.category: box for box in reversed(boxes) if box.sure}
    for box in reversed(boxes):
        left, top, right, bottom = _corners(box, image.size)
        line = SURE if box.sure else UNSURE
        around = (left - 1, top - 1, right + 1, bottom + 1)
        pen.rectangle(around, outline="#000000")  # so that it shows on snow and in the night
        pen.rectangle((left, top, right, bottom), outline=COLOURS[box.category], width=line)
        if first.get(box.category) is box:
            _name(pen, box.category, left, top, image.width)


def _corners(box: Detection, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in pixels; at least one pixel apart."""
    (width, height), (x, y, wide, high) = size, box.box
    left, top = round(x * (width - 1)), round(y * (height - 1))
    right, bottom = round((x + wide) * (width - 1)), round((y + high) * (height - 1))
    return left, top, max(left + 1, right), max(top + 1, bottom)


def _name(pen: ImageDraw.ImageDraw, category: str, left: int, top: int, width: int) -> None:
    """The kind on a patch of its colour: over the box, or inside it where that is outside.

    width   of the picture, in pixels"""
    font, text = ImageFont.load_default(12), WORDS.get(category, category)
    _, _, wide, high = pen.textbbox((0, 0), text, font)
    left = min(left, max(0, round(width - wide - 6)))
    patch_top = top - high - 4 if top - high - 4 >= 0 else top
    patch = (left, patch_top, left + wide + 5, patch_top + high + 4)
    pen.rectangle(patch, fill=COLOURS[category])
    pen.text((left + 3, patch_top + 1), text, fill="#000000", font=font)
