"""How well a frame model finds blanks on cards it never saw, as tables one can read.

    evaluate_frames(Path("labels.csv"))      `camtriage train judge labels.csv`

Three scores side by side: the frame model alone, novelty alone, both fused. `unknown` pictures lie
in the windows, as on a card, and count in no figure.
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
    """What is said about each row of the table, in its order."""

    examples: tuple[Example, ...]
    logits: NDArray[np.float32]  # (n, 4)
    alone: NDArray[np.float64]  # p_blank of the frame model alone
    novelty: NDArray[np.float64]  # minus its peak, so that high means blank; nan: no background
    fused: NDArray[np.float64]  # p_blank as the program decides
    decided_by: NDArray[np.str_]

    def part(self, rows: NDArray) -> "Scores":
        return Scores(
            tuple(one for one, taken in zip(self.examples, rows, strict=True) if taken),
            *(getattr(self, name)[rows] for name in self.__slots__[1:]),
        )


def evaluate_frames(table: Path, model: str = "starter", left_out: Path | None = None) -> str:
    """Markdown: the frozen decision on cards that the model did not learn from.

    left_out   left_out.json of `camtriage train frame --leave-out`: adds the table by which the
               decision was chosen, and people and vehicles with their card left out
    """
    frame = load_frame_model(model)
    examples = read_examples(table)
    unseen = [one for one in examples if not learned_from(one)]
    if not any(one.kind == "blank" for one in unseen):
        raise SettingsError(f"{table}: no blanks on cards that were not trained on")
    scores = score(unseen, frame)
    threshold = frame.fusion.threshold
    parts = [tables.overall("Cards never trained on", scores, threshold)]
    studies = {one.study for one in examples if learned_from(one)}
    apart = np.array([one.study not in studies for one in scores.examples])
    parts.append(tables.overall("Of studies never trained on", scores.part(apart), threshold))
    tested = np.array([one.split == "test" for one in scores.examples])
    parts.append(tables.overall("The split test alone", scores.part(tested), threshold))
    parts.append(tables.by_card(scores, threshold))
    if left_out is not None:
        held = read_left_out(left_out, examples, frame)
        parts.append(tables.overall("Study left out, train and validate", held, threshold))
        parts.append(tables.by_card(held, threshold))
        parts.append(tables.people_and_vehicles(held, scores))
    return "\n\n".join(parts)


def learned_from(one: Example) -> bool:
    """Whether a model that is given away may have learned from it."""
    return one.may_train and one.split in ("train", "validate")


def score(examples: Sequence[Example], model: FrameModel) -> Scores:
    """Look at every picture as a run would, window by window."""
    count = len(examples)
    logits, novelty = np.zeros((count, 4), np.float32), None
    lights = np.full(count, "", dtype="<U10")
    for rows in windows_of(examples):
        pixels = [read_pixels(examples[row]) for row in rows]
        lights[rows] = [light_of(one).light for one in pixels]
        out = model.run([model.prepare(one) for one in pixels])
        if novelty is None:
            novelty = np.zeros((count, *out.cells.shape[1:3]), np.float32)
        logits[rows] = out.logits
        novelty[rows] = background.novelty_map(out.cells, lights[rows])
    return decided(examples, logits, novelty, model.fusion)


def decided(examples, logits, novelty, fusion: blank.Fusion) -> Scores:
    """The decision over all windows, with background and without."""
    count = len(examples)
    alone, fused, peak = np.zeros(count), np.zeros(count), np.zeros(count)
    decided_by = np.full(count, "", dtype="<U11")
    for rows in windows_of(examples):
        bursts = burst_numbers([examples[row] for row in rows])
        both = blank.decide(logits[rows], novelty[rows], bursts, fusion)
        nothing = np.full_like(novelty[rows], np.nan)
        single = np.arange(len(rows))
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
    held = [one for one in examples if one.name in rows]
    found = [rows[one.name] for one in held]
    fusion = model.fusion
    given = {name: np.array([row[name] for row in found], float) for name in blank.INPUTS}
    alone = blank.p_blank_of(given, fusion, background=False)
    fused = np.where(np.isnan(given["novelty_peak"]), alone, blank.p_blank_of(given, fusion))
    logits = np.array([row["logits"] for row in found], np.float32)
    by = np.where(np.isnan(given["novelty_peak"]), blank.FRAME, blank.FUSED)
    return Scores(tuple(held), logits, alone, -np.exp(given["novelty_peak"]), fused, by)
