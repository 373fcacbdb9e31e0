"""The levels of people, vehicles and sure boxes, from pictures the heads did not learn from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.frames.evidence import Evidence, Levels, people
from pipeline.train.frame.fusion import level_for
from pipeline.train.pictures import Example

CALL, LOOK = 0.01, 0.05  # shares of the pictures without a person (vehicle) that reach its levels
SURE = 0.05  # share of the blanks that reach the level of a sure animal
WITHOUT = ("animal", "blank")  # pictures that show neither person nor vehicle
AGAINST_ANIMAL, BLANK_WEIGHT = 0.25, 0.5  # fixed: fitted ones were worse on studies left out
BLANK_MIDDLE = 0.3  # fixed: above it animals get lost on other cards (0.4: 1 in 100 more)
_LEAST_APART = 0.02  # of the two levels


def evidence_of(examples: Sequence[Example], confidences: NDArray[np.float64]) -> Evidence:
    """What the confidences (n, 3) of pictures of known kinds are worth.

    Raises SettingsError where there are no pictures without people and vehicles, or no blanks."""
    kinds = np.array([example.kind for example in examples])
    cards = np.array([example.card for example in examples])
    without, blank = np.isin(kinds, WITHOUT), kinds == "blank"
    if not blank.any():
        raise SettingsError("the levels are measured on blanks and animals; here are no blanks")
    blanks = cards[blank].tolist()
    usual = level_for(confidences[blank, 0], blanks, 0.5)
    person = people(confidences, usual, AGAINST_ANIMAL)
    others = cards[without].tolist()
    return Evidence(
        human=_levels(person[without], others),
        vehicle=_levels(confidences[without, 2], others),
        animal=level_for(confidences[blank, 0], blanks, SURE),
        animal_usual=usual,
        against_animal=AGAINST_ANIMAL,
        blank_weight=BLANK_WEIGHT,
        blank_middle=BLANK_MIDDLE,
    )


def _levels(confidences: NDArray[np.float64], cards: Sequence[str]) -> Levels:
    call, look = (level_for(confidences, cards, share) for share in (CALL, LOOK))
    return Levels(call, min(look, max(call - _LEAST_APART, call / 2)))
