"""Bytes of a picture become one small upright array, whatever way the camera hung."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.errors import UnreadablePicture
from pipeline.frames.decode import LARGEST, SHORT_SIDE, decode

ORIENTATION = 0x0112


def corners(size: tuple[int, int] = (960, 640)) -> Image.Image:
    """Four corners of four colours, so that every turn and mirror shows."""
    image = Image.new("RGB", size, (128, 128, 128))
    width, height = size
    for place, colour in zip(((0, 0), (1, 0), (0, 1), (1, 1)), COLOURS, strict=True):
        left, top = place[0] * width * 2 // 3, place[1] * height * 2 // 3
        image.paste(colour, (left, top, left + width // 3, top + height // 3))
    return image


COLOURS = ((220, 20, 20), (20, 220, 20), (20, 20, 220), (220, 220, 20))


def saved(image: Image.Image, form: str, orientation: int = 1) -> bytes:
    exif, file = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = orientation
    image.save(file, form, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(orientation):
    data = saved(corners(), "JPEG", orientation)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    small = decode(data).pixels
    assert min(small.shape[:2]) == SHORT_SIDE
    expected = np.asarray(upright.resize(small.shape[1::-1])).astype(int)
    assert np.abs(expected - small).mean() < 4


def test_sixteen_bits_of_grey_keep_their_brightness():
    ramp = np.linspace(0, 65535, 640).astype(np.uint16)
    deep = Image.fromarray(np.broadcast_to(ramp, (480, 640)).copy())
    file = io.BytesIO()
    deep.save(file, "PNG")
    shown = decode(file.getvalue()).pixels[100, :, 0].astype(int)
    assert shown[0] < 5 and shown[-1] > 250 and abs(shown[len(shown) // 2] - 128) < 5
    assert (np.diff(shown) >= 0).all(), "nothing is cut to white, nothing begins again from black"


def test_a_picture_of_the_largest_size_is_read_and_one_beyond_is_said_to_be_too_large():
    side = 20
    with pytest.raises(UnreadablePicture, match="too_large"):
        decode(saved(Image.new("1", (side, LARGEST // side + 1)), "PNG"))


def test_a_very_long_picture_is_squeezed_to_four_times_its_height():
    assert decode(saved(Image.new("RGB", (3000, 100)), "JPEG")).pixels.shape == (448, 1792, 3)
