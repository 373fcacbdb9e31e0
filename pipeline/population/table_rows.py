"""Rows of each table, the first being its columns; empty cells are what is not known.

`rules` closes each row with RULES' columns, so that no number stands without its rule.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from pipeline.population.effort import Watch, days_between, watches
from pipeline.population.events import Events
from pipeline.population.rates import Rate, station_rates
from pipeline.population.sightings import LEFT_OUT, Ask, Sighting
from pipeline.population.spans import minus, union
from pipeline.records import Deployment

RULES = ["gap_min", "rule", "effort_rule"]


def _methods(members: Iterable[Sighting]) -> str:
    return " and ".join(sorted({one.method for one in members}, reverse=True))


def _rank(members: Iterable[Sighting]) -> str | None:
    return next((one.rank for one in members if one.rank), None)


def _number(value: float | None) -> float | str:
    """Empty where nothing can be said."""
    return "" if value is None or np.isnan(value) else f"{value:.10g}"


def _text(moment, form: str = "T") -> str:
    return str(np.datetime64(moment, "s")).replace("T", form)


def event_rows(made: Events, members, rules: list) -> list[list]:
    head = ["station", "scientific_name", "rank", "method", "started_at", "ended_at", "visits"]
    rows = [[*head, "count", "count_known", "in_effort", *RULES]]
    for i, of in enumerate(members):
        said = [made.station[i], made.species[i], _rank(of), _methods(of)]
        said += [_text(made.started_at[i]), _text(made.ended_at[i]), made.rows[i]]
        known, inside = int(made.count_known[i]), int(made.within[i] >= 0)
        rows.append([*said, made.count[i], known, inside, *rules])
    return rows


def effort_rows(stays: dict, known: dict, station_days: dict, edges, ask: Ask) -> list[list]:
    """Days of each deployment; a station's are not their sum where cameras watched together."""
    head = ["station", "deployment", "camera", "start", "end", "camera_days"]
    rows = [[*head, "station_camera_days", "effort_rule"]]
    for name, stay in sorted(stays.items(), key=lambda item: (item[1].station, item[0])):
        days = None
        if name in known:
            days = days_between(watches([replace(stay, station=name)], ask.effort), edges)[0, 0]
        ends = ["" if one is None else _text(one) for one in (stay.start, stay.end)]
        total = _number(station_days[stay.station])
        rows.append([stay.station, name, stay.camera, *ends, _number(days), total, ask.effort])
    return rows


def rai_rows(rates: Sequence[Rate], total: Counter, made: Events, members, rules) -> list[list]:
    head = ["scientific_name", "rank", "method", "events", "events_left_out", "stations_seen"]
    head += ["stations", "effort_days", "rai", "rai_low", "rai_high", "interval"]
    rows = [[*head, "rai_se", "mean_of_stations", "dispersion", *RULES]]
    of = defaultdict(list)
    for species, some in zip(made.species.tolist(), members, strict=True):
        of[species] += some
    for one in rates:
        said = [one.name, _rank(of[one.name]), _methods(of[one.name]), one.events]
        numbers = map(_number, (one.pooled, one.low, one.high))
        more = map(_number, (one.se, one.mean_of_stations, one.dispersion))
        seen = [total[one.name] - one.events, one.stations_seen, one.stations]
        days = _number(one.effort_days)
        rows.append([*said, *seen, days, *numbers, one.interval, *more, *rules])
    return rows


def outages_said(ask: Ask, known: dict) -> str:
    """How many outages are known, and whether the rule takes them out."""
    some = [len(stay.outages) for stay in known.values() if stay.outages]
    if not some:
        return "none are known: each period counts whole, a camera that failed too"
    told = f"{sum(some)} of {len(some)} deployments, entered or accepted by people"
    return f"{told}: " + ("not taken out" if ask.effort == "duration" else "taken out")


def station_rates_rows(seen, effort, stations, names, rules) -> list[list]:
    """Zeros are stations that were watched; without effort neither events nor a rate."""
    rows = [["station", "scientific_name", "events", "effort_days", "rai", *RULES]]
    rates = station_rates(seen, effort)
    for i, station in enumerate(stations):
        for j, name in enumerate(names):
            events = int(seen[i, j]) if effort[i] > 0 else ""
            numbers = [_number(effort[i]), _number(rates[i, j])]
            rows.append([station, name, events, *numbers, *rules])
    return rows


def record_table(made: Events, members, rule: str) -> list[list]:
    """camtrapR's recordTable: one row an event, given sorted by station, species and time.

    delta.time is since the last record of the event before, under lastIndependentRecord since its
    first; 0 for the first event of a station and species."""
    head = ["Station", "Species", "DateTimeOriginal", "Date", "Time"]
    head += [f"delta.time.{unit}" for unit in ("secs", "mins", "hours", "days")]
    rows = [[*head, "Directory", "FileName", "count", "method"]]
    last = made.ended_at if rule == "lastRecord" else made.started_at
    before = None
    for i, of in enumerate(members):
        key, secs = (made.station[i], made.species[i]), 0
        if before is not None and key == (made.station[before], made.species[before]):
            secs = max(0, int((made.started_at[i] - last[before]) / np.timedelta64(1, "s")))
        before = i
        folder, _, file = of[0].path.rpartition("/")
        moment = _text(made.started_at[i], " ")
        since = [secs, round(secs / 60), round(secs / 3600, 1), round(secs / 86400, 1)]
        more = [folder, file, made.count[i], _methods(of)]
        rows.append([*key, moment, *moment.split(" "), *since, *more])
    return rows


def station_table(
    deployments: Sequence[Deployment], known: dict, watched: Sequence[Watch]
) -> list[list]:
    """camtrapR's station table, a row a station. Problems are when no camera of it worked: outages
    and the time between its deployments, apart from each other, as camtrapR wants them."""
    by_station = defaultdict(list)
    for one in deployments:
        if one.deployment_id in known:
            by_station[known[one.deployment_id].station].append(one)
    body = {one.station: _problems(one) for one in watched}
    most = max((len(row[1]) for row in body.values()), default=0)
    head = ["Station", "longitude", "latitude", "Setup_date", "Retrieval_date"]
    problems = [f"Problem{i + 1}_{end}" for i in range(most) for end in ("from", "to")]
    rows = [[*head, *problems]]
    for station, ((setup, retrieval), gaps) in body.items():
        at = next((one for one in by_station[station] if one.latitude is not None), None)
        place = [at.longitude, at.latitude] if at else ["", ""]
        filled = [end for gap in gaps for end in gap] + [""] * 2 * (most - len(gaps))
        rows.append([station, *place, setup, retrieval, *filled])
    return rows


def _problems(one: Watch):
    """(set-up, retrieval), [(from, to) without a working camera], as camtrapR's text."""
    ends = (int(one.set_up.min()), int(one.set_up.max()))
    worked = union(np.concatenate(one.worked)) if one.worked else np.zeros((0, 2), np.int64)
    gaps = minus(union([ends]), worked)
    spans = np.array([ends, *gaps.tolist()]).astype("datetime64[us]")
    as_text = [tuple(_text(at, " ") for at in pair) for pair in spans]
    return as_text[0], as_text[1:]


def about_rows(
    ask: Ask, version: str, known: dict, left: Counter, more: dict, unknown, histories
) -> list[list]:
    """Item and value: what the numbers rest on, and what is not in them."""
    rows = [
        ["item", "value"],
        ["camtriage", version],
        ["from", ask.begin or ""],
        ["to", ask.end or ""],
        ["species asked for", " | ".join(ask.species)],
        ["rule for events", ask.rule],
        ["gap in minutes", f"{ask.gap_s / 60:g}"],
        ["event limits", "none runs over a gap in effort; it counts on the day it began"],
        ["effort rule", ask.effort],
        ["outages", outages_said(ask, known)],
        ["cameras of a station", "any: it watches while any of its cameras works"],
        ["occasion in days", ask.occasion_days],
        ["labels", "as they stand: machine unless reviewed; errors uncorrected"],
    ]
    rows += [[f"visits left out: {why}", left[why]] for why in LEFT_OUT]
    rows += [[f"left out: {what}", number] for what, number in more.items()]
    rows += [["deployment without a period", name] for name in unknown]
    for name, history in histories.items():
        lost = {why: n for why, n in history.lost.items() if n}
        rows += [[f"not in the history of {name}: {why}", n] for why, n in lost.items()]
    return rows
