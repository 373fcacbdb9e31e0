"""Reference tables with known answers, read where they lie; tests that need them skip without."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("CAMTRIAGE_REFERENCE", ROOT.parent / "shared" / "reference"))
READ: set[str] = set()  # tables that were looked into: what is not in it was compared with nothing


def rows(name: str) -> list[dict[str, str]]:
    """The table's rows, by the names of its columns."""
    with _path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def matrix(name: str, labels: int = 0) -> np.ndarray:
    """The table as numbers, nan where it says nothing, without its first `labels` columns."""
    with _path(name).open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    return np.array([[number(cell) for cell in line[labels:]] for line in lines])


def number(cell: str) -> float:
    return float("nan") if cell in ("", "NA", "NaN") else float(cell)


def _path(name: str) -> Path:
    if not (FOLDER / name).exists():
        pytest.skip(f"no reference tables: {FOLDER / name} is missing (CAMTRIAGE_REFERENCE)")
    READ.add(name)
    return FOLDER / name
