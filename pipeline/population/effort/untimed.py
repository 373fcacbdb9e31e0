"""Visits without a time: where a species may have been seen, no day of its deployment is a zero.

"Watched and not seen" is a fact only where every picture that shows the species has its time. So a
species with such visits has neither rate nor zero in the periods of their deployments, at their
stations; all other species, days and stations are as they were. A timed detection stays one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.population.effort.effort import Stay, Watch
from pipeline.population.events.sightings import Sighting
from pipeline.population.events.spans import Spans, microseconds, minus, union


@dataclass(frozen=True, slots=True)
class Untimed:
    """Visits without a time of the species that a study counts."""

    visits: Mapping[str, int] = field(default_factory=dict)  # by species
    spans: Mapping[str, Mapping[str, Spans]] = field(default_factory=dict)  # species, station: when
    deployments: tuple[str, ...] = ()


def untimed(sightings: Iterable[Sighting], known: Mapping[str, Stay]) -> Untimed:
    """Those at deployments with a period; without one there is no zero either."""
    visits: defaultdict[str, int] = defaultdict(int)
    periods: defaultdict[str, defaultdict[str, list[list[int]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    names: set[str] = set()
    for sighting in sightings:
        if stay := known.get(sighting.deployment):
            names.add(sighting.deployment)
            visits[sighting.taxon] += 1
            ends = microseconds([stay.start, stay.end]).tolist()
            periods[sighting.taxon][stay.station].append(ends)
    spans = {
        taxon: {station: union(ends) for station, ends in there.items()}
        for taxon, there in periods.items()
    }
    return Untimed(dict(visits), spans, tuple(sorted(names)))


def without(watched: Sequence[Watch], spans: Mapping[str, Spans]) -> list[Watch]:
    """The same effort without the stretches in which a species is not known."""
    return [
        replace(
            watch,
            admits=minus(watch.admits, spans[watch.station]),
            worked=tuple(minus(worked, spans[watch.station]) for worked in watch.worked),
        )
        if watch.station in spans
        else watch
        for watch in watched
    ]
