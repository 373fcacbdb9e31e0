"""The decision about blanks, fitted on scores of pictures that the network was not trained on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.frames import background, blank
from pipeline.train.frame.fusion import fit_fusion, level_for, threshold_for
from pipeline.train.frame.learn import Data
from pipeline.train.pictures import burst_numbers, windows_of
from pipeline.trust.measure import auc

RECALL = 0.96  # share of the pictures that are not blank, kept at the fitted threshold
SURE = 0.02  # p_blank up to which a picture is surely not blank
FALSE_CALLS = (
    0.01  # share of the pictures without a person that p_human 0.5 calls one; vehicles too
)
WITHOUT = ("animal", "blank")  # pictures that show neither


def decision(
    data: Data, logits: NDArray[np.float32], rows: NDArray[np.intp], say: Callable[[str], None]
) -> blank.Fusion:
    """Fit the fusion on `rows`, whose scores come from networks not trained on them."""
    examples = data.examples
    given, novelty = inputs(data, logits)
    is_blank = np.array([example.kind == "blank" for example in examples])
    if not 0 < is_blank[rows].mean() < 1:
        raise SettingsError(
            "the decision needs blanks and other pictures to be fitted; here is only one kind"
        )
    part = {name: values[rows] for name, values in given.items()}
    cards = [examples[row].card for row in rows]
    fitted = fit_fusion(part, is_blank[rows], cards, sure=SURE)
    p_blank, shares = decided(data, logits, fitted, novelty)
    threshold = threshold_for(p_blank[rows], is_blank[rows], cards, RECALL)
    say(f"threshold {threshold:.2f}, AUC {auc(p_blank[rows], is_blank[rows]):.4f} where fitted")
    human, vehicle = levels(shares[rows], [examples[row].kind for row in rows], cards)
    say(f"levels: person {human:.3f}, vehicle {vehicle:.3f}")
    return replace(fitted, threshold=threshold, human_level=human, vehicle_level=vehicle)


def decided(
    data: Data, logits: NDArray[np.float32], fusion: blank.Fusion, novelty: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a run decides with this fusion: p_blank (n,), and the shares of a person and of a
    vehicle (n, 2)."""
    examples = data.examples
    p_blank, shares = np.zeros(len(examples)), np.zeros((len(examples), 2))
    for members in windows_of(examples):
        bursts = burst_numbers([examples[row] for row in members])
        found = blank.decide(logits[members], novelty[members], bursts, fusion)
        p_blank[members] = found.p_blank
        shares[members] = np.stack([found.p_human, found.p_vehicle], axis=1)
    return p_blank, shares


def levels(
    shares: NDArray[np.float64], kinds: Sequence[str], cards: Sequence[str]
) -> tuple[float, float]:
    """The levels of people and vehicles, from pictures that show neither.

    shares   (n, 2) of a person and of a vehicle, by a model that did not learn from the pictures
    """
    rows = np.isin(kinds, WITHOUT)
    without = np.asarray(cards)[rows].tolist()
    human, vehicle = (level_for(share, without, FALSE_CALLS) for share in shares[rows].T)
    return human, vehicle


def inputs(
    data: Data, logits: NDArray[np.float32]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float32]]:
    """What the fusion weighs, by name (n,) each, and the novelty of each cell (n, h, w)."""
    count = len(data.examples)
    given = {name: np.full(count, np.nan) for name in blank.INPUTS}
    novelty = np.zeros(data.maps.cells.shape[:3], np.float32)
    for rows in windows_of(data.examples):
        novelty[rows] = background.novelty_map(
            data.maps.cells[rows], data.maps.lights[rows].tolist()
        )
        found = blank.inputs(logits[rows], novelty[rows])
        for name, values in found.items():
            given[name][rows] = values
    return given, novelty


def write_left_out(
    folder: Path, data: Data, logits: NDArray[np.float32], rows: NDArray[np.intp]
) -> None:
    """Scores of pictures whose study was left out, for `camtriage evaluate frames`."""
    given, _ = inputs(data, logits)
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, object]] = [
        {"path": data.examples[row].name, **{k: float(v[row]) for k, v in given.items()}}
        | {"logits": [float(logit) for logit in logits[row]]}
        for row in rows
    ]
    (folder / "left_out.json").write_text(json.dumps(lines) + "\n", "utf-8")
