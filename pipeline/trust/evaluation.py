"""What the program says against what is true: shares with intervals, curves, calibration.

Pictures of one station resemble each other, so intervals draw whole stations again (deployments
where there is one station). With fewer than FEWEST of them a figure has none.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.trust import measure
from pipeline.trust.measure import Share

FEWEST = 5  # stations that an interval needs
ROUNDS = 300  # of the bootstrap: the second digit is enough
KINDS = ("blank", "animal", "human", "vehicle")
CALLS = ("human", "vehicle")
HITS = ("right", "higher", "wrong", "not known", "without a name")  # how a known name is met
WIDE = ("subfamily", "family", "order", "class", "kingdom")  # right here is not right by name
LEVEL = 0.5  # p_human, p_vehicle: the score at a model's own level
FEW_NAMES = 20  # stated names that a reliability plot needs
BINS = 8  # of it, with as many names each
FEW_CALLS = 5  # pictures with a person, and without, that their curve needs
WORST = 8  # pictures of each kind of error
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that was looked at: what is on it, and what the program says."""

    sha256: str
    root: str  # folder of the card
    path: str
    deployment: str
    station: str
    light: str
    kind: str  # what is true: one of KINDS
    names: frozenset[str]  # true scientific names of its animals; empty: not known
    hidden: bool
    p_blank: float
    p_human: float
    p_vehicle: float
    decided_by: str
    called: str  # observation type: blank, animal, human, vehicle, unknown
    name: str | None  # stated
    rank: str | None
    probability: float | None  # of the name
    true: bool | None  # whether the name fits; None: none stated, or narrower than what is known

    @property
    def shown(self) -> bool:
        return self.kind != "blank"

    @property
    def narrow(self) -> bool:
        """Whether a name below a class is stated."""
        return self.name is not None and self.rank not in ("class", "kingdom", None)

    @property
    def hit(self) -> str:
        """Of an animal whose name is known one of HITS, else empty. A class that people accepted
        is right at a higher rank, though it is all that they said."""
        if self.kind != "animal" or not self.names:
            return ""
        if self.name is None:
            return "without a name"
        if self.true is None:
            return "not known"
        if not self.true:
            return "wrong"
        return "right" if self.name in self.names and self.rank not in WIDE else "higher"


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of some pictures: a deployment, a light, or all."""

    name: str
    pictures: int
    shown: int
    kept: Share  # of what shows something
    removed: Share  # of the blanks
    auc: float
    named: dict[str, Share]  # of animals with a known name, by HITS
    true: Share  # of the stated names below a class


@dataclass(frozen=True, slots=True)
class Kind:
    """Of pictures of one kind."""

    name: str
    pictures: int
    places: int
    called: Share  # called so (a blank: hidden)
    false: Share  # of all other pictures: called so


@dataclass(frozen=True, slots=True)
class Species:
    """Of pictures that show one name."""

    name: str
    pictures: int
    places: int
    kept: Share
    named: dict[str, Share]  # by HITS
    true: Share  # of the stated names below a class
    instead: str  # the name it is most often called, where it is another


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares by threshold, from the lowest up."""

    name: str
    at: tuple[float, ...]
    found: tuple[float, ...]  # of the pictures that show something (or a person)
    other: tuple[float, ...]  # of the blanks hidden (or of the others falsely called)
    here: tuple[float, float]  # as the database has it: found, other
    n: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bin:
    """Stated names of like probability."""

    names: int
    probability: float  # mean
    true: Share


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether probabilities of names are the shares that are true."""

    bins: tuple[Bin, ...]
    error: float  # root mean square distance of both, debiased

    @property
    def names(self) -> int:
        return sum(each.names for each in self.bins)


@dataclass(frozen=True)
class Evaluation:
    """All figures of a page."""

    groups: str  # what intervals draw again: stations, deployments; empty: too few
    group_count: int
    whole: Part
    deployments: tuple[Part, ...]
    lights: tuple[Part, ...]
    kinds: tuple[Kind, ...]
    species: tuple[Species, ...]
    confusion: dict[tuple[str, str], int]  # (true, called): pictures
    names: dict[tuple[str, str], int]  # (true name, stated name): pictures
    blank_curve: Curve | None
    call_curves: tuple[Curve, ...]
    reliability: Reliability | None
    stated: int  # names below a class that are known to be true or not
    worst: dict[str, tuple[Picture, ...]]  # by what is wrong


def evaluate(pictures: Sequence[Picture]) -> Evaluation:
    """All figures of these pictures, at least one."""
    stations = {picture.station for picture in pictures}
    by_station = len(stations) > 1
    of = {p.sha256: p.station if by_station else p.deployment for p in pictures}
    groups = {*of.values()}
    share = partial(_share, of)
    deployments = _parts(pictures, share, "deployment")
    return Evaluation(
        groups=("stations" if by_station else "deployments") if len(groups) >= FEWEST else "",
        group_count=len(groups),
        whole=_part("all", pictures, share),
        deployments=deployments if len(deployments) > 1 else (),
        lights=_parts(pictures, share, "light"),
        kinds=tuple(_kind(kind, pictures, share, of) for kind in KINDS),
        species=_species(pictures, share, of),
        confusion=dict(Counter((p.kind, p.called) for p in pictures)),
        names=_names(pictures),
        blank_curve=_blank_curve(pictures),
        call_curves=tuple(c for kind in CALLS if (c := _call_curve(kind, pictures))),
        reliability=reliability(pictures, of),
        stated=sum(p.true is not None and p.narrow for p in pictures),
        worst=_worst(pictures),
    )


def _share(of: dict[str, str], pictures: Sequence[Picture], hits: Iterable[bool | None]) -> Share:
    values = np.array([bool(hit) for hit in hits], float)
    groups = [of[picture.sha256] for picture in pictures]
    return measure.share_of(values, groups, FEWEST, ROUNDS)


def _parts(pictures: Sequence[Picture], share: "partial[Share]", what: str) -> tuple[Part, ...]:
    names = sorted({getattr(picture, what) for picture in pictures})
    return tuple(
        _part(name, [p for p in pictures if getattr(p, what) == name], share) for name in names
    )


def _part(name: str, pictures: Sequence[Picture], share: "partial[Share]") -> Part:
    shown = [p for p in pictures if p.shown]
    blanks = [p for p in pictures if not p.shown]
    stated = [p for p in pictures if p.narrow and p.true is not None]
    return Part(
        name,
        len(pictures),
        len(shown),
        share(shown, (not p.hidden for p in shown)),
        share(blanks, (p.hidden for p in blanks)),
        measure.auc(np.array([p.p_blank for p in pictures]), _blank(pictures)),
        _hits(pictures, share),
        share(stated, (p.true for p in stated)),
    )


def _hits(pictures: Sequence[Picture], share: "partial[Share]") -> dict[str, Share]:
    known = [picture for picture in pictures if picture.hit]
    return {hit: share(known, (picture.hit == hit for picture in known)) for hit in HITS}


def _blank(pictures: Sequence[Picture]) -> Flags:
    return np.array([not picture.shown for picture in pictures], bool)


def _says(picture: Picture, kind: str) -> bool:
    """Whether the program says this kind: people and vehicles by their level, as flags do."""
    if kind == "human":
        return picture.p_human >= LEVEL
    if kind == "vehicle":
        return picture.p_vehicle >= LEVEL
    return picture.hidden if kind == "blank" else picture.called == kind


def _kind(
    kind: str, pictures: Sequence[Picture], share: "partial[Share]", of: dict[str, str]
) -> Kind:
    own = [p for p in pictures if p.kind == kind]
    others = [p for p in pictures if p.kind != kind]
    return Kind(
        kind,
        len(own),
        len({of[p.sha256] for p in own}),
        share(own, (_says(p, kind) for p in own)),
        share(others, (_says(p, kind) for p in others)),
    )


def _species(
    pictures: Sequence[Picture], share: "partial[Share]", of: dict[str, str]
) -> tuple[Species, ...]:
    """Names by their number of pictures."""
    every = Counter(name for p in pictures if p.kind == "animal" for name in p.names)
    found = []
    for name, count in sorted(every.items(), key=lambda each: (-each[1], each[0])):
        own = [p for p in pictures if name in p.names]
        stated = [p for p in own if p.narrow and p.true is not None]
        instead = Counter(p.name for p in own if p.name and p.name != name).most_common(1)
        found.append(
            Species(
                name,
                count,
                len({of[p.sha256] for p in own}),
                share(own, (not p.hidden for p in own)),
                _hits(own, share),
                share(stated, (p.true for p in stated)),
                str(instead[0][0]) if instead else "",
            )
        )
    return tuple(found)


def _names(pictures: Sequence[Picture]) -> dict[tuple[str, str], int]:
    """Kept animals with one known name, by it and the name that was stated."""
    found: Counter[tuple[str, str]] = Counter()
    for picture in pictures:
        if picture.kind == "animal" and len(picture.names) == 1 and not picture.hidden:
            [true] = picture.names
            found[true, picture.name or picture.called] += 1
    return dict(found)


def _blank_curve(pictures: Sequence[Picture]) -> Curve | None:
    """What is kept and hidden where p_blank alone decides; None: one of both is missing."""
    p, blank = np.array([each.p_blank for each in pictures]), _blank(pictures)
    if not blank.any() or blank.all():
        return None
    at = _thresholds(p)
    hidden = np.array([each.hidden for each in pictures])
    return Curve(
        "blank",
        tuple(at),
        tuple(float((p[~blank] < t).mean()) for t in at),
        tuple(float((p[blank] >= t).mean()) for t in at),
        (float((~hidden[~blank]).mean()), float(hidden[blank].mean())),
        (int((~blank).sum()), int(blank.sum())),
    )


def _call_curve(kind: str, pictures: Sequence[Picture]) -> Curve | None:
    """Pictures with a person (or vehicle) found, and those with neither falsely called so."""
    own = np.array([getattr(p, f"p_{kind}") for p in pictures if p.kind == kind])
    others = np.array([getattr(p, f"p_{kind}") for p in pictures if p.kind not in CALLS])
    if min(len(own), len(others)) < FEW_CALLS:
        return None
    at = _thresholds(np.concatenate([own, others]))
    return Curve(
        kind,
        tuple(at),
        tuple(float((own >= t).mean()) for t in at),
        tuple(float((others >= t).mean()) for t in at),
        (float((own >= LEVEL).mean()), float((others >= LEVEL).mean())),
        (len(own), len(others)),
    )


def _thresholds(p: Numbers) -> list[float]:
    """At most 200 that part the pictures."""
    values = np.unique(p)
    some = values[np.linspace(0, len(values) - 1, min(len(values), 199)).astype(int)]
    return [*(float(value) for value in some), float(np.nextafter(values[-1], 2))]


def reliability(pictures: Sequence[Picture], of: dict[str, str]) -> Reliability | None:
    """Stated names in bins of as many, by probability; None: fewer than FEW_NAMES are known.

    The error is debiased (Kumar, Liang and Ma 2019): the spread that a bin of so many names has
    by chance is taken off."""
    stated = [p for p in pictures if p.true is not None and p.probability is not None]
    if len(stated) < FEW_NAMES:
        return None
    stated.sort(key=lambda p: (p.probability or 0, p.sha256))
    parts = [
        stated[rows[0] : rows[-1] + 1]
        for rows in np.array_split(np.arange(len(stated)), min(BINS, len(stated) // 5))
    ]
    bins = tuple(
        Bin(
            len(part),
            float(np.mean([p.probability or 0 for p in part])),
            _share(of, part, (p.true for p in part)),
        )
        for part in parts
    )
    square = sum(_beyond_chance(each) * each.names for each in bins) / len(stated)
    return Reliability(bins, float(np.sqrt(max(square, 0.0))))


def _beyond_chance(found: Bin) -> float:
    true = found.true.share
    return (found.probability - true) ** 2 - true * (1 - true) / max(found.names - 1, 1)


def _worst(pictures: Sequence[Picture]) -> dict[str, tuple[Picture, ...]]:
    """The surest errors of each kind, those without any left out."""
    wrong = [p for p in pictures if p.true is False and not p.hidden and p.narrow]
    errors = {
        "hidden as blank, though something is on it": sorted(
            (p for p in pictures if p.shown and p.hidden), key=lambda p: -p.p_blank
        ),
        "people that are not called people": sorted(
            (p for p in pictures if p.kind == "human" and p.p_human < LEVEL),
            key=lambda p: p.p_human,
        ),
        "called people, though there are none": sorted(
            (p for p in pictures if p.kind != "human" and p.p_human >= LEVEL),
            key=lambda p: -p.p_human,
        ),
        "vehicles that are not called vehicles": sorted(
            (p for p in pictures if p.kind == "vehicle" and p.p_vehicle < LEVEL),
            key=lambda p: p.p_vehicle,
        ),
        "called vehicles, though there are none": sorted(
            (p for p in pictures if p.kind not in CALLS and p.p_vehicle >= LEVEL),
            key=lambda p: -p.p_vehicle,
        ),
        "wrong names": sorted(wrong, key=lambda p: -(p.probability or 0)),
        "blanks that are kept": sorted(
            (p for p in pictures if not p.shown and not p.hidden), key=lambda p: p.p_blank
        ),
    }
    return {title: tuple(some[:WORST]) for title, some in errors.items() if some}
