"""Clips: what their container says, and some of their frames, through PyAV where it is installed.

A second apart, the first always, at most MOST of them spread over the whole clip. Only the packets
that lead to a chosen frame are decoded, from the key frame before it on; a key frame close to the
chosen moment is taken in its place. So a minute of a usual trail camera costs a few dozen frames
in place of 1 800.
"""

import io
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnreadablePicture
from pipeline.frames.decode import LARGEST, SHORT_SIDE, Small, decode, scaled

MOST = 20  # frames of one clip
LEAST_OF_PROMISED = 0.95  # cameras leave out a frame or two
APART_S = 1.0  # an animal that crosses the view takes longer
FORMATS = (  # no play list: it would open other files and addresses
    "mov,mp4,m4a,3gp,3g2,mj2,avi,asf,matroska,webm,mpeg,mpegts,mpegvideo,flv,mjpeg,h264"
)
_QUARTERS = [  # the matrix of a quarter to the right, and to the left: 0 1 0, -1 0 and 0 -1 0, 1 0
    b"".join(n.to_bytes(4, "big", signed=True) for n in (0, one, 0, -one, 0))
    for one in (1 << 16, -(1 << 16))
]
_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}


@cache
def video() -> bool:
    """True where clips can be read: the extra `video` is installed."""
    try:
        import av
    except ImportError:
        return False
    av.logging.set_level(av.logging.PANIC)  # each damaged packet would be a line on the screen
    return True


@dataclass(frozen=True, slots=True)
class Clip:
    """What a container says of its clip."""

    mediatype: str
    width: int  # pixels, upright
    height: int
    duration_s: float | None  # None: the container does not say
    frame_rate: float | None  # frames a second, their average
    written: Mapping[str, str]  # its metadata: times, makers


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, or one frame of a clip, small as the models take it."""

    number: int | None  # of a clip, in the order of showing, from 0; None: a picture
    small: Small


def shown(data: bytes, mediatype: str) -> list[Frame]:
    """What there is to look at: the picture, or the frames of a clip. Raises UnreadablePicture."""
    if is_clip(mediatype):
        return frames(data)
    return [Frame(None, decode(data))]


def still(data: bytes, number: int | None, short_side: int = SHORT_SIDE) -> Small:
    """A picture, or one frame of a clip. Raises UnreadablePicture."""
    return decode(data, short_side) if number is None else frame(data, number, short_side)


def is_clip(mediatype: str) -> bool:
    return mediatype.startswith("video/")


def looked_at(duration_s: float | None) -> int:
    """How many frames of a clip are looked at, at most."""
    if duration_s is None:
        return MOST
    return min(MOST, max(1, math.ceil(duration_s / APART_S)))


def about(data: bytes) -> Clip:
    """Read the container alone; no frame is decoded. Raises UnreadablePicture."""
    with _Opened(data) as (container, stream):
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > LARGEST:
            raise UnreadablePicture("too_large", f"{width} x {height} pixels")
        if not width or not height:
            raise UnreadablePicture("unreadable", "a clip without a picture's size")
        if on_its_side(data):
            width, height = height, width
        return Clip(
            _mediatype(container.format.name),
            width,
            height,
            _duration(container, stream),
            float(stream.average_rate) if stream.average_rate else None,
            {**stream.metadata, **container.metadata},
        )


def frames(data: bytes, short_side: int = SHORT_SIDE) -> list[Frame]:
    """The frames that are looked at, at least one, in their order.

    The last one says `truncated` where the clip breaks off. Raises UnreadablePicture.
    """
    plan = _plan(data)
    found = [
        Frame(bisect_left(plan.times, at), Small(pixels, truncated=False))
        for at, pixels in _decoded(data, plan.keys, plan.wanted, short_side)
    ]
    if not found:
        raise UnreadablePicture("unreadable", "no frame of the clip can be decoded")
    last = found[-1]
    if plan.cut or (last.number or 0) < bisect_left(plan.times, plan.wanted[-1]):
        found[-1] = Frame(last.number, Small(last.small.pixels, truncated=True))
    return found


def frame(data: bytes, number: int, short_side: int = SHORT_SIDE) -> Small:
    """One frame, the nearest that can be decoded from its number on. Raises UnreadablePicture."""
    plan = _plan(data)
    wanted = [plan.times[min(number, len(plan.times) - 1)]]
    for _, pixels in _decoded(data, plan.keys, wanted, short_side):
        return Small(pixels, truncated=False)
    raise UnreadablePicture("unreadable", f"frame {number} of the clip cannot be decoded")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Sorted times in the stream's own unit."""

    times: list[int]  # of all frames
    keys: list[int]  # of the key frames
    wanted: list[int]  # of the frames to look at
    cut: bool  # the container tells of more frames than there are


def _plan(data: bytes) -> _Plan:
    """Lists the packets; none is decoded."""
    with _Opened(data) as (container, stream):
        packets = [(_at(one), one.is_keyframe) for one in _packets(container, stream)]
        unit, promised = float(stream.time_base or 1), stream.frames
    if not packets:
        raise UnreadablePicture("empty", "a clip without frames")
    times = sorted({at for at, _ in packets})
    keys = sorted({at for at, key in packets if key}) or times[:1]
    count = looked_at((times[-1] - times[0]) * unit)
    step = max(APART_S / unit, (times[-1] - times[0]) / MOST)
    moments = [times[0] + round(step * n) for n in range(count)]
    wanted = [_close_key(keys, at, step / 2) for at in moments]
    chosen = {times[min(bisect_left(times, at), len(times) - 1)] for at in wanted}
    return _Plan(times, keys, sorted(chosen), len(packets) < LEAST_OF_PROMISED * promised)


def _close_key(keys: Sequence[int], at: int, within: float) -> int:
    """The key frame before a moment where it is close, else the moment."""
    before = keys[max(0, bisect_right(keys, at) - 1)]
    return before if abs(at - before) <= within else at


def _decoded(
    data: bytes, keys: Sequence[int], wanted: Sequence[int], short_side: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(time, pixels) of the first frame from each wanted time on; ends where the clip breaks."""
    from av.error import FFmpegError

    left = list(wanted)
    with _Opened(data) as (container, stream):
        codec, skipping = stream.codec_context, True
        try:
            for packet in _packets(container, stream, end=True):
                if skipping and packet.size and _at(packet) < _key_before(keys, left[0]):
                    continue
                skipping = False
                for picture in codec.decode(packet):
                    at = picture.pts if picture.pts is not None else left[0]
                    if left and at >= left[0]:
                        yield at, _pixels(picture, short_side)
                        left = [one for one in left if one > at]
                if not left:
                    return
                if packet.size and _key_before(keys, left[0]) > _at(packet):
                    codec.flush_buffers()
                    skipping = True
        except FFmpegError:
            return  # the clip breaks off here: what was decoded counts


def _key_before(keys: Sequence[int], at: int) -> int:
    return keys[max(0, bisect_right(keys, at) - 1)]


def _packets(container: Any, stream: Any, end: bool = False) -> Iterator[Any]:
    """The stream's packets in the order of decoding; `end`: the empty last one too."""
    from av.error import FFmpegError

    try:
        for packet in container.demux(stream):
            if packet.size or end:
                yield packet
    except FFmpegError:
        return  # a damaged rest: the packets before it count
    except IndexError:
        return  # PyAV at the end of a clip in which a stream began later: all packets were given


def _at(packet: Any) -> int:
    at = packet.pts if packet.pts is not None else packet.dts
    return int(at) if at is not None else 0


def _pixels(picture: Any, short_side: int) -> NDArray[np.uint8]:
    """Upright RGB (height, width, 3), the shorter side `short_side`."""
    width, height = scaled(picture.width, picture.height, short_side)
    pixels = picture.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    turns = round(picture.rotation / 90) % 4  # degrees against the clock, of phones
    return np.ascontiguousarray(np.rot90(pixels, turns))


def on_its_side(data: bytes) -> bool:
    """Whether players turn an MP4 by a quarter, as a phone that was held upright asks them to."""
    at = -1
    while (at := data.find(b"tkhd", at + 1)) >= 0:  # a track's header
        matrix = at + (56 if data[at + 4 : at + 5] == b"\1" else 44)  # its version 1 is longer
        if data[matrix : matrix + 20] in _QUARTERS:
            return True
    return False


def _duration(container: Any, stream: Any) -> float | None:
    if container.duration:
        return float(container.duration / 1_000_000)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return None


def _mediatype(name: str) -> str:
    """IANA's name of a container, by FFmpeg's."""
    kinds = {"mov": "mp4", "avi": "x-msvideo", "asf": "x-ms-asf", "matroska": "x-matroska"}
    kinds |= {"mpegts": "mp2t", "mpeg": "mpeg", "mpegvideo": "mpeg", "flv": "x-flv"}
    return "video/" + kinds.get(name.split(",")[0], name.split(",")[0])


class _Opened:
    """A clip's container and its first video stream, from bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __enter__(self) -> tuple[Any, Any]:
        import av

        if not self._data:
            raise UnreadablePicture("empty", "no bytes")
        try:
            self._container = av.open(io.BytesIO(self._data), options=_OPTIONS)
        except (av.error.FFmpegError, ValueError) as why:
            lost = self._data[4:8] == b"ftyp" and b"moov" not in self._data  # its index
            detail = "the end of the clip is missing" if lost else "no clip, or a damaged one"
            raise UnreadablePicture("unreadable", detail) from why
        if not self._container.streams.video:
            self._container.close()
            raise UnreadablePicture("not_a_picture", "a clip without pictures")
        stream = self._container.streams.video[0]
        if stream.codec_context is None:
            self._container.close()
            raise UnreadablePicture("unreadable", "a clip in a codec that nobody here can read")
        stream.thread_type = "NONE"  # several clips are decoded side by side
        stream.thread_count = 1
        return self._container, stream

    def __exit__(self, *error: object) -> None:
        self._container.close()
