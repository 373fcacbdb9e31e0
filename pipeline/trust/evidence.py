"""Which answers of people are an honest sample of what the models see, and how each one counts.

People review what the program shows them, so most answers depend on the score and prove nothing
about it. Three kinds do not: those of a camera of a card all of whose pictures have an answer,
those of one all of whose kept pictures have an answer and whose blanks have those of the audit,
and those on whole visits that `camtriage review sample` drew. The drawn ones have known chances.
Whatever else was reviewed is left out.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

NOT_BLANK = "not blank"
KINDS = (NOT_BLANK, "human", "vehicle")  # what a certificate is about
SHOWN = {NOT_BLANK: {"animal", "human", "vehicle"}, "human": {"human"}, "vehicle": {"vehicle"}}
SCORES = {NOT_BLANK: "p_blank", "human": "p_human", "vehicle": "p_vehicle"}
WORDS = {  # of a certificate: what it is about, what happens, from where, and what it costs
    NOT_BLANK: ("that show something are kept", "hidden", "hides {} of the blanks"),
    "human": ("that show people are called so", "called", "calls {} of the others so"),
    "vehicle": ("that show a vehicle are called so", "called", "calls {} of the others so"),
}
UNDECIDED = {"unknown", "unclassified"}
WHOLE = "cameras all of whose pictures have an answer"
AUDITED = ", or all kept ones and the drawn blanks with their chances"
SAMPLED = ", and visits that were drawn at random, with their chances"
MORE = {  # by whether whole visits count: what gives more answers of the kinds above
    False: "answer all visits of a deployment ('Visits of your choice' of `camtriage review`), and"
    " then its queue 'Audit of the blanks'",
    True: "`camtriage review sample` draws visits: answer them in its sheet, or in the queue"
    " 'Random sample of visits' of `camtriage review`",
}


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
    answer: frozenset[str] | None  # observation types; None: nobody said
    stratum: str | None = None  # of the audit, where it was drawn
    stratum_size: int = 0
    p_human: float = 0.0
    p_vehicle: float = 0.0
    group: str = ""


@dataclass(frozen=True, slots=True)
class DrawnVisit:
    """A visit of the random sample of visits, with all its pictures."""

    name: str  # sha256 of its first picture
    stratum: str
    stratum_size: int
    place: int  # in the queue of the draw
    answer: frozenset[str] | None  # observation types of the whole visit; None: nobody said
    pictures: tuple[Looked, ...]  # with the answers on single ones; (): it is no visit any more
    counts: bool = True  # False: scored by other models


@dataclass(frozen=True, slots=True)
class Unit:
    """A picture or a visit of the sample. Lost where its score reaches the threshold."""

    name: str  # sha256; of a visit: of its first picture
    station: str
    score: float  # p_blank (-1: kept at every threshold); of people and vehicles -p
    shown: bool | None  # what is certified is on it; None: people could not tell
    group: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An honest sample."""

    units: tuple[Unit, ...]
    source: str  # in words: why it is a sample
    used: int = 0  # cameras of cards
    left_out: int = 0  # cameras of cards with answers that are no sample
    thinned: int = 0  # answers left out so that all that stay had the same chance
    kind: str = NOT_BLANK
    sampled: int = 0  # visits of the random sample among them
    unused: str = ""  # why the random sample of visits does not count
    more: str = ""  # what gives more answers

    @property
    def digest(self) -> str:
        """sha-256 of the units, in any order."""
        lines = sorted(
            f"{u.name} {u.station} {u.score!r} {u.shown} {u.group}".rstrip() for u in self.units
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def from_reviews(
    pictures: Iterable[Looked],
    visits: bool = False,
    kind: str = NOT_BLANK,
    sample: Sequence[DrawnVisit] = (),
) -> Evidence:
    """The sample among reviewed pictures, of pictures or of whole visits.

    visits   a visit is lost only with all its pictures that show something, so only cameras all of
             whose pictures have an answer count, and drawn visits
    kind     of KINDS
    sample   every visit of the draw in force
    """
    places: defaultdict[tuple[str, str], list[Looked]] = defaultdict(list)
    for picture in pictures:
        places[picture.card, picture.deployment].append(picture)
    stations: defaultdict[str, list[tuple[Unit, float]]] = defaultdict(list)
    used, whole, left_out = 0, set(), set()
    for place, members in sorted(places.items()):
        chances = _chances(members)
        if not chances or (visits and any(chance < 1 for _, chance in chances)):
            left_out |= {place} if any(picture.answer for picture in members) else set()
            continue
        used += 1
        whole.add(place)
        if not visits:
            stations[members[0].station] += [(_unit(one, kind), p) for one, p in chances]
            continue
        for unit in _visits([picture for picture, _ in chances], kind):
            stations[unit.station].append((unit, 1.0))
    drawn, unused = _sampled(sample, whole, kind) if visits else ([], "")
    for unit, chance, _ in drawn:
        stations[unit.station].append((unit, chance))
    of_sample = {place for _, _, place in drawn}
    units = [unit for one in stations.values() for unit in _evenly(one)]
    return Evidence(
        tuple(units),
        WHOLE + ("" if visits else AUDITED) + (SAMPLED if drawn else ""),
        used + len(of_sample),
        len(left_out - of_sample),
        sum(len(one) for one in stations.values()) - len(units),
        kind,
        len({unit.name for unit in units} & {unit.name for unit, _, _ in drawn}),
        unused,
        MORE[visits],
    )


def from_table(pictures: Sequence[Looked], visits: bool = False, kind: str = NOT_BLANK) -> Evidence:
    """Every row of a table: who made it says that its pictures were chosen without the scores."""
    units = _visits(pictures, kind) if visits else [_unit(picture, kind) for picture in pictures]
    places = {(picture.card, picture.deployment) for picture in pictures}
    source = "a labelled table, chosen without the scores"
    more = "add rows to the table, chosen in the same way"
    return Evidence(tuple(units), source, len(places), kind=kind, more=more)


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


def _sampled(
    sample: Sequence[DrawnVisit], whole: Collection[tuple[str, str]], kind: str
) -> tuple[list[tuple[Unit, float, tuple[str, str]]], str]:
    """The drawn visits that count, with chance, card and camera; and why none of them does.

    Of a stratum those from the top of its queue count, as far as they have answers: whatever lies
    below a gap was chosen by somebody. A stratum without any would leave a part of all visits out.
    Cameras in `whole` stand for themselves. Where only the visit has an answer, it is kept by any
    of its pictures."""
    strata: defaultdict[str, list[DrawnVisit]] = defaultdict(list)
    for visit in sample:
        strata[visit.stratum].append(visit)
    found = []
    for stratum, queue in sorted(strata.items()):
        queue.sort(key=lambda visit: visit.place)
        first = next((i for i, one in enumerate(queue) if one.answer is None), len(queue))
        if not first:
            return [], f"the random sample of visits lacks answers from the top of {stratum}"
        if not all(visit.pictures for visit in queue[:first]):
            return [], "visits of the random sample were formed again: draw it again"
        for visit in queue[:first]:
            picture, answer = visit.pictures[0], visit.answer
            if (place := (picture.card, picture.deployment)) in whole or not visit.counts:
                continue
            shown = _shown(answer, kind)
            scores = [
                _score(one, kind)
                for one in visit.pictures
                if one.answer is None or not shown or _shown(one.answer, kind) is not False
            ]
            score = min(scores or [_score(one, kind) for one in visit.pictures])
            unit = Unit(visit.name, picture.station, score, shown, picture.group)
            found.append((unit, first / queue[0].stratum_size, place))
    return found, ""


def _evenly(chances: Sequence[tuple[Unit, float]]) -> list[Unit]:
    """Of one station, so many that all had the same chance: of those that were looked at for sure
    a part stays, drawn by a hash of the picture. Then a share needs no weights and is exact."""
    least = min((chance for _, chance in chances), default=1.0)
    return [one for one, chance in chances if _place(one.name) * chance < least]


def _place(sha256: str) -> float:
    """0-1, the same for a picture whenever it is asked for."""
    digest = hashlib.sha256(f"certificate {sha256}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _unit(picture: Looked, kind: str) -> Unit:
    shown = _shown(picture.answer, kind)
    return Unit(picture.sha256, picture.station, _score(picture, kind), shown, picture.group)


def _score(picture: Looked, kind: str) -> float:
    """What speaks for its being missed."""
    if kind == NOT_BLANK:
        return -1.0 if picture.rescued else picture.p_blank
    return -picture.p_human if kind == "human" else -picture.p_vehicle


def _shown(answer: frozenset[str] | None, kind: str) -> bool | None:
    seen = answer or frozenset()
    if seen & SHOWN[kind]:
        return True
    return None if seen & UNDECIDED else False


def _visits(pictures: Sequence[Looked], kind: str) -> list[Unit]:
    """A visit scores as the surest of its pictures that show something, else of those on which
    people could not tell."""
    groups: defaultdict[str, list[Looked]] = defaultdict(list)
    for picture in pictures:
        groups[picture.visit or picture.sha256].append(picture)
    units = []
    for name, members in sorted(groups.items()):
        by_answer: defaultdict[bool | None, list[Looked]] = defaultdict(list)
        for picture in members:
            by_answer[_shown(picture.answer, kind)].append(picture)
        shown = next(answer for answer in (True, None, False) if answer in by_answer)
        score = min(_score(picture, kind) for picture in by_answer[shown])
        units.append(Unit(name, members[0].station, score, shown, members[0].group))
    return units
