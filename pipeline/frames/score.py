"""All that needs the pixels of a window: decode, score, crop, embed.

Pictures are decoded once and stay small (about 1 MB each) until the window is done: 128 of them and
their feature cells are some 150 MB, whatever the card holds. Each picture is decoded and scored for
itself, on as many threads as the caller's `each` has; what depends on the whole window comes after.
So any number of threads gives the same result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.each import Each
from pipeline.errors import UnreadablePicture
from pipeline.frames import background, blank, crop
from pipeline.frames.blank import DETECTOR, Fusion
from pipeline.frames.boxes import Seen, covers
from pipeline.frames.child import LIMIT_S, decode_in_child
from pipeline.frames.classifier import FrameOutput, joined
from pipeline.frames.clip import Frame, shown, still
from pipeline.frames.decode import Small
from pipeline.frames.evidence import CALLED, Evidence
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
    """Decodes a picture, or the frames of a clip; UnreadablePicture where that fails."""

    def __call__(self, data: bytes, mediatype: str, /) -> list[Frame]: ...


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

    @property
    def own(self) -> str:
        """Of a detector of the user's own where its levels are from; "": they were measured."""

    def prepare(
        self, pixels: NDArray[np.uint8], same: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Its input from a picture. same: the frame model's input, which may be it already."""

    def run(self, pixels: Iterable[NDArray[np.uint8]]) -> list[Seen]:
        """What it sees in prepared pictures, each run alone."""


class Earlier(Protocol):
    """What a camera usually sees, for a window too short to show it."""

    def __call__(self, light: str, most: int, /) -> NDArray[np.floating]:
        """(at most `most`, h, w, c) the frame model's cells of earlier pictures of this light."""


class Encoder(Protocol):
    """The image tower of a labeller (pipeline.species.encoder)."""

    def images(
        self, pictures: Sequence[NDArray[np.uint8]], each: Each = map
    ) -> NDArray[np.float32]:
        """Pictures (height, width, 3) to unit vectors (n, d)."""


@dataclass(frozen=True, slots=True)
class _Scored:
    """A picture that could be decoded, or a frame of a clip, and what was seen in it."""

    media: Media
    number: int | None  # of the frame; None: a picture
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
    decoder: Decode = shown,
    each: Each = map,
    detector: Detector | None = None,
    earlier: Earlier | None = None,
) -> WindowScores:
    """Score one window; a picture that cannot be opened is a file problem and in `failed`.

    The frames of a clip are looked at as pictures of one burst; its scores are those of the frame
    that shows most, each kind's the highest of all frames.

    bursts    (n,) number of each picture's burst
    boxes     another detector's results by Media.path: a picture that it has goes by them
    detector  None: the frame model alone says what is a person or a vehicle
    encoder   None: no embeddings
    each      runs the pictures one after the other, or on the threads of a pool
    earlier   fills up the background of a window with few pictures
    """

    def score(picture: Media) -> list[tuple[_Scored, FrameOutput]] | FileProblem:
        shots = _open(picture, read, decoder)
        if isinstance(shots, FileProblem):
            return shots
        return [_look(picture, one, frame, detector) for one in shots]

    opened: list[_Scored] = []
    outputs: list[FrameOutput] = []
    numbers: list[int] = []  # of the bursts
    problems, failed = list[FileProblem](), list[str]()
    for picture, burst, found in zip(media, bursts, each(score, media), strict=True):
        if isinstance(found, FileProblem):
            problems.append(found)
            failed.append(picture.sha256)
            continue
        opened += [scored for scored, _ in found]
        outputs += [output for _, output in found]
        numbers += [burst] * len(found)
        if any(scored.small.truncated for scored, _ in found):
            problems.append(FileProblem(picture.path, STEP, "truncated", "the end is missing"))
    if not opened:
        return WindowScores((), (), tuple(problems), tuple(failed))
    output = joined(outputs)
    outputs.clear()  # held twice, they are a quarter of a megabyte for each picture
    worth = (frame.fusion, detector.evidence if detector is not None else None)
    seen = _usually_seen(opened, output, earlier)
    scores = _frame_scores(opened, numbers, output, seen, worth, settings, boxes or {})
    if detector is not None and detector.own:
        scores = [_kept_by_animal(scored, detector.evidence.animal) for scored in scores]
    opened, scores = _one_a_medium(opened, scores)
    kept = _kept(opened, scores)
    embeddings = _embeddings(kept, encoder, each) if encoder is not None else []
    return WindowScores(tuple(scores), tuple(embeddings), tuple(problems), tuple(failed))


def _look(
    picture: Media, one: Frame, frame: FrameModel, detector: Detector | None
) -> tuple[_Scored, FrameOutput]:
    """What the models make of a picture, or of one frame of a clip, by itself."""
    pixels = one.small.pixels
    prepared = frame.prepare(pixels)
    seen = _seen(pixels, prepared, detector)
    scored = _Scored(picture, one.number, one.small, light_of(pixels), seen)
    return scored, frame.run([prepared])


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
    earlier: Earlier | None = None,
) -> WindowScores:
    """As `score_window`, each picture decoded in a process of its own, after a crash."""

    def apart(data: bytes, mediatype: str) -> list[Frame]:
        return decode_in_child(data, mediatype, limit_s)

    return score_window(
        media, bursts, read, frame, encoder, settings, boxes, apart, each, detector, earlier
    )


def embed(
    media: Sequence[Media],
    scores: Mapping[str, FrameScores],
    read: Read,
    encoder: Encoder,
    each: Each = map,
) -> tuple[list[Embedding], list[FileProblem]]:
    """Vectors of pictures that were scored before: the audit's sample of the blanks.

    scores    theirs, by sha-256: where the crop lies, and on which frame of a clip
    returns   vectors, and the pictures that cannot be opened any more
    """

    def again(picture: Media) -> list[Frame] | FileProblem:
        number = scores[picture.sha256].frame_number
        return _open(picture, read, lambda data, _: [Frame(number, still(data, number))])

    found = list(each(again, media))
    opened = [
        (picture.sha256, frames[0].small.pixels, scores[picture.sha256].crop)
        for picture, frames in zip(media, found, strict=True)
        if not isinstance(frames, FileProblem)
    ]
    problems = [problem for problem in found if isinstance(problem, FileProblem)]
    return _embeddings(opened, encoder, each), problems


def _seen(
    pixels: NDArray[np.uint8], prepared: NDArray[np.uint8], detector: Detector | None
) -> Seen | None:
    """What the detector sees, in the frame model's own pixels where both have one size."""
    if detector is None:
        return None
    [seen] = detector.run([detector.prepare(pixels, prepared)])
    by = f"camtriage detector {detector.name} {detector.sha256[:12]}"
    return replace(seen, boxes=tuple(replace(box, by=by) for box in seen.boxes))


def _open(picture: Media, read: Read, decoder: Decode) -> list[Frame] | FileProblem:
    try:
        return decoder(read(picture), picture.mediatype)
    except UnreadablePicture as why:
        return FileProblem(picture.path, STEP, why.reason, why.detail)
    except FileNotFoundError as why:
        return FileProblem(picture.path, STEP, "vanished", str(why))
    except OSError as why:
        return FileProblem(picture.path, STEP, "unreadable", str(why))


def _usually_seen(
    opened: Sequence[_Scored], output: FrameOutput, earlier: Earlier | None
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Novelty (n, h, w) and shift of the view (n,) of a window's pictures, beside what the camera
    saw before where the window alone is short."""
    lights = [picture.light.light for picture in opened]
    cells, names = [output.cells], [*lights]
    for light in sorted({*lights}) if earlier else ():
        missing = background.FULL - lights.count(light)
        if earlier and missing > 0 and len(before := earlier(light, missing)):
            cells.append(before.astype(np.float32))
            names += [light] * len(before)
    every = np.concatenate(cells)
    count = len(opened)
    return background.novelty_map(every, names)[:count], view_shift(every, names)[:count]


def _frame_scores(
    opened: Sequence[_Scored],
    bursts: Sequence[int],
    output: FrameOutput,
    seen: tuple[NDArray[np.float32], NDArray[np.float64]],
    worth: tuple[Fusion, Evidence | None],
    settings: Settings,
    boxes: Mapping[str, Sequence[Detection]],
) -> list[FrameScores]:
    """The scores of a window's n opened pictures and frames; all sequences have that length."""
    novelty, shifts = seen
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
    given = _given(opened, boxes)
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
            frame_number=picture.number,
        )
        found = given[i]
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


def _given(
    opened: Sequence[_Scored], boxes: Mapping[str, Sequence[Detection]]
) -> list[list[Detection] | None]:
    """Imported boxes of each opened picture (None: it has no results), and of each frame of a
    clip: a box counts on the looked-at frame nearest to its own."""
    looked: dict[str, list[int]] = {}
    for one in opened:
        if one.number is not None:
            looked.setdefault(one.media.path, []).append(one.number)

    def lies_on(box: Detection, one: _Scored) -> bool:
        number = box.frame_number or 0
        return one.number is None or one.number == min(
            looked[one.media.path], key=lambda other: (abs(other - number), other)
        )

    return [
        [box for box in boxes[one.media.path] if lies_on(box, one)]
        if one.media.path in boxes
        else None
        for one in opened
    ]


def _one_a_medium(
    opened: Sequence[_Scored], scores: Sequence[FrameScores]
) -> tuple[list[_Scored], list[FrameScores]]:
    """A clip's frames as one: the frame that shows most, with the highest score of each kind."""
    chosen: list[_Scored] = []
    merged: list[FrameScores] = []
    pairs = zip(opened, scores, strict=True)
    for _, group in groupby(pairs, key=lambda pair: pair[0].media.sha256):
        frames = list(group)
        shot, best = max(frames, key=lambda pair: _shows(pair[1]))
        if shot.number is not None:
            best = _highest(best, [scored for _, scored in frames])
        chosen.append(shot)
        merged.append(best)
    return chosen, merged


def _shows(scored: FrameScores) -> tuple[bool, float, float]:
    """For sorting: kept before blank, a called person or vehicle before an animal."""
    called = max(scored.p_human, scored.p_vehicle)
    return scored.state == "kept", called if called >= CALLED else 0.0, 1 - scored.p_blank


def _highest(best: FrameScores, frames: Sequence[FrameScores]) -> FrameScores:
    """The best frame's scores with those of the whole clip."""
    raised = replace(
        best,
        p_blank=min(one.p_blank for one in frames),
        p_animal=max(one.p_animal for one in frames),
        p_human=max(one.p_human for one in frames),
        p_vehicle=max(one.p_vehicle for one in frames),
        frames=tuple(one.frame_number for one in frames if one.frame_number is not None),
    )
    counts = [one.count for one in frames if one.count and one.counted == raised.counted]
    return replace(raised, count=max(counts, default=None))


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


def _kept_by_animal(scored: FrameScores, level: float) -> FrameScores:
    """Of a detector whose weight against the frame model nobody measured, a sure animal keeps the
    picture, and what it does not see says nothing."""
    confidence = (scored.confidences or (0.0,))[0]
    if confidence < level or scored.state != "blank":
        return scored
    p_blank = min(scored.p_blank, 1 - confidence)
    p_animal = max(scored.p_animal, confidence)
    return replace(scored, p_blank=p_blank, p_animal=p_animal, state="kept", decided_by=DETECTOR)


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


def _kept(
    opened: Sequence[_Scored], scores: Sequence[FrameScores]
) -> list[tuple[str, NDArray[np.uint8], Box | None]]:
    """Sha-256, pixels and crop of the pictures that are not blank."""
    return [
        (picture.media.sha256, picture.small.pixels, scored.crop)
        for picture, scored in zip(opened, scores, strict=True)
        if scored.state == "kept"
    ]


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
