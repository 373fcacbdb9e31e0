"""Rows of the tables that hold estimates: each number with its n, its interval and its rule."""

from collections.abc import Mapping, Sequence

from pipeline.population.correction.corrected import SMALL
from pipeline.population.correction.correction import Corrected, CorrectedPart
from pipeline.population.correction.elsewhere import Elsewhere
from pipeline.population.estimates.occupancy import Share
from pipeline.population.estimates.rates import Rate
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.confirmed_species import Richness
from pipeline.population.study.seasons import Trend
from pipeline.population.study.species_occupancy import Occupied
from pipeline.population.study.study import Days
from pipeline.population.study.table_rows import RULES, Rows, number

EVERY = "per_100_high: as if every visit were one"
CAPPED = f"{EVERY}, the stations set no limit"
RATE = ["stations_seen", "stations", "effort_days", "rai", "rai_low", "rai_high", "interval"]


def month_rows(months: Mapping[str, Sequence[Rate]], rules: Sequence[str]) -> Rows:
    """A month without effort has no rate."""
    rows: Rows = [["month", "scientific_name", "events", *RATE, *RULES]]
    for month, rates in months.items():
        rows += [[month, rate.name, rate.events, *_rate(rate), *rules] for rate in rates]
    return rows


def presence_rows(rates: Sequence[Rate], rules: Sequence[str]) -> Rows:
    """Days with the species per 100 camera-days: they do not grow with bursts and long visits."""
    head = ["days_per_100", "days_low", "days_high", "interval"]
    rows: Rows = [["scientific_name", "days_seen", *RATE[:3], *head, *RULES[2:]]]
    rows += [[rate.name, rate.events, *_rate(rate), *rules[2:]] for rate in rates]
    return rows


def _rate(rate: Rate) -> list[object]:
    numbers = map(number, (rate.effort_days, rate.pooled, rate.low, rate.high))
    return [rate.stations_seen, rate.stations, *numbers, rate.interval]


def occupancy_rows(species: Sequence[Occupied], request: StudyRequest) -> Rows:
    """psi and p with profile intervals, from labels as they stand and from what was confirmed."""
    head = ["scientific_name", "basis", "stations", "occasions", "cells", "stations_seen", "naive"]
    head += ["psi", "psi_low", "psi_high", "p", "p_low", "p_high", "status", "reason"]
    head += ["cells_confirmed", "cells_open", "occasion_days", "day1", "least_days"]
    head += ["p_effort_days"]  # that p is for, where it depends on effort; empty: it does not
    rows: Rows = [[*head]]
    least = "" if request.least_days is None else f"{request.least_days:g}"
    for found in species:
        rest: list[object] = [found.cells_confirmed, found.cells_open]
        rest += [request.occasion_days, request.day1, least]
        for basis, fit in (("labels", found.raw), ("confirmed", found.checked)):
            if fit is None:
                continue
            facts = [fit.sites, fit.occasions, fit.cells, fit.detected, number(fit.naive)]
            numbers = [*_share(fit.psi), *_share(fit.p)]
            row = [found.name, basis, *facts, *numbers, fit.status, fit.reason, *rest]
            rows.append([*row, number(fit.effort_of_p)])
        if (part := found.partly) is not None:
            low, high = part.psi_limits or (None, None)
            facts = [part.sites, found.raw.occasions, found.raw.cells, found.raw.detected, ""]
            numbers = [*map(number, (part.psi, low, high, part.p)), "", ""]
            basis = "partly confirmed"
            row = [found.name, basis, *facts, *numbers, part.status, part.reason, *rest]
            rows.append([*row, ""])
    return rows


def _share(share: Share | None) -> list[str]:
    return ["", "", ""] if share is None else [*map(number, (share.value, *share.profile))]


def activity_rows(days: Days, rules: Sequence[str]) -> Rows:
    """n events, the hour of the peak, and the share of the day spent active; none below 10."""
    head = ["scientific_name", "time", "events", "stations", "peak_hour", "active_share"]
    rows: Rows = [[*head, "active_low", "active_high", "bandwidth", *RULES[:2]]]
    for kind, seen, curves in (
        ("clock", days.clock, days.curves),
        ("sun", days.sun, days.sun_curves),
    ):
        for name, times in seen.items():
            numbers = [""] * 5
            if curve := curves.get(name):
                peak = float(curve.hours[curve.density.argmax()])
                values = (peak, curve.level, *curve.level_limits, curve.bandwidth)
                numbers = [number(value) for value in values]
            rows.append([name, kind, times.n, times.stations, *numbers, *rules[:2]])
    return rows


def curve_rows(days: Days) -> Rows:
    """The curves themselves, density per hour, every ten minutes."""
    rows: Rows = [["scientific_name", "time", "hour", "density", "low", "high"]]
    for kind, curves in (("clock", days.curves), ("sun", days.sun_curves)):
        for name, curve in curves.items():
            for point in zip(curve.hours, curve.density, curve.low, curve.high, strict=True):
                rows.append([name, kind, *map(number, point)])
    return rows


def overlap_rows(days: Days, rules: Sequence[str]) -> Rows:
    head = ["first", "second", "first_events", "second_events", "estimator", "overlap"]
    rows: Rows = [[*head, "low", "high", "interval", *RULES[:2]]]
    for first, second, overlap in days.overlaps:
        numbers = map(number, (overlap.value, overlap.low, overlap.high))
        row = [first, second, *overlap.n, overlap.estimator, *numbers]
        rows.append([*row, "bootstrap of stations", *rules[:2]])
    return rows


def corrected_rows(found: Corrected, rules: Sequence[str]) -> Rows:
    """Independent events by the model's names, and as the reviewed sample corrects them; of kept
    pictures only. more_reviews would halve the width of corrected; 0 where all were reviewed."""
    head = ["scientific_name", "unit", "raw", "corrected", "low", "high", "se", "limits"]
    head += ["lambda_low", "lambda_high", "ppi", "ppi_low", "ppi_high", "raw_per_100", "per_100"]
    head += ["per_100_low", "per_100_high", "effort_days", "raw_share", "share", "share_low"]
    rows: Rows = [[*head, "share_high", "answers", "errors", "more_reviews", "note", RULES[2]]]
    none = (None, None, None)
    for species in found.rows:
        total, rate = species.total, species.rate
        row: list[object] = [species.name, "event"]
        row += map(number, (total.raw, total.value, total.low, total.high, total.se))
        row += [total.method, *map(number, (min(total.lambdas), max(total.lambdas)))]
        row += map(number, species.ppi)
        if rate is None:
            row += [""] * 5
        else:
            row += map(number, (rate.raw, rate.value, rate.low, rate.high, rate.effort_days))
        row += map(number, (species.raw_share, *(species.share or none)))
        more = min(sum(total.more.values()), found.left)
        note = "; ".join(filter(None, [total.note, CAPPED if species.capped else ""]))
        rows.append([*row, total.reviewed, total.errors, more, note, rules[2]])
    if found.why:
        rows.append(["", "event", *[""] * 20, found.answers, "", "", found.why, rules[2]])
    return rows


def corrected_part_rows(found: Sequence[CorrectedPart], part: str, rules: Sequence[str]) -> Rows:
    """Corrected events per 100 camera-days by month or by station, where the sample allows."""
    head = [part, "scientific_name", "answers", "raw_per_100", "per_100", "per_100_low"]
    rows: Rows = [[*head, "per_100_high", "effort_days", "note", *RULES]]
    for cell in found:
        numbers = map(number, (cell.raw, cell.value, cell.low, cell.high))
        note = f"{SMALL} answers are needed" if cell.value is None else EVERY * cell.capped
        row = [cell.part, cell.name, cell.answers, *numbers]
        rows.append([*row, number(cell.effort_days), note, *rules])
    return rows


def elsewhere_rows(found: Sequence[Elsewhere]) -> Rows:
    """Visits by Rogan and Gladen's share, and Lang and Reiczigel's limits."""
    head = ["scientific_name", "unit", "raw", "corrected", "low", "high", "lang_reiczigel_low"]
    rows: Rows = [[*head, "lang_reiczigel_high", "visits", "note"]]
    for species in found:
        numbers = [""] * 5
        if species.share and species.limits:
            share, limits = species.share, species.limits
            shares = (share.value, share.low, share.high, limits.low, limits.high)
            numbers = [number(species.visits * value) for value in shares]
        rows.append([species.name, "visit", species.raw, *numbers, species.visits, species.why])
    return rows


def richness_rows(found: Richness) -> Rows:
    """Confirmed species only: measure, of what, value and interval."""
    rows: Rows = [
        ["measure", "at", "value", "low", "high"],
        ["confirmed species", "", len(found.confirmed), "", ""],
        ["named by the machine alone", "", len(found.model_only), "", ""],
        ["confirmed events", "", found.events, "", ""],
        ["stations", "", found.stations, "", ""],
    ]
    for name, chao in (("Chao2, stations", found.chao2), ("Chao1, events", found.chao1)):
        if chao:
            rows.append([name, "", *map(number, (chao.value, chao.low, chao.high))])
    if found.diversity:
        pairs = {"Shannon": found.diversity.shannon, "Simpson 1-D": found.diversity.simpson}
        pairs["inverse Simpson"] = found.diversity.inverse_simpson
        rows += [[name, "", number(value), "", ""] for name, value in pairs.items()]
    for k, (mean, sd) in enumerate(zip(found.accumulated, found.accumulated_sd, strict=True), 1):
        ends = map(number, (mean, max(mean - 1.96 * sd, 0.0), mean + 1.96 * sd))
        rows.append(["species at so many stations", k, *ends])
    for size, value in zip(found.sizes, found.rarefied, strict=True):
        rows.append(["species in so many events", size, number(value), "", ""])
    rows += [["confirmed", name, "", "", ""] for name in found.confirmed]
    rows += [["machine alone", name, "", "", ""] for name in found.model_only]
    return rows


def trend_rows(found: Trend, names: Sequence[str], rules: Sequence[str]) -> Rows:
    """Rates by season, and the change with its interval."""
    head = ["scientific_name", "season", "months", "events", *RATE]
    head += ["change_percent", "change_low", "change_high", "smallest_visible_times", "note"]
    rows: Rows = [[*head, *RULES]]
    months = " ".join(map(str, found.months))
    for i, name in enumerate(names if found.seasons else ()):
        for season, rates in zip(found.seasons, found.rates, strict=True):
            row = [name, season, months, rates[i].events, *_rate(rates[i])]
            rows.append([*row, *[""] * 5, *rules])
        change = found.changes[i]
        numbers = (change.percent, change.low, change.high, change.smallest_visible)
        places = ["", change.stations, "", "", "", "", ""]
        rows.append(
            [
                *(name, "change", months, sum(change.events), *places),
                *(*map(number, numbers), change.note, *rules),
            ]
        )
    if not found.seasons:
        rows.append(["", "", "", "", *[""] * 7, "", "", "", "", found.why, *rules])
    return rows
