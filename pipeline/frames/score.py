"""One window through everything that needs its pixels: decode, score, place, embed.

Pictures are decoded once and stay small (about 1 MB each) until the window is done: 128 of them and
their feature cells are some 150 MB, whatever the card holds. Each picture is decoded and scored for
itself, on as many threads as the caller's `each` has; what hangs on the window as a whole comes
after. So any number of threads gives the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnreadablePicture
from pipeline.frames import background, blank, crop
from pipeline.frames.child import LIMIT_S, decode_in_child
from pipeline.frames.classifier import FrameModel, FrameOutput, joined
from pipeline.frames.decode import Small, decode
from pipeline.frames.light import Light, light_of
from pipeline.frames.views import view_shift
from pipeline.records import (
    Box,
    Detection,
    Embedding,
    FileProblem,
    FrameScores,
    Media,
    WindowScores,
)
from pipeline.settings import Settings

STEP = "look"

Read = Callable[[Media], bytes]
Decode = Callable[[bytes], Small]
Each = Callable[[Callable, Iterable], Iterable]  # map, or a pool's map: results in order


class Encoder(Protocol):
    """The image tower of a labeller (pipeline.species.encoder)."""

    def images(
        self, pictures: Sequence[NDArray[np.uint8]], each: Each = map
    ) -> NDArray[np.float32]:
        """Pictures (height, width, 3) to unit vectors (n, d)."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A picture that could be decoded."""

    media: Media
    burst: int
    small: Small
    light: Light | None = None  # None: not asked for


def score_window(
    media: Sequence[Media],
    bursts: Sequence[int],
    read: Read,
    frame: FrameModel,
    encoder: Encoder | None,
    settings: Settings,
    boxes: Mapping[str, Sequence[Detection]] | None = None,
    decoder: Decode = decode,
    each: Each = map,
) -> WindowScores:
    """Look at one window; what cannot be opened becomes a trouble and is in `failed`.

    bursts    (n,) number of each picture's burst
    boxes     another detector's results by Media.path
    encoder   None: no embeddings
    each      how a function is put to many pictures: one after the other, or on a pool's threads
    """
    opened, outs, troubles, failed = _open_all(media, bursts, read, decoder, each, frame)
    looks = _looks(opened, outs, frame, settings, boxes or {}) if opened else []
    kept = [
        (one.media.sha256, one.small.pixels, look.crop)
        for one, look in zip(opened, looks, strict=True)
        if look.state == "kept"
    ]
    embeddings = _embeddings(kept, encoder, each) if encoder is not None else []
    return WindowScores(tuple(looks), tuple(embeddings), tuple(troubles), tuple(failed))


def score_window_in_child(
    media: Sequence[Media],
    bursts: Sequence[int],
    read: Read,
    frame: FrameModel,
    encoder: Encoder | None,
    settings: Settings,
    boxes: Mapping[str, Sequence[Detection]] | None = None,
    limit_s: float = LIMIT_S,
    each: Each = map,
) -> WindowScores:
    """As `score_window`, each picture decoded in a process of its own, after a crash."""

    def apart(data: bytes) -> Small:
        return decode_in_child(data, limit_s)

    return score_window(media, bursts, read, frame, encoder, settings, boxes, apart, each)


def embed(
    media: Sequence[Media],
    crops: Mapping[str, Box | None],
    read: Read,
    encoder: Encoder,
    each: Each = map,
) -> tuple[list[Embedding], list[FileProblem]]:
    """Vectors of pictures looked at before: the audit's sample of the blanks.

    crops   by sha-256, as in FrameScores.crop
    """
    opened, _, troubles, _ = _open_all(media, [0] * len(media), read, decode, each)
    pictures = [(one.media.sha256, one.small.pixels, crops.get(one.media.sha256)) for one in opened]
    lost = [one for one in troubles if one.reason != "truncated"]  # that was said the first time
    return _embeddings(pictures, encoder, each), lost


def _open_all(
    media: Sequence[Media],
    bursts: Sequence[int],
    read: Read,
    decoder: Decode,
    each: Each,
    frame: FrameModel | None = None,
) -> tuple[list[_Open], list[FrameOutput], list[FileProblem], list[str]]:
    """Decode every picture and, with a frame model, score it while it is warm."""

    def open_one(pair: tuple[Media, int]) -> tuple[_Open, FrameOutput | None] | FileProblem:
        one, burst = pair
        try:
            small = decoder(read(one))
        except UnreadablePicture as why:
            return FileProblem(one.path, STEP, why.reason, why.detail)
        except FileNotFoundError as why:
            return FileProblem(one.path, STEP, "vanished", str(why))
        except OSError as why:
            return FileProblem(one.path, STEP, "unreadable", str(why))
        if frame is None:
            return _Open(one, burst, small), None
        out = frame.run([frame.prepare(small.pixels)])
        return _Open(one, burst, small, light_of(small.pixels)), out

    opened, outs, troubles, failed = [], [], [], []
    pairs = zip(media, bursts, strict=True)
    for one, found in zip(media, each(open_one, pairs), strict=True):
        if isinstance(found, FileProblem):
            troubles.append(found)
            failed.append(one.sha256)
            continue
        opened.append(found[0])
        outs.append(found[1])
        if found[0].small.truncated:
            troubles.append(FileProblem(one.path, STEP, "truncated", "the end is missing"))
    return opened, outs, troubles, failed


def _looks(
    opened: Sequence[_Open],
    outs: list[FrameOutput],
    frame: FrameModel,
    settings: Settings,
    boxes: Mapping[str, Sequence[Detection]],
) -> list[FrameScores]:
    lights = [one.light for one in opened]
    names = tuple(one.light for one in lights)
    out = joined(outs)
    outs.clear()  # the same once more, a quarter of a megabyte a picture
    novelty = background.novelty_map(out.cells, names)
    shifts = view_shift(out.cells, names)
    threshold = settings.blank.threshold
    bursts = np.array([one.burst for one in opened])
    decision = blank.decide(out.logits, novelty, names, bursts, frame.fusion, threshold)
    looks = []
    for i, (one, light) in enumerate(zip(opened, lights, strict=True)):
        box = crop.evidence_box(out.attention[i], novelty[i], *one.small.pixels.shape[:2])
        look = FrameScores(
            sha256=one.media.sha256,
            p_blank=float(decision.p_blank[i]),
            p_animal=float(decision.p_animal[i]),
            p_human=float(decision.p_human[i]),
            p_vehicle=float(decision.p_vehicle[i]),
            novelty=_or_none(decision.novelty_peak[i]),
            state="blank" if decision.blank[i] else "kept",
            decided_by=str(decision.decided_by[i]),
            light=light.light,
            luma=light.luma,
            contrast=light.contrast,
            view_shift=_or_none(shifts[i]),
            crop=box,
            crop_source="evidence",
            logits=tuple(float(value) for value in out.logits[i]),
        )
        sure = [b for b in boxes.get(one.media.path, ()) if b.confidence >= settings.blank.box_bar]
        looks.append(_overruled(look, one, sure))
    return looks


def _overruled(look: FrameScores, one: _Open, sure: Sequence[Detection]) -> FrameScores:
    """What speaks louder than our own scores: a detector's sure box, and a missing end."""
    if sure:
        look = _with_boxes(look, sure, *one.small.pixels.shape[:2])
    if one.small.truncated:
        look = replace(look, state="kept", decided_by="truncated")
    return look


def _with_boxes(
    look: FrameScores, sure: Sequence[Detection], height: int, width: int
) -> FrameScores:
    """A sure box keeps the picture, places the crop, gives the count, and only raises a score."""
    best = {kind: 0.0 for kind in crop.ORDER}
    for one in sure:
        best[one.category] = max(best[one.category], one.confidence)
    shown = next(kind for kind in crop.ORDER if best[kind])
    return replace(
        look,
        p_blank=min(look.p_blank, 1 - max(best.values())),
        p_animal=max(look.p_animal, best["animal"]),
        p_human=max(look.p_human, best["human"]),
        p_vehicle=max(look.p_vehicle, best["vehicle"]),
        state="kept",
        decided_by="boxes",
        crop=crop.detector_box(sure, height, width),
        crop_source="boxes",
        count=None if shown == "vehicle" else sum(one.category == shown for one in sure),
    )


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _embeddings(
    pictures: Sequence[tuple[str, NDArray[np.uint8], Box | None]], encoder: Encoder, each: Each
) -> list[Embedding]:
    """Crop and whole frame of each (sha-256, pixels, crop); without a crop only the frame."""
    views = [(sha, "frame", pixels) for sha, pixels, _ in pictures]
    views += [(sha, "crop", crop.cut(pixels, box)) for sha, pixels, box in pictures if box]
    if not views:
        return []
    vectors = encoder.images([pixels for _, _, pixels in views], each).astype(np.float16)
    return [
        Embedding(sha, view, vector.tobytes())
        for (sha, view, _), vector in zip(views, vectors, strict=True)
    ]
