"""How often the interval of a change between seasons holds the truth, and how wide it is.

    python -m tests.benchmarks.trend [--runs 600] [--seasons 2] [--truth 0]

No change is put in, unless --truth says how much a year. Stations have levels of their own (gamma,
CV 1: a few supply most events) or one level; between seasons each changes by itself too (gamma,
so counts are negative binomial): CV 0 is plain counting, 0.5 and 1 are what animals do. Effort
differs. Only runs in which both seasons have an event give an interval.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.population.estimates.trend import Change, over_seasons

STATIONS = (2, 3, 5, 8, 20)
EVENTS = (1, 3, 8, 20)  # of a station in a season, on average
BY_ITSELF = (0.0, 0.5, 1.0)  # CV of a station's change between seasons
LEVELS = (0.0, 1.0)  # CV of stations' levels


class Row(NamedTuple):
    """Runs of one kind."""

    stations: int
    events: int
    by_itself: float
    levels: float
    given: int  # runs with an interval
    held: int  # of them those that hold the truth
    without: int  # width 0
    factor: float  # median ratio of the upper to the lower end


def varied(random: np.random.Generator, cv: float, shape: tuple[int, ...]) -> np.ndarray:
    """Around 1, with this coefficient of variation."""
    return random.gamma(cv**-2, cv**2, shape) if cv else np.ones(shape)


def counts(
    random: np.random.Generator, row: tuple[int, int, float, float], rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(stations, seasons) events and effort; `rates` (seasons,) what is put in."""
    stations, events, by_itself, levels = row
    shape = (stations, len(rates))
    effort = random.uniform(20, 100, shape)
    level = varied(random, levels, (stations, 1)) * varied(random, by_itself, shape)
    return random.poisson(events * level * rates * effort / 60), effort


def simulated(
    row: tuple[int, int, float, float], runs: int, seasons: int, truth: float
) -> Iterator[Change]:
    """The same runs each time: the seed is the row."""
    random = np.random.default_rng([int(10 * part) for part in (*row, seasons)])
    years = np.arange(float(seasons))
    for _ in range(runs):
        x, e = counts(random, row, (1 + truth) ** years)
        yield over_seasons(x, e, years)


def measured(row: tuple[int, int, float, float], runs: int, seasons: int, truth: float) -> Row:
    given = [c for c in simulated(row, runs, seasons, truth) if c.low is not None]
    ends = np.array([(1 + c.low / 100, 1 + c.high / 100) for c in given]).reshape(-1, 2)
    held = ((ends[:, 0] <= 1 + truth) & (1 + truth <= ends[:, 1])).sum()
    without = int((ends[:, 0] == ends[:, 1]).sum())
    with np.errstate(divide="ignore"):
        factor = float(np.median(ends[:, 1] / ends[:, 0])) if len(ends) else np.nan
    return Row(*row, len(given), int(held), without, factor)


def rows(runs: int, seasons: int, truth: float) -> Iterator[Row]:
    for stations in STATIONS:
        for events in EVENTS:
            for by_itself in BY_ITSELF:
                for levels in LEVELS:
                    yield measured((stations, events, by_itself, levels), runs, seasons, truth)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--runs", type=int, default=600)
    given.add_argument("--seasons", type=int, default=2)
    given.add_argument("--truth", type=float, default=0.0)
    args = given.parse_args()
    found = []
    print(
        "| stations | events each | change by themselves, CV | levels, CV | runs | held | factor |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows(args.runs, args.seasons, args.truth):
        found.append(row)
        kind = f"{row.stations} | {row.events} | {row.by_itself:g} | {row.levels:g}"
        held = row.held / row.given
        print(f"| {kind} | {row.given} | {held:.3f} | {row.factor:.2g} |", flush=True)
    print("\n| stations | " + " | ".join(f"CV {cv:g}" for cv in BY_ITSELF) + " |")
    print("|--:|" + "--:|" * len(BY_ITSELF))
    for stations in STATIONS:
        parts = []
        for cv in BY_ITSELF:
            some = [r for r in found if (r.stations, r.by_itself) == (stations, cv)]
            shares = [r.held / r.given for r in some]
            parts.append(f"{sum(r.held for r in some) / sum(r.given for r in some):.3f}"
                         f" ({min(shares):.3f})")  # fmt: skip
        print(f"| {stations} | {' | '.join(parts)} |")
    print(f"\nintervals without a width: {sum(row.without for row in found)}")


if __name__ == "__main__":
    main()
