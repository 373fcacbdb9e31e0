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
from pipeline.frames.light import light_of
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
    decided_by: NDArray[np.str_]

    def part(self, rows: NDArray[np.bool_]) -> "Scores":
        """The scores of these rows alone."""
        return Scores(
            tuple(example for example, taken in zip(self.examples, rows, strict=True) if taken),
            *(getattr(self, name)[rows] for name in self.__slots__[1:]),
        )


def evaluate_frames(table: Path, model: str = "starter", left_out: Path | None = None) -> str:
    """Markdown: the decision of a model on cards that it did not learn from.

    left_out   left_out.json of `camtriage train frame --leave-out`: adds the table by which the
               decision was chosen, and people and vehicles with their card left out
    """
    frame = load_frame_model(model)
    examples = read_examples(table)
    unseen = [example for example in examples if not learned_from(example)]
    if not any(example.kind == "blank" for example in unseen):
        raise SettingsError(f"{table}: no blanks on cards that were not trained on")
    scores = score(unseen, frame)
    threshold = frame.fusion.threshold
    parts = [tables.overall("Cards never trained on", scores, threshold)]
    studies = {example.study for example in examples if learned_from(example)}
    apart = np.array([example.study not in studies for example in scores.examples])
    parts.append(tables.overall("Of studies never trained on", scores.part(apart), threshold))
    tested = np.array([example.split == "test" for example in scores.examples])
    parts.append(tables.overall("The split test alone", scores.part(tested), threshold))
    parts.append(tables.by_card(scores, threshold))
    kinds = "People and vehicles"
    parts.append(tables.people_and_vehicles(f"{kinds}, never trained on", scores, frame.fusion))
    if left_out is not None:
        held = read_left_out(left_out, examples, frame)
        parts.append(tables.overall("Study left out, train and validate", held, threshold))
        parts.append(tables.by_card(held, threshold))
        parts.append(tables.people_and_vehicles(f"{kinds}, study left out", held, frame.fusion))
    return "\n\n".join(parts)


def learned_from(example: Example) -> bool:
    """Whether a model that is given to others may have learned from it."""
    return example.may_train and example.split in ("train", "validate")


def score(examples: Sequence[Example], model: FrameModel) -> Scores:
    """Score every picture as a run would, window by window."""
    count = len(examples)
    logits = np.zeros((count, 4), np.float32)
    novelty: NDArray[np.float32] | None = None
    lights = np.full(count, "", dtype="<U10")
    for rows in windows_of(examples):
        pixels = [read_pixels(examples[row]) for row in rows]
        lights[rows] = [light_of(picture).light for picture in pixels]
        out = model.run([model.prepare(picture) for picture in pixels])
        if novelty is None:
            novelty = np.zeros((count, *out.cells.shape[1:3]), np.float32)
        logits[rows] = out.logits
        novelty[rows] = background.novelty_map(out.cells, lights[rows].tolist())
    assert novelty is not None  # there is at least one picture
    return decided(examples, logits, novelty, model.fusion)


def decided(
    examples: Sequence[Example],
    logits: NDArray[np.float32],
    novelty: NDArray[np.float32],
    fusion: blank.Fusion,
) -> Scores:
    """The decision over all windows, with background and without."""
    count = len(examples)
    alone, fused, peak = np.zeros(count), np.zeros(count), np.zeros(count)
    decided_by = np.full(count, "", dtype="<U11")
    for rows in windows_of(examples):
        bursts = burst_numbers([examples[row] for row in rows])
        both = blank.decide(logits[rows], novelty[rows], bursts, fusion)
        nothing = np.full_like(novelty[rows], np.nan)
        single = list(range(len(rows)))
        alone[rows] = blank.decide(logits[rows], nothing, single, fusion).p_blank
        fused[rows], decided_by[rows] = both.p_blank, both.decided_by
        peak[rows] = -both.novelty_peak
    return Scores(tuple(examples), logits, alone, peak, fused, decided_by)


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
    return Scores(tuple(held), logits, alone, -np.exp(given["novelty_peak"]), fused, by)
