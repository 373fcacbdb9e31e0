"""Which answers of people are an honest sample of what the filter sees, and how each one counts.

People review what the program shows them, so most answers depend on the score and prove nothing
about it. Two kinds do not: those of a camera of a card all of whose pictures have an answer, and
those of one all of whose kept pictures have an answer and whose blanks have those of the audit,
drawn with known chances. Whatever else was reviewed is left out.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHOWN = ("animal", "human", "vehicle")
UNDECIDED = ("unknown", "unclassified")


@dataclass(frozen=True, slots=True)
class Looked:
    """One picture that was scored, and what a person said of it."""

    sha256: str
    card: str
    deployment: str
    station: str
    hidden: bool  # called blank
    p_blank: float
    rescued: bool  # kept by a rule, at whatever threshold
    visit: str | None
    answer: str | None  # observation type; None: nobody said
    stratum: str | None = None  # of the audit, where it was drawn
    stratum_size: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """A picture or a visit of the sample. Lost where its score reaches the threshold."""

    name: str  # sha256; of a visit: of its first picture
    station: str
    score: float  # p_blank; -1: kept at every threshold
    shown: bool | None  # something is on it; None: people could not tell


@dataclass(frozen=True, slots=True)
class Evidence:
    """An honest sample."""

    units: tuple[Unit, ...]
    source: str  # in words: why it is a sample
    used: int = 0  # cameras of cards
    left_out: int = 0  # cameras of cards with answers that are no sample
    thinned: int = 0  # answers left out so that all that stay had the same chance

    @property
    def digest(self) -> str:
        """sha-256 of the units, in any order."""
        lines = sorted(f"{u.name} {u.station} {u.score!r} {u.shown}" for u in self.units)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def from_reviews(pictures: Iterable[Looked], visits: bool = False) -> Evidence:
    """The sample among reviewed pictures, of pictures or of whole visits.

    visits   a visit is lost only with all its pictures that show something, so only cameras all of
             whose pictures have an answer count
    """
    places: defaultdict[tuple[str, str], list[Looked]] = defaultdict(list)
    for picture in pictures:
        places[picture.card, picture.deployment].append(picture)
    stations: defaultdict[str, list[tuple[Looked, float]]] = defaultdict(list)
    used = left_out = 0
    for _, members in sorted(places.items()):
        chances = _chances(members)
        if not chances or (visits and any(chance < 1 for _, chance in chances)):
            left_out += any(picture.answer for picture in members)
            continue
        used += 1
        stations[members[0].station] += chances
    whole = "cameras all of whose pictures have an answer"
    drawn = ", or all kept ones and the drawn blanks with their chances"
    source = whole if visits else whole + drawn
    if visits:
        seen = [picture for one in stations.values() for picture, _ in one]
        return Evidence(tuple(_visits(seen)), source, used, left_out)
    units = [unit for one in stations.values() for unit in _evenly(one)]
    total = sum(len(one) for one in stations.values())
    return Evidence(tuple(units), source, used, left_out, total - len(units))


def from_table(pictures: Sequence[Looked], visits: bool = False) -> Evidence:
    """Every row of a table: who made it says that its pictures were chosen without the scores."""
    units = _visits(pictures) if visits else [_unit(picture) for picture in pictures]
    places = {(picture.card, picture.deployment) for picture in pictures}
    return Evidence(tuple(units), "a labelled table, chosen without the scores", len(places))


def _chances(members: Sequence[Looked]) -> list[tuple[Looked, float]]:
    """The answered pictures of a camera's card, each with its chance; []: they are no sample."""
    kept = [picture for picture in members if not picture.hidden]
    hidden = [picture for picture in members if picture.hidden]
    if any(picture.answer is None for picture in kept):
        return []
    if all(picture.answer for picture in hidden):
        return [(picture, 1.0) for picture in members]
    strata: defaultdict[tuple[str, int], list[Looked]] = defaultdict(list)
    for picture in hidden:
        if picture.stratum is not None:
            strata[picture.stratum, picture.stratum_size].append(picture)
    if sum(size for _, size in strata) != len(hidden):
        return []  # blanks that no draw covers
    found = [(picture, 1.0) for picture in kept]
    for (_, size), drawn in strata.items():
        drawn.sort(key=lambda picture: picture.sha256)  # the order of the sheet: its begin is fair
        first = next((i for i, one in enumerate(drawn) if one.answer is None), len(drawn))
        if not first:
            return []
        found += [(picture, first / size) for picture in drawn[:first]]
    return found


def _evenly(chances: Sequence[tuple[Looked, float]]) -> list[Unit]:
    """Of one station, so many that all had the same chance: of those that were looked at for sure
    a part stays, drawn by a hash of the picture. Then a share needs no weights and is exact."""
    least = min((chance for _, chance in chances), default=1.0)
    return [_unit(one) for one, chance in chances if _place(one.sha256) * chance < least]


def _place(sha256: str) -> float:
    """0-1, the same for a picture whenever it is asked for."""
    digest = hashlib.sha256(f"certificate {sha256}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _unit(picture: Looked) -> Unit:
    return Unit(picture.sha256, picture.station, _score(picture), _shown(picture))


def _score(picture: Looked) -> float:
    return -1.0 if picture.rescued else picture.p_blank


def _shown(picture: Looked) -> bool | None:
    return None if picture.answer in UNDECIDED else picture.answer in SHOWN


def _visits(pictures: Sequence[Looked]) -> list[Unit]:
    """A visit scores as the surest of its pictures that show something, else of those on which
    people could not tell."""
    groups: defaultdict[str, list[Looked]] = defaultdict(list)
    for picture in pictures:
        groups[picture.visit or picture.sha256].append(picture)
    units = []
    for name, members in sorted(groups.items()):
        by_answer = {
            _shown(one): [m for m in members if _shown(m) is _shown(one)] for one in members
        }
        shown = next(answer for answer in (True, None, False) if answer in by_answer)
        score = min(_score(picture) for picture in by_answer[shown])
        units.append(Unit(name, members[0].station, score, shown))
    return units
