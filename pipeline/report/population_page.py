"""The page of a study: the numbers of its tables, in words and plots, in one file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.population.correction.corrected import FEW_ERRORS, SMALL
from pipeline.population.correction.corrected_rates import CorrectedRate
from pipeline.population.correction.correction import CorrectedPart, CorrectedSpecies
from pipeline.population.effort import effort
from pipeline.population.estimates.activity import FEWEST, Curve
from pipeline.population.estimates.hours import Times
from pipeline.population.estimates.occupancy import Occupancy, Share
from pipeline.population.estimates.rates import Rate
from pipeline.population.estimates.trend import Change
from pipeline.population.events import independent as events
from pipeline.population.study.confirmed_species import comparable
from pipeline.population.study.seasons import Trend
from pipeline.population.study.species_occupancy import Occupied
from pipeline.population.study.study import Study
from pipeline.population.study.table_rows import Rows, methods_of, outages_text
from pipeline.population.study.tables import Tables
from pipeline.records import OBSERVATION_TYPES
from pipeline.report import population_plots as plots
from pipeline.report import words
from pipeline.report.page import environment

FINE_DEG, COARSE_DEG = 3, 2  # decimals of coordinates on a map: where a study is small, and else
SMALL_DEG = 0.1  # extent below which a study is small
MAPS = 8
BARS = 40  # rows of a plot with a row a taxon
EDGE, WIDE = 0.001, 0.2  # from 0 or 1 a share lies at the border; an interval that is wide there
LONG_DAYS = 366  # a longer survey is hardly closed
METHODS = {"machine": "model", "human": "people", "machine and human": "both"}


@dataclass(frozen=True, slots=True)
class RateRow:
    """One taxon: its corrected rate where the sample gives one, and the rate of its labels."""

    name: str
    rate: Rate | None  # of the labels as they stand; None: known from the sample alone
    presence: Rate | None  # days with the taxon
    methods: str  # who named it
    corrected: CorrectedRate | None


@dataclass(frozen=True, slots=True)
class StationRow:
    station: str
    days: float | None  # None: not known
    cells: list[tuple[int, float | None]]  # events and rate of each taxon


@dataclass(frozen=True, slots=True)
class MonthRow:
    month: str
    days: float | None
    stations: int
    rates: Sequence[Rate]


@dataclass(frozen=True, slots=True)
class OccupancyRow:
    species: Occupied
    first: bool  # of the rows of its taxon
    basis: str  # labels, confirmed, or in part
    psi: Share | None
    p: float | None
    p_limits: tuple[float, float] | None
    p_days: float | None  # effort of the occasion that p is for; None: it does not depend on it
    note: str

    @property
    def open_end(self) -> bool:
        """A share at 0 or 1 with a wide interval: the data do not determine it."""
        if self.psi is None:
            return False
        low, high = self.psi.profile
        return not EDGE < self.psi.value < 1 - EDGE and high - low > WIDE


@dataclass(frozen=True, slots=True)
class Active:
    """The activity of a taxon, by the clock or by the sun."""

    n: int
    stations: int
    curve: Curve | None
    peak: str | None  # 06:30
    why: str  # there is no curve; empty: there is one


@dataclass(frozen=True, slots=True)
class ActivityRow:
    name: str
    clock: Active
    sun: Active


@dataclass(frozen=True, slots=True)
class TrendRow:
    name: str
    rates: list[Rate]  # by season
    change: Change


def write_population_page(folder: Path, study: Study, tables: Tables, version: str) -> Path:
    """Write population.html into a folder; the same study gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "population.html"
    path.write_text(population_page(study, tables, version), "utf-8", newline="")
    return path


def population_page(study: Study, tables: Tables, version: str) -> str:
    """The page, with everything it needs inside."""
    basis, trend = study.basis, study.trend
    request = basis.request
    first, last = (basis.edges - np.array([0, 1])).astype("datetime64[D]").tolist()
    common = _commonest(study)
    places, rounding = _places(study)
    small = common[: plots.MOST]
    occupancy = list(_occupancy(study, common))
    corrected = _corrected(study, common)
    return environment().get_template("population.html").render(
        study=study, request=request, version=version, names=basis.names, first=first, last=last,
        gap=f"{request.gap_s / 60:g}", stations=basis.stations,
        working=int((basis.effort > 0).sum()), days_total=float(np.nansum(basis.effort)),
        events=sum(rate.events for rate in study.rates),
        species=sum(rate.events > 0 and rate.name not in OBSERVATION_TYPES for rate in study.rates),
        reviewed=tables.reviewed, visits=tables.visits, sampled=study.sampled,
        labels=_labels(study, tables), event_rule=events.RULES[request.rule],
        effort_rule=effort.RULES[request.effort], outages=outages_text(basis),
        clocks=tables.clocks,
        rates=_rates(study, common), zeros=any(rate.events == 0 for rate in study.rates),
        rate_plot=plots.rate_plot(
            [study.rates[i] for i in _places_of(study, common)],
            {row.name: row.rate for row in study.corrected.rows if row.rate},
        ),
        map_plot=plots.map_plot(study, common[:MAPS], places), rounding=10.0**-rounding,
        nowhere=sum(name not in places for name in basis.stations),
        more_plots=_more(common, plots.MOST), more_maps=_more(common, MAPS),
        by_station=_by_station(study),
        month_plot=plots.month_plot(study, small), by_month=_by_month(study),
        elsewhere=study.elsewhere, corrected=study.corrected, corrected_rows=corrected,
        corrected_months=_parts(study.corrected.months),
        corrected_stations=_parts(study.corrected.stations), least_answers=SMALL,
        corrected_plot=plots.corrected_plot([row for row, _ in corrected][:BARS]),
        corrected_notes=_notes(study), blanks_text=_blanks(study),
        open_years=_open_years(study), mixed=len(comparable(basis)) < len(basis.names),
        occupancy=occupancy, occupancy_plot=_occupancy_plot(occupancy, common),
        activity_plot=plots.activity_plot(study, small), activity=_activity(study, common),
        overlaps=study.days.overlaps, without_sun=study.days.without_sun,
        sunrise=words.hour(study.days.sunrise_h), sunset=words.hour(study.days.sunset_h),
        trend=trend, trend_rows=_trend(study, common),
        trend_plot=plots.trend_plot(study, small), trend_months=_months(trend),
        trend_begins=_begins(trend),
        richness=study.richness, richness_plot=plots.richness_plot(study.richness),
        effort=_dicts(tables.rows["effort"]), effort_plot=plots.effort_plot(study),
        without_period=basis.without_period, left_out=_left_out(tables),
    )  # fmt: skip


def _commonest(study: Study) -> list[str]:
    """Names by events, the most first."""
    return [rate.name for rate in sorted(study.rates, key=lambda rate: (-rate.events, rate.name))]


def _places_of(study: Study, names: Sequence[str]) -> list[int]:
    """Where each name stands in the study's tuples."""
    index = {rate.name: i for i, rate in enumerate(study.rates)}
    return [index[name] for name in names]


def _rates(study: Study, names: Sequence[str]) -> list[RateRow]:
    who, right = methods_of(study.basis), {row.name: row.rate for row in study.corrected.rows}
    rows = [
        RateRow(
            name, study.rates[i], study.presence[i], METHODS.get(who.get(name, ""), ""),
            right.get(name),
        )
        for name, i in zip(names, _places_of(study, names), strict=True)
    ]  # fmt: skip
    others = [name for name in right if name not in set(names)]
    return rows + [RateRow(name, None, None, "sample", right[name]) for name in others]


def _labels(study: Study, tables: Tables) -> str:
    none = f"{tables.no_visit[0].upper()}{tables.no_visit[1:]}. " if tables.no_visit else ""
    if not tables.visits:
        return none
    if tables.reviewed == tables.visits:
        return f"{none}Every visit was named by people."
    if not tables.reviewed:
        return f"{none}All names are the model's: nobody has reviewed any of them."
    if study.corrected.all_told:
        return f"{none}People told of every visit; of some they reviewed single pictures alone."
    return f"{none}Names are the model's unless people reviewed them."


def _places(study: Study) -> tuple[dict[str, tuple[float, float]], int]:
    """({station: (longitude, latitude)} rounded, decimals)."""
    found: dict[str, tuple[float, float]] = {}
    for deployment in study.basis.deployments:
        if deployment.latitude is not None and deployment.longitude is not None:
            station = study.basis.stays[deployment.deployment_id].station
            found.setdefault(station, (deployment.longitude, deployment.latitude))
    extent = np.ptp(list(found.values()), axis=0).max() if found else 0
    digits = FINE_DEG if extent < SMALL_DEG else COARSE_DEG
    return {name: (round(x, digits), round(y, digits)) for name, (x, y) in found.items()}, digits


def _by_station(study: Study) -> Iterator[StationRow]:
    seen, basis = study.basis.seen, study.basis
    for i, station in enumerate(basis.stations):
        rates = [None if np.isnan(r) else r for r in study.station_rates[i].tolist()]
        cells = list(zip(seen[i].astype(int).tolist(), rates, strict=True))
        days = None if np.isnan(basis.effort[i]) else float(basis.effort[i])
        yield StationRow(station, days, cells)


def _by_month(study: Study) -> Iterator[MonthRow]:
    """The months in which a camera watched, or something was seen."""
    for month, rates in study.months.items():
        days, stations = (rates[0].effort_days, rates[0].stations) if rates else (None, 0)
        if stations or any(rate.events for rate in rates):
            yield MonthRow(month, days, stations, rates)


def _corrected(study: Study, names: Sequence[str]) -> list[tuple[CorrectedSpecies, int]]:
    """(taxon, reviews that would halve its interval): the commonest first, those that only people
    found last."""
    place = {name: i for i, name in enumerate(names)}
    rows = sorted(study.corrected.rows, key=lambda row: (place.get(row.name, len(place)), row.name))
    left = study.corrected.left
    return [(row, min(sum(row.total.more.values()), left)) for row in rows]


def _parts(found: Sequence[CorrectedPart]) -> dict[str, list[CorrectedPart]]:
    """By month or station, those with numbers."""
    parts: dict[str, list[CorrectedPart]] = {}
    for part in found:
        if part.value is not None:
            parts.setdefault(part.part, []).append(part)
    return parts


def _notes(study: Study) -> list[str]:
    """What a reader must know about the sample, in sentences."""
    found = study.corrected
    short = [name for name, size, n in found.strata if n < min(SMALL, size)]
    few = [row.name for row in found.rows if row.total.errors < FEW_ERRORS]
    notes = []
    if short:
        notes.append(
            f"Fewer than {SMALL} answers in {len(short)} of {len(found.strata)} strata "
            f"({', '.join(short)}): the sample is small."
        )
    if few:
        notes.append(
            f"Fewer than {FEW_ERRORS} errors among the answers, so the limits are wide: "
            f"{', '.join(few)}."
        )
    return notes


def _blanks(study: Study) -> str:
    """What is known of animals among the pictures that were called blank."""
    audit = study.blanks
    if audit is None or not audit.blanks:
        return "No picture was called blank."
    called = "picture called blank makes" if audit.blanks == 1 else "pictures called blank make"
    text = f"{words.number(audit.blanks)} {called} no event."
    if audit.estimate is None:
        return f"{text} Nobody has reviewed a sample of them, so it is not known what was missed."
    return (
        f"{text} By the audit, {words.missed(audit.estimate)} of them had something on them: the "
        f"filter kept {words.recall(audit.estimate)} of the pictures with something on them. It is "
        "not known how many visits that is, so no number above includes it."
    )


def _occupancy(study: Study, names: Sequence[str]) -> Iterator[OccupancyRow]:
    by_name = {species.name: species for species in study.occupied}
    for species in (by_name[name] for name in names):
        fit, basis = species.raw, "labels"
        if species.checked is not None:
            fit, basis = species.checked, "confirmed"
        p, p_limits = (fit.p.value, fit.p.profile) if fit.p else (None, None)
        days = fit.effort_of_p
        yield OccupancyRow(species, True, basis, fit.psi, p, p_limits, days, _note(fit))
        if (part := species.partly) is not None:
            psi = None
            if part.psi is not None and part.psi_limits is not None:
                psi = Share(part.psi, part.psi_limits)
            yield OccupancyRow(species, False, "in part", psi, part.p, None, None, part.reason)


def _open_years(study: Study) -> float | None:
    """Years of a survey that is too long to be closed."""
    days = float(np.diff(study.basis.edges)[0] / np.timedelta64(1, "D"))
    return days / 365.25 if study.occupied and days > LONG_DAYS else None


def _note(fit: Occupancy) -> str:
    """What a reader must know of a fit, in a few words."""
    return "at 0 or 1: read the interval" if fit.status == "boundary" else fit.reason


def _occupancy_plot(rows: Sequence[OccupancyRow], names: Sequence[str]) -> str | None:
    """The best that is known of each taxon; a share that the data do not determine has no dot."""
    best = {row.species.name: (row, row.psi) for row in rows if row.psi is not None}
    naive, modelled = [], []
    for name in [name for name in names if name in best][:BARS]:
        row, psi = best[name]
        naive.append(plots.Range(name, row.species.raw.naive))
        modelled.append(plots.Range(name, None if row.open_end else psi.value, *psi.profile))
    return plots.occupancy_plot(naive, modelled)


def _activity(study: Study, names: Sequence[str]) -> Iterator[ActivityRow]:
    days = study.days
    for name in names:
        if name in days.clock:
            clock = _active(days.clock[name], days.curves.get(name))
            sun = _active(days.sun[name], days.sun_curves.get(name), clock.n)
            yield ActivityRow(name, clock, sun)


def _active(times: Times, curve: Curve | None, of: int | None = None) -> Active:
    """`of`: events by the clock, of which these have a sun time."""
    peak = words.hour(float(curve.hours[curve.density.argmax()])) if curve else None
    return Active(times.n, times.stations, curve, peak, "" if curve else _no_curve(times.n, of))


def _no_curve(n: int, of: int | None) -> str:
    if n >= FEWEST:
        return "no curve fits: all at one time, or too even"
    if of is not None and of >= FEWEST:
        return "no sun time" if n == 0 else f"fewer than {FEWEST} events have a sun time"
    return f"fewer than {FEWEST} events"


def _trend(study: Study, names: Sequence[str]) -> list[TrendRow]:
    found = study.trend
    return [
        TrendRow(name, [season[i] for season in found.rates], found.changes[i])
        for name, i in zip(names, _places_of(study, names), strict=True)
        if found.seasons
    ]


def _months(found: Trend) -> str:
    """All twelve months; November to January; or their names one by one, in season order."""
    numbers = sorted(found.months, key=lambda n: (n - found.begins) % 12)
    names = [words.MONTHS[n - 1] for n in numbers]
    if len(numbers) == 12:
        return "all twelve months"
    if len(names) > 2 and all((b - a) % 12 == 1 for a, b in pairwise(numbers)):
        return f"{names[0]} to {names[-1]}"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _begins(found: Trend) -> tuple[str, str] | None:
    """Month and year in which the first season began."""
    return (words.MONTHS[found.begins - 1], found.seasons[0][:4]) if found.seasons else None


def _more(names: Sequence[str], most: int) -> str:
    return f" The {most} commonest; all are in the tables." if len(names) > most else ""


def _left_out(tables: Tables) -> list[tuple[str, object]]:
    """What about.csv says is left out, and how often."""
    found = []
    for item, count in tables.rows["about"][1:]:
        what = str(item)
        if count and what.startswith(("visits left out", "left out", "not in the history")):
            short = what.startswith(("visits", "left"))
            found.append((what.split(": ", 1)[-1] if short else what, count))
    return found


def _dicts(rows: Rows) -> list[Mapping[str, object]]:
    head = [str(name) for name in rows[0]]
    return [dict(zip(head, row, strict=True)) for row in rows[1:]]
