"""A simulated reserve with known truth: do naive numbers miss it, and do ours cover it?

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.reserve [--runs 500] [--plot FILE.png]

Sixty stations for fourteen weeks; three species that live at some of them, at rates that differ by
station, at their own hours. Half the cameras fail for some weeks. A model names every event, with
errors that differ by species and by light. People review a random sample. Naive: the model's names
taken as true, a broken camera's days counted as effort, binomial and Poisson limits.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.population.correction.corrected import total
from pipeline.population.correction.corrected_rates import LabelledStratum, mix, rate
from pipeline.population.estimates import hours as activity_hours
from pipeline.population.estimates.activity import TURN
from pipeline.population.estimates.false_positives import fit_certain
from pipeline.population.estimates.occupancy import fit
from pipeline.population.estimates.rates import bootstrap_rates, poisson_limits
from pipeline.settings import Audit
from pipeline.trust import audit
from pipeline.trust.intervals import share_high

SPECIES = ("deer", "fox", "lynx")
CALLS = (*SPECIES, "blank")
STATIONS, DAYS, WEEK = 60, 98, 7
PRESENT = np.array([0.7, 0.5, 0.35])  # share of the stations where each lives
A_DAY = np.array([0.25, 0.15, 0.09])  # events a day there, on average over such stations
UNLIKE = 6.0  # shape of the gamma by which stations differ
TRIGGERS = 0.8  # events a day with nothing on them
PEAKS = (
    ((6.5, 3.0), (19.5, 3.0)),
    ((1.0, 1.5), (1.0, 1.5)),
    ((22.0, 2.0), (4.0, 3.0)),
)  # hour, width
SAYS = np.array(  # light (day, night) x what it is x the model's name
    [
        [[0.90, 0.02, 0.01, 0.07], [0.05, 0.80, 0.05, 0.10], [0.03, 0.12, 0.70, 0.15],
         [0.015, 0.02, 0.005, 0.96]],
        [[0.70, 0.06, 0.02, 0.22], [0.08, 0.55, 0.07, 0.30], [0.05, 0.25, 0.45, 0.25],
         [0.01, 0.04, 0.01, 0.94]],
    ]
)  # fmt: skip
LOOKED_AT = {"blank": 200}  # reviews a stratum; of every other name 60
RANDOM_PART = 0.12  # of all events, reviewed for the hours alone
HALF_A_WEEK = 3.5  # days of effort a cell of a history needs


def share_low(hits: int, tried: int, confidence: float) -> float:
    """One-sided: the share is at least this."""
    return 1 - share_high(tried - hits, tried, confidence)


def share_bounds(hits: int, tried: int) -> tuple[float, float]:
    """Two-sided 95 % Clopper-Pearson interval of a share."""
    return share_low(hits, tried, 0.975), share_high(hits, tried, 0.975)


class Estimate(NamedTuple):
    """One quantity of one run, by one method."""

    quantity: str
    method: str  # naive, ours
    value: float
    low: float
    high: float
    truth: float


@dataclass(frozen=True)
class Season:
    """What the cameras brought: parallel arrays, one row an event; and effort."""

    station: np.ndarray
    day: np.ndarray
    hour: np.ndarray
    truth: np.ndarray  # number in CALLS
    said: np.ndarray  # number in CALLS
    night: np.ndarray  # bool
    effort: np.ndarray  # (stations, days) 1 where the camera worked

    @property
    def names(self) -> np.ndarray:
        """What it is and the light, for shares of the day."""
        return np.array(CALLS)[self.truth], np.array(CALLS)[self.said]


def season(rng: np.random.Generator) -> Season:
    effort = np.ones((STATIONS, DAYS))
    for row in effort[rng.random(STATIONS) < 0.5]:
        begin = rng.integers(0, DAYS)
        row[begin : begin + rng.integers(10, 40)] = 0
    lives = rng.random((STATIONS, 3)) < PRESENT
    rates = lives * A_DAY * rng.gamma(UNLIKE, 1 / UNLIKE, (STATIONS, 3))
    rates = np.column_stack([rates, np.full(STATIONS, TRIGGERS)])
    counts = rng.poisson(effort[:, :, None] * rates[:, None, :])
    station, day, truth = (np.repeat(axis, counts.ravel()) for axis in _axes(counts.shape))
    hour = hours(truth, rng)
    night = (hour < 6) | (hour >= 18)
    chance = SAYS[night.astype(int), truth].cumsum(1)
    said = np.minimum((chance < rng.random(len(truth))[:, None]).sum(1), 3)
    return Season(station, day, hour, truth, said, night, effort)


def _axes(shape: tuple) -> list[np.ndarray]:
    return [axis.ravel() for axis in np.indices(shape)]


def hours(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    found = rng.uniform(0, 24, len(truth))
    for number, peaks in enumerate(PEAKS):
        here = np.flatnonzero(truth == number)
        which = rng.integers(0, 2, len(here))
        at, width = np.array(peaks)[which].T
        found[here] = (at + 24 * rng.vonmises(0, width) / TURN) % 24
    return found


@cache
def true_overlap(one: int, other: int) -> float:
    from scipy.special import i0

    at = np.linspace(0, TURN, 4001)
    curves = [
        sum(np.exp(k * np.cos(at - TURN * h / 24)) / (TURN * i0(k)) for h, k in PEAKS[n]) / 2
        for n in (one, other)
    ]
    return float(np.trapezoid(np.minimum(*curves), at))


# --- one run ---


def run(seed: int, rounds: int = 99) -> list[Estimate]:
    rng = np.random.default_rng(seed)
    made = season(rng)
    looked = sample(made, rng)
    found = [*totals(made, looked), *rates(made, looked), *shares(made, looked)]
    return [*found, *places(made, rng), *times(made, rng, rounds), *guarantees(made, rng, seed)]


def sample(made: Season, rng) -> list[np.ndarray]:
    """Reviewed events, a list for each stratum: the model's name and the light."""
    drawn = []
    for call, night in strata():
        members = np.flatnonzero((made.said == call) & (made.night == night))
        n = min(LOOKED_AT.get(CALLS[call], 60), len(members))
        drawn.append(rng.choice(members, n, replace=False))
    return drawn


def strata() -> Iterator[tuple[int, bool]]:
    yield from ((call, night) for call in range(4) for night in (False, True))


def labelled(made: Season, looked: list[np.ndarray], light: bool = False) -> list[LabelledStratum]:
    truth, said = made.names
    if light:
        word = np.where(made.night, " by night", " by day")
        truth, said = np.char.add(truth, word), np.char.add(said, word)
    found = []
    for (call, night), some in zip(strata(), looked, strict=True):
        members = (made.said == call) & (made.night == night)
        names, counts = np.unique(said[members], return_counts=True)
        machine = dict(zip(names.tolist(), counts.tolist(), strict=True))
        found.append(LabelledStratum(f"{CALLS[call]} {night}", machine, truth[some], said[some]))
    return found


def totals(made: Season, looked) -> Iterator[Estimate]:
    heaps = labelled(made, looked)
    for number, name in enumerate(SPECIES):
        what, true = f"events of {name}", float((made.truth == number).sum())
        raw = float((made.said == number).sum())
        reach = 1.96 * np.sqrt(raw)
        yield Estimate(what, "naive", raw, raw - reach, raw + reach, true)
        got = total([one.of(name) for one in heaps])
        yield Estimate(what, "ours", got.value, got.low, got.high, true)


def rates(made: Season, looked) -> Iterator[Estimate]:
    days, heaps = made.effort.sum(1), labelled(made, looked)
    sizes = np.column_stack([
        np.bincount(made.station[(made.said == call) & (made.night == night)], minlength=STATIONS)
        for call, night in strata()
    ])  # fmt: skip
    for number, name in enumerate(SPECIES):
        what, true = f"RAI of {name}", 100 * PRESENT[number] * A_DAY[number]
        raw = int((made.said == number).sum())
        low, high = poisson_limits(raw, STATIONS * DAYS)
        yield Estimate(what, "naive", 100 * raw / (STATIONS * DAYS), low, high, true)
        machine = sizes * np.array([call == number for call, _ in strata()])
        at = [made.station[some] for some in looked]
        got = rate([one.of(name) for one in heaps], sizes, machine.astype(float), at, days)
        yield Estimate(what, "ours", got.value, got.low, got.high, true)


def shares(made: Season, looked) -> Iterator[Estimate]:
    truth, said = made.names
    animals = int((truth != "blank").sum())
    called = int((said != "blank").sum())
    found = mix(labelled(made, looked), SPECIES)
    for name in SPECIES:
        what, true = f"share of {name}", float((truth == name).sum() / animals)
        raw = int((said == name).sum())
        yield Estimate(what, "naive", raw / called, *share_bounds(raw, called), true)
        yield Estimate(what, "ours", *found[name], true)
    both = labelled(made, looked, light=True)
    for name in SPECIES[:2]:
        what = f"{name} by night"
        here, there = truth == name, said == name
        true, raw = float(made.night[here].mean()), int(made.night[there].sum())
        n = int(there.sum())
        yield Estimate(what, "naive", raw / n, *share_bounds(raw, n), true)
        got = mix(both, [f"{name} by day", f"{name} by night"])[f"{name} by night"]
        yield Estimate(what, "ours", *got, true)


def places(made: Season, rng) -> Iterator[Estimate]:
    """Occupancy: every hit taken as true; one picture of each cell verified; a part reviewed."""
    week = made.day // WEEK
    effort = made.effort.reshape(STATIONS, -1, WEEK).sum(2)
    effort = np.where(effort >= HALF_A_WEEK, effort, 0)
    for number, name in enumerate(SPECIES[1:], start=1):
        what, psi = f"occupancy of {name}", float(PRESENT[number])
        hits = np.flatnonzero(made.said == number)
        raw = np.zeros(effort.shape)
        raw[made.station[hits], week[hits]] = 1
        believed = fit(raw)
        yield _of_fit(what, "naive", believed, psi)
        clean = np.where(effort > 0, 0.0, np.nan)
        true = hits[made.truth[hits] == number]
        clean[made.station[true], week[true]] = 1
        clean[effort == 0] = np.nan
        yield _of_fit(what, "ours", fit(clean), psi)
        if number == 1:
            part = np.where(effort > 0, raw, np.nan)
            seen = (rng.random(effort.shape) < 0.4) & (part == 1)
            part[seen] = 2 * clean[seen]
            got = fit_certain(part)
            what = f"{what}, 40 % of cells reviewed"
            yield _of_fit(what, "naive", believed, psi)
            yield Estimate(what, "ours", got.psi, *got.psi_limits, psi)


def _of_fit(what: str, method: str, got, psi: float) -> Estimate:
    return Estimate(what, method, got.psi.value, *got.psi.profile, psi)


def times(made: Season, rng, rounds: int) -> Iterator[Estimate]:
    """Overlap of two species' hours, by the model's names and by a random sample's truth."""
    some = rng.random(len(made.truth)) < RANDOM_PART
    for method, labels, chosen in (("naive", made.said, True), ("ours", made.truth, some)):
        few = rounds if method == "ours" else rounds // 4  # the model's is never near
        both = {
            CALLS[n]: activity_hours.times_of(
                TURN * made.hour[(labels == n) & chosen] / 24,
                made.station[(labels == n) & chosen],
                STATIONS,
            )
            for n in (0, 1)
        }
        [(_, _, got)] = activity_hours.overlaps(both, few)
        what = "overlap of deer and fox"
        yield Estimate(what, method, got.value, got.low, got.high, true_overlap(0, 1))


def guarantees(made: Season, rng, seed: int) -> Iterator[Estimate]:
    """Animals among the blanks of this season: recall of another reserve, and the audit."""
    blank = made.said == 3
    animals = made.truth < 3
    lost, of = int((blank & animals).sum()), int(animals.sum())
    elsewhere = rng.binomial(300, 0.95)  # 300 animals of another reserve, where recall was .95
    low, high = share_bounds(elsewhere, 300)
    what, true = "recall of the blank filter", 1 - lost / of
    yield Estimate(what, "naive", elsewhere / 300, low, high, true)
    light = np.where(made.night, "infrared", "colour")
    score = rng.random(len(blank)) * 0.5 + 0.5
    heap = [(f"{i:06}", score[i], "reserve", str(light[i])) for i in np.flatnonzero(blank)]
    drawn = audit.draw(heap, Audit(pictures=400, per_stratum=50), seed)
    by_stratum: dict[str, list] = {}
    for one in drawn:
        by_stratum.setdefault(one.stratum, []).append(one)
    found = [
        audit.Stratum("reserve", name, some[0].stratum_size, len(some), missed, len(some) - missed)
        for name, some in by_stratum.items()
        for missed in [int(animals[[int(one.sha256) for one in some]].sum())]
    ]
    kept = of - lost
    got = audit.estimate(found, kept, 0)
    ends = (got.recall(got.missed_high), got.recall(got.missed_low))
    yield Estimate(what, "ours", got.recall(got.missed), *ends, true)


# --- pictures that come in stations (statistics E9.5) ---


def clustered(seed: int, stations=20, each=50, recall=0.95, alike=0.1, bar=0.9) -> list[Estimate]:
    """A promise for other stations, from some: by pictures, by drawing stations, by counting them.

    What holds: "at least so many of new stations keep `bar` of their animals", counted in stations.
    """
    from scipy.stats import betabinom

    rng = np.random.default_rng(seed)
    size = 1 / alike - 1
    found = rng.binomial(each, rng.beta(recall * size, (1 - recall) * size, stations))
    n = stations * each
    drawn = bootstrap_rates(found[:, None].astype(float), np.full(stations, float(each)), 999)
    what, pooled = "mean recall at new stations", found.sum() / n
    enough = int(np.ceil(bar * each - 1e-9))
    true = float(betabinom.sf(enough - 1, each, recall * size, (1 - recall) * size))
    held = int((found >= enough).sum())
    apart, drawn_low = share_low(int(found.sum()), n, 0.95), np.quantile(drawn, 0.05) / 100
    counted = share_low(held, stations, 0.95)
    return [
        Estimate(f"{what}, pictures as if apart", "naive", pooled, apart, 1, recall),
        Estimate(f"{what}, stations drawn again", "ours", pooled, drawn_low, 1, recall),
        Estimate(f"stations that keep {bar:.0%}", "ours", held / stations, counted, 1, true),
    ]


# --- what comes out ---


class Coverage(NamedTuple):
    """Over all runs: how often the interval held the truth, with Monte-Carlo limits."""

    quantity: str
    method: str
    truth: float
    value: float
    width: float
    held: float
    low: float
    high: float


def covered(estimates: list[Estimate]) -> list[Coverage]:
    found = []
    for key in dict.fromkeys((one.quantity, one.method) for one in estimates):
        some = [one for one in estimates if (one.quantity, one.method) == key]
        held = sum(one.low - 1e-9 <= one.truth <= one.high + 1e-9 for one in some)
        table = np.array([one[2:] for one in some])
        width = np.median(table[:, 2] - table[:, 1])
        mean = table.mean(0)
        limits = share_bounds(held, len(some))
        found.append(Coverage(*key, mean[3], mean[0], width, held / len(some), *limits))
    return found


def printed(rows: list[Coverage]) -> None:
    print("| quantity | truth | by | mean | off | width | holds the truth, 95 % meant |")
    print("|---|--:|---|--:|--:|--:|---|")
    for one in rows:
        off = one.value / one.truth - 1
        held = f"{one.held:.3f} [{one.low:.3f}, {one.high:.3f}]"
        numbers = f"{one.truth:.4g} | {one.method} | {one.value:.4g} | {off:+.1%} | {one.width:.3g}"
        print(f"| {one.quantity} | {numbers} | {held} |")


def plot(estimates: list[Estimate], path: Path) -> None:
    """Each run's estimate over its truth: naive and ours, with how often the interval held it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = covered(estimates)
    names = list(dict.fromkeys(one.quantity for one in rows))
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(names) + 1.2), dpi=80)
    colours = {"naive": "#c4572f", "ours": "#2f6f8f"}
    for place, name in enumerate(reversed(names)):
        for method, shift in (("naive", 0.19), ("ours", -0.19)):
            some = [one for one in estimates if (one.quantity, one.method) == (name, method)]
            ratio = np.array([one.value / one.truth for one in some])
            low, first, middle, third, high = np.quantile(ratio, [0.025, 0.25, 0.5, 0.75, 0.975])
            at, colour = place + shift, colours[method]
            axes.plot([low, high], [at, at], color=colour, lw=1.5)
            axes.plot([first, third], [at, at], color=colour, lw=5, solid_capstyle="butt")
            axes.plot(middle, at, "o", color="white", mec=colour, ms=5)
            held = next(r.held for r in rows if (r.quantity, r.method) == (name, method))
            axes.text(1.01, at, f"{held:.0%}", color=colour, va="center", fontsize=9,
                      transform=axes.get_yaxis_transform())  # fmt: skip
    axes.axvline(1, color="black", lw=0.8)
    axes.set_yticks(range(len(names)), reversed(names))
    axes.set_xlabel("estimate / truth: median, half and 95 % of the runs")
    axes.set_xlim(0.4, 2.6)
    runs = len([one for one in estimates if one[:2] == (names[0], "ours")])
    words = "the model with Poisson limits (red), corrected by a reviewed sample (blue)"
    figure.suptitle(f"A simulated reserve, {runs} runs: {words}", fontsize=9)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.text(1.01, -0.9, "interval\nholds truth", fontsize=8, va="top",
              transform=axes.get_yaxis_transform())  # fmt: skip
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout(rect=(0, 0, 0.97, 1))
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--runs", type=int, default=500)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--plot", type=Path)
    args = given.parse_args()
    found = []
    for i in range(args.runs):
        found += run(10_000 * args.seed + i)
        if (i + 1) % 50 == 0:
            print(f"{i + 1} runs", file=sys.stderr, flush=True)
    printed(covered(found))
    print()
    few = [one for i in range(4 * args.runs) for one in clustered(10_000 * args.seed + i)]
    printed(covered(few))
    if args.plot:
        plot(found, args.plot)
        print(f"\n{args.plot}: {args.plot.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
