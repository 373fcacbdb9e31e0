"""Models of one's own: made and measured."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from flows.services.reviewing.pictures import Roots
from flows.services.upkeep.reviewed import write_reviewed
from pipeline.errors import SettingsError
from pipeline.frames.classifier import STARTER, read_facts
from pipeline.train.detector.learn import Plan as DetectorPlan
from pipeline.train.detector.training import DetectorOptions
from pipeline.train.detector.training import train_detector as train_a_detector
from pipeline.train.evaluate import evaluate_frames
from pipeline.train.frame.learn import Plan
from pipeline.train.frame.training import FrameOptions
from pipeline.train.frame.training import train_frame as train
from pipeline.train.labeller import pull
from pipeline.train.labeller import training as labeller
from pipeline.train.labeller.prototypes import add_prototypes

LEAST_STEPS = 10  # the rate of learning rises in a fifth of them, and falls in the rest
Report = Callable[[str], None]  # is given what happens meanwhile, a line at a time


def train_frame(
    table: Path,
    out: Path,
    report: Report,
    *,
    backbone: str = "tf_efficientnet_lite0",
    weights: Path | None = None,
    learn: str = "heads",
    size: str = "320x448",
    steps: int = 400,
    soup: int = 1,
    leave_out: bool = False,
    seed: int = 0,
) -> Path:
    """Fine-tune a frame model; the folder it is written into.

    size     HEIGHTxWIDTH in pixels, multiples of 32
    report   is given what is measured, a line at a time
    """
    if steps < LEAST_STEPS:
        raise SettingsError(f"--steps {steps}: give {LEAST_STEPS} or more")
    options = FrameOptions(
        table=table,
        out=out,
        backbone=backbone,
        weights=weights,
        learn=learn,
        size=_size(size),
        plan=Plan(steps=steps),
        soup=soup,
        leave_out=leave_out,
        seed=seed,
    )
    train(options, report)
    return out


def relearn_frame(
    database: str,
    out: Path,
    report: Report,
    *,
    start: str = "starter",
    roots: Roots | None = None,
    steps: int = 100,
    seed: int = 0,
) -> Path | None:
    """Let a frame model learn on from what people reviewed; the folder it is written into.

    None: on stations left out it does not beat the model that it began with, and is not kept.
    start    of the model: starter, or the folder of one
    report   is given what is measured, a line at a time
    """
    if steps < LEAST_STEPS:
        raise SettingsError(f"--steps {steps}: give {LEAST_STEPS} or more")
    folder = STARTER if start == "starter" else Path(start)
    facts = read_facts(folder, start)
    with tempfile.TemporaryDirectory() as place:
        found = write_reviewed(database, Path(place) / "reviewed.csv", roots or Roots())
        report(f"{found.pictures} reviewed pictures of {found.stations} stations")
        for why, count in found.left_out.items():
            report(f"left out: {count} {why}")
        options = FrameOptions(
            table=found.path,
            out=out,
            backbone=facts["backbone"],
            backbone_args=facts.get("backbone_args") or {},
            hidden=facts["hidden"],
            size=tuple(facts["size"]),
            mean=tuple(facts["mean"]),
            std=tuple(facts["std"]),
            plan=Plan(steps=steps),
            seed=seed,
            leave_out=True,
            everything=True,
            start=folder,
        )
        return train(options, report)


def train_detector(
    table: Path,
    start: Path,
    out: Path,
    report: Report,
    *,
    boxes: Sequence[Path] = (),
    steps: int = 200,
    seed: int = 0,
) -> Path:
    """Fine-tune a detector; the folder it is written into.

    start    ONNX file of NanoDet-Plus-m
    boxes    results of other detectors in MegaDetector's format
    report   is given what is measured, a line at a time
    """
    if steps < LEAST_STEPS:
        raise SettingsError(f"--steps {steps}: give {LEAST_STEPS} or more")
    options = DetectorOptions(
        table=table,
        start=start,
        out=out,
        boxes=tuple(boxes),
        plan=DetectorPlan(steps=steps),
        seed=seed,
    )
    return train_a_detector(options, report)


def add_drawn(labeller_folder: Path, tables: Sequence[Path], report: Report) -> int:
    """Teach a labeller drawn animals; how many real pictures it was held against."""
    return int(add_prototypes(labeller_folder, tables, report)["real"])


def pull_texts(labeller_folder: Path, tables: Sequence[Path], report: Report) -> int:
    """Move a labeller's texts by further pictures; how many moved them."""
    return int(pull.pull_texts(labeller_folder, tables, report)["pictures"])


def train_labeller(folder: Path, table: Path, out: Path, report: Report) -> Path:
    """Make a small open_clip labeller; the folder it is written into."""
    labeller.train_labeller(folder, table, out, tell=report)
    return out


def judge_frame(table: Path, name: str = "starter", detector: str | None = "starter") -> str:
    """Measure a frame model, and a detector beside it, on labelled cards that they did not learn
    from: tables in Markdown."""
    return evaluate_frames(table, name, detector=detector)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    height, width = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(side and side % 32 == 0 for side in (height, width)):
        raise SettingsError(f"--size {text}: write HEIGHTxWIDTH, multiples of 32, such as 320x448")
    return height, width
