"""What a detector's confidence is worth: levels measured on cards it had not been trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Detection

KINDS = ("animal", "human", "vehicle")
CALLED, LOOK = 0.5, 0.2  # p_human and p_vehicle at the two levels; [poaching] human_bar and so on


@dataclass(frozen=True, slots=True)
class Levels:
    """Confidences of people or of vehicles that few pictures without one reach."""

    call: float  # 1 in 100 of them: from here up a picture is called one
    look: float  # 5 in 100: from here up a person should look, and thumbnails are pixelated


@dataclass(frozen=True, slots=True)
class Evidence:
    """Numbers of the decision, chosen study by study; stored in the model's detector.json."""

    human: Levels
    vehicle: Levels
    animal: float  # confidence from which on a box places the crop and is counted
    animal_usual: float  # the best confidence of an animal in the middle one of the blanks
    against_animal: float  # how much an animal's log-odds beyond that count against a person
    blank_weight: float  # of an animal's log-odds against the frame model's p_blank
    blank_middle: float  # the confidence of an animal that says nothing about it

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "Evidence":
        """The evidence of a detector.json; TypeError or ValueError where it is something else."""
        values = dict(facts)
        for kind in KINDS[1:]:
            values[kind] = Levels(**values[kind])
        found = cls(**values)
        levels = (found.human, found.vehicle)
        given = [share for level in levels for share in (level.look, level.call)]
        given += [found.animal, found.animal_usual, found.blank_middle]
        if not all(0 < share < 1 for share in given):
            raise ValueError("levels lie between 0 and 1")
        if any(level.look >= level.call for level in levels):
            raise ValueError("look lies below call")
        if not min(found.blank_weight, found.against_animal) >= 0:
            raise ValueError("weights are not negative")
        return found

    def sure(self, kind: str) -> float:
        """The confidence from which on a box of a kind (of KINDS) counts as one."""
        return {"animal": self.animal, "human": self.human.call, "vehicle": self.vehicle.call}[kind]

    def look(self, kind: str) -> float:
        """The confidence from which on a person should look for one; of animals the sure one."""
        return {"human": self.human.look, "vehicle": self.vehicle.look}.get(kind, self.animal)

    def weighed(self, box: Detection, confidences: Sequence[float]) -> float:
        """A box's confidence as the levels take it: a person's beside what looks like an animal.

        confidences   the picture's best of each kind, in the order of KINDS"""
        if box.category != "human":
            return box.confidence
        both = np.array([[confidences[0], box.confidence, 0.0]])
        return float(people(both, self.animal_usual, self.against_animal)[0])

    def to_json(self) -> dict[str, Any]:
        """As it stands in detector.json."""
        return asdict(self)


def people(
    confidences: NDArray[np.floating], animal_usual: float, against_animal: float
) -> NDArray[np.float64]:
    """(n,) how sure a person is, from the best confidences (n, 3) of each kind.

    What looks like a person and like an animal is mostly an animal, by night above all."""
    beyond = log_odds(confidences[:, 0]) - log_odds(animal_usual)
    moved = log_odds(confidences[:, 1]) - against_animal * beyond
    found: NDArray[np.float64] = 1 / (1 + np.exp(-moved))
    return found


def levelled(confidence: NDArray[np.floating], levels: Levels) -> NDArray[np.float64]:
    """Confidences (n,) moved in log-odds, so that `call` becomes CALLED and `look` LOOK."""
    call, look = log_odds(levels.call), log_odds(levels.look)
    slope = (log_odds(CALLED) - log_odds(LOOK)) / (call - look)
    moved = log_odds(CALLED) + slope * (log_odds(confidence) - call)
    found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(moved, -50, 50)))
    return found


def log_odds(share: float | NDArray[np.floating]) -> Any:
    """Of shares 0-1; those at the ends are taken as nearly so."""
    inside = np.clip(share, 1e-6, 1 - 1e-6)
    return np.log(inside) - np.log1p(-inside)
