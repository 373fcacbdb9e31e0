"""Visits: pictures of one deployment that belong together, named from all of them.

Pictures of one deployment with gaps of at most a minute are one visit, formed before species are
known. Its name is decided by the mean of its pictures' logits, by the same rules as a picture's;
that changes no picture's own label. A further taxon that pictures of the visit show keeps its row,
and each taxon the times of the pictures that show it: a herd stays for hours, a lion for a minute.
Independent events, by species and longer gaps, are formed in pipeline/population.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from pipeline.records import DayAlone, FrameScores, Label, Media, Stretch, Visit
from pipeline.settings import Settings
from pipeline.species import zeroshot
from pipeline.species.visit_names import Lineages, Namer
from pipeline.species.zeroshot import Named

NAMED = ("species", "subspecies", "genus")  # a further taxon counts from here, not as "mammal"
SECOND_FROM = 2  # pictures of a further taxon: a single one is more often an error

Scores: TypeAlias = Mapping[str, FrameScores]  # both by sha-256
Labels: TypeAlias = Mapping[str, Label]


def form_visits(
    media: Sequence[Media],
    scores: Scores,
    labels: Labels,
    namer: Namer,
    settings: Settings,
    bursts: Mapping[str, int] | None = None,
) -> list[Visit]:
    """Every picture in one visit, visits by deployment and time.

    labels   of the pictures that were labelled
    namer    names visits of animals (pipeline.species.visit_names)
    bursts   by sha-256: keeps pictures without a time or its hour together, else each stands alone
    """
    lanes: defaultdict[tuple[str, str], list[Media]] = defaultdict(list)
    for picture in media:
        lanes[picture.deployment_id, picture.capture_method or ""].append(picture)
    groups = [
        group
        for key in sorted(lanes)
        for group in _groups(lanes[key], settings.windows.visit_gap_s, bursts or {})
    ]
    lineages = namer.lineages
    votes = [_voted(group, scores, labels, namer, lineages) for group in groups]
    names = _names(votes, scores, namer)
    visits = [
        _visit(group, vote, name, scores, labels, lineages, settings.windows.visit_gap_s)
        for group, vote, name in zip(groups, votes, names, strict=True)
    ]
    return sorted(visits, key=_order)


def _groups(media: Sequence[Media], gap_s: float, bursts: Mapping[str, int]) -> list[list[Media]]:
    """Pictures of one deployment and capture method, cut at gaps of more than gap_s."""
    timed = [
        (picture.taken_at, picture) for picture in media if picture.taken_at and _has_hour(picture)
    ]
    timed.sort(key=lambda pair: (pair[0], pair[1].path, pair[1].sha256))
    groups: list[list[Media]] = []
    last: datetime | None = None
    for at, picture in timed:
        if last is not None and at - last <= timedelta(seconds=gap_s):
            groups[-1].append(picture)
        else:
            groups.append([picture])
        last = at + timedelta(seconds=picture.duration_s or 0.0)  # a clip goes on for a while
    timeless: defaultdict[int | str, list[Media]] = defaultdict(list)
    without = [picture for picture in media if not _has_hour(picture)]
    for picture in sorted(without, key=lambda picture: (picture.path, picture.sha256)):
        timeless[bursts.get(picture.sha256, picture.sha256)].append(picture)
    return groups + list(timeless.values())


def _has_hour(picture: Media) -> bool:
    """Pictures of one day without an hour are no visit of 0 seconds: they may be hours apart."""
    return picture.taken_at is not None and not isinstance(picture.taken_at, DayAlone)


@dataclass(frozen=True, slots=True)
class _Votes:
    """What the pictures of one visit show, before it has a name."""

    of: list[str]  # kept and labelled pictures
    kind: str  # observation type; blank or unclassified where no picture votes
    own: list[str]  # of them, those that name the visit
    named: Named  # without the logits: no name for animals yet


def _voted(
    group: Sequence[Media], scores: Scores, labels: Labels, namer: Namer, lineages: Lineages
) -> _Votes:
    shas = [picture.sha256 for picture in group]
    votes = [
        sha
        for sha in shas
        if sha in labels and sha in scores and scores[sha].state != "blank" and namer.knows(sha)
    ]
    if not votes:
        called = {sha for sha in shas if sha in labels and labels[sha].observation_type == "blank"}
        states = {"blank" if sha in called else scores[sha].state for sha in shas if sha in scores}
        kind = "blank" if states == {"blank"} else "unclassified"
        return _Votes([], kind, [], zeroshot.NAMELESS)
    kinds = [labels[sha].observation_type for sha in votes]
    kind = max(set(kinds), key=lambda kind: (kinds.count(kind), kind != "unknown", kind))
    own = [sha for sha in votes if labels[sha].observation_type == kind]
    name: str | None
    rank: str | None
    if kind == "animal":
        own = _of_one_animal(own, labels, lineages)
        name, rank = zeroshot.EVERYTHING
    else:
        name, rank = labels[own[0]].name, labels[own[0]].rank
    return _Votes(votes, kind, own, (name, rank, _mean([labels[sha].probability for sha in own])))


def _names(votes: Sequence[_Votes], scores: Scores, namer: Namer) -> list[Named]:
    """Name, rank and probability of each visit."""
    names = [vote.named for vote in votes]
    animals = [i for i, vote in enumerate(votes) if vote.kind == "animal"]
    own = [votes[i].own for i in animals]
    best = [max((scores[sha] for sha in shas), key=lambda scored: scored.p_animal) for shas in own]
    for i, found in zip(animals, namer.names(own, best), strict=True):
        names[i] = found or names[i]
    return names


def _visit(
    group: Sequence[Media],
    votes: _Votes,
    named: Named,
    scores: Scores,
    labels: Labels,
    lineages: Lineages,
    gap_s: float,
) -> Visit:
    times = [picture.taken_at for picture in group if picture.taken_at]
    name, rank, probability = named
    others = _others(votes.of, labels, votes.kind, name, lineages)
    shown = _shown(group, votes, labels, [(of, taxon) for of, taxon, _ in others])
    stretches = tuple(
        _stretches(pictures, taxon[0] if taxon else votes.kind, scores, gap_s)
        for taxon, pictures in shown.items()
    )
    counts = [part.count for part in stretches[0] if part.count is not None]
    return Visit(
        deployment_id=group[0].deployment_id,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        sha256s=tuple(picture.sha256 for picture in group),
        capture_method=group[0].capture_method,
        observation_type=votes.kind,
        name=name,
        rank=rank,
        probability=probability,
        count=max(counts, default=None),
        count_basis="boxes" if counts else None,
        others=others,
        stretches=stretches,
    )


def _shown(
    group: Sequence[Media], votes: _Votes, labels: Labels, others: Sequence[tuple[str, str | None]]
) -> dict[tuple[str, str | None] | None, list[Media]]:
    """Pictures by the further taxon that they show, and by None those that show the visit's own:
    all of its type that no further taxon has; where nothing votes, all."""
    shown: dict[tuple[str, str | None] | None, list[Media]] = {None: []}
    shown |= {taxon: [] for taxon in others}
    of = {*votes.of}
    for picture in group:
        label = labels[picture.sha256] if picture.sha256 in of else None
        taxon = (label.observation_type, label.name) if label else None
        if taxon in others:
            shown[taxon].append(picture)
        elif not of or (label and label.observation_type == votes.kind):
            shown[None].append(picture)
    return shown


def _stretches(
    pictures: Sequence[Media], kind: str, scores: Scores, gap_s: float
) -> tuple[Stretch, ...]:
    """Pictures that show one taxon, in order, cut where it was away for more than gap_s."""
    runs: list[list[Media]] = []
    for picture in pictures:
        before = runs[-1][-1].taken_at if runs else None
        away = before and picture.taken_at and picture.taken_at - before > timedelta(seconds=gap_s)
        if not runs or away:
            runs.append([])
        runs[-1].append(picture)
    return tuple(
        Stretch(
            run[0].sha256,
            run[0].taken_at,
            run[-1].taken_at,
            len(run),
            _counted(run, kind, scores),
        )
        for run in runs
    )


def _counted(pictures: Sequence[Media], kind: str, scores: Scores) -> int | None:
    """The largest number of animals or people that sure boxes show in one of the pictures."""
    found = (scores[picture.sha256] for picture in pictures if picture.sha256 in scores)
    counts = (scored.count for scored in found if scored.counted == kind)
    return max((count for count in counts if count is not None), default=None)


def _of_one_animal(shas: Sequence[str], labels: Labels, lineages: Lineages) -> list[str]:
    """The pictures without those that surely and more than once show another animal."""
    named = [labels[sha].name for sha in shas if labels[sha].rank in NAMED]
    many = {name: named.count(name) for name in named if name is not None}
    first = max(many, key=lambda name: (many[name], name), default=None)
    apart = {
        name for name in many if many[name] >= SECOND_FROM and not _related(name, first, lineages)
    }
    return [sha for sha in shas if labels[sha].rank not in NAMED or labels[sha].name not in apart]


def _others(
    votes: Sequence[str], labels: Labels, kind: str, name: str | None, lineages: Lineages
) -> tuple[tuple[str, str | None, int], ...]:
    """What pictures show beside the visit's own: (type, name, pictures)."""
    found: defaultdict[tuple[str, str | None], int] = defaultdict(int)
    for sha in votes:
        label = labels[sha]
        shown = label.observation_type, label.name
        if label.observation_type not in zeroshot.TYPES or shown == (kind, name):
            continue
        if label.observation_type == "animal" and not _apart(label, kind, name, lineages):
            continue
        found[shown] += 1
    return tuple(
        (of, taxon, pictures)
        for (of, taxon), pictures in sorted(
            found.items(), key=lambda item: (-item[1], str(item[0]))
        )
        if of != "animal" or kind != "animal" or pictures >= SECOND_FROM
    )


def _apart(label: Label, kind: str, name: str | None, lineages: Lineages) -> bool:
    """Whether a label means another animal than the visit's, not the same at another rank."""
    if kind != "animal":
        return True
    if label.rank not in NAMED or name in (None, zeroshot.EVERYTHING[0]):
        return False
    return not _related(label.name, name, lineages)


def _related(first: str | None, second: str | None, lineages: Lineages) -> bool:
    """Whether one of two names is above the other, or they are the same."""
    if first is None or second is None:
        return first == second
    return first in lineages.get(second, (second,)) or second in lineages.get(first, (first,))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 6) if known else None


def _order(visit: Visit) -> tuple[str, bool, str, str]:
    return (
        visit.deployment_id,
        visit.started_at is None,
        visit.started_at.isoformat() if visit.started_at else "",
        visit.sha256s[0],
    )
