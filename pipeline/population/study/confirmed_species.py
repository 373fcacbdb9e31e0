"""How many species there are, by what people confirmed.

One false name looks like a species seen once, and every estimate of richness depends on species
seen once; so an event counts here only if a person named the species on one of its visits.
"""

from dataclasses import dataclass

import numpy as np

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
    model_only: tuple[str, ...]  # named at species or genus by the model, by no person
    events: int  # confirmed
    stations: int  # with effort
    chao1: Chao | None = None  # from events; None: fewer than two species
    chao2: Chao | None = None  # from stations: to be preferred
    diversity: Diversity | None = None
    accumulated: tuple[float, ...] = ()  # expected species after 1, 2, ... stations
    accumulated_sd: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()
    rarefied: tuple[float, ...] = ()  # expected species among so many events


def richness(basis: Basis) -> Richness:
    """From the events in effort."""
    events, by_people, known = basis.counted, basis.by_people[basis.in_effort], basis.ranks
    first = basis.first[basis.in_effort].tolist()
    animal = np.array([basis.kept[i].kind == "animal" for i in first], bool)
    ranks = {name: known.get(name) or _rank(name) for name in set(events.species[animal].tolist())}
    named = set(events.species[by_people & animal].tolist())
    confirmed = countable({name: ranks[name] for name in named})
    model_only = tuple(sorted(set(countable(ranks)) - set(confirmed)))
    stations = [watch.station for watch in basis.watched]
    sure = events.where(by_people)
    table = tally(sure.station, sure.species, stations, confirmed).astype(int)
    table = table[basis.effort[: len(stations)] > 0]
    number = int(table.sum())
    if not number:
        return Richness(tuple(confirmed), model_only, 0, len(table))
    sizes = np.unique(np.linspace(1, number, SIZES).round().astype(int)).tolist()
    mean, sd = accumulation(table)
    several = int((table.sum(0) > 0).sum()) > 1  # one species says nothing of those not seen
    return Richness(
        tuple(confirmed),
        model_only,
        number,
        len(table),
        chao1(table.sum(0)) if several else None,
        chao2(table) if several else None,
        diversity(table.sum(0)),
        tuple(mean.tolist()),
        tuple(sd.tolist()),
        tuple(sizes),
        tuple(rarefaction(table.sum(0), sizes).tolist()),
    )


def comparable(basis: Basis) -> list[str]:
    """Names of a study that can be compared: species, genera without one, and what is no animal.
    A family or class contains the others."""
    animals = {sighting.taxon for sighting in basis.kept if sighting.kind == "animal"}
    ranks = basis.ranks
    species = countable({name: ranks.get(name) or _rank(name) for name in animals})
    known = {*species, *({*basis.names} - animals)}
    return [name for name in basis.names if name in known]


def _rank(name: str) -> str:
    """Of a name that only people gave: two words are a species."""
    words = name.split()
    return "species" if len(words) > 1 and words[1].islower() else ""
