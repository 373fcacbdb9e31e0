"""What `camtriage train` does: make models, and measure them."""

import re
from pathlib import Path

from pipeline.errors import SettingsError


def frame(
    table: Path,
    out: Path,
    backbone: str,
    weights: Path | None,
    learn: str,
    size: str,
    steps: int,
    soup: int,
    leave_out: bool,
    seed: int,
) -> int:
    """Fine-tune a frame model; prints what it measures as it goes, and where the model lies."""
    from pipeline.train.frame.learn import Plan
    from pipeline.train.frame.training import FrameOptions, train_frame

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
    print(train_frame(options))
    return 0


def labeller(folder: Path, table: Path, out: Path) -> int:
    from pipeline.train.labeller.training import train_labeller

    train_labeller(folder, table, out)
    print(out)
    return 0


def judge(table: Path, name: str) -> int:
    """Print the table of a frame model on labelled cards."""
    from pipeline.train.evaluate import evaluate_frames

    print(evaluate_frames(table, name))
    return 0


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(side and side % 32 == 0 for side in size):
        raise SettingsError(f"--size {text}: write HEIGHTxWIDTH, multiples of 32, such as 320x448")
    return size
