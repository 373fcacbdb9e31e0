"""Models: which are offered, and fetching them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.models.catalogue import OFFERS, Offer, is_here
from pipeline.models.pull import pull
from pipeline.species import learned
from pipeline.species.learned import Head


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """One model of the catalogue."""

    offer: Offer
    here: bool  # its weights are on this machine


def offered_models() -> tuple[OfferedModel, ...]:
    """Every model that is offered."""
    return tuple(OfferedModel(offer, is_here(offer)) for offer in OFFERS)


def learned_here() -> tuple[Head | WeightsError, ...]:
    """What was learned from reviews on this machine; of one that cannot be read, why."""
    return tuple(_learned(place.name) for place in learned.here())


def _learned(name: str) -> Head | WeightsError:
    try:
        return learned.load(name)
    except WeightsError as why:
        return why


def pull_models(name: str, folder: Path | None, report: Callable[[str], None]) -> tuple[Path, ...]:
    """Fetch a profile or one model; what is here already is only checked.

    folder    default: the cache
    report    is given a line for each model
    returns   the folders, ready as `local-dir:FOLDER`
    """
    return tuple(pull(name, folder, report))
