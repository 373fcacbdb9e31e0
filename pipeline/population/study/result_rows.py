"""Rows of the tables that hold estimates: each number with its n, its interval and its rule."""

from collections.abc import Mapping, Sequence

from pipeline.population.correction.correction import Corrected
from pipeline.population.correction.elsewhere import Elsewhere
from pipeline.population.estimates.rates import Rate
from pipeline.population.events.sightings import Ask
from pipeline.population.study.cells import Occupied
from pipeline.population.study.known import Richness
from pipeline.population.study.seasons import Trend
from pipeline.population.study.study import Days
from pipeline.population.study.table_rows import RULES, _number

CAPPED = "per_100_high: as if every visit were one, the stations set no limit"
RATE = ["stations_seen", "stations", "effort_days", "rai", "rai_low", "rai_high", "interval"]


def month_rows(months: Mapping[str, Sequence[Rate]], rules: list) -> list[list]:
    """A month without effort has no rate."""
    rows = [["month", "scientific_name", "events", *RATE, *RULES]]
    for month, rates in months.items():
        rows += [[month, one.name, one.events, *_rate(one), *rules] for one in rates]
    return rows


def presence_rows(rates: Sequence[Rate], rules: list) -> list[list]:
    """Days with the species per 100 camera-days: bursts and long stays cannot inflate it."""
    head = ["days_per_100", "days_low", "days_high", "interval"]
    rows = [["scientific_name", "days_seen", *RATE[:3], *head, *RULES[2:]]]
    rows += [[one.name, one.events, *_rate(one), *rules[2:]] for one in rates]
    return rows


def _rate(one: Rate) -> list:
    numbers = map(_number, (one.effort_days, one.pooled, one.low, one.high))
    return [one.stations_seen, one.stations, *numbers, one.interval]


def occupancy_rows(some: Sequence[Occupied], ask: Ask) -> list[list]:
    """psi and p with profile intervals, from labels as they stand and from what was confirmed."""
    head = ["scientific_name", "basis", "stations", "occasions", "cells", "stations_seen", "naive"]
    head += ["psi", "psi_low", "psi_high", "p", "p_low", "p_high", "status", "reason"]
    head += ["cells_confirmed", "cells_open", "occasion_days", "day1", "least_days"]
    rows = [head]
    how = [ask.occasion_days, ask.day1, "" if ask.least_days is None else f"{ask.least_days:g}"]
    for one in some:
        cells = [one.cells.confirmed, one.cells.open]
        for basis, fit in (("labels", one.raw), ("confirmed", one.checked)):
            if fit is None:
                continue
            psi, p = (_share(share) for share in (fit.psi, fit.p))
            facts = [fit.sites, fit.occasions, fit.cells, fit.detected, _number(fit.naive)]
            said = [*psi, *p, fit.status, fit.reason]
            rows.append([one.name, basis, *facts, *said, *cells, *how])
        if (part := one.partly) is not None:
            low, high = part.psi_limits or (None, None)
            numbers = [*map(_number, (part.psi, low, high, part.p)), "", ""]
            facts = [part.sites, one.raw.occasions, one.raw.cells, one.raw.detected, ""]
            said = [*numbers, part.status, part.reason]
            rows.append([one.name, "partly confirmed", *facts, *said, *cells, *how])
    return rows


def _share(share) -> list:
    return ["", "", ""] if share is None else [*map(_number, (share.value, *share.profile))]


def activity_rows(days: Days, rules: list) -> list[list]:
    """n events, the hour of the peak, and the share of the day spent active; none below 10."""
    head = ["scientific_name", "time", "events", "stations", "peak_hour", "active_share"]
    rows = [[*head, "active_low", "active_high", "bandwidth", *RULES[:2]]]
    for kind, seen, curves in (
        ("clock", days.clock, days.curves),
        ("sun", days.sun, days.sun_curves),
    ):
        for name, times in seen.items():
            said = [""] * 5
            if curve := curves.get(name):
                peak = float(curve.hours[curve.density.argmax()])
                numbers = (peak, curve.level, *curve.level_limits, curve.bandwidth)
                said = [_number(one) for one in numbers]
            rows.append([name, kind, times.n, times.stations, *said, *rules[:2]])
    return rows


def curve_rows(days: Days) -> list[list]:
    """The curves themselves, density per hour, every ten minutes."""
    rows = [["scientific_name", "time", "hour", "density", "low", "high"]]
    for kind, curves in (("clock", days.curves), ("sun", days.sun_curves)):
        for name, one in curves.items():
            for at in zip(one.hours, one.density, one.low, one.high, strict=True):
                rows.append([name, kind, *map(_number, at)])
    return rows


def overlap_rows(days: Days, rules: list) -> list[list]:
    head = ["first", "second", "first_events", "second_events", "estimator", "overlap"]
    rows = [[*head, "low", "high", "interval", *RULES[:2]]]
    for a, b, one in days.overlaps:
        numbers = map(_number, (one.value, one.low, one.high))
        interval = "bootstrap of stations"
        rows.append([a, b, *one.n, one.estimator, *numbers, interval, *rules[:2]])
    return rows


def corrected_rows(found: Corrected, rules: list) -> list[list]:
    """Visits as the machine names them, and as the reviewed sample corrects them; kept pictures
    alone. more_reviews would halve the width of corrected; 0 where all were looked at."""
    head = ["scientific_name", "unit", "raw", "corrected", "low", "high", "se", "limits"]
    head += ["lambda_low", "lambda_high", "ppi", "ppi_low", "ppi_high", "raw_per_100", "per_100"]
    head += ["per_100_low", "per_100_high", "effort_days", "raw_share", "share", "share_low"]
    rows = [[*head, "share_high", "answers", "errors", "more_reviews", "note", RULES[2]]]
    for one in found.rows:
        sum_, rate = one.total, one.rate
        numbers = (sum_.raw, sum_.value, sum_.low, sum_.high, sum_.se)
        believed = (min(sum_.lambdas), max(sum_.lambdas))
        rates = (
            (rate.raw, rate.value, rate.low, rate.high, rate.effort_days) if rate else [None] * 5
        )
        shares = (one.raw_share, *(one.share or [None] * 3))
        row = [one.name, "visit", *map(_number, numbers), sum_.method, *map(_number, believed)]
        row += [*map(_number, one.ppi or [None] * 3), *map(_number, rates), *map(_number, shares)]
        more = min(sum(sum_.more.values()), found.left)
        note = "; ".join(filter(None, [sum_.word, CAPPED if one.capped else ""]))
        rows.append([*row, sum_.reviewed, sum_.errors, more, note, rules[2]])
    if found.why:
        rows.append(["", "visit", *[""] * 20, found.answers, "", "", found.why, rules[2]])
    return rows


def elsewhere_rows(found: Sequence[Elsewhere]) -> list[list]:
    """Visits by Rogan and Gladen's share, with Lang and Reiczigel's limits beside."""
    head = ["scientific_name", "unit", "raw", "corrected", "low", "high", "lang_reiczigel_low"]
    rows = [[*head, "lang_reiczigel_high", "visits", "note"]]
    for one in found:
        numbers = [""] * 5
        if one.share and one.limits:
            shares = (one.share.value, one.share.low, one.share.high, one.limits.low)
            numbers = [_number(one.visits * share) for share in (*shares, one.limits.high)]
        rows.append([one.name, "visit", one.raw, *numbers, one.visits, one.why])
    return rows


def richness_rows(found: Richness) -> list[list]:
    """Confirmed species only: measure, of what, value and interval."""
    rows = [["measure", "at", "value", "low", "high"]]
    rows += [["confirmed species", "", len(found.confirmed), "", ""]]
    rows += [["named by the machine alone", "", len(found.machine_only), "", ""]]
    rows += [
        ["confirmed events", "", found.events, "", ""],
        ["stations", "", found.stations, "", ""],
    ]
    for name, chao in (("Chao2, stations", found.chao2), ("Chao1, events", found.chao1)):
        if chao:
            rows.append([name, "", *map(_number, (chao.value, chao.low, chao.high))])
    if found.diversity:
        one = found.diversity
        pairs = {"Shannon": one.shannon, "Simpson 1-D": one.simpson}
        pairs["inverse Simpson"] = one.inverse_simpson
        rows += [[name, "", _number(value), "", ""] for name, value in pairs.items()]
    if found.accumulated is not None:
        both = zip(found.accumulated, found.accumulated_sd, strict=True)
        for k, (mean, sd) in enumerate(both, 1):
            ends = map(_number, (mean, max(mean - 1.96 * sd, 0.0), mean + 1.96 * sd))
            rows.append(["species at so many stations", k, *ends])
        for size, value in zip(found.sizes, found.rarefied, strict=True):
            rows.append(["species in so many events", size, _number(value), "", ""])
    rows += [["confirmed", name, "", "", ""] for name in found.confirmed]
    rows += [["machine alone", name, "", "", ""] for name in found.machine_only]
    return rows


def trend_rows(found: Trend, names: Sequence[str], rules: list) -> list[list]:
    """Rates by season, and the change with its interval; no verdict."""
    head = ["scientific_name", "season", "months", "events", *RATE]
    head += ["change_percent", "change_low", "change_high", "smallest_visible_times", "note"]
    rows = [[*head, *RULES]]
    months = " ".join(map(str, found.months))
    for i, name in enumerate(names if found.seasons else ()):
        for season, rates in zip(found.seasons, found.rates, strict=True):
            one = rates[i]
            rows.append([name, season, months, one.events, *_rate(one), *[""] * 5, *rules])
        change = found.changes[i]
        numbers = (change.percent, change.low, change.high, change.smallest_visible)
        said = [*map(_number, numbers), change.note]
        places = ["", change.stations, "", "", "", "", ""]
        rows.append([name, "change", months, sum(change.events), *places, *said, *rules])
    if not found.seasons:
        rows.append(["", "", "", "", *[""] * 7, "", "", "", "", found.why, *rules])
    return rows
