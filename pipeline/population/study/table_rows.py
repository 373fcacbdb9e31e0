"""Rows of each table, the first being its columns; an empty cell is a value that is not known.

`rules` ends each row with the columns of RULES, so that every number stands beside its rule.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.counted import counted
from pipeline.population.effort.basis import Basis
from pipeline.population.effort.effort import Stay, Watch, days_between, watches
from pipeline.population.estimates.histories import History
from pipeline.population.estimates.rates import Rate, station_rates
from pipeline.population.events.sightings import LEFT_OUT, StudyRequest
from pipeline.population.events.spans import Moments, minus, union
from pipeline.records import Deployment

Rows: TypeAlias = list[list[object]]

RULES = ["gap_min", "rule", "effort_rule"]
SHOWN = 6  # names in a sentence
METHODS = {(True, False): "human", (False, True): "machine", (True, True): "machine and human"}


def methods(basis: Basis) -> list[str]:
    """(events,) who named their visits."""
    both = zip(basis.by_people.tolist(), basis.by_model.tolist(), strict=True)
    return [METHODS[pair] for pair in both]


def number(value: float | None) -> str:
    """A number with ten digits; empty where it is not known."""
    return "" if value is None or np.isnan(value) else f"{value:.10g}"


def _text(moment: Moments, between: str = "T") -> str:
    return str(np.asarray(moment, "datetime64[s]")).replace("T", between)


def _texts(moments: NDArray[np.datetime64], day_alone: NDArray[np.bool_]) -> list[str]:
    """Of those without an hour the day."""
    seconds = np.datetime_as_string(moments.astype("datetime64[s]")).tolist()
    return [at[:10] if alone else at for at, alone in zip(seconds, day_alone.tolist(), strict=True)]


def event_rows(basis: Basis, rules: Sequence[str]) -> Rows:
    head = ["station", "scientific_name", "rank", "method", "started_at", "ended_at", "visits"]
    rows: Rows = [[*head, "count", "count_known", "in_effort", *RULES]]
    events, ranks = basis.events, basis.ranks
    columns = (
        events.station.tolist(),
        events.species.tolist(),
        [ranks.get(name) for name in events.species.tolist()],
        methods(basis),
        *(_texts(at, events.day_alone) for at in (events.started_at, events.ended_at)),
        *(events.rows.tolist(), events.count.tolist()),
        events.count_known.astype(int).tolist(),
        basis.in_effort.astype(int).tolist(),
    )
    rows += [[*row, *rules] for row in zip(*columns, strict=True)]
    return rows


def effort_rows(
    stays: Mapping[str, Stay],
    known: Mapping[str, Stay],
    station_days: Mapping[str, float],
    edges: NDArray[np.datetime64],
    request: StudyRequest,
) -> Rows:
    """Days of each deployment; a station's are not their sum where cameras watched together."""
    head = ["station", "deployment", "camera", "start", "end", "camera_days"]
    rows: Rows = [[*head, "station_camera_days", "effort_rule"]]
    for name, stay in sorted(stays.items(), key=lambda item: (item[1].station, item[0])):
        days = None
        if name in known:
            own = watches([replace(known[name], station=name)], request.effort)
            days = days_between(own, edges)[0, 0]
        ends = ["" if end is None else _text(end) for end in (stay.start, stay.end)]
        total = number(station_days[stay.station])
        rows.append([stay.station, name, stay.camera, *ends, number(days), total, request.effort])
    return rows


def rai_rows(rates: Sequence[Rate], basis: Basis, rules: Sequence[str]) -> Rows:
    head = ["scientific_name", "rank", "method", "events", "events_left_out", "stations_seen"]
    head += ["stations", "effort_days", "rai", "rai_low", "rai_high", "interval"]
    rows: Rows = [[*head, "rai_se", "mean_of_stations", "dispersion", *RULES]]
    total, ranks, who = Counter(basis.events.species.tolist()), basis.ranks, methods_of(basis)
    for rate in rates:
        name = [rate.name, ranks.get(rate.name), who.get(rate.name, "")]
        seen = [rate.events, total[rate.name] - rate.events, rate.stations_seen, rate.stations]
        numbers = map(number, (rate.effort_days, rate.pooled, rate.low, rate.high))
        more = map(number, (rate.se, rate.mean_of_stations, rate.dispersion))
        rows.append([*name, *seen, *numbers, rate.interval, *more, *rules])
    return rows


def methods_of(basis: Basis) -> dict[str, str]:
    """Who named the visits of each species."""
    species, found = basis.events.species, {}
    for name in sorted(set(species.tolist())):
        mine = species == name
        found[name] = METHODS[bool(basis.by_people[mine].any()), bool(basis.by_model[mine].any())]
    return found


def station_rates_rows(basis: Basis, rules: Sequence[str]) -> Rows:
    """Zeros are stations that were watched; without effort in which the species is known there are
    neither events nor a rate."""
    rows: Rows = [["station", "scientific_name", "events", "effort_days", "rai", *RULES]]
    seen, effort = basis.seen, basis.effort_by_name
    rates = station_rates(seen, effort)
    for i, station in enumerate(basis.stations):
        for j, name in enumerate(basis.names):
            events = int(seen[i, j]) if effort[i, j] > 0 else ""
            numbers = [number(effort[i, j]), number(rates[i, j])]
            rows.append([station, name, events, *numbers, *rules])
    return rows


def record_table(basis: Basis) -> Rows:
    """camtrapR's recordTable: one row an event in effort, by station, species and time.

    delta.time is since the last record of the event before, under lastIndependentRecord since its
    first; 0 for the first event of a station and species. An event without an hour has none."""
    head = ["Station", "Species", "DateTimeOriginal", "Date", "Time"]
    head += [f"delta.time.{unit}" for unit in ("secs", "mins", "hours", "days")]
    rows: Rows = [[*head, "Directory", "FileName", "count", "method"]]
    events, on = basis.counted, basis.in_effort
    who = [method for method, inside in zip(methods(basis), on.tolist(), strict=True) if inside]
    first, texts = basis.first[on].tolist(), _texts(events.started_at, events.day_alone)
    keys = list(zip(events.station.tolist(), events.species.tolist(), strict=True))
    last = events.ended_at if basis.request.rule == "lastRecord" else events.started_at
    before: dict[tuple[str, str], np.datetime64] = {}
    when = zip(events.started_at, last, events.day_alone.tolist(), strict=True)
    for i, (key, (begun, done, alone), method) in enumerate(zip(keys, when, who, strict=True)):
        folder, _, file = basis.kept[first[i]].path.rpartition("/")
        gap = begun - before.get(key, begun)
        if not alone:
            before[key] = done
        day, _, time = texts[i].partition("T")
        since = [""] * 4 if alone else _since(max(int(gap // np.timedelta64(1, "s")), 0))
        start = f"{day} {time}".strip()
        rows.append([*key, start, day, time, *since, folder, file, events.count[i], method])
    return rows


def _since(secs: int) -> list[object]:
    return [secs, round(secs / 60), round(secs / 3600, 1), round(secs / 86400, 1)]


def station_table(
    deployments: Sequence[Deployment], known: Mapping[str, Stay], watched: Sequence[Watch]
) -> Rows:
    """camtrapR's station table, a row a station. Problems are when no camera of it worked: outages
    and the time between its deployments, without overlaps, as camtrapR requires."""
    by_station = defaultdict(list)
    for deployment in deployments:
        if deployment.deployment_id in known:
            by_station[known[deployment.deployment_id].station].append(deployment)
    body = {watch.station: _problems(watch) for watch in watched}
    most = max((len(gaps) for _, gaps in body.values()), default=0)
    head = ["Station", "longitude", "latitude", "Setup_date", "Retrieval_date"]
    problems = [f"Problem{i + 1}_{end}" for i in range(most) for end in ("from", "to")]
    rows: Rows = [[*head, *problems]]
    for station, ((setup, retrieval), gaps) in body.items():
        at = next((d for d in by_station[station] if d.latitude is not None), None)
        place = [at.longitude, at.latitude] if at else ["", ""]
        filled = [end for gap in gaps for end in gap] + [""] * 2 * (most - len(gaps))
        rows.append([station, *place, setup, retrieval, *filled])
    return rows


def _problems(watch: Watch) -> tuple[tuple[str, str], list[tuple[str, str]]]:
    """(set-up, retrieval), [(from, to) without a working camera], as camtrapR's text."""
    ends = (int(watch.set_up.min()), int(watch.set_up.max()))
    worked = union(np.concatenate(watch.worked))
    gaps = minus(union([ends]), worked).tolist()
    spans = np.array([ends, *gaps]).astype("datetime64[us]")
    as_text = [(_text(begin, " "), _text(end, " ")) for begin, end in spans]
    return as_text[0], as_text[1:]


def about_rows(
    basis: Basis, version: str, histories: Mapping[str, History], sampled: Sequence[str]
) -> Rows:
    """Item and value: what the numbers were made from, and what is not in them."""
    request = basis.request
    least = request.least_days
    rows: Rows = [
        ["item", "value"],
        ["camtriage", version],
        ["from", request.begin or ""],
        ["to", request.end or ""],
        ["species asked for", " | ".join(request.species)],
        ["rule for events", request.rule],
        ["gap in minutes", f"{request.gap_s / 60:g}"],
        ["event limits", "none runs over a gap in effort; it counts on the day it began"],
        ["events of a rate", "those that began while a camera of the station worked"],
        ["effort rule", request.effort],
        ["outages", outages_text(basis)],
        ["cameras of a station", "any: it watches while any of its cameras works"],
        ["occasion in days", request.occasion_days],
        ["first day of a history", request.day1],
        ["least days of an occasion", "" if least is None else f"{least:g}"],
        ["labels", "as they stand: by the model unless reviewed; corrected numbers: corrected.csv"],
        ["raw in corrected*.csv", "by the model's names alone, before people reviewed any"],
    ]
    rows += [[f"visits left out: {why}", basis.left_out[why]] for why in LEFT_OUT]
    without = int((~basis.in_effort).sum())
    more = {
        "visits outside the dates": int((~basis.dated).sum()),
        "deployments without a period": len(basis.without_period),
        "events in an outage, in events.csv alone": basis.in_outage,
        "other events without effort, in events.csv alone": without - basis.in_outage,
        "events whose hour is not known, in no activity": int(
            (basis.in_effort & ~basis.with_hours).sum()
        ),
    }
    rows += [[f"left out: {what}", n] for what, n in more.items()]
    rows += [["clocks", sentence] for sentence in clock_notes(basis)]
    listed = {
        "deployment without a period": basis.without_period,
        "deployment with visits without a time": basis.untimed.deployments,
        "deployment whose clock its table doubts": basis.doubted,
        "deployment that ends after today": basis.future,
    }
    rows += [[what, name] for what, names in listed.items() for name in names]
    rows += [["known from the sample alone, in corrected numbers only", name] for name in sampled]
    for name, history in histories.items():
        lost = {why: n for why, n in history.lost.items() if n}
        rows += [[f"not in the history of {name}: {why}", n] for why, n in lost.items()]
    return rows


def clock_notes(basis: Basis) -> list[str]:
    """Sentences on times that are not known or not to be trusted, and what is counted of them."""
    notes = []
    if alone := int((basis.in_effort & basis.events.day_alone).sum()):
        notes.append(
            f"{counted(alone, 'event')} with a day and no hour, one a taxon, station and day: in "
            "rates, days and histories, in no activity"
        )
    if basis.future:
        places = counted(len(basis.future), "deployment")
        notes.append(
            f"{places} with an end after today ({_some(basis.future)}): effort up to the end of "
            f"{basis.today}, the day in UTC"
        )
    if basis.untimed.visits:
        taxa = ", ".join(f"{name} {n}" for name, n in sorted(basis.untimed.visits.items()))
        notes.append(
            f"{counted(sum(basis.untimed.visits.values()), 'visit')} without a time ({taxa}) at "
            f"{_some(basis.untimed.deployments)}: in the periods of these deployments these "
            "taxa are not known, which is not 'not seen': no rate there and NA in histories; "
            "changes between seasons and corrected numbers are of timed visits alone. Enter the "
            "times with camtriage clock set"
        )
    if basis.doubted:
        events = int((basis.in_effort & basis.of_doubted).sum())
        places = counted(len(basis.doubted), "deployment")
        notes.append(
            f"the table doubts the clocks of {places} ({_some(basis.doubted)}): "
            f"{counted(events, 'event')} of theirs in rates, days and histories at the times as "
            "they stand, in no activity"
        )
    return notes


def _some(names: Sequence[str]) -> str:
    """The first of many names; about.csv has all of them."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def outages_text(basis: Basis) -> str:
    """How many outages are known, and whether the effort rule subtracts them."""
    numbers = [len(stay.outages) for stay in basis.known.values() if stay.outages]
    if not numbers:
        return "none are known: each period counts in full, also that of a camera that failed"
    text = f"{counted(sum(numbers), 'outage')} at {len(numbers)} of "
    text += (
        f"{counted(len(basis.known), 'deployment')} with a period, entered or accepted by people"
    )
    how = "not subtracted" if basis.request.effort == "duration" else "subtracted"
    return f"{text}: {how}"
