"""The starter models made anew from raw pictures by their own commands, in one go; their hashes.

    python -m tests.benchmarks.training WEIGHTS LABELS.csv MORE.csv [--boxes FILE ...] --out DIR

WEIGHTS   the folder of the weights that training begins with (each model's card names them)
LABELS    the pictures of the first round; the frame model and the labeller learn from these alone
MORE      those of the second; both are in the detector's table and in that of the texts
--boxes   results of other detectors; their files name a picture by the folder of its table too

Run it twice, into two folders: the same hashes on one machine. Where torch or ONNX Runtime computes
otherwise, the figures of `camtriage train judge` and of `tests.benchmarks.name_levels` must agree
within their intervals instead. About an hour of one core.
"""

import argparse
import csv
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.frames.detector import STARTER

LITE0 = "tf_efficientnet_lite0.headless.safetensors"
NANODET = "nanodet_plus_m/nanodet_plus_m.fp32.onnx"
MADE = ("detector", "frame", "labeller")


def commands(
    weights: Path, tables: Sequence[Path], boxes: Sequence[Path], out: Path
) -> list[list[str | Path]]:
    """What follows `camtriage train`, one command after the other, as the cards give them."""
    first, frame, labeller = tables[0], out / "frame", out / "labeller"
    taught = [word for file in boxes for word in ("--boxes", file)]
    plan = ("--learn", "heads", "--steps", "400", "--leave-out")
    whole = all_in_one(tables, out)
    return [
        ["detector", whole, "--start", weights / NANODET, *taught, "--out", out / "detector"],
        ["frame", first, "--weights", weights / LITE0, *plan, "--out", frame],
        ["labeller", weights, first, "--out", labeller],
        ["texts", labeller, *tables],
        ["drawn", labeller, *tables],
    ]


def all_in_one(tables: Sequence[Path], out: Path) -> Path:
    """One table of all pictures, each named by its table's folder and its path in there."""
    whole = out / "pictures" / "labels.csv"
    whole.parent.mkdir(parents=True)
    rows = []
    for table in tables:
        (whole.parent / table.parent.name).symlink_to(table.parent.resolve())
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rows.append({**row, "path": f"{table.parent.name}/{row['path']}"})
    with whole.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("tables", type=Path, nargs=2)
    parser.add_argument("--boxes", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    for words in commands(told.weights, told.tables, told.boxes, told.out):
        begun = time.monotonic()
        command = [sys.executable, "-m", "flows.cli", "train", *map(str, words)]
        subprocess.run(command, env=alone, check=True, stdout=subprocess.DEVNULL)
        print(f"train {words[0]}: {(time.monotonic() - begun) / 60:.1f} min", flush=True)
    for model in MADE:
        for file in sorted((told.out / model).iterdir()):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            ships = STARTER.parent / model / file.name
            same = ships.exists() and hashlib.sha256(ships.read_bytes()).hexdigest() == digest
            print(f"{digest}  {model}/{file.name}{'  as it ships' if same else ''}")


if __name__ == "__main__":
    main()
