"""A certificate: the lowest threshold of the blank filter that keeps a stated recall, proved on a
sample with a stated confidence.

Misses only grow when the threshold falls. So thresholds are tested from the largest down in fixed
order, each at the full level, and the last before the first failure is certified (Angelopoulos and
others 2021, Learn then test). Pictures of one station are alike: with more than one station they
are what is counted, each with the share that it loses, and the promise is about the mean recall
over stations like them. Of one station alone its pictures are counted, exactly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.trust.evidence import Evidence, Unit
from pipeline.trust.intervals import mean_tail, share_high

THRESHOLDS = tuple(step / 1000 for step in range(999, 0, -1))  # fixed before any score is seen
MOST_UNITS = 10_000_000  # more are never asked for
EXACT = "fixed sequence of thresholds, exact binomial"
STATIONS = "fixed sequence of thresholds, mean over stations by Hoeffding and Bentkus"


@dataclass(frozen=True, slots=True)
class Tested:
    """What one threshold loses. An undecided unit that it hides counts as lost."""

    units: int  # counted: stations, or pictures or visits of one station
    lost: float  # of them; of stations the sum of the shares that they lose
    shown: int  # pictures or visits with something on them
    missed: int  # of them


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was promised, and on which evidence."""

    level: str  # picture or visit
    counted: str  # what the proof counts: stations, pictures or visits
    recall: float
    confidence: float
    threshold: float  # p_blank from which a picture is hidden
    method: str
    tested: Tested
    stations: int
    removed: float | None  # share of the sample's blanks that the threshold hides
    undecided: int  # people could not tell
    evidence: Evidence


def certify(
    evidence: Evidence, recall: float, confidence: float, level: str = "picture"
) -> Certificate:
    """The lowest threshold that keeps `recall`; SettingsError says how many units are missing.

    recall, confidence   0-1, neither end
    level                picture or visit: what a unit of the evidence is
    """
    for name, value in (("recall", recall), ("confidence", confidence)):
        if not 0 < value < 1:
            raise SettingsError(f"--{name} {value}: give a number between 0 and 1")
    shown = [unit for unit in evidence.units if unit.shown is not False]
    stations = len({unit.station for unit in shown if unit.shown})
    tests = _tests(shown, stations > 1)
    passes = _proof(stations > 1, recall, confidence)
    proved = next((i for i, one in enumerate(tests) if not passes(one)), len(tests)) - 1
    counted_in = "stations" if stations > 1 else f"{level}s"
    if proved < 0:
        raise SettingsError(_missing(tests[0], passes, counted_in, level))
    threshold = THRESHOLDS[proved]
    blanks = [unit.score >= threshold for unit in evidence.units if unit.shown is False]
    return Certificate(
        level=level,
        counted=counted_in,
        recall=recall,
        confidence=confidence,
        threshold=threshold,
        method=STATIONS if stations > 1 else EXACT,
        tested=tests[proved],
        stations=stations,
        removed=sum(blanks) / len(blanks) if blanks else None,
        undecided=sum(unit.shown is None for unit in shown),
        evidence=evidence,
    )


def _proof(stations: bool, recall: float, confidence: float) -> Callable[[Tested], bool]:
    """Whether so few losses prove it."""
    most = 1 - recall

    def passes(tested: Tested) -> bool:
        if not tested.units:
            return False
        if stations:
            mean = tested.lost / tested.units
            return mean_tail(mean, tested.units, most) <= 1 - confidence + 1e-12
        return share_high(int(tested.lost), tested.units, confidence) <= most + 1e-12

    return passes


def _tests(units: Sequence[Unit], by_station: bool) -> list[Tested]:
    """What each of THRESHOLDS loses."""
    groups = sorted({unit.station for unit in units}) if by_station else [""]
    place = {group: row for row, group in enumerate(groups)}
    rows = np.array([place[unit.station] if by_station else 0 for unit in units], int)
    scores = np.array([unit.score for unit in units])
    sure = np.array([bool(unit.shown) for unit in units], bool)
    shown = np.bincount(rows[sure], minlength=len(groups))[:, None]
    first = len(THRESHOLDS) - np.searchsorted(THRESHOLDS[::-1], scores, "right")  # that hides it

    def hidden(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        counts = np.zeros((len(groups), len(THRESHOLDS) + 1), np.int64)
        np.add.at(counts, (rows[which], first[which]), 1)
        return counts[:, :-1].cumsum(axis=1)

    missed, unclear = hidden(sure), hidden(~sure)
    tried, lost = shown + unclear, missed + unclear
    if by_station:
        shares = np.divide(lost, tried, out=np.zeros(lost.shape), where=tried > 0)
        tried, lost = (tried > 0).astype(np.int64), shares
    columns = (part.sum(axis=0).tolist() for part in (tried, lost, missed))
    total = int(sure.sum())
    return [Tested(n, k, total, m) for n, k, m in zip(*columns, strict=True)]


def _missing(best: Tested, passes: Callable[[Tested], bool], counted_in: str, level: str) -> str:
    """How many more are needed, if none of them is lost."""
    low, high = best.units, MOST_UNITS
    while low + 1 < high:
        middle = (low + high) // 2
        enough = passes(Tested(middle, best.lost, best.shown, best.missed))
        low, high = (low, middle) if enough else (middle, high)
    one, more = counted_in.removesuffix("s"), high - best.units
    have = counted(best.units, one)
    have += f" with {counted(best.shown, level)}" if one == "station" else ""
    return (
        f"not enough for this certificate: the fair sample has {have} that show something, of which"
        f" {best.missed} are missed at any threshold; {counted(more, f'more {one}')} without a miss"
        " must be added"
    )
