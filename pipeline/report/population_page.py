"""The page of a study: the numbers of its tables, in words and plots, in one file."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.population.correction.corrected import FEW_ERRORS, SMALL, Total
from pipeline.population.correction.corrected_rates import CorrectedRate
from pipeline.population.effort import effort
from pipeline.population.events import independent as events
from pipeline.population.study.confirmed_species import comparable
from pipeline.population.study.seasons import Trend
from pipeline.population.study.study import Study
from pipeline.population.study.table_rows import methods_of, outages_text
from pipeline.population.study.tables import Tables
from pipeline.report import population_plots as plots
from pipeline.report import words
from pipeline.report.page import environment

FINE_DEG, COARSE_DEG = 3, 2  # decimals of coordinates on a map: where a study is small, and else
SMALL_DEG = 0.1  # extent below which a study is small
MAPS = 8
EDGE, WIDE = 0.001, 0.2  # from 0 or 1 a share lies at the border; an interval that is wide there
LONG_DAYS = 366  # a longer survey is hardly closed


def write_population_page(folder: Path, study: Study, tables: Tables, version: str) -> Path:
    """Write population.html into a folder; the same study gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "population.html"
    path.write_text(population_page(study, tables, version), "utf-8", newline="")
    return path


def population_page(study: Study, tables: Tables, version: str) -> str:
    """The page, with everything it needs inside."""
    basis = study.basis
    ask, first_last = (
        basis.request,
        (basis.edges - np.array([0, 1])).astype("datetime64[D]").tolist(),
    )
    common = _commonest(study)
    small, places, rounding = common[: plots.MOST], *_places(study)
    occupancy = list(_occupancy(study, common))
    return environment().get_template("population.html").render(
        study=study, ask=ask, version=version, names=basis.names, first=first_last[0],
        last=first_last[1], gap=f"{ask.gap_s / 60:g}", stations=basis.stations,
        working=int((basis.effort > 0).sum()), days_total=float(np.nansum(basis.effort)),
        events=sum(one.events for one in study.rates),
        species=sum(one.events > 0 for one in study.rates),
        told=tables.reviewed, visits=tables.visits,
        labels=_labels(tables), event_rule=events.RULES[ask.rule],
        effort_rule=effort.RULES[ask.effort], outages=outages_text(basis),
        rates=_rates(study, common), zeros=any(one.events == 0 for one in study.rates),
        rate_plot=plots.rate_plot([one for _, one in _by_name(study, common)]),
        map_plot=plots.map_plot(study, common[:MAPS], places), rounding=10.0**-rounding,
        nowhere=sum(name not in places for name in basis.stations),
        more_plots=_more(common, plots.MOST), more_maps=_more(common, MAPS),
        by_station=_by_station(study),
        month_plot=plots.month_plot(study, small), by_month=_by_month(study),
        elsewhere=study.elsewhere, corrected=study.corrected,
        corrected_rows=_corrected(study, common),
        corrected_plot=plots.corrected_plot(_corrected(study, common)[:40]),
        corrected_notes=_notes(study), blanks_words=_blanks(study),
        open_years=_open_years(study), mixed=len(comparable(basis)) < len(basis.names),
        occupancy=occupancy, occupancy_plot=plots.occupancy_plot(_psi(occupancy, common)),
        activity_plot=plots.activity_plot(study, small), activity=_activity(study, common),
        overlaps=study.days.overlaps, without_sun=study.days.without_sun,
        sunrise=words.hour(study.days.sunrise_h), sunset=words.hour(study.days.sunset_h),
        trend=study.trend, trend_rows=_trend(study, common),
        trend_plot=plots.trend_plot(study, small), trend_months=_months(study.trend),
        trend_begins=_begins(study.trend),
        richness=study.richness, richness_plot=plots.richness_plot(study.richness),
        effort=_dicts(tables.rows["effort"]), effort_plot=plots.effort_plot(study),
        unknown=basis.without_period, left=_left(tables),
    )  # fmt: skip


def _commonest(study: Study) -> list[str]:
    """Names by events, the most first."""
    return [one.name for one in sorted(study.rates, key=lambda one: (-one.events, one.name))]


def _by_name(study: Study, names: list[str]) -> list:
    index = {one.name: i for i, one in enumerate(study.rates)}
    return [(index[name], study.rates[index[name]]) for name in names]


def _rates(study: Study, names: list[str]) -> list[dict]:
    who = methods_of(study.basis)
    words = {"machine": "machine", "human": "people", "machine and human": "both"}
    return [
        {"rate": rate, "presence": study.presence[i], "methods": words.get(who.get(rate.name), "")}
        for i, rate in _by_name(study, names)
    ]


def _labels(tables: Tables) -> str:
    none = f"{tables.no_visit[0].upper()}{tables.no_visit[1:]}. " if tables.no_visit else ""
    if not tables.visits:
        return none
    if tables.reviewed == tables.visits:
        return f"{none}Every visit was named by people."
    if not tables.reviewed:
        return f"{none}All names are the machine's: nobody has reviewed any of them."
    return f"{none}Names are the machine's unless people reviewed them."


def _places(study: Study) -> tuple[dict, int]:
    """({station: (longitude, latitude)} rounded, decimals)."""
    found: dict = {}
    for one in study.basis.deployments:
        if one.latitude is not None and one.longitude is not None:
            station = study.basis.stays[one.deployment_id].station
            found.setdefault(station, (one.longitude, one.latitude))
    extent = (
        max((np.ptp([place[i] for place in found.values()]) for i in (0, 1)), default=0)
        if (found)
        else 0
    )
    digits = FINE_DEG if extent < SMALL_DEG else COARSE_DEG
    return {name: tuple(round(x, digits) for x in at) for name, at in found.items()}, digits


def _by_station(study: Study) -> Iterator[dict]:
    seen, basis = study.basis.seen, study.basis
    for i, station in enumerate(basis.stations):
        rates = [None if np.isnan(r) else r for r in study.station_rates[i].tolist()]
        cells = list(zip(seen[i].astype(int).tolist(), rates, strict=True))
        days = None if np.isnan(basis.effort[i]) else float(basis.effort[i])
        yield {"station": station, "days": days, "cells": cells}


def _by_month(study: Study) -> Iterator[dict]:
    for month, rates in study.months.items():
        one = rates[0] if rates else None
        days, stations = (one.effort_days, one.stations) if one else (None, 0)
        yield {"month": month, "days": days, "stations": stations, "rates": rates}


@dataclass(frozen=True, slots=True)
class _Right:
    """A corrected taxon, and the reviews that would halve its interval."""

    name: str
    total: Total
    rate: CorrectedRate | None
    raw_share: float
    share: tuple[float, float, float] | None
    more: int
    capped: bool


def _corrected(study: Study, names: list[str]) -> list[_Right]:
    """The commonest first, those that people alone found last."""
    place = {name: i for i, name in enumerate(names)}
    rows = sorted(study.corrected.rows, key=lambda one: (place.get(one.name, len(place)), one.name))
    left = study.corrected.left
    return [
        _Right(
            one.name,
            one.total,
            one.rate,
            one.raw_share,
            one.share,
            min(sum(one.total.more.values()), left),
            one.capped,
        )
        for one in rows
    ]


def _notes(study: Study) -> list[str]:
    """What must be known of the sample, in sentences."""
    found = study.corrected
    short = [name for name, size, n in found.strata if n < min(SMALL, size)]
    few = [one.name for one in found.rows if one.total.errors < FEW_ERRORS]
    said = []
    if short:
        said.append(
            f"Fewer than {SMALL} answers in {len(short)} of {len(found.strata)} strata "
            f"({', '.join(short)}): the sample is small."
        )
    if few:
        said.append(
            f"Fewer than {FEW_ERRORS} errors among the answers, so that the limits are wide: "
            f"{', '.join(few)}."
        )
    return said


def _blanks(study: Study) -> str:
    """What is known of animals among the pictures that were called blank."""
    one = study.blanks
    if one is None or not one.blanks:
        return "No picture was called blank."
    called = "picture called blank makes" if one.blanks == 1 else "pictures called blank make"
    said = f"{words.number(one.blanks)} {called} no event."
    if one.estimate is None:
        return f"{said} Nobody has looked at a sample of them: what was missed is not known."
    return (
        f"{said} By the audit, {words.missed(one)} of them held something: the filter kept "
        f"{words.recall(one)} of the pictures with something on them. That is of pictures; how "
        "many visits it is cannot be said, so no number above contains it."
    )


def _occupancy(study: Study, names: list[str]) -> Iterator[dict]:
    by_name = {one.name: one for one in study.occupied}
    for one in (by_name[name] for name in names):
        cells = {"name": one.name, "confirmed": one.cells_confirmed, "open": one.cells_open}
        facts = {"seen": one.raw.detected, "sites": one.raw.sites, "naive": one.raw.naive}
        fits = [("labels", one.raw)] if one.checked is None else [("confirmed", one.checked)]
        for basis, fit in fits:
            psi, p = (_share(share) for share in (fit.psi, fit.p))
            yield cells | facts | {
                "first": True, "basis": basis, "psi": psi[0], "psi_low": psi[1],
                "psi_high": psi[2], "p": p[0], "p_low": p[1], "p_high": p[2],
                "note": _note(fit), "open_end": _open_end(*psi),
            }  # fmt: skip
        if (part := one.partly) is not None:
            low, high = part.psi_limits or (None, None)
            yield cells | facts | {
                "first": False, "basis": "in part", "psi": part.psi, "psi_low": low,
                "psi_high": high, "p": part.p, "p_low": None, "p_high": None, "note": part.reason,
                "open_end": low is not None and _open_end(part.psi, low, high),
            }  # fmt: skip


def _open_years(study: Study) -> float | None:
    """Years of a survey that is too long to be closed."""
    days = np.diff(study.basis.edges)[0] / np.timedelta64(1, "D")
    return days / 365.25 if study.occupied and days > LONG_DAYS else None


def _note(fit) -> str:
    """What a reader must know of a fit, in a few words."""
    if fit.status == "boundary":
        return "at 0 or 1: read the interval"
    return fit.reason


def _share(share) -> tuple:
    return (None, None, None) if share is None else (share.value, *share.profile)


def _psi(rows: list[dict], names: list[str]) -> list[tuple]:
    """(name, naive, psi, low, high), the best that is known of each."""
    best = {row["name"]: row for row in rows if row["psi"] is not None}
    keys = ("naive", "psi", "psi_low", "psi_high")
    rows = [best[name] | {"psi": None} if best[name]["open_end"] else best[name]
            for name in names if name in best]  # fmt: skip
    return [(row["name"], *(row[key] for key in keys)) for row in rows][:40]


def _open_end(psi: float | None, low: float | None, high: float | None) -> bool:
    """A share at 0 or 1 whose interval says that it may well be another: no number to be shown as
    sure."""
    return psi is not None and not EDGE < psi < 1 - EDGE and high - low > WIDE


def _activity(study: Study, names: list[str]) -> Iterator[dict]:
    days = study.days
    for name in names:
        if name in days.clock:
            clock = _active(days.clock[name], days.curves.get(name))
            yield {"name": name, "clock": clock, "sun": _active(days.sun[name],
                   days.sun_curves.get(name))}  # fmt: skip


def _active(times, curve) -> dict:
    peak = curve and words.hour(float(curve.hours[curve.density.argmax()]))
    return {"n": times.n, "stations": times.stations, "curve": curve, "peak": peak}


def _trend(study: Study, names: list[str]) -> list[dict]:
    found = study.trend
    return [
        {"name": name, "rates": [season[i] for season in found.rates], "change": found.changes[i]}
        for name, (i, _) in zip(names, _by_name(study, names), strict=True)
        if found.seasons
    ]


def _months(found: Trend) -> str:
    """All twelve months; November to January; or their names one by one, as the season goes."""
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


def _more(names: list[str], most: int) -> str:
    return f" The {most} commonest; all are in the tables." if len(names) > most else ""


def _left(tables: Tables) -> list[tuple]:
    """What about.csv says is left out, and how often."""
    return [
        (what.split(": ", 1)[-1] if what.startswith(("visits", "left")) else what, n)
        for what, n in tables.rows["about"][1:]
        if what.startswith(("visits left out", "left out", "not in the history")) and n
    ]


def _dicts(rows: list[list]) -> list[dict]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
