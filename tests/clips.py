"""Drawn clips for tests, in any container."""

import io
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.train.drawn import card as drawn
from pipeline.train.drawn.scene import scene

RATE = 10  # frames a second


def film(frames: int, form: str = "mp4", codec: str = "mpeg4", keys: int = 12, **written) -> bytes:
    """A clip whose frames differ: a grey bar wanders. A key frame at least every `keys`."""
    return filmed(map(_bar, range(frames)), RATE, form, codec, keys, **written)


def _bar(number: int) -> NDArray[np.uint8]:
    pixels = np.full((64, 96, 3), 40, np.uint8)
    pixels[:, number % 90 : number % 90 + 6] = 220
    return pixels


def filmed(
    frames: Iterable[NDArray[np.uint8]],
    rate: int = RATE,
    form: str = "mp4",
    codec: str = "mpeg4",
    keys: int = 12,
    bits: int | None = None,
    turned: int = 0,
    **written,
) -> bytes:
    """A clip of these frames.

    frames   RGB (height, width, 3), all of one size
    bits     a second; None: as the codec likes
    turned   degrees against the clock by which a player turns it
    written  its metadata
    """
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        container.metadata.update(written)
        stream = container.add_stream(codec, rate=rate)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = keys
        stream.codec_context.time_base = Fraction(1, rate)
        if bits:
            stream.bit_rate = bits
        if turned:
            stream.set_display_rotation(turned)
        for number, pixels in enumerate(frames):
            if not number:
                stream.height, stream.width = pixels.shape[:2]
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return file.getvalue()


class DrawnCamera:
    """A camera of the drawn demo that takes clips: one view, a drawing a second."""

    def __init__(self, place: Path, name: str, kind: str, seed: int) -> None:
        self.folder = place / name / "DCIM" / "100MEDIA"
        self.folder.mkdir(parents=True)
        self.rng = np.random.default_rng(seed)
        self.view = scene(kind, self.rng)

    def clip(self, what: str, begin: datetime, seconds: int = 2) -> Path:
        """`what` of the diary passes, at its light."""
        hour = begin.hour + begin.minute / 60
        night = not 5.2 < hour < 20.7
        shots = drawn._burst(self.view, what, hour, night, seconds, self.rng)
        data = filmed(shots, 1, bits=8_000_000, creation_time=f"{begin:%Y-%m-%dT%H:%M:%S}")
        made = self.folder / f"CLIP{begin:%d%H%M}.MP4"
        made.write_bytes(data)
        return made
