"""Herds of several species in a simulated reserve, and its change: do corrected events hold them?

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.herds [--runs 500]

Forty stations for fourteen weeks, in two seasons. Zebra and wildebeest often come together, on the
same pictures; foxes alone. An event is one to four visits, minutes apart. The model gives each
visit one name, with errors, or says only Mammalia. People review a random sample of visits of the
first season, all species of each, and the half hour before visits that show an animal. Naive: the
model's names taken as true, with Poisson limits. In the second season all are rarer by a third.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from pipeline.population.correction.correction import corrected
from pipeline.population.correction.openings import before_drawn, openings
from pipeline.population.correction.sample import LabelledVisit, Sample, draw_sample
from pipeline.population.effort.basis import Basis, basis
from pipeline.population.estimates.rates import poisson_limits
from pipeline.population.estimates.trend import over_seasons
from pipeline.population.events.sightings import Sighting, StudyRequest
from pipeline.records import Deployment
from tests.benchmarks.reserve import Estimate, covered, printed

ZEBRA, WILDEBEEST, FOX, MAMMAL = (
    "Equus quagga",
    "Connochaetes taurinus",
    "Vulpes vulpes",
    "Mammalia",
)
SPECIES = (ZEBRA, WILDEBEEST, FOX)
KINDS = ((ZEBRA,), (WILDEBEEST,), (ZEBRA, WILDEBEEST), (FOX,))  # what an event shows
A_DAY = np.array([0.05, 0.04, 0.06, 0.08])  # events of each kind at a station, on average
UNLIKE = 2.0  # shape of the gamma by which stations differ
STATIONS, DAYS, GAP_S = 40, 98, 1800.0
REVIEWED = 300  # visits drawn
RIGHT, VAGUE = 0.6, 0.3  # of the model's names; the rest is another species
CHANGE = 2 / 3  # from the first season to the second
FIRST = datetime(2026, 1, 1)


def run(seed: int) -> list[Estimate]:
    random = np.random.default_rng(seed)
    level = random.gamma(UNLIKE, 1 / UNLIKE, (STATIONS, len(KINDS)))
    visits, truth = season(random, level * A_DAY)
    ground = _ground()
    sample = reviewed(visits, truth, seed)
    found = {row.name: row for row in corrected(ground, sample).rows}
    true = Counter(n for o in _opened(visits, truth) for n in o)
    said = Counter(o.said for o in openings(visits, _stations(visits), GAP_S) if o.said)
    estimates = []
    for name in SPECIES:
        rate = 100 * sum(a for kind, a in zip(KINDS, A_DAY, strict=True) if name in kind)
        days = float(STATIONS * DAYS)
        low, high = poisson_limits(said[name], days)
        per_100 = days / 100
        value, total = said[name], found[name].total
        naive = (value, low * per_100, high * per_100)
        estimates += [
            Estimate(f"events of {name}", "naive", *naive, true[name]),
            Estimate(f"events of {name}", "ours", total.value, total.low, total.high, true[name]),
            Estimate(f"RAI of {name}", "naive", value / per_100, low, high, rate),
        ]
        got = found[name].rate
        if got is not None:
            estimates.append(Estimate(f"RAI of {name}", "ours", got.value, got.low, got.high, rate))
    return [*estimates, *changes(random, level)]


def changes(random: np.random.Generator, level: np.ndarray) -> Iterator[Estimate]:
    """From season to season; each station changes by itself too (gamma, CV 0.5)."""
    effort = random.uniform(60, DAYS, (STATIONS, 2))
    for name in SPECIES:
        of = np.array([name in kind for kind in KINDS])
        by_itself = random.gamma(4, 1 / 4, (STATIONS, 2))
        rate = (level * A_DAY * of).sum(axis=1)[:, None] * by_itself * [1, CHANGE]
        x = random.poisson(rate * effort)
        first, second = x.sum(axis=0)
        ratio = second / first * effort[:, 0].sum() / effort[:, 1].sum()
        reach = np.exp(1.96 * np.sqrt(1 / first + 1 / second))
        what = f"change of {name}"
        yield Estimate(what, "naive", ratio, ratio / reach, ratio * reach, CHANGE)
        made = over_seasons(x, effort, [0, 1])
        if made.low is not None:
            ends = (1 + part / 100 for part in (made.percent, made.low, made.high))
            yield Estimate(what, "ours", *ends, CHANGE)


def season(
    random: np.random.Generator, rates: np.ndarray
) -> tuple[list[LabelledVisit], dict[str, tuple[str, ...]]]:
    """Visits as the model names them, and what is truly on each."""
    made, truth = [], {}
    counts = random.poisson(rates * DAYS)
    for station, kind in np.argwhere(counts):
        for begun in random.uniform(0, 1440 * (DAYS - 1), counts[station, kind]):
            at = float(begun)
            for _ in range(int(random.integers(1, 5))):
                visit = _visit(random, int(station), at, KINDS[kind])
                made.append(visit)
                truth[visit.sha256] = KINDS[kind]
                at += float(random.uniform(4, 20))
    return made, truth


def _visit(
    random: np.random.Generator, station: int, minute: float, kind: tuple[str, ...]
) -> LabelledVisit:
    luck, name = random.random(), kind[random.integers(len(kind))]
    if luck > RIGHT:
        name = MAMMAL if luck < RIGHT + VAGUE else SPECIES[random.integers(len(SPECIES))]
    sure = float(random.beta(9, 2) if luck < RIGHT else random.beta(4, 3))
    at = FIRST + timedelta(minutes=minute)
    end = at + timedelta(minutes=2)
    key = f"{random.integers(2**62):064x}"
    place, begun = f"d{station}", at.isoformat()
    return LabelledVisit(key, "card", place, begun, "animal", name, sure, None, end.isoformat())


def reviewed(visits: list[LabelledVisit], truth: dict[str, tuple[str, ...]], seed: int) -> Sample:
    """A random sample with its answers, and those about the half hour before."""
    draws = draw_sample(visits, REVIEWED, seed)
    drawn = frozenset(draw.sha256 for draw in draws)

    def told(asked: frozenset[str], calls: list[LabelledVisit]) -> list[LabelledVisit]:
        return [v._replace(answer=truth[v.sha256]) if v.sha256 in asked else v for v in calls]

    calls = told(drawn, visits)
    before = before_drawn(openings(calls, _stations(calls), GAP_S), drawn)
    calls = told(frozenset(visit.sha256 for visit in before), calls)
    sizes = {draw.stratum: draw.stratum_size for draw in draws}
    return Sample(calls, drawn, sizes, frozenset({"card"}), seed)


def _opened(
    visits: list[LabelledVisit], truth: dict[str, tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """The species whose events each visit truly opens."""
    told = [visit._replace(answer=truth[visit.sha256]) for visit in visits]
    return [opening.seen for opening in openings(told, _stations(told), GAP_S)]


def _stations(visits: list[LabelledVisit]) -> list[str]:
    return [visit.deployment for visit in visits]


def _ground() -> Basis:
    """Effort of the first season, and a visit of each name."""
    end = FIRST + timedelta(days=DAYS)
    places = [Deployment(f"d{i}", f"S{i}", started_at=FIRST, ended_at=end) for i in range(STATIONS)]
    at = FIRST.isoformat()
    seen = [
        Sighting("d0", "animal", name, "species", "machine", at, at, i, "1.jpg", None, None)
        for i, name in enumerate((*SPECIES, MAMMAL))
    ]
    return basis(seen, places, StudyRequest())


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--runs", type=int, default=500)
    args = given.parse_args()
    found: list[Estimate] = []
    for seed in range(args.runs):
        found += run(seed)
        if (seed + 1) % 50 == 0:
            print(f"{seed + 1} runs", file=sys.stderr, flush=True)
    printed(covered(found))


if __name__ == "__main__":
    main()
