"""How well a frame model finds blanks on cards it was not trained on, as tables in Markdown.

    evaluate_frames(Path("labels.csv"))      `camtriage train judge labels.csv`

Three scores: the frame model alone, novelty alone, both fused. `unknown` pictures are in the
windows, as on a card, and count in no figure.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.frames import background, blank
from pipeline.frames.classifier import FrameModel, load_frame_model
from pipeline.frames.evidence import Evidence
from pipeline.frames.light import light_of
from pipeline.frames.own.detector import load_any
from pipeline.frames.score import Detector
from pipeline.train import evaluation_tables as tables
from pipeline.train.pictures import (
    Example,
    burst_numbers,
    read_examples,
    read_pixels,
    windows_of,
)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of each row of the table, in its order."""

    examples: tuple[Example, ...]
    logits: NDArray[np.float32]  # (n, 4)
    alone: NDArray[np.float64]  # p_blank of the frame model alone
    novelty: NDArray[np.float64]  # minus its peak, so that high means blank; nan: no background
    fused: NDArray[np.float64]  # p_blank as the program decides
    called: NDArray[np.float64]  # (n, 2) p_human and p_vehicle
    decided_by: NDArray[np.str_]

    def part(self, rows: NDArray[np.bool_]) -> "Scores":
        """The scores of these rows alone."""
        return Scores(
            tuple(example for example, taken in zip(self.examples, rows, strict=True) if taken),
            *(getattr(self, name)[rows] for name in self.__slots__[1:]),
        )


def evaluate_frames(
    table: Path,
    model: str = "starter",
    left_out: Path | None = None,
    detector: str | None = None,
) -> str:
    """Markdown: the decision of a model on cards that it did not learn from.

    detector   that decides too, as a run has it: starter or a folder; None: none
    left_out   left_out.json of `camtriage train frame --leave-out`: adds the table by which the
               decision was chosen, and people and vehicles with their card left out
    """
    frame = load_frame_model(model)
    examples = read_examples(table)
    unseen = [example for example in examples if not learned_from(example)]
    if not any(example.kind == "blank" for example in unseen):
        raise SettingsError(f"{table}: no blanks on cards that were not trained on")
    scores = score(unseen, frame, load_any(detector) if detector else None)
    threshold = frame.fusion.threshold
    parts = [tables.overall("Cards never trained on", scores, threshold)]
    studies = {example.study for example in examples if learned_from(example)}
    apart = np.array([example.study not in studies for example in scores.examples])
    parts.append(tables.overall("Of studies never trained on", scores.part(apart), threshold))
    tested = np.array([example.split == "test" for example in scores.examples])
    parts.append(tables.overall("The split test alone", scores.part(tested), threshold))
    parts.append(tables.by_card(scores, threshold))
    kinds = "People and vehicles"
    parts.append(tables.people_and_vehicles(f"{kinds}, never trained on", scores))
    if left_out is not None:
        held = read_left_out(left_out, examples, frame)
        parts.append(tables.overall("Study left out, train and validate", held, threshold))
        parts.append(tables.by_card(held, threshold))
        parts.append(tables.people_and_vehicles(f"{kinds}, study left out", held))
    return "\n\n".join(parts)


def learned_from(example: Example) -> bool:
    """Whether a model that is given to others may have learned from it."""
    return example.may_train and example.split in ("train", "validate")


def score(
    examples: Sequence[Example], model: FrameModel, detector: Detector | None = None
) -> Scores:
    """Score every picture as a run would, window by window."""
    count = len(examples)
    logits = np.zeros((count, 4), np.float32)
    novelty: NDArray[np.float32] | None = None
    lights = np.full(count, "", dtype="<U10")
    confidences = np.zeros((count, 3)) if detector is not None else None
    for rows in windows_of(examples):
        pixels = [read_pixels(examples[row]) for row in rows]
        lights[rows] = [light_of(picture).light for picture in pixels]
        out = model.run([model.prepare(picture) for picture in pixels])
        if detector is not None and confidences is not None:
            seen = detector.run([detector.prepare(picture) for picture in pixels])
            confidences[rows] = [found.confidences for found in seen]
        if novelty is None:
            novelty = np.zeros((count, *out.cells.shape[1:3]), np.float32)
        logits[rows] = out.logits
        novelty[rows] = background.novelty_map(out.cells, lights[rows].tolist())
    assert novelty is not None  # there is at least one picture
    worth = detector.evidence if detector is not None else None
    return decided(examples, logits, novelty, model.fusion, confidences, worth)


def decided(
    examples: Sequence[Example],
    logits: NDArray[np.float32],
    novelty: NDArray[np.float32],
    fusion: blank.Fusion,
    confidences: NDArray[np.float64] | None = None,
    worth: Evidence | None = None,
) -> Scores:
    """The decision over all windows, with background and without."""
    count = len(examples)
    alone, fused, peak = np.zeros(count), np.zeros(count), np.zeros(count)
    called, decided_by = np.zeros((count, 2)), np.full(count, "", dtype="<U11")
    for rows in windows_of(examples):
        bursts = burst_numbers([examples[row] for row in rows])
        seen = confidences[rows] if confidences is not None else None
        both = blank.decide(logits[rows], novelty[rows], bursts, fusion, None, seen, worth)
        called[rows] = np.stack([both.p_human, both.p_vehicle], axis=1)
        nothing = np.full_like(novelty[rows], np.nan)
        single = list(range(len(rows)))
        alone[rows] = blank.decide(logits[rows], nothing, single, fusion).p_blank
        fused[rows], decided_by[rows] = both.p_blank, both.decided_by
        peak[rows] = -both.novelty_peak
    return Scores(tuple(examples), logits, alone, peak, fused, called, decided_by)


def read_left_out(path: Path, examples: Sequence[Example], model: FrameModel) -> Scores:
    """Scores of pictures by networks that had not seen their study, decided by this fusion."""
    try:
        rows = {row["path"]: row for row in json.loads(path.read_text("utf-8"))}
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise SettingsError(f"{path}: not what --leave-out writes: {why!r}") from why
    held = [example for example in examples if example.name in rows]
    found = [rows[example.name] for example in held]
    fusion = model.fusion
    given = {name: np.array([row[name] for row in found], float) for name in blank.INPUTS}
    alone = blank.p_blank_of(given, fusion, background=False)
    fused = np.where(np.isnan(given["novelty_peak"]), alone, blank.p_blank_of(given, fusion))
    logits = np.array([row["logits"] for row in found], np.float32)
    by = np.where(np.isnan(given["novelty_peak"]), blank.FRAME, blank.FUSED)
    shares = blank.kind_shares(logits)[:, 1:] * (1 - fused)[:, None]
    levels = (fusion.human_level, fusion.vehicle_level)
    called = [blank.levelled(share, level) for share, level in zip(shares.T, levels, strict=True)]
    peak = -np.exp(given["novelty_peak"])
    return Scores(tuple(held), logits, alone, peak, fused, np.stack(called, axis=1), by)
