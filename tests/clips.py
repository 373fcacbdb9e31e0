"""Drawn clips for tests, in any container."""

import io
from fractions import Fraction

import av
import numpy as np

RATE = 10  # frames a second


def film(frames: int, form: str = "mp4", codec: str = "mpeg4", keys: int = 12, **written) -> bytes:
    """A clip whose frames differ: a grey bar wanders. A key frame at least every `keys`."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        container.metadata.update(written)
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = keys
        stream.codec_context.time_base = Fraction(1, RATE)
        for number in range(frames):
            pixels = np.full((64, 96, 3), 40, np.uint8)
            pixels[:, number % 90 : number % 90 + 6] = 220
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return file.getvalue()
