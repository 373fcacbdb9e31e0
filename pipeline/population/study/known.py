"""How many species, counting only what people confirmed.

One error of the machine is a species seen once, and every estimate of richness hangs on species
seen once; so an event counts here only if a person named the species on one of its visits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.population.effort.basis import Basis
from pipeline.population.estimates.richness import (
    Chao,
    Diversity,
    accumulation,
    chao1,
    chao2,
    countable,
    diversity,
    rarefaction,
)
from pipeline.population.events.independent import tally

SIZES = 24  # points of the rarefaction curve


@dataclass(frozen=True, slots=True)
class Richness:
    """Confirmed species, and the bounds on how many there are. No estimate without any event."""

    confirmed: tuple[str, ...]
    machine_only: tuple[str, ...]  # named at species or genus by the machine, by no person
    events: int  # confirmed
    stations: int  # with effort
    chao1: Chao | None = None  # from events
    chao2: Chao | None = None  # from stations: to be preferred
    diversity: Diversity | None = None
    accumulated: NDArray[np.float64] | None = None  # (stations,) expected species
    accumulated_sd: NDArray[np.float64] | None = None
    sizes: tuple[int, ...] = ()
    rarefied: NDArray[np.float64] | None = None  # expected species among so many events


def richness(basis: Basis) -> Richness:
    """From the events in effort."""
    made, told, said = basis.counted, basis.told[basis.in_effort], basis.ranks
    first = basis.first[basis.in_effort].tolist()
    animal = np.array([basis.kept[i].kind == "animal" for i in first], bool)
    ranks = {name: said.get(name) or _rank(name) for name in set(made.species[animal].tolist())}
    confirmed = countable({name: ranks[name] for name in set(made.species[told & animal].tolist())})
    machine_only = tuple(sorted(set(countable(ranks)) - set(confirmed)))
    stations = [one.station for one in basis.watched]
    sure = made.where(told)
    table = tally(sure.station, sure.species, stations, confirmed).astype(int)
    table = table[basis.effort[: len(stations)] > 0]
    events, number = int(table.sum()), len(table)
    if not events:
        return Richness(tuple(confirmed), machine_only, 0, number)
    sizes = np.unique(np.linspace(1, events, SIZES).round().astype(int))
    mean, sd = accumulation(table)
    return Richness(
        tuple(confirmed),
        machine_only,
        events,
        number,
        chao1(table.sum(0)),
        chao2(table),
        diversity(table.sum(0)),
        mean,
        sd,
        tuple(sizes.tolist()),
        rarefaction(table.sum(0), sizes.tolist()),
    )


def apart(basis: Basis) -> list[str]:
    """Names of a study that can be compared: species, genera without one, and what is no animal.
    A family or class holds the others."""
    animals = {one.taxon for one in basis.kept if one.kind == "animal"}
    said = basis.ranks
    ranks = {name: said.get(name) or _rank(name) for name in animals}
    known = {*countable(ranks), *({*basis.names} - animals)}
    return [name for name in basis.names if name in known]


def _rank(name: str) -> str:
    """Of a name that only people gave: two words are a species."""
    words = name.split()
    return "species" if len(words) > 1 and words[1].islower() else ""
