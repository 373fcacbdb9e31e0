"""Is anything in the picture? The frame model, the background and the burst decide together.

The rules, and which one decided is kept:

    frame_model   there is no background (fewer than 8 pictures of this light), or the frame model
                  is sure of something: low novelty alone never hides an animal that stands still
                  for a whole burst
    fused         frame model and novelty by a small logistic regression, fitted on cards that the
                  frame model had not been trained on
    burst         blank by itself, but next to a picture of the same burst that is surely not
    detector      blank by itself, but the detector calls a person or a vehicle in it (one of the
                  user's own an animal too)

Where a detector ran, what it sees of an animal moves p_blank by a small fixed weight, and it alone
says
p_human and p_vehicle: its levels are kept on cameras where it has never been.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.frames import evidence
from pipeline.frames.evidence import CALLED, Evidence

FRAME, FUSED, BURST, DETECTOR = "frame_model", "fused", "burst", "detector"
INPUTS = ("frame", "novelty_peak", "novelty_mean")
Float = TypeVar("Float", bound=np.floating)
_BELOW = 0.01  # how far under the threshold a rescued picture is put


@dataclass(frozen=True, slots=True)
class Fusion:
    """Numbers of the decision, fitted study by study; stored in the model's frame.json.

    Log-odds of "not blank" = bias + sum of weights x (input - mean) / spread.
    """

    means: tuple[float, ...]  # of INPUTS
    spreads: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    alone_weight: float  # for `frame` where there is no background
    alone_bias: float
    threshold: float  # p_blank from which on a picture is blank, frozen before the test cards
    sure: float  # p_blank up to which a picture is surely not blank
    human_level: float = 0.5  # the share of a person that becomes p_human 0.5, see `levelled`
    vehicle_level: float = 0.5

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "Fusion":
        """The fusion of a frame.json; TypeError where its names are others."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in facts.items()
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """As it stands in frame.json."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry per picture of the window."""

    p_blank: NDArray[np.float64]
    p_animal: NDArray[np.float64]
    p_human: NDArray[np.float64]  # 0.5 at the fusion's level, and so p_vehicle
    p_vehicle: NDArray[np.float64]
    novelty_peak: NDArray[np.float64]  # nan where there is no background
    blank: NDArray[np.bool_]  # p_blank reaches the threshold and no rule keeps the picture
    decided_by: NDArray[np.str_]


def decide(
    logits: NDArray[np.floating],
    novelty: NDArray[np.floating],
    bursts: Sequence[int],
    fusion: Fusion,
    threshold: float | None = None,
    confidences: NDArray[np.floating] | None = None,
    worth: Evidence | None = None,
) -> Decision:
    """Decide one window.

    logits     (n, 4) animal, human, vehicle, blank
    novelty    (n, h, w) of pipeline.frames.background
    bursts     (n,) number of each picture's burst, in capture order
    threshold  p_blank from which on a picture is blank; None: the fusion's own
    confidences, worth  (n, 3) the detector's best of each kind, and what they count; None: it did
               not run
    """
    threshold = fusion.threshold if threshold is None else threshold
    given = inputs(logits, novelty)
    alone = p_blank_of(given, fusion, background=False)
    known = np.isfinite(given["novelty_peak"])
    p_blank = np.where(known, p_blank_of(given, fusion), alone)
    if confidences is not None and worth is not None:
        p_blank = with_detector(p_blank, confidences, worth)
    decided_by = np.where(known, FUSED, FRAME).astype("<U11")
    hidden = p_blank >= threshold
    saved = hidden & (alone <= fusion.sure)
    beside = hidden & ~saved & _beside_sure(p_blank <= fusion.sure, bursts)
    rescued = saved | beside
    shares = kind_shares(logits) * (1 - np.where(rescued, threshold - _BELOW, p_blank))[:, None]
    human = levelled(shares[:, 1], fusion.human_level)
    vehicle = levelled(shares[:, 2], fusion.vehicle_level)
    if confidences is not None and worth is not None:
        human, vehicle = called_by_detector(confidences, worth, bursts)
        called = hidden & ~rescued & (np.maximum(human, vehicle) >= CALLED)
        decided_by[called] = DETECTOR
        rescued |= called
    p_blank[rescued] = max(threshold - _BELOW, 0.0)
    decided_by[saved], decided_by[beside] = FRAME, BURST
    return Decision(
        p_blank=p_blank,
        p_animal=shares[:, 0],
        p_human=human,
        p_vehicle=vehicle,
        novelty_peak=np.exp(given["novelty_peak"]),
        blank=hidden & ~rescued,
        decided_by=decided_by,
    )


def with_detector(
    p_blank: NDArray[np.float64], confidences: NDArray[np.floating], worth: Evidence
) -> NDArray[np.float64]:
    """(n,) p_blank moved by what the detector sees of an animal: (n, 3) its best confidences."""
    seen = evidence.log_odds(confidences[:, 0]) - evidence.log_odds(worth.blank_middle)
    return _p_blank(-evidence.log_odds(p_blank) + worth.blank_weight * seen)


def called_by_detector(
    confidences: NDArray[np.floating], worth: Evidence, bursts: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """p_human and p_vehicle of a window's pictures, from its best confidences (n, 3).

    Between two pictures of a burst that are called, the one in the middle is called too."""
    person = evidence.people(confidences, worth.animal_usual, worth.against_animal)
    human = evidence.levelled(person, worth.human)
    vehicle = evidence.levelled(confidences[:, 2], worth.vehicle)
    return _no_gap(human, bursts), _no_gap(vehicle, bursts)


def _no_gap(scores: NDArray[np.float64], bursts: Sequence[int]) -> NDArray[np.float64]:
    """Each score at least the lower one of its two neighbours in its burst."""
    numbers, raised = np.asarray(bursts), scores.copy()
    same = (numbers[:-2] == numbers[1:-1]) & (numbers[1:-1] == numbers[2:])
    between = np.minimum(scores[:-2], scores[2:])
    raised[1:-1] = np.where(same, np.maximum(scores[1:-1], between), scores[1:-1])
    return raised


def levelled(share: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Shares moved in log-odds so that `level` becomes 0.5; 0 and 1 stay.

    People and vehicles are rare and new to the model in most places: where it has never been, its
    shares of them are low, though they rank well. The level is measured (camtriage train frame)."""
    there, not_there = share * (1 - level), (1 - share) * level
    moved: NDArray[np.float64] = there / (there + not_there)
    return moved


def inputs(
    logits: NDArray[np.floating], novelty: NDArray[np.floating]
) -> dict[str, NDArray[np.float64]]:
    """The inputs of the fusion by their names in INPUTS, each (n,); nan without a background."""
    logits = logits.astype(np.float64)
    new = smooth(_inner(np.clip(novelty.astype(np.float64), 0, 1)))
    return {
        "frame": np.logaddexp.reduce(logits[:, :3], axis=1) - logits[:, 3],
        "novelty_peak": np.log(new.max(axis=(1, 2)) + 1e-3),
        "novelty_mean": np.log(new.mean(axis=(1, 2)) + 1e-3),
    }


def p_blank_of(
    given: Mapping[str, NDArray[np.float64]], fusion: Fusion, background: bool = True
) -> NDArray[np.float64]:
    """(n,) p_blank of `inputs` by one regression, before any rule; nan in, nan out."""
    if not background:
        return _p_blank(fusion.alone_weight * given["frame"] + fusion.alone_bias)
    table = np.stack([given[name] for name in INPUTS], axis=1)
    scaled = (table - np.array(fusion.means)) / np.array(fusion.spreads)
    return _p_blank(scaled @ np.array(fusion.weights) + fusion.bias)


def smooth(maps: NDArray[Float]) -> NDArray[Float]:
    """(n, h, w): each cell the mean of itself and its neighbours, edges repeated."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = maps.shape[1:]
    total = np.zeros_like(maps)
    for down in range(3):
        for right in range(3):
            total += padded[:, down : down + height, right : right + width]
    total /= 9
    return total


def _inner(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the first and last row, where cameras print time and temperature."""
    return maps[:, 1:-1] if maps.shape[1] > 2 else maps


def _p_blank(log_odds_not: NDArray[np.float64]) -> NDArray[np.float64]:
    p_blank: NDArray[np.float64] = 1 / (1 + np.exp(np.clip(log_odds_not, -50, 50)))
    return p_blank


def kind_shares(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, 3) share of each kind, given that it is not blank: several may be true at once."""
    kinds = logits[:, :3].astype(np.float64)
    likeliest = np.exp(kinds - kinds.max(axis=1, keepdims=True))
    shares = likeliest / likeliest.sum(axis=1, keepdims=True)
    alone = 1 / (1 + np.exp(-np.clip(kinds, -50, 50)))
    larger: NDArray[np.float64] = np.maximum(shares, alone)
    return larger


def _beside_sure(sure: NDArray[np.bool_], bursts: Sequence[int]) -> NDArray[np.bool_]:
    """Directly before or after a sure picture of the same burst."""
    numbers, beside = np.asarray(bursts), np.zeros(len(sure), dtype=bool)
    same = numbers[1:] == numbers[:-1]
    beside[1:] |= sure[:-1] & same
    beside[:-1] |= sure[1:] & same
    return beside
