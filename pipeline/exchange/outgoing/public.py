"""What the public may see: places of protected species are rounded, and people are left out.

A place where a protected species was seen is rounded for everything that was seen there, and so is
every other deployment at that place: one exact row would give the others away.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pipeline.exchange.camtrap_dp import PROTECTED_TO, ROUND_TO, place
from pipeline.exchange.package import Event, Observation, Package, Picture
from pipeline.records import Deployment
from pipeline.species.answers import Taxa

PEOPLE = ("human", "vehicle")
ROUNDED = "coordinates rounded to {} of a degree"


@dataclass(frozen=True, slots=True)
class Places:
    """Where things were seen, as exactly as it may be told."""

    exact: bool = False
    guarded: frozenset[str] = frozenset()  # deployments at places of protected species

    def name_of(self, deployment: Deployment) -> str | None:
        """The place in words, which may tell more than its rounded coordinates."""
        guarded = deployment.deployment_id in self.guarded
        return None if guarded else deployment.location_name

    def of(self, deployment: Deployment) -> tuple[str, str, int | None, str | None]:
        """Latitude, longitude, uncertainty in metres, and what was done to them (None: nothing).

        deployment   with a place (pipeline.exchange.required)
        """
        if deployment.deployment_id in self.guarded:
            return *place(deployment, False, PROTECTED_TO), ROUNDED.format(10**-PROTECTED_TO)
        rounding = None if self.exact else ROUNDED.format(10**-ROUND_TO)
        return *place(deployment, self.exact), rounding


def public_places(package: Package, exact: bool, protected: Collection[str], taxa: Taxa) -> Places:
    """The places of a package; protected: scientific names of any rank."""
    names = {name for name in _names(package) if is_protected(name, protected, taxa)}
    where = {
        thing.deployment_id
        for thing in _things(package)
        if any(seen.name in names for seen in thing.observations)
    }
    seen = [_spot(place) for place in package.deployments if place.deployment_id in where]
    spots = {spot for pair in seen for spot in pair if spot is not None}
    guarded = {
        place.deployment_id for place in package.deployments if spots.intersection(_spot(place))
    }
    return Places(exact, frozenset(guarded | where))


def is_protected(name: str, protected: Collection[str], taxa: Taxa) -> bool:
    """Whether a name is listed, or a wider or a narrower one: of a listed species its genus too."""
    above = {wider for _, wider in taxa.get(name, ())} | {name, name.split()[0]}
    return not above.isdisjoint(protected) or any(listed.split()[0] == name for listed in protected)


def _names(package: Package) -> set[str]:
    return {seen.name for thing in _things(package) for seen in thing.observations if seen.name}


def _things(package: Package) -> Iterator[Picture | Event]:
    yield from package.pictures
    yield from package.events


def _spot(deployment: Deployment) -> tuple[object, object]:
    """What a place is told by: its station, and its coordinates; None: not known."""
    there = deployment.latitude, deployment.longitude
    return deployment.location_id, None if None in there else there


def animal_rows(events: Iterable[Event]) -> Iterator[tuple[str, Event, Observation]]:
    """(id, visit, observation) of each animal seen in a visit with a time; ids as in Camtrap DP."""
    for event in events:
        for number, seen in enumerate(event.observations, 1):
            if event.started_at is not None and seen.observation_type == "animal":
                yield f"{event.id}_event_{number}", event, seen
