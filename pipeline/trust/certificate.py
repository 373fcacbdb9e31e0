"""A certificate: a threshold that keeps a stated recall, proved on a sample with a stated
confidence; the lowest one for blanks, the highest level for people or vehicles.

Misses only grow along the thresholds of a kind. So they are tested in fixed order from the safe
end on, each at the full level, and the last before the first failure is certified (Angelopoulos and
others 2021, Learn then test). Pictures of one station are alike: with more than one station they
are what is counted, each with the share that it loses, and the promise is about the mean recall
over stations like them. Of one station alone its pictures are counted, exactly.

Groups (a light, a group of deployments) share one threshold. Each is tested by itself, with the
chance of a false promise divided by their number, and the safest of their thresholds holds for all
that have one. A group with too few units is named as not covered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.trust.evidence import NOT_BLANK, Evidence, Unit
from pipeline.trust.intervals import mean_tail, share_high

P_BLANK = tuple(step / 1000 for step in range(999, 0, -1))  # fixed before any score is seen
P_SHOWN = tuple(-step / 1000 for step in range(1, 1000))  # of people and vehicles: of -p
MOST_UNITS = 10_000_000  # more are never asked for
EXACT = "fixed sequence of thresholds, exact binomial"
STATIONS = "fixed sequence of thresholds, mean over stations by Hoeffding and Bentkus"


class Tested(NamedTuple):
    """What one threshold loses. An undecided unit that it hides counts as lost."""

    units: int  # counted: stations, or pictures or visits of one station
    lost: float  # of them; of stations the sum of the shares that they lose
    shown: int  # pictures or visits with something on them
    missed: int  # of them


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the sample, and what is promised of it."""

    name: str  # "": the whole sample
    tested: Tested  # at the certificate's threshold; where it is not covered, at the safest
    stations: int
    undecided: int  # people could not tell
    missing: str | None = None  # why it is not covered; None: it is


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was promised, and on which evidence."""

    level: str  # picture or visit
    counted: str  # what the proof counts: stations, pictures or visits
    recall: float
    confidence: float
    threshold: float  # p_blank from which a picture is hidden; p_human, p_vehicle from which called
    method: str
    groups: tuple[Group, ...]
    removed: float | None  # share of the others that the threshold hides; of people: that it calls
    evidence: Evidence

    @property
    def tested(self) -> Tested:
        """What the threshold loses of all that is covered."""
        covered = [group.tested for group in self.groups if group.missing is None]
        return Tested(
            sum(one.units for one in covered),
            sum(one.lost for one in covered),
            sum(one.shown for one in covered),
            sum(one.missed for one in covered),
        )

    @property
    def stations(self) -> int:
        """With something on a picture of a covered group; once for each group that has them."""
        return sum(group.stations for group in self.groups if group.missing is None)

    @property
    def undecided(self) -> int:
        """People could not tell."""
        return sum(group.undecided for group in self.groups if group.missing is None)


def certify(
    evidence: Evidence, recall: float, confidence: float, level: str = "picture"
) -> Certificate:
    """The threshold that keeps `recall` and costs least; SettingsError says how many units are
    missing. Where the units have groups, of each group that has enough of them.

    recall, confidence   0-1, neither end
    level                picture or visit: what a unit of the evidence is
    """
    for name, value in (("recall", recall), ("confidence", confidence)):
        if not 0 < value < 1:
            raise SettingsError(f"--{name} {value}: give a number between 0 and 1")
    thresholds = P_BLANK if evidence.kind == NOT_BLANK else P_SHOWN
    shown = [unit for unit in evidence.units if unit.shown is not False]
    names = sorted({unit.group for unit in shown if unit.shown}) or [""]
    parts = [[unit for unit in shown if unit.group == name] for name in names]
    by_station = max(map(_stations, parts)) > 1
    each = 1 - (1 - confidence) / len(names)
    passes = _proof(by_station, recall, each)
    tests = [_tests(part, by_station, thresholds) for part in parts]
    proved = [_last(tested, passes) for tested in tests]
    at = min((row for row in proved if row >= 0), default=0)
    groups = tuple(
        Group(
            name,
            tested[at if last >= 0 else 0],
            _stations(part),
            unclear := sum(unit.shown is None for unit in part),
            None if last >= 0 else _missing(tested[0], passes, by_station, level, unclear),
        )
        for name, part, tested, last in zip(names, parts, tests, proved, strict=True)
    )
    if all(group.missing for group in groups):
        missing = "; ".join(f"{one.name}: {one.missing}".lstrip(": ") for one in groups)
        raise SettingsError(f"{missing}: {evidence.more}" if evidence.more else missing)
    method = STATIONS if by_station else EXACT
    return Certificate(
        level=level,
        counted="stations" if by_station else f"{level}s",
        recall=recall,
        confidence=confidence,
        threshold=abs(thresholds[at]),
        method=method + (f", each of {len(names)} groups at {each:.4g}" if names != [""] else ""),
        groups=groups,
        removed=_removed(evidence, thresholds[at]),
        evidence=evidence,
    )


def _removed(evidence: Evidence, threshold: float) -> float | None:
    """The share of the pictures without it that are hidden, or called one anyway."""
    others = [unit.score >= threshold for unit in evidence.units if unit.shown is False]
    if not others:
        return None
    lost = sum(others) / len(others)
    return lost if evidence.kind == NOT_BLANK else 1 - lost


def _stations(units: Sequence[Unit]) -> int:
    return len({unit.station for unit in units if unit.shown})


def _last(tests: Sequence[Tested], passes: Callable[[Tested], bool]) -> int:
    """The last threshold before the first that fails; -1: the first does."""
    last: Tested | None = None
    for row, tested in enumerate(tests):
        if tested != last and not passes(tested):
            return row - 1
        last = tested
    return len(tests) - 1


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


def _tests(units: Sequence[Unit], by_station: bool, thresholds: tuple[float, ...]) -> list[Tested]:
    """What each of the thresholds loses."""
    groups = sorted({unit.station for unit in units}) if by_station else [""]
    place = {group: row for row, group in enumerate(groups)}
    rows = np.array([place[unit.station] if by_station else 0 for unit in units], int)
    scores = np.array([unit.score for unit in units])
    sure = np.array([bool(unit.shown) for unit in units], bool)
    shown = np.bincount(rows[sure], minlength=len(groups))[:, None]
    first = len(thresholds) - np.searchsorted(thresholds[::-1], scores, "right")  # that loses it

    def hidden(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        counts = np.zeros((len(groups), len(thresholds) + 1), np.int64)
        np.add.at(counts, (rows[which], first[which]), 1)
        return counts[:, :-1].cumsum(axis=1)

    missed, unclear = hidden(sure), hidden(~sure)
    tried, lost = shown + unclear, missed + unclear
    if by_station:
        shares = np.divide(lost, tried, out=np.zeros(lost.shape), where=tried > 0)
        tried, lost = (tried > 0).astype(np.int64), shares
    n, k, m = (part.sum(axis=0).tolist() for part in (tried, lost, missed))
    return list(map(Tested, n, k, [int(sure.sum())] * len(n), m))


def _missing(
    best: Tested, passes: Callable[[Tested], bool], by_station: bool, level: str, undecided: int
) -> str:
    """How many more are needed, if none of them is lost."""
    low, high = best.units, MOST_UNITS
    while low + 1 < high:
        middle = (low + high) // 2
        enough = passes(Tested(middle, best.lost, best.shown, best.missed))
        low, high = (low, middle) if enough else (middle, high)
    one, more = "station" if by_station else level, high - best.units
    have = counted(best.units, one)
    have += f" with {counted(best.shown, level)}" if by_station else ""
    unclear = f", {undecided} that people could not tell" if undecided else ""
    return (
        f"not enough for this certificate: the fair sample has {have} that show it, of which"
        f" {best.missed} are missed at any threshold{unclear}; {counted(more, f'more {one}')}"
        " without a miss must be added"
    )
