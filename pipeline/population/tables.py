"""Tables of a population command: from visits and deployments to rows that are written as CSV.

Every visit is in the tables or counted under a reason in about.csv; nothing is silent.
"""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PopulationError
from pipeline.population import table_rows as rows_of
from pipeline.population.effort import Watch, days_between, stay_of, stretches, watches
from pipeline.population.events import Events, independent_events, tally
from pipeline.population.histories import History, detection_history, write_history
from pipeline.population.operation import operation
from pipeline.population.rates import rai
from pipeline.population.sightings import Ask, Sighting, kept_of, members, records_of
from pipeline.population.spans import DAY, microseconds
from pipeline.records import Deployment


@dataclass(frozen=True, slots=True)
class Tables:
    """Rows by file name, the first row being the columns; histories by species; and the words."""

    rows: dict[str, list[list]]
    histories: dict[str, History]
    unknown: tuple[str, ...]  # deployments without a period
    visits: int  # in the tables
    reviewed: int  # of them told by people
    outages: str  # how many are known, and whether they are taken out


def population_tables(
    sightings: Sequence[Sighting],
    deployments: Sequence[Deployment],
    ask: Ask,
    version: str,
    outages: Mapping[str, Sequence[tuple[date, date | None]]] | None = None,
) -> Tables:
    """Everything the command writes. PopulationError where no camera-day is known.

    outages: (from, to) by deployment, those that a person entered or accepted
    """
    out = outages or {}
    stays = {one.deployment_id: stay_of(one, out.get(one.deployment_id, ())) for one in deployments}
    known = {name: stay for name, stay in stays.items() if None not in (stay.start, stay.end)}
    watched = watches(known.values(), ask.effort)
    edges = _edges(watched, ask)
    days = days_between(watched, edges)[:, 0] if watched else np.zeros(0)
    if not (days > 0).any():
        raise PopulationError(
            f"no camera-day is known{_between(ask)} ({len(stays) - len(known)} of {len(stays)} "
            "deployments without a period): fill in `camtriage deployments list`, then "
            "`camtriage deployments import` it"
        )
    kept, left = kept_of(sightings, ask.species)
    station = np.array([stays[one.deployment].station for one in kept], str)
    times = np.array([one.started_at for one in kept], "datetime64[us]")
    within = stretches(watched, station, times)
    within[np.array([one.deployment not in known for one in kept], bool)] = -1
    whole = independent_events(records_of(kept, station), ask.gap_s, ask.rule, within)
    on, dated = _inside(whole.started_at, edges), _inside(times, edges)
    made, of = whole.where(on), members(whole, kept, station, within)
    of = [of[i] for i in np.flatnonzero(on)]
    order = np.lexsort((made.started_at, made.species, made.station))
    made, of = made.where(order), [of[i] for i in order]
    names = _names(made, kept, ask.species)
    silent = sorted({stay.station for stay in stays.values()} - {one.station for one in watched})
    stations = [one.station for one in watched] + silent
    effort = np.r_[days, np.full(len(silent), np.nan)]
    counted = made.where(made.within >= 0)
    of_counted = [some for some, inside in zip(of, made.within, strict=True) if inside >= 0]
    seen = tally(counted.station, counted.species, stations, names)
    histories = _histories(watched, edges, kept, station, times, dated & (within >= 0), names, ask)
    unknown = tuple(sorted(set(stays) - set(known)))
    more = {
        "visits outside the dates": int((~dated).sum()),
        "deployments without a period": len(unknown),
        "events without effort, in events.csv alone": int((made.within < 0).sum()),
    }
    rules = [f"{ask.gap_s / 60:g}", ask.rule, ask.effort]
    by_name, total = dict(zip(stations, effort, strict=True)), Counter(made.species.tolist())
    rows = {
        "about": rows_of.about_rows(ask, version, known, left, more, unknown, histories),
        "events": rows_of.event_rows(made, of, rules),
        "effort": rows_of.effort_rows(stays, known, by_name, edges, ask),
        "rai": rows_of.rai_rows(rai(seen, effort, names), total, made, of, rules),
        "rai_by_station": rows_of.station_rates_rows(seen, effort, stations, names, rules),
        "record_table": rows_of.record_table(counted, of_counted, ask.rule),
        "station_table": rows_of.station_table(
            deployments, known, watches(known.values(), "exact")
        ),
    }
    reviewed = sum(one.method == "human" for one, day in zip(kept, dated, strict=True) if day)
    out_said = rows_of.outages_said(ask, known)
    return Tables(rows, histories, unknown, int(dated.sum()), reviewed, out_said)


def write_tables(folder: Path, made: Tables) -> list[Path]:
    """Write every table and history into a folder; gives back their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in made.rows.items():
        paths.append(folder / f"{name}.csv")
        with paths[-1].open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    taken: set[str] = set()
    for species, history in made.histories.items():
        plain = re.sub(r"\W+", "_", species).strip("_").lower() or "species"
        name, nth = plain, 1
        while name in taken:
            name, nth = f"{plain}_{nth + 1}", nth + 1
        taken.add(name)
        path = folder / f"history_{name}.csv"
        paths += [path, write_history(path, history)]
    return paths


def _edges(watched: Sequence[Watch], ask: Ask) -> NDArray[np.datetime64]:
    """(2,) from and to: the dates asked for, else all that any camera stood, as whole days."""
    ends = np.concatenate([one.set_up.ravel() for one in watched]) if watched else np.zeros(1)
    first, last = int(ends.min()) // DAY, int(ends.max()) // DAY
    begin = int(microseconds(ask.begin)) // DAY if ask.begin else first
    end = int(microseconds(ask.end)) // DAY if ask.end else max(begin, last)
    return (np.array([min(begin, end), end + 1]) * DAY).astype("datetime64[us]")


def _between(ask: Ask) -> str:
    words = [f" {word} {day}" for word, day in (("from", ask.begin), ("to", ask.end)) if day]
    return "".join(words)


def _inside(times: NDArray, edges: NDArray) -> NDArray[np.bool_]:
    return (times >= edges[0]) & (times < edges[1])


def _names(made: Events, kept: Sequence[Sighting], asked: Sequence[str]) -> list[str]:
    """Species of the tables: those with an event, and those asked for without any."""
    kinds = {one.kind for one in kept}
    return sorted({*made.species.tolist(), *(name for name in asked if name not in kinds)})


def _histories(watched, edges, kept, station, times, counted, names, ask: Ask) -> dict:
    """Detection histories from the visits in effort, by species, on the days asked for."""
    whole = operation(watched)
    first = int(microseconds(edges)[0] - whole.first) // DAY
    last = int(microseconds(edges)[1] - whole.first) // DAY
    begin = max(first, 0)
    days = whole.effort[:, begin : max(last, 0)]
    there = replace(whole, first=whole.first + begin * DAY, effort=days)
    taxa = np.array([one.taxon for one in kept], str)
    found = {}
    for name in names:
        mine = counted & (taxa == name)
        found[name] = detection_history(there, station[mine], times[mine], ask.occasion_days)
    return found
