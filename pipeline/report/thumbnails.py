"""Small pictures for pages: upright, self-contained; possible people only as coarse blocks."""

import base64
import io

from PIL import Image

from pipeline.errors import UnreadablePicture
from pipeline.frames.decode import decode

BLOCKS = 14  # across the shorter side: too few to recognise a face, clothes or a walk
QUALITY = 78


def thumbnail(data: bytes, short_side: int, pixelate: bool) -> str | None:
    """A `data:` address of the whole picture made small; None if it cannot be decoded.

    short_side   pixels
    pixelate     the whole picture as blocks, because no box of the person is known
    """
    try:
        image = Image.fromarray(decode(data, short_side).pixels)
    except UnreadablePicture:
        return None
    if pixelate:
        scale = BLOCKS / min(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        coarse = image.resize((width, height), Image.Resampling.BOX)
        image = coarse.resize(image.size, Image.Resampling.NEAREST)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
