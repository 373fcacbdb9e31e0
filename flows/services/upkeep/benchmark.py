"""How fast this machine scores pictures, part by part."""

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from PIL import Image

from pipeline.frames.classifier import FrameModel, load_frame_model, squeeze
from pipeline.frames.decode import decode
from pipeline.frames.detector import Detector, load_detector
from pipeline.species.encoder import load_encoder
from pipeline.species.sources import BATCH

SECONDS = 3.0  # for each part
KEPT = 0.3  # share of a card that is embedded, crop and whole frame


@dataclass(frozen=True, slots=True)
class Speed:
    """One part of the work, done on all threads at once."""

    part: str
    per_second: float  # pictures
    used: bool = True  # False: measured to compare, a run does not use it


def measure(threads: int, seconds: float = SECONDS) -> Iterator[Speed]:
    """Each part alone; last, all parts of a run together as they add up."""
    jpeg = _jpeg()
    pixels = decode(jpeg).pixels
    frame, detector, encoder = load_frame_model(), load_detector(), load_encoder()
    small, boxed = frame.prepare(pixels), squeeze(pixels, detector.size)
    parts: list[tuple[str, Callable[[], object], int, bool]] = [
        ("decoding 8 megapixels", partial(decode, jpeg), 1, True),
        (f"frame model by {_name(frame)}", partial(frame.run, [small]), 1, True),
    ]
    if frame.runtime == "onnxruntime":
        by_torch = load_frame_model(by_torch=True)
        run = partial(by_torch.run, [small])
        parts.append((f"frame model by {_name(by_torch)}", run, 1, False))
    parts.append((f"detector by {_name(detector)}", partial(detector.run, [boxed]), 1, True))
    parts.append(("embedding", partial(encoder.images, [pixels] * BATCH), BATCH, True))
    found: list[Speed] = []
    for part, function, pictures, used in parts:
        found.append(Speed(part, pictures * _rate(function, threads, seconds), used))
        yield found[-1]
    decoding, scoring, detecting, embedding = (s.per_second for s in found if s.used)
    each = 1 / decoding + 1 / scoring + 1 / detecting
    yield Speed("together", 1 / (each + 2 * KEPT / embedding))


def _name(model: FrameModel | Detector) -> str:
    size = "x".join(map(str, model.size))
    return f"{'ONNX Runtime' if model.runtime == 'onnxruntime' else 'PyTorch'}, {size}"


def _rate(function: Callable[[], object], threads: int, seconds: float) -> float:
    """Calls a second on so many threads, after one to warm up."""
    function()
    begun = time.perf_counter()

    def calls(_: int) -> int:
        done = 0
        while time.perf_counter() - begun < seconds or not done:
            function()
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(calls, range(threads)))
    return done / (time.perf_counter() - begun)


def _jpeg() -> bytes:
    """A drawn picture of 8 megapixels and about 2 MB."""
    file = io.BytesIO()
    noise = Image.effect_noise((816, 612), 60).convert("RGB")
    noise.resize((3264, 2448)).save(file, "JPEG", quality=92)
    return file.getvalue()
