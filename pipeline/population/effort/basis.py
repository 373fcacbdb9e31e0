"""The basis of every number of a study: effort, independent events and stations, made once.

Tables, page and statistics all use it, so that all of them count the same events.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pipeline.population.effort.effort import Stay, Watch, days_between, stay_of, stretches, watches
from pipeline.population.effort.operation import Operation, days_of, operation
from pipeline.population.effort.refused import check_years, no_effort
from pipeline.population.effort.untimed import Untimed, untimed, without
from pipeline.population.events.independent import (
    Events,
    Names,
    coded,
    independent_events,
    tally,
)
from pipeline.population.events.sightings import (
    Sighting,
    StudyRequest,
    days_alone,
    first_and_sources,
    kept_of,
    records_of,
    untimed_of,
)
from pipeline.population.events.spans import DAY, microseconds
from pipeline.records import Deployment

Outages = Mapping[str, Sequence[tuple[date, date | None]]]  # accepted ones, by deployment


@dataclass(frozen=True, slots=True)
class Basis:
    """Visits of the requested dates, the events they make, and which stations watched."""

    request: StudyRequest
    deployments: tuple[Deployment, ...]
    stays: dict[str, Stay]  # by deployment
    known: dict[str, Stay]  # those with a period, up to today
    future: tuple[str, ...]  # deployments whose period ends after today, or begins after it
    today: date | None  # the day up to whose end there is effort; None: no matter when
    watched: list[Watch]
    edges: NDArray[np.datetime64]  # (2,) from and to
    stations: list[str]  # those with effort first
    effort: NDArray[np.float64]  # (stations,) camera-days within the edges; nan: not known
    kept: list[Sighting]
    station: Names  # (kept,)
    taxa: Names  # (kept,)
    times: NDArray[np.datetime64]  # (kept,)
    inside: NDArray[np.bool_]  # (kept,) within the dates and in effort
    dated: NDArray[np.bool_]  # (kept,) within the dates
    left_out: Counter[str]  # visits that make no event, by reason
    untimed: Untimed  # of them those without a time, which leave their species unknown
    events: Events  # within the dates
    first: NDArray[np.int64]  # (events,) its first visit, an index of kept
    by_people: NDArray[np.bool_]  # (events,) people named one of its visits
    by_model: NDArray[np.bool_]  # (events,) the model named one of its visits
    names: list[str]  # species of the tables
    present: tuple[str, ...]  # names of animals in all visits, the commonest first
    wider: Mapping[str, frozenset[str]]  # names that include a name, as Mammalia a fox
    vague: tuple[Sighting, ...]  # in effort, named by the model by such a name

    @property
    def counted(self) -> Events:
        """Events in effort: those of every rate."""
        return self.events.where(self.in_effort)

    @property
    def in_effort(self) -> NDArray[np.bool_]:
        """(events,) those of every rate."""
        return np.asarray(self.events.within >= 0)

    @property
    def doubted(self) -> tuple[str, ...]:
        """Deployments whose clock is not to be trusted, by their table."""
        return tuple(d.deployment_id for d in self.deployments if d.timestamp_issues)

    @property
    def of_doubted(self) -> NDArray[np.bool_]:
        """(events,) those whose first visit is of such a deployment."""
        doubted = {*self.doubted}
        return np.array([self.kept[i].deployment in doubted for i in self.first.tolist()], bool)

    @property
    def with_hours(self) -> NDArray[np.bool_]:
        """(events,) those in effort of which the hour of the day is known: those of activity."""
        return self.in_effort & ~self.events.day_alone & ~self.of_doubted

    @property
    def unseen(self) -> tuple[str, ...]:
        """Requested names that no visit of the dates has."""
        dated = [self.kept[i] for i in np.flatnonzero(self.dated)]
        seen = {name for sighting in dated for name in (sighting.taxon, sighting.kind)}
        return tuple(name for name in self.request.species if name not in seen)

    @property
    def in_outage(self) -> int:
        """Events in no rate, only because of an outage."""
        whole = watches(
            [replace(stay, outages=()) for stay in self.known.values()], self.request.effort
        )
        on = np.flatnonzero(~self.in_effort)
        lost = self.events.where(on)
        known = [self.kept[i].deployment in self.known for i in self.first[on].tolist()]
        would = stretches(whole, lost.station, lost.started_at, lost.day_alone) >= 0
        return int((would & np.array(known, bool)).sum())

    @property
    def ranks(self) -> dict[str, str]:
        """Rank of each taxon, where the model gives one."""
        return {sighting.taxon: sighting.rank for sighting in reversed(self.kept) if sighting.rank}

    @property
    def partly_known(self) -> list[str]:
        """Names that visits without a time have: not known in some periods of some stations."""
        return [name for name in self.names if name in self.untimed.spans]

    @property
    def seen(self) -> NDArray[np.float64]:
        """(stations, names) events in effort, without those of stretches in which a species is not
        known."""
        made = self.counted
        seen = tally(made.station, made.species, self.stations, self.names)
        for name in self.partly_known:
            i = self.names.index(name)
            mine = self.sure_events(name)
            seen[:, i] = tally(mine.station, mine.species, self.stations, [name])[:, 0]
        return seen

    @property
    def effort_by_name(self) -> NDArray[np.float64]:
        """(stations, names) camera-days in which each species would be known; nan: not known."""
        days = np.repeat(self.effort[:, None], len(self.names), axis=1)
        for name in self.partly_known:
            own = days_between(self.sure_watches(name), self.edges)[:, 0]
            days[: len(own), self.names.index(name)] = own
        return days

    def sure_watches(self, name: str) -> list[Watch]:
        """Effort without the periods in which visits without a time may show this species."""
        return without(self.watched, self.untimed.spans.get(name, {}))

    def sure_events(self, name: str) -> Events:
        """Events of this species in that effort."""
        mine = self.counted.where(self.counted.species == name)
        at = stretches(self.sure_watches(name), mine.station, mine.started_at, mine.day_alone)
        return mine.where(at >= 0)

    def wider_than(self, name: str) -> frozenset[str]:
        """Names that include a name; of a species that nobody listed its genus and what includes
        that."""
        genus, *more = name.split()
        own = self.wider.get(name)
        if own is None and more:
            return frozenset({genus}) | self.wider.get(genus, frozenset())
        return own or frozenset()

    @property
    def without_period(self) -> tuple[str, ...]:
        """Deployments without a period: in no number."""
        return tuple(sorted(set(self.stays) - set(self.known) - set(self.future)))

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
    request: StudyRequest,
    outages: Outages | None = None,
    today: date | None = None,
    wider: Mapping[str, frozenset[str]] | None = None,
) -> Basis:
    """PopulationError where no camera-day is known.

    wider   names that include a name
    today   no camera has worked after the end of this day, whatever its period says: open ends are
            often written as 2062 or 9999. None: periods are taken as they stand
    """
    out = outages or {}
    stays = {d.deployment_id: stay_of(d, out.get(d.deployment_id, ())) for d in deployments}
    whole = {name: stay for name, stay in stays.items() if None not in (stay.start, stay.end)}
    known = {name: stay for name, stay in _up_to(whole, today).items() if stay}
    check_years(known)
    watched = watches(known.values(), request.effort)
    edges = _edges(watched, request)
    days = days_between(watched, edges)[:, 0] if watched else np.zeros(0)
    if not (days > 0).any():
        raise no_effort(request, stays, known, watched)
    kept, left_out = kept_of(sightings, request.species)
    no_time = untimed(untimed_of(sightings, request.species), known)
    station, times, within = _placed(kept, stays, known, watched)
    events, first, by_people, by_model = _events(kept, station, within, edges, request)
    with_effort = [watch.station for watch in watched]
    without = sorted({stay.station for stay in stays.values()} - {*with_effort})
    dated = _inside(times, edges)
    return Basis(
        request=request,
        deployments=tuple(deployments),
        stays=stays,
        known=known,
        future=tuple(name for name in sorted(whole) if known.get(name) != whole[name]),
        today=today,
        watched=watched,
        edges=edges,
        stations=with_effort + without,
        effort=np.append(days, np.full(len(without), np.nan)),
        kept=kept,
        station=station,
        taxa=np.array([sighting.taxon for sighting in kept], str),
        times=times,
        inside=dated & (within >= 0),
        dated=dated,
        left_out=left_out,
        untimed=no_time,
        events=events,
        first=first,
        by_people=by_people,
        by_model=by_model,
        names=_names(events, kept, request.species, no_time),
        present=_present(sightings),
        wider=wider or {},
        vague=_vague(sightings, stays, known, watched, edges, wider or {}),
    )


def _placed(
    kept: Sequence[Sighting],
    stays: Mapping[str, Stay],
    known: Mapping[str, Stay],
    watched: Sequence[Watch],
) -> tuple[NDArray[np.str_], NDArray[np.datetime64], NDArray[np.int64]]:
    """Station, time and stretch of effort of each sighting, (n,); stretch -1: in no effort."""
    station = np.array([stays[sighting.deployment].station for sighting in kept], str)
    times = np.array([sighting.started_at for sighting in kept], "datetime64[us]")
    within = stretches(watched, station, times, days_alone(s.started_at for s in kept))
    within[np.array([sighting.deployment not in known for sighting in kept], bool)] = -1
    return station, times, within


def _vague(
    sightings: Sequence[Sighting],
    stays: Mapping[str, Stay],
    known: Mapping[str, Stay],
    watched: Sequence[Watch],
    edges: NDArray[np.datetime64],
    wider: Mapping[str, frozenset[str]],
) -> tuple[Sighting, ...]:
    """What the model named by a name that includes others, and no person has looked at."""
    names = frozenset[str]().union(*wider.values())
    found = [
        s
        for s in sightings
        if s.name in names and s.method == "machine" and s.deployment in known
        and s.started_at is not None and s.capture_method != "timeLapse"
    ]  # fmt: skip
    times = np.array([s.started_at for s in found], "datetime64[us]")
    station = np.array([stays[s.deployment].station for s in found], str)
    alone = days_alone(s.started_at for s in found)
    inside = _inside(times, edges) & (stretches(watched, station, times, alone) >= 0)
    return tuple(found[i] for i in np.flatnonzero(inside).tolist())


def _up_to(known: Mapping[str, Stay], today: date | None) -> dict[str, Stay | None]:
    """The same stays, none longer than the end of today; None: it begins after it."""
    if today is None:
        return {**known}
    tomorrow = datetime(today.year, today.month, today.day) + timedelta(days=1)
    end = int(microseconds(tomorrow))
    found: dict[str, Stay | None] = {}
    for name, stay in known.items():
        begins, ends = microseconds([stay.start, stay.end]).tolist()
        later = replace(stay, end=tomorrow) if ends > end else stay
        found[name] = later if begins < end else None
    return found


def _events(
    kept: Sequence[Sighting],
    station: Names,
    within: NDArray[np.int64],
    edges: NDArray[np.datetime64],
    request: StudyRequest,
) -> tuple[Events, NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Events that begin within the edges, by station, species and time; of each its first visit
    and whether people, and whether the model, named one of its visits."""
    rows = records_of(kept, station)
    whole = independent_events(rows, request.gap_s, request.rule, within)
    first, by_people, by_model = first_and_sources(whole, kept, rows, within)
    on = np.flatnonzero(_inside(whole.started_at, edges))
    names = [coded(column[on])[1] for column in (whole.species, whole.station)]
    on = on[np.lexsort((whole.started_at[on], *names))]
    return whole.where(on), first[on], by_people[on], by_model[on]


def _edges(watched: Sequence[Watch], request: StudyRequest) -> NDArray[np.datetime64]:
    """(2,) from and to: the requested dates, else all days on which any camera was set up."""
    days = [days_of(watch.set_up).ravel() for watch in watched] or [np.zeros(1, np.int64)]
    first, last = int(np.concatenate(days).min()), int(np.concatenate(days).max())
    begin = int(microseconds(request.begin)) // DAY if request.begin else first
    end = int(microseconds(request.end)) // DAY if request.end else max(begin, last)
    return (np.array([min(begin, end), end + 1]) * DAY).astype("datetime64[us]")


def _inside(times: NDArray[np.datetime64], edges: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    return np.asarray((times >= edges[0]) & (times < edges[1]))


def _names(
    events: Events, kept: Sequence[Sighting], requested: Sequence[str], no_time: Untimed
) -> list[str]:
    """Species of the tables: those with an event or without a time, and requested ones."""
    kinds = {sighting.kind for sighting in kept}
    asked = (name for name in requested if name not in kinds)
    return sorted({*events.species.tolist(), *asked, *no_time.visits})


def _present(sightings: Sequence[Sighting]) -> tuple[str, ...]:
    every = Counter(s.name for s in sightings if s.kind == "animal" and s.name)
    return tuple(sorted(every, key=lambda name: (-every[name], name)))
