"""A whole study as plain facts: which species, how often, where, when in the day, and the change.

Tables and page show this and nothing else, so that their numbers are the same.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.card.sun import average_anchored, sun_radians
from pipeline.population.correction.correction import Corrected, corrected, only_sampled
from pipeline.population.correction.elsewhere import Accuracy, Elsewhere, elsewhere
from pipeline.population.correction.sample import Sample
from pipeline.population.effort.basis import Basis
from pipeline.population.effort.operation import operation
from pipeline.population.estimates import hours
from pipeline.population.estimates.activity import Curve, Overlap
from pipeline.population.estimates.rates import (
    Rate,
    monthly_rai,
    presence_days,
    rai,
    station_rates,
    widened,
    within_100,
)
from pipeline.population.study.confirmed_species import Richness, comparable, richness
from pipeline.population.study.seasons import Trend, trend
from pipeline.population.study.species_occupancy import Occupied, occupied
from pipeline.trust.audit import Estimate

NOT_KNOWN = "pictures without a time may show it: no rate, and no zero"
PLACE_DEG = 0.05  # places are rounded to this for the sun: an error of 12 seconds


@dataclass(frozen=True, slots=True)
class Days:
    """When in the day: clock times, and times by the sun where place and offset are known."""

    clock: dict[str, hours.Times]
    sun: dict[str, hours.Times]
    curves: dict[str, Curve]
    sun_curves: dict[str, Curve]
    overlaps: tuple[tuple[str, str, Overlap], ...]
    without_sun: int  # events whose place or offset is not known, or without sunrise
    sunrise_h: float | None  # means over the events, hours of the camera's clock
    sunset_h: float | None


class BlankAudit(Protocol):
    """The number of blanks, and what their audit says of missed animals."""

    @property
    def blanks(self) -> int: ...

    @property
    def estimate(self) -> Estimate | None: ...  # None: nobody has reviewed a sample


@dataclass(frozen=True, slots=True)
class Study:
    basis: Basis
    rates: tuple[Rate, ...]  # by species, as all that follows
    station_rates: NDArray[np.float64]  # (stations, species) nan: no effort
    months: dict[str, tuple[Rate, ...]]  # 2026-05
    presence: tuple[Rate, ...]  # days with the species per 100 camera-days
    occupied: tuple[Occupied, ...]
    days: Days
    richness: Richness
    trend: Trend
    corrected: Corrected
    blanks: BlankAudit | None
    elsewhere: tuple[Elsewhere, ...] = ()  # only where sensitivity and specificity were given
    sampled: tuple[str, ...] = ()  # names that only drawn visits have: in corrected numbers alone


def study(
    basis: Basis,
    sample: Sample | None = None,
    blanks: BlankAudit | None = None,
    accuracies: Sequence[Accuracy] = (),
) -> Study:
    """All results of a study. A name that people gave to drawn visits alone has corrected numbers
    and no raw one: the draw is no count. A name without a corrected number stays."""
    sampled = only_sampled(basis, sample)
    right = corrected(_without(basis, sampled), sample)
    sampled &= {row.name for row in right.rows}
    basis = _without(basis, sampled)
    seen, effort, working = basis.seen, basis.effort_by_name, len(basis.watched)
    return Study(
        basis,
        tuple(widened(_rai(basis, seen, effort))),
        station_rates(seen, effort),
        {str(month): tuple(widened(rates)) for month, rates in _by_month(basis).items()},
        tuple(within_100(widened(_rai(basis, _presence(basis), effort[:working])))),
        tuple(occupied(basis)),
        days(basis),
        richness(basis),
        trend(basis),
        right,
        blanks,
        tuple(elsewhere(basis, accuracies)),
        tuple(sorted(sampled)),
    )


def _without(basis: Basis, names: Set[str]) -> Basis:
    return replace(basis, names=[name for name in basis.names if name not in names])


def _rai(basis: Basis, seen: NDArray[np.float64], effort: NDArray[np.float64]) -> list[Rate]:
    """Of every species; of one with visits without a time in the effort in which it is known."""
    rates = rai(seen, basis.effort[: len(seen)], basis.names)
    for name in basis.partly_known:
        i = basis.names.index(name)
        rates[i] = _named(rai(seen[:, [i]], effort[:, i], [name])[0])
    return rates


def _by_month(basis: Basis) -> dict[np.datetime64, list[Rate]]:
    found = monthly_rai(basis.counted, basis.watched, basis.names, basis.edges)
    for name in basis.partly_known:
        mine, watched = basis.sure_events(name), basis.sure_watches(name)
        for month, [rate] in monthly_rai(mine, watched, [name], basis.edges).items():
            found[month][basis.names.index(name)] = _named(rate)
    return found


def _presence(basis: Basis) -> NDArray[np.float64]:
    """(stations with effort, species) days on which each was seen."""
    names, counted = basis.names, basis.counted
    began = counted.station, counted.species, counted.started_at
    present = presence_days(operation(basis.watched), *began, names)
    for name in basis.partly_known:
        own = presence_days(operation(basis.sure_watches(name)), *began, [name])
        present[:, names.index(name)] = own[:, 0]
    return present


def _named(rate: Rate) -> Rate:
    """Without effort in which the species is known there is no rate, for another reason."""
    return rate if rate.stations else replace(rate, interval=NOT_KNOWN)


def days(basis: Basis) -> Days:
    """Of the events in effort whose hour is known."""
    events, first = basis.events.where(basis.with_hours), basis.first[basis.with_hours].tolist()
    number = {name: i for i, name in enumerate(basis.stations)}
    station = np.array([number[name] for name in events.station.tolist()], np.int64)
    places = [basis.kept[i].deployment for i in first]
    sun, rises, sets = _by_sun(basis, events.started_at, places)

    def split(angle: NDArray[np.float64]) -> dict[str, hours.Times]:
        return {
            name: hours.times_of(angle[mine], station[mine], len(number))
            for name in basis.names
            if (mine := events.species == name).any()
        }

    by_clock, by_sun = split(hours.angles(events.started_at)), split(sun)
    compared = {name: by_clock[name] for name in comparable(basis) if name in by_clock}
    return Days(
        by_clock,
        by_sun,
        hours.curves(by_clock),
        hours.curves(by_sun),
        tuple(hours.overlaps(compared)),
        int(np.isnan(sun).sum()),
        rises,
        sets,
    )


def _by_sun(
    basis: Basis, at: NDArray[np.datetime64], deployments: Sequence[str]
) -> tuple[NDArray[np.float64], float | None, float | None]:
    """(sun time of each event, nan where it is not known; mean sunrise; mean sunset)."""
    by_name = {d.deployment_id: d for d in basis.deployments}
    which, places, offsets = [], [], []
    for i, name in enumerate(deployments):
        d = by_name[name]
        if d.latitude is not None and d.longitude is not None and d.utc_offset_min is not None:
            which.append(i)
            places.append((_rounded(d.latitude), _rounded(d.longitude)))
            offsets.append(d.utc_offset_min / 60)
    sun = np.full(len(at), np.nan)
    if not which:
        return sun, None, None
    angles = np.array(sun_radians(at[which].tolist(), places, offsets))
    there = np.isfinite(angles).all(axis=0)
    if not there.any():
        return sun, None, None
    sun[np.array(which)[there]] = average_anchored(*angles[:, there])
    means = np.angle(np.exp(1j * angles[1:, there]).mean(1)) % (2 * np.pi) * 12 / np.pi
    return sun, float(means[0]), float(means[1])


def _rounded(degrees: float) -> float:
    return round(degrees / PLACE_DEG) * PLACE_DEG
