"""Activity: Kerinci, two simulated species, and the sun."""

from datetime import date

import numpy as np

from pipeline.card.sun import average_anchored, sun_times
from pipeline.population.estimates.activity import activity_level, bandwidth, density, dhat1, dhat4
from tests.references import Departure, alike, equal, expected, near
from tests.tables import matrix, number, rows

TURN = 2 * np.pi
DHAT5 = Departure("Dhat5", "not made: its own manual says not to use it, it can exceed 1")


def kerinci() -> dict[tuple[str, str], np.ndarray]:
    """Times in radians by (zone, species)."""
    found: dict = {}
    for row in rows("activity/kerinci.csv"):
        found.setdefault((row["Zone"], row["Sps"]), []).append(TURN * float(row["Time"]))
    return {key: np.array(times) for key, times in found.items()}


OVERLAP = "activity/kerinci_overlap_expected.csv"
BANDWIDTH = "activity/kerinci_bandwidth_density_expected.csv"


@expected(OVERLAP)
def overlap_of_72_pairs():
    yield from compare_overlap(kerinci())


def compare_overlap(times: dict[tuple[str, str], np.ndarray]):
    known = rows(OVERLAP)
    pairs = [(times[row["zone"], row["a"]], times[row["zone"], row["b"]]) for row in known]
    sizes = [[int(row["n_a"]), int(row["n_b"])] for row in known]
    yield equal([[len(a), len(b)] for a, b in pairs], sizes)
    for name, measure in (("Dhat1", dhat1), ("Dhat4", dhat4)):
        yield near([measure(*pair) for pair in pairs], [float(row[name]) for row in known], 1e-5)
    yield DHAT5


@expected(BANDWIDTH)
def bandwidth_and_density():
    yield from compare_bandwidth(kerinci())


def compare_bandwidth(times: dict[tuple[str, str], np.ndarray]):
    known = rows(BANDWIDTH)
    at = TURN * np.array([0, 0.25, 0.5, 0.75])
    for row in known:
        seen = times[row["zone"], row["species"]]
        width = bandwidth(seen)
        theirs = [float(row[key]) for key in ("bandwidth_kappa", "kappa_activity_pkg")]
        yield alike([width, width], theirs, 1e-4)
        hours = [float(row[f"d_{hour:02}h"]) for hour in (0, 6, 12, 18)]
        yield near(density(seen, at, width), hours, 1e-5)
    two = [times["3", name] for name in ("tiger", "macaque")]
    levels = [activity_level(seen, bandwidth(seen)) for seen in two]
    yield near(levels, [0.678426, 0.229890], 1e-5)


@expected("activity/sim_expected.csv")
def simulated():
    known = {row["series"]: row for row in rows("activity/sim_expected.csv")}
    seen = {f"{n}Obs": matrix(f"activity/sim_{n}_obs.csv")[:, 0] for n in ("tiger", "pig")}
    both = list(seen.values())
    for name, times in seen.items():
        want = {key: number(value) for key, value in known[name].items() if key != "series"}
        yield equal([len(times)], [want["n"]])
        yield alike([bandwidth(times)], [want["bandwidth"]], 1e-4)
        ours = [dhat1(*both), dhat4(*both), activity_level(times, bandwidth(times))]
        yield near(ours, [want["Dhat1"], want["Dhat4"], want["act_level"]], 1e-5)
    true = matrix("activity/sim_true_density_128.csv")[1:]
    area = np.minimum(*(true / true.sum(0)).T).sum()
    yield near([area], [float(known["tigerObs"]["true_overlap"])], 1e-5)
    yield DHAT5


@expected("activity/sun_transform_expected.csv")
def sun_time():
    clock, rise, set_, average, _ = matrix("activity/sun_transform_expected.csv").T
    yield near(average_anchored(clock, rise, set_), average, 1e-12)


@expected("activity/suntimes_expected.csv")
def sunrise_and_sunset():
    for row in rows("activity/suntimes_expected.csv"):
        place = [float(row[key]) for key in ("lat", "lon", "offset")]
        got = sun_times(date.fromisoformat(row["date"]), *place)
        known = [number(row["sunrise"]), number(row["sunset"])]
        yield near([got.sunrise, got.sunset], known, 5 / 60)
        yield near([got.day_hours], [float(row["daylength"])], 10 / 60)
    yield Departure("up to 5 minutes", "the usual solar position (90.833 degrees) stands here")
