"""What every number of a study rests on: effort, independent events and stations, made once.

Tables, page and statistics all take this, so that one event is never counted in one of them alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipeline.population.effort.effort import Stay, Watch, days_between, stay_of, stretches, watches
from pipeline.population.effort.operation import Operation, operation
from pipeline.population.effort.refused import check_years, no_effort
from pipeline.population.events.independent import Events, coded, independent_events, tally
from pipeline.population.events.sightings import Ask, Sighting, first_and_told, kept_of, records_of
from pipeline.population.events.spans import DAY, microseconds
from pipeline.records import Deployment

Outages = Mapping[str, Sequence[tuple[date, date | None]]]  # accepted ones, by deployment


@dataclass(frozen=True, slots=True)
class Basis:
    """Visits of the dates asked for, the events they make, and who watched meanwhile."""

    ask: Ask
    deployments: tuple[Deployment, ...]
    stays: dict[str, Stay]  # by deployment
    known: dict[str, Stay]  # those with a period
    watched: list[Watch]
    edges: NDArray[np.datetime64]  # (2,) from and to
    stations: list[str]  # those with effort first
    effort: NDArray[np.float64]  # (stations,) camera-days within the edges; nan: not known
    kept: list[Sighting]
    station: NDArray  # (kept,)
    taxa: NDArray  # (kept,)
    times: NDArray[np.datetime64]  # (kept,)
    inside: NDArray[np.bool_]  # (kept,) within the dates and in effort
    dated: NDArray[np.bool_]  # (kept,) within the dates
    left: Counter  # visits that make no event, by reason
    events: Events  # within the dates
    first: NDArray[np.int64]  # (events,) its first visit, a number of kept
    told: NDArray[np.bool_]  # (events,) people named one of its visits
    guessed: NDArray[np.bool_]  # (events,) the machine named one of its visits
    names: list[str]  # species of the tables
    present: tuple[str, ...]  # names of animals in all visits, the commonest first

    @property
    def counted(self) -> Events:
        """Events in effort: those of every rate."""
        return self.events.where(self.in_effort)

    @property
    def in_effort(self) -> NDArray[np.bool_]:
        """(events,) those of every rate."""
        return self.events.within >= 0

    @property
    def unseen(self) -> tuple[str, ...]:
        """Names asked for that no visit of the dates carries."""
        seen = {called for i in np.flatnonzero(self.dated) for called in _called(self.kept[i])}
        return tuple(name for name in self.ask.species if name not in seen)

    @property
    def in_outage(self) -> int:
        """Events in no rate that would be in one, were no outage known."""
        whole = watches(
            [replace(stay, outages=()) for stay in self.known.values()], self.ask.effort
        )
        on = np.flatnonzero(~self.in_effort)
        lost = self.events.where(on)
        known = [self.kept[i].deployment in self.known for i in self.first[on].tolist()]
        would = stretches(whole, lost.station, lost.started_at) >= 0
        return int((would & np.array(known, bool)).sum())

    @property
    def ranks(self) -> dict[str, str]:
        """Rank of each taxon, where the machine says one."""
        return {one.taxon: one.rank for one in reversed(self.kept) if one.rank}

    @property
    def seen(self) -> NDArray[np.float64]:
        """(stations, names) events in effort."""
        made = self.counted
        return tally(made.station, made.species, self.stations, self.names)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Deployments without a period: in no number."""
        return tuple(sorted(set(self.stays) - set(self.known)))

    def daily(self) -> Operation:
        """Effort by station and day within the dates."""
        whole = operation(self.watched)
        first, last = (int(at - whole.first) // DAY for at in microseconds(self.edges))
        begin = max(first, 0)
        days = whole.effort[:, begin : max(last, 0)]
        return replace(whole, first=whole.first + begin * DAY, effort=days)


def basis(
    sightings: Sequence[Sighting],
    deployments: Sequence[Deployment],
    ask: Ask,
    outages: Outages | None = None,
) -> Basis:
    """PopulationError where no camera-day is known."""
    out = outages or {}
    stays = {d.deployment_id: stay_of(d, out.get(d.deployment_id, ())) for d in deployments}
    known = {name: stay for name, stay in stays.items() if None not in (stay.start, stay.end)}
    check_years(known)
    watched = watches(known.values(), ask.effort)
    edges = _edges(watched, ask)
    days = days_between(watched, edges)[:, 0] if watched else np.zeros(0)
    if not (days > 0).any():
        raise no_effort(ask, stays, known, watched)
    kept, left = kept_of(sightings, ask.species)
    station = np.array([stays[one.deployment].station for one in kept], str)
    times = np.array([one.started_at for one in kept], "datetime64[us]")
    within = stretches(watched, station, times)
    within[np.array([one.deployment not in known for one in kept], bool)] = -1
    made, *facts = _events(kept, station, within, edges, ask)
    silent = sorted({stay.station for stay in stays.values()} - {one.station for one in watched})
    dated = _inside(times, edges)
    return Basis(
        ask,
        tuple(deployments),
        stays,
        known,
        watched,
        edges,
        [one.station for one in watched] + silent,
        np.r_[days, np.full(len(silent), np.nan)],
        kept,
        station,
        np.array([one.taxon for one in kept], str),
        times,
        dated & (within >= 0),
        dated,
        left,
        made,
        *facts,
        _names(made, kept, ask.species),
        _present(sightings),
    )


def _events(kept, station, within, edges, ask: Ask) -> tuple[Events, NDArray, NDArray, NDArray]:
    """Events that begin within the edges, by station, species and time, and what they are of."""
    rows = records_of(kept, station)
    whole = independent_events(rows, ask.gap_s, ask.rule, within)
    facts = first_and_told(whole, kept, rows, within)
    on = np.flatnonzero(_inside(whole.started_at, edges))
    names = [coded(column[on])[1] for column in (whole.species, whole.station)]
    on = on[np.lexsort((whole.started_at[on], *names))]
    return whole.where(on), *(one[on] for one in facts)


def _edges(watched: Sequence[Watch], ask: Ask) -> NDArray[np.datetime64]:
    """(2,) from and to: the dates asked for, else all that any camera stood, as whole days."""
    ends = np.concatenate([one.set_up.ravel() for one in watched]) if watched else np.zeros(1)
    first, last = int(ends.min()) // DAY, int(ends.max()) // DAY
    begin = int(microseconds(ask.begin)) // DAY if ask.begin else first
    end = int(microseconds(ask.end)) // DAY if ask.end else max(begin, last)
    return (np.array([min(begin, end), end + 1]) * DAY).astype("datetime64[us]")


def _inside(times: NDArray, edges: NDArray) -> NDArray[np.bool_]:
    return (times >= edges[0]) & (times < edges[1])


def _names(made: Events, kept: Sequence[Sighting], asked: Sequence[str]) -> list[str]:
    """Species of the tables: those with an event, and those asked for without any."""
    kinds = {one.kind for one in kept}
    return sorted({*made.species.tolist(), *(name for name in asked if name not in kinds)})


def _called(one: Sighting) -> tuple[str, str]:
    return one.taxon, one.kind


def _present(sightings: Sequence[Sighting]) -> tuple[str, ...]:
    every = Counter(one.name for one in sightings if one.kind == "animal" and one.name)
    return tuple(sorted(every, key=lambda name: (-every[name], name)))
