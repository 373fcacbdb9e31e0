"""Rows of each table, the first being its columns; empty cells are what is not known.

`rules` closes each row with RULES' columns, so that no number stands without its rule.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.population.effort.basis import Basis
from pipeline.population.effort.effort import Watch, days_between, watches
from pipeline.population.estimates.rates import Rate, station_rates
from pipeline.population.events.sightings import LEFT_OUT, Ask
from pipeline.population.events.spans import minus, union
from pipeline.records import Deployment

RULES = ["gap_min", "rule", "effort_rule"]


METHODS = {(True, False): "human", (False, True): "machine", (True, True): "machine and human"}


def methods(basis: Basis) -> list[str]:
    """(events,) who named their visits."""
    both = zip(basis.told.tolist(), basis.guessed.tolist(), strict=True)
    return [METHODS[one] for one in both]


def _number(value: float | None) -> float | str:
    """Empty where nothing can be said."""
    return "" if value is None or np.isnan(value) else f"{value:.10g}"


def _text(moment, form: str = "T") -> str:
    return str(np.datetime64(moment, "s")).replace("T", form)


def _texts(moments) -> list[str]:
    return np.datetime_as_string(moments.astype("datetime64[s]")).tolist()


def event_rows(basis: Basis, rules: list) -> list[list]:
    head = ["station", "scientific_name", "rank", "method", "started_at", "ended_at", "visits"]
    rows = [[*head, "count", "count_known", "in_effort", *RULES]]
    made, ranks = basis.events, basis.ranks
    columns = (
        made.station.tolist(),
        made.species.tolist(),
        [ranks.get(name) for name in made.species.tolist()],
        methods(basis),
        *(_texts(made.started_at), _texts(made.ended_at)),
        *(made.rows.tolist(), made.count.tolist()),
        made.count_known.astype(int).tolist(),
        basis.in_effort.astype(int).tolist(),
    )
    return rows + [[*row, *rules] for row in zip(*columns, strict=True)]


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


def rai_rows(rates: Sequence[Rate], basis: Basis, rules: list) -> list[list]:
    head = ["scientific_name", "rank", "method", "events", "events_left_out", "stations_seen"]
    head += ["stations", "effort_days", "rai", "rai_low", "rai_high", "interval"]
    rows = [[*head, "rai_se", "mean_of_stations", "dispersion", *RULES]]
    total, ranks, who = Counter(basis.events.species.tolist()), basis.ranks, methods_of(basis)
    for one in rates:
        said = [one.name, ranks.get(one.name), who.get(one.name, ""), one.events]
        numbers = map(_number, (one.pooled, one.low, one.high))
        more = map(_number, (one.se, one.mean_of_stations, one.dispersion))
        seen = [total[one.name] - one.events, one.stations_seen, one.stations]
        days = _number(one.effort_days)
        rows.append([*said, *seen, days, *numbers, one.interval, *more, *rules])
    return rows


def methods_of(basis: Basis) -> dict[str, str]:
    """Who named the visits of each species."""
    species, found = basis.events.species, {}
    for name in sorted(set(species.tolist())):
        mine = species == name
        found[name] = METHODS[bool(basis.told[mine].any()), bool(basis.guessed[mine].any())]
    return found


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


def record_table(basis: Basis) -> list[list]:
    """camtrapR's recordTable: one row an event in effort, by station, species and time.

    delta.time is since the last record of the event before, under lastIndependentRecord since its
    first; 0 for the first event of a station and species."""
    head = ["Station", "Species", "DateTimeOriginal", "Date", "Time"]
    head += [f"delta.time.{unit}" for unit in ("secs", "mins", "hours", "days")]
    rows = [[*head, "Directory", "FileName", "count", "method"]]
    made, on = basis.counted, basis.in_effort
    who = [one for one, inside in zip(methods(basis), on.tolist(), strict=True) if inside]
    keys = list(zip(made.station.tolist(), made.species.tolist(), strict=True))
    last = made.ended_at if basis.ask.rule == "lastRecord" else made.started_at
    gaps = (made.started_at[1:] - last[:-1]) // np.timedelta64(1, "s")
    gaps = [0, *np.maximum(gaps.astype(np.int64), 0).tolist()][: len(keys)]
    facts = zip(
        *(_texts(made.started_at), basis.first[on].tolist(), made.count.tolist()), strict=True
    )
    before = None
    for key, gap, (at, first, count), method in zip(keys, gaps, facts, who, strict=True):
        secs, before = (gap if key == before else 0), key
        folder, _, file = basis.kept[first].path.rpartition("/")
        since = [secs, round(secs / 60), round(secs / 3600, 1), round(secs / 86400, 1)]
        day, _, time = at.partition("T")
        rows.append([*key, f"{day} {time}", day, time, *since, folder, file, count, method])
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


def about_rows(basis: Basis, version: str, histories) -> list[list]:
    """Item and value: what the numbers rest on, and what is not in them."""
    ask = basis.ask
    rows = [
        ["item", "value"],
        ["camtriage", version],
        ["from", ask.begin or ""],
        ["to", ask.end or ""],
        ["species asked for", " | ".join(ask.species)],
        ["rule for events", ask.rule],
        ["gap in minutes", f"{ask.gap_s / 60:g}"],
        ["event limits", "none runs over a gap in effort; it counts on the day it began"],
        ["events of a rate", "those that began while a camera of the station worked"],
        ["effort rule", ask.effort],
        ["outages", outages_said(basis)],
        ["cameras of a station", "any: it watches while any of its cameras works"],
        ["occasion in days", ask.occasion_days],
        ["first day of a history", ask.day1],
        ["least days of an occasion", "" if ask.least_days is None else f"{ask.least_days:g}"],
        ["labels", "as they stand: machine unless reviewed; corrected.csv has what a sample says"],
    ]
    rows += [[f"visits left out: {why}", basis.left[why]] for why in LEFT_OUT]
    without = int((~basis.in_effort).sum())
    more = {
        "visits outside the dates": int((~basis.dated).sum()),
        "deployments without a period": len(basis.unknown),
        "events in an outage, in events.csv alone": basis.in_outage,
        "other events without effort, in events.csv alone": without - basis.in_outage,
    }
    rows += [[f"left out: {what}", number] for what, number in more.items()]
    rows += [["deployment without a period", name] for name in basis.unknown]
    for name, history in histories.items():
        lost = {why: n for why, n in history.lost.items() if n}
        rows += [[f"not in the history of {name}: {why}", n] for why, n in lost.items()]
    return rows


def outages_said(basis: Basis) -> str:
    """How many outages are known, and whether the rule takes them out."""
    some = [len(stay.outages) for stay in basis.known.values() if stay.outages]
    if not some:
        return "none are known: each period counts whole, a camera that failed too"
    of, each = sum(some), len(basis.known)
    told = f"{of} outage{'' if of == 1 else 's'} at {len(some)} of {each} deployment"
    told += f"{'' if each == 1 else 's'} with a period, entered or accepted by people"
    return f"{told}: " + ("not taken out" if basis.ask.effort == "duration" else "taken out")
