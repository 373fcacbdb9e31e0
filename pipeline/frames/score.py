"""All that needs the pixels of a window: decode, score, crop, embed.

Pictures are decoded once and stay small (about 1 MB each) until the window is done: 128 of them and
their feature cells are some 150 MB, whatever the card holds. Each picture is decoded and scored for
itself, on as many threads as the caller's `each` has; what depends on the whole window comes after.
So any number of threads gives the same result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.each import Each
from pipeline.errors import UnreadablePicture
from pipeline.frames import background, blank, crop
from pipeline.frames.blank import Fusion
from pipeline.frames.boxes import Seen, covers
from pipeline.frames.child import LIMIT_S, decode_in_child
from pipeline.frames.classifier import FrameOutput, joined, squeeze
from pipeline.frames.decode import Small, decode
from pipeline.frames.evidence import Evidence
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

STEP = "look"  # of the file problems found here


class Read(Protocol):
    """Reads the bytes of a picture; OSError where that fails."""

    def __call__(self, picture: Media, /) -> bytes: ...


class Decode(Protocol):
    """Decodes a picture; UnreadablePicture where that fails."""

    def __call__(self, data: bytes, /) -> Small: ...


class FrameModel(Protocol):
    """The frame model (pipeline.frames.classifier); threads share it."""

    @property
    def fusion(self) -> Fusion:
        """How its logits and the background decide."""

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture (height, width, 3) of any size to the model's own."""

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> FrameOutput:
        """The outputs for prepared pictures, each scored alone."""


class Detector(Protocol):
    """The detector (pipeline.frames.detector); threads share it."""

    @property
    def name(self) -> str:
        """As its boxes name it."""

    @property
    def sha256(self) -> str:
        """Of all that shapes its answers."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its input in pixels."""

    @property
    def evidence(self) -> Evidence:
        """What its confidences count in the decision."""

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> list[Seen]:
        """What it sees in pictures squeezed to its size, each run alone."""


class Encoder(Protocol):
    """The image tower of a labeller (pipeline.species.encoder)."""

    def images(
        self, pictures: Sequence[NDArray[np.uint8]], each: Each = map
    ) -> NDArray[np.float32]:
        """Pictures (height, width, 3) to unit vectors (n, d)."""


@dataclass(frozen=True, slots=True)
class _Scored:
    """A picture that could be decoded, and what was seen in it."""

    media: Media
    small: Small
    light: Light
    seen: Seen | None  # None: no detector


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
    detector: Detector | None = None,
) -> WindowScores:
    """Score one window; a picture that cannot be opened is a file problem and in `failed`.

    bursts    (n,) number of each picture's burst
    boxes     another detector's results by Media.path: a picture that it has goes by them
    detector  None: the frame model alone says what is a person or a vehicle
    encoder   None: no embeddings
    each      runs the pictures one after the other, or on the threads of a pool
    """

    def score(picture: Media) -> tuple[_Scored, FrameOutput] | FileProblem:
        small = _open(picture, read, decoder)
        if isinstance(small, FileProblem):
            return small
        pixels = small.pixels
        prepared = frame.prepare(pixels)
        seen = _seen(pixels, prepared, detector)
        return _Scored(picture, small, light_of(pixels), seen), frame.run([prepared])

    opened: list[_Scored] = []
    outputs: list[FrameOutput] = []
    numbers: list[int] = []  # of the bursts
    problems: list[FileProblem] = []
    failed: list[str] = []
    for picture, burst, found in zip(media, bursts, each(score, media), strict=True):
        if isinstance(found, FileProblem):
            problems.append(found)
            failed.append(picture.sha256)
            continue
        opened.append(found[0])
        outputs.append(found[1])
        numbers.append(burst)
        if found[0].small.truncated:
            problems.append(FileProblem(picture.path, STEP, "truncated", "the end is missing"))
    if not opened:
        return WindowScores((), (), tuple(problems), tuple(failed))
    output = joined(outputs)
    outputs.clear()  # held twice, they are a quarter of a megabyte for each picture
    worth = detector.evidence if detector is not None else None
    scores = _frame_scores(opened, numbers, output, (frame.fusion, worth), settings, boxes or {})
    kept = [
        (picture.media.sha256, picture.small.pixels, scored.crop)
        for picture, scored in zip(opened, scores, strict=True)
        if scored.state == "kept"
    ]
    embeddings = _embeddings(kept, encoder, each) if encoder is not None else []
    return WindowScores(tuple(scores), tuple(embeddings), tuple(problems), tuple(failed))


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
    detector: Detector | None = None,
) -> WindowScores:
    """As `score_window`, each picture decoded in a process of its own, after a crash."""

    def apart(data: bytes) -> Small:
        return decode_in_child(data, limit_s)

    return score_window(media, bursts, read, frame, encoder, settings, boxes, apart, each, detector)


def embed(
    media: Sequence[Media],
    crops: Mapping[str, Box | None],
    read: Read,
    encoder: Encoder,
    each: Each = map,
) -> tuple[list[Embedding], list[FileProblem]]:
    """Vectors of pictures that were scored before: the audit's sample of the blanks.

    crops     by sha-256, as in FrameScores.crop
    returns   vectors, and the pictures that cannot be opened any more
    """
    found = list(each(lambda picture: _open(picture, read, decode), media))
    opened = [
        (picture.sha256, small.pixels, crops.get(picture.sha256))
        for picture, small in zip(media, found, strict=True)
        if isinstance(small, Small)
    ]
    problems = [problem for problem in found if isinstance(problem, FileProblem)]
    return _embeddings(opened, encoder, each), problems


def _seen(
    pixels: NDArray[np.uint8], prepared: NDArray[np.uint8], detector: Detector | None
) -> Seen | None:
    """What the detector sees, in the frame model's own pixels where both have one size."""
    if detector is None:
        return None
    same = prepared.shape[:2] == detector.size
    [seen] = detector.run([prepared if same else squeeze(pixels, detector.size)])
    by = f"camtriage detector {detector.name} {detector.sha256[:12]}"
    return replace(seen, boxes=tuple(replace(box, by=by) for box in seen.boxes))


def _open(picture: Media, read: Read, decoder: Decode) -> Small | FileProblem:
    try:
        return decoder(read(picture))
    except UnreadablePicture as why:
        return FileProblem(picture.path, STEP, why.reason, why.detail)
    except FileNotFoundError as why:
        return FileProblem(picture.path, STEP, "vanished", str(why))
    except OSError as why:
        return FileProblem(picture.path, STEP, "unreadable", str(why))


def _frame_scores(
    opened: Sequence[_Scored],
    bursts: Sequence[int],
    output: FrameOutput,
    worth: tuple[Fusion, Evidence | None],
    settings: Settings,
    boxes: Mapping[str, Sequence[Detection]],
) -> list[FrameScores]:
    """The scores of a window's n opened pictures; all sequences have that length."""
    names = tuple(picture.light.light for picture in opened)
    novelty = background.novelty_map(output.cells, names)
    shifts = view_shift(output.cells, names)
    decision = blank.decide(
        output.logits,
        novelty,
        bursts,
        worth[0],
        settings.blank.threshold,
        np.array([picture.seen.confidences for picture in opened if picture.seen]),
        worth[1],
    )
    scores: list[FrameScores] = []
    for i, picture in enumerate(opened):
        height, width = picture.small.pixels.shape[:2]
        light = picture.light
        scored = FrameScores(
            sha256=picture.media.sha256,
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
            crop=crop.evidence_box(output.attention[i], novelty[i], height, width),
            crop_source="evidence",
            logits=tuple(float(value) for value in output.logits[i]),
        )
        found = boxes.get(picture.media.path)
        if picture.seen is not None and worth[1] is not None:
            scored = replace(scored, confidences=picture.seen.confidences)
            if found is None:
                scored = _with_detector(scored, picture.seen, worth[1], height, width)
        sure = [box for box in found or () if box.confidence >= settings.blank.box_bar]
        if sure:
            scored = _with_boxes(scored, sure, height, width)
        if picture.small.truncated:
            scored = replace(scored, state="kept", decided_by="truncated")
        scores.append(scored)
    return scores


def _with_detector(
    scored: FrameScores, seen: Seen, worth: Evidence, height: int, width: int
) -> FrameScores:
    """Our own boxes are kept with the picture; the sure ones place the crop and give the count."""
    scored = replace(scored, detections=tuple(_worth_keeping(scored, seen, worth)))
    sure = [box for box in scored.detections if box.sure]
    if not sure:
        return scored
    return replace(
        scored,
        crop=crop.detector_box(sure, height, width),
        crop_source="detector",
        count=_count(sure, scored.counted),
    )


def _worth_keeping(scored: FrameScores, seen: Seen, worth: Evidence) -> list[Detection]:
    """Sure boxes, those of people and vehicles from their level `look` up, and in a kept picture
    without any the surest one of an animal: the rest are many, and say nothing. One that shares
    most of its place with a surer one of its kind is no second animal, but a part of it."""
    found: list[Detection] = []
    for box in seen.boxes:
        p, kind = worth.weighed(box, seen.confidences), box.category
        part = any(other.category == kind and covers(other.box, box.box) for other in found)
        if p >= worth.look(kind) and not part:
            found.append(replace(box, sure=p >= worth.sure(kind)))
    animals = [replace(box, sure=False) for box in seen.boxes if box.category == "animal"]
    return found or (animals[:1] if scored.state == "kept" else [])


def _count(sure: Sequence[Detection], kind: str) -> int | None:
    """Sure boxes of animals or of people; None: there is none, so their number is not known."""
    return sum(box.category == kind for box in sure) or None


def _with_boxes(
    scored: FrameScores, sure: Sequence[Detection], height: int, width: int
) -> FrameScores:
    """A sure box keeps the picture, places the crop, gives the count, and only raises a score."""
    best = {kind: 0.0 for kind in crop.ORDER}
    for box in sure:
        best[box.category] = max(best[box.category], box.confidence)
    raised = replace(
        scored,
        p_blank=min(scored.p_blank, 1 - max(best.values())),
        p_animal=max(scored.p_animal, best["animal"]),
        p_human=max(scored.p_human, best["human"]),
        p_vehicle=max(scored.p_vehicle, best["vehicle"]),
        state="kept",
        decided_by="boxes",
        crop=crop.detector_box(sure, height, width),
        crop_source="boxes",
        detections=tuple(sure),
    )
    return replace(raised, count=_count(sure, raised.counted))


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
