"""A whole study as plain facts: what is there, how often, where, when in the day, is it rising.

Tables and page show this and nothing else, so that their numbers are the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.card.sun import average_anchored, sun_radians
from pipeline.population.correction.correction import Corrected, corrected
from pipeline.population.correction.elsewhere import Elsewhere, Known, elsewhere
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
)
from pipeline.population.study.cells import Occupied, occupied
from pipeline.population.study.known import Richness, apart, richness
from pipeline.population.study.seasons import Trend, trend

PLACE_DEG = 0.05  # places are rounded to this for the sun: 12 seconds


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
    blanks: object | None  # what the audit of the blanks says
    elsewhere: tuple[Elsewhere, ...] = ()  # only where sensitivity and specificity were given


def study(
    basis: Basis, sample: Sample | None = None, blanks=None, known: Sequence[Known] = ()
) -> Study:
    """Everything that can be said of one."""
    seen, made, names = basis.seen, basis.counted, basis.names
    n, on = len(basis.watched), basis.inside
    visits = basis.station[on], basis.taxa[on], basis.times[on]
    present = presence_days(operation(basis.watched), *visits, names)
    by_month = monthly_rai(made, basis.watched, names, basis.edges)
    return Study(
        basis,
        tuple(widened(rai(seen, basis.effort, names))),
        station_rates(seen, basis.effort),
        {str(month): tuple(widened(rates)) for month, rates in by_month.items()},
        tuple(widened(rai(present, basis.effort[:n], names))),
        tuple(occupied(basis)),
        days(basis),
        richness(basis),
        trend(basis),
        corrected(basis, sample),
        blanks,
        tuple(elsewhere(basis, known)),
    )


def days(basis: Basis) -> Days:
    """Of the events in effort."""
    made, first = basis.counted, basis.first[basis.in_effort].tolist()
    number = {name: i for i, name in enumerate(basis.stations)}
    station = np.array([number[one] for one in made.station.tolist()], np.int64)
    clock = hours.between(made.started_at)
    sun, rises, sets = _by_sun(basis, made.started_at, [basis.kept[i].deployment for i in first])

    def split(angle: NDArray) -> dict[str, hours.Times]:
        return {
            name: hours.times_of(angle[mine], station[mine], len(number))
            for name in basis.names
            if (mine := made.species == name).any()
        }

    by_clock, by_sun = split(clock), split(sun)
    return Days(
        by_clock,
        by_sun,
        hours.curves(by_clock),
        hours.curves(by_sun),
        tuple(hours.overlaps({name: by_clock[name] for name in apart(basis) if name in by_clock})),
        int(np.isnan(sun).sum()),
        rises,
        sets,
    )


def _by_sun(basis: Basis, at: NDArray, deployments: Sequence[str]):
    """(sun time of each event, mean sunrise, mean sunset); nan where they cannot be known."""
    of = {one.deployment_id: one for one in basis.deployments}
    places = [of[name] for name in deployments]
    known = [None not in (one.latitude, one.longitude, one.utc_offset_min) for one in places]
    sun = np.full(len(at), np.nan)
    which = np.flatnonzero(known)
    if not len(which):
        return sun, None, None
    rounded = [
        tuple(round(x / PLACE_DEG) * PLACE_DEG for x in (places[i].latitude, places[i].longitude))
        for i in which
    ]
    offsets = [places[i].utc_offset_min / 60 for i in which]
    angles = np.array(sun_radians(at[which].tolist(), rounded, offsets))
    there = np.isfinite(angles).all(axis=0)
    if not there.any():
        return sun, None, None
    sun[which[there]] = average_anchored(*angles[:, there])
    means = np.angle(np.exp(1j * angles[1:, there]).mean(1)) % (2 * np.pi) * 12 / np.pi
    return sun, float(means[0]), float(means[1])
