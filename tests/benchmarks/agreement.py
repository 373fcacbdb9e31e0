"""How often the interval of kappa holds the truth, where some stations are harder than others.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.agreement [--runs 600]

Two people name what one of four kinds each visit shows. At each station both err at a rate of its
own (mean .15; the spread says how unlike stations are) and its kinds have shares of their own. The
truth is kappa at 20 000 stations. Beside the interval that counts stations the one that takes each
answer for itself.
"""

import argparse

import numpy as np

from pipeline.trust.agreement import kappa

ERRS = 0.15
KINDS = 4
CELLS = ((8, 20), (20, 10), (40, 5))  # stations, visits at each that two people answered
SPREADS = (0.05, 0.3)
Answers = tuple[list[str], list[str], list[str]]


def answers(random: np.random.Generator, stations: int, visits: int, spread: float) -> Answers:
    """What each of the two said, and where."""
    first, second, homes = [], [], []
    for station in range(stations):
        rate = random.beta(ERRS / spread, (1 - ERRS) / spread)
        truth = random.choice(KINDS, visits, p=random.dirichlet(np.ones(KINDS)))
        for said in (first, second):
            wrong = random.random(visits) < rate
            said += map(str, np.where(wrong, random.integers(0, KINDS, visits), truth))
        homes += [str(station)] * visits
    return first, second, homes


def main() -> None:
    """Print the share of runs whose interval held the truth."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=600)
    runs = options.parse_args().runs
    random = np.random.default_rng(1)
    print("| stations unlike | stations x visits | kappa | by stations | by answers |")
    print("|--:|--:|--:|--:|--:|")
    for spread in SPREADS:
        true = kappa(*answers(random, 20_000, 5, spread)[:2]).kappa
        for stations, visits in CELLS:
            held = np.zeros(2)
            for _ in range(runs):
                given = answers(random, stations, visits, spread)
                for way, found in enumerate((kappa(*given), kappa(*given[:2]))):
                    held[way] += found.low is None or found.low <= true <= found.high
            by_station, by_answer = held / runs
            cell = f"{stations} x {visits} | {true:.2f} | {by_station:.3f} | {by_answer:.3f}"
            print(f"| {spread} | {cell} |", flush=True)


if __name__ == "__main__":
    main()
