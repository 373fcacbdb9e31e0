"""Visits: what came, stayed and left, named by all of its pictures together.

Pictures of one deployment with gaps of at most a minute are one visit, formed before species are
known. Its name is decided by the mean of its pictures' logits, by the same rules as a picture's;
a picture's own label is never touched by it. A further taxon that pictures of the visit show for
themselves keeps its row. Independent events, by species and longer gaps, are the population's.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from pipeline.records import FrameScores, Label, Media, Visit
from pipeline.settings import Settings
from pipeline.species import zeroshot
from pipeline.species.zeroshot import Bank

NAMED = ("species", "subspecies", "genus")  # a further taxon counts from here, not as "mammal"
Lines = dict[str, frozenset[str]]

SECOND_FROM = 2  # pictures of a further taxon: one alone is more often a slip


def form_visits(
    media: Sequence[Media],
    looks: Mapping[str, FrameScores],
    labels: Mapping[str, Label],
    logits: Mapping[str, NDArray],
    bank: Bank,
    settings: Settings,
    bursts: Mapping[str, int] | None = None,
    site_list: frozenset[str] | None = None,
) -> list[Visit]:
    """Every picture in one visit, visits by deployment and time.

    labels, logits   by sha-256: of the pictures that were labelled (logits: zeroshot.logits)
    bursts           by sha-256: keeps pictures without a time together, else each stands alone
    site_list        as it was for the labels
    """
    lanes = defaultdict(list)
    for one in media:
        lanes[one.deployment_id, one.capture_method or ""].append(one)
    groups = [
        group
        for key in sorted(lanes)
        for group in _groups(lanes[key], settings.windows.visit_gap_s, bursts or {})
    ]
    lines = _lines(bank)
    told = [_voted(group, looks, labels, logits, lines) for group in groups]
    names = _names(told, looks, logits, bank, settings, site_list)
    visits = [
        _visit(group, votes, name, looks, labels, lines)
        for group, votes, name in zip(groups, told, names, strict=True)
    ]
    return sorted(visits, key=_order)


def _groups(media: Sequence[Media], gap_s: float, bursts: Mapping[str, int]) -> list[list[Media]]:
    """Pictures of one deployment and capture method, cut where it was quiet for over gap_s."""
    timed = sorted((m for m in media if m.taken_at), key=lambda m: (m.taken_at, m.path, m.sha256))
    groups: list[list[Media]] = []
    for one in timed:
        if groups and one.taken_at - groups[-1][-1].taken_at <= timedelta(seconds=gap_s):
            groups[-1].append(one)
        else:
            groups.append([one])
    timeless = defaultdict(list)
    for one in sorted((m for m in media if not m.taken_at), key=lambda m: (m.path, m.sha256)):
        timeless[bursts.get(one.sha256, one.sha256)].append(one)
    return groups + list(timeless.values())


@dataclass(frozen=True, slots=True)
class _Votes:
    """What the pictures of one visit say, before it has a name."""

    of: list[str]  # kept and labelled pictures
    kind: str  # blank and unclassified where none votes
    own: list[str]  # of them, those that name the visit
    said: tuple[str | None, str | None, float | None]  # name and rank where no animal; probability


def _voted(group, looks, labels, logits, lines) -> _Votes:
    shas = [one.sha256 for one in group]
    votes = [
        sha
        for sha in shas
        if sha in labels and sha in looks and looks[sha].state != "blank" and sha in logits
    ]
    if not votes:
        seen = {looks[sha].state for sha in shas if sha in looks}
        return _Votes([], "blank" if seen == {"blank"} else "unclassified", [], (None, None, None))
    kinds = [labels[sha].observation_type for sha in votes]
    kind = max(set(kinds), key=lambda one: (kinds.count(one), one != "unknown", one))
    own = [sha for sha, one in zip(votes, kinds, strict=True) if one == kind]
    if kind == "animal":
        own, (name, rank) = _one_animal(own, labels, lines), zeroshot.EVERYTHING
    else:
        name, rank = labels[own[0]].name, labels[own[0]].rank
    sure = _mean([labels[sha].probability for sha in own])
    return _Votes(votes, kind, own, (name, rank, sure))


def _names(told: Sequence[_Votes], looks, logits, bank, settings, site_list) -> list[tuple]:
    """Name, rank and probability of each visit; those of animals from their mean logits.

    Many at once: a label set is laid out for its ranks once, not once a visit."""
    names = [one.said for one in told]
    animals = [i for i, one in enumerate(told) if one.kind == "animal"]
    for start in range(0, len(animals), zeroshot.CHUNK):
        some = animals[start : start + zeroshot.CHUNK]
        own = [told[i].own for i in some]
        means = np.stack([np.mean([logits[sha] for sha in shas], axis=0) for shas in own])
        best = [max((looks[sha] for sha in shas), key=lambda one: one.p_animal) for shas in own]
        visits = [f"visit {i}" for i in some]
        found = zeroshot.from_logits(visits, means, best, bank, settings.labels, site_list)
        for i, label in zip(some, found, strict=True):
            if label.observation_type == "animal":  # else the mean says no more than its pictures
                names[i] = label.name, label.rank, label.probability
    return names


def _visit(group, votes: _Votes, named: tuple, looks, labels, lines) -> Visit:
    times = [one.taken_at for one in group if one.taken_at]
    counts = [looks[sha].count for sha in votes.of if looks[sha].count is not None]
    counted = bool(counts) and votes.kind in ("animal", "human")
    name, rank, probability = named
    return Visit(
        deployment_id=group[0].deployment_id,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        sha256s=tuple(one.sha256 for one in group),
        capture_method=group[0].capture_method,
        observation_type=votes.kind,
        name=name,
        rank=rank,
        probability=probability,
        count=max(counts) if counted else None,
        count_basis="boxes" if counted else None,
        others=_others(votes.of, labels, votes.kind, name, lines),
    )


def _one_animal(shas: Sequence[str], labels: Mapping[str, Label], lines: Lines) -> list[str]:
    """The pictures without those that surely and more than once show another animal."""
    named = [labels[sha].name for sha in shas if labels[sha].rank in NAMED]
    many = {name: named.count(name) for name in named}
    first = max(many, key=lambda name: (many[name], name), default=None)
    apart = {
        name for name in many if many[name] >= SECOND_FROM and not _same_line(name, first, lines)
    }
    return [sha for sha in shas if labels[sha].rank not in NAMED or labels[sha].name not in apart]


def _others(votes, labels, kind, name, lines) -> tuple[tuple[str, str | None, int], ...]:
    """What pictures show beside the visit's own: (type, name, pictures)."""
    found: dict[tuple[str, str | None], int] = defaultdict(int)
    for sha in votes:
        one = labels[sha]
        if one.observation_type not in zeroshot.TYPES or (one.observation_type, one.name) == (
            kind,
            name,
        ):
            continue
        if one.observation_type == "animal" and not _apart(one, kind, name, lines):
            continue
        found[one.observation_type, one.name] += 1
    return tuple(
        (of, taxon, pictures)
        for (of, taxon), pictures in sorted(found.items(), key=lambda x: (-x[1], str(x[0])))
        if of != "animal" or kind != "animal" or pictures >= SECOND_FROM
    )


def _apart(one: Label, kind: str, name: str | None, lines: Lines) -> bool:
    """Whether an animal's label means another animal, not the same one said less or more surely."""
    if kind != "animal":
        return True
    if one.rank not in NAMED or name in (None, zeroshot.EVERYTHING[0]):
        return False
    return not _same_line(one.name, name, lines)


def _same_line(one: str | None, other: str | None, lines: Lines) -> bool:
    """Whether one stands above the other, or they are the same."""
    return one in lines.get(other, (other,)) or other in lines.get(one, (one,))


def _lines(bank: Bank) -> Lines:
    """A name and all above it, by name; the label set's first word on a name counts."""
    lines: Lines = {}
    for one in bank.labelset.taxa:
        chain = [one.name, *(parent for _, parent in one.parents)]
        for i, name in enumerate(chain):
            lines.setdefault(name, frozenset(chain[i:]))
    return lines


def _mean(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return round(sum(known) / len(known), 6) if known else None


def _order(visit: Visit) -> tuple:
    return (
        visit.deployment_id,
        visit.started_at is None,
        visit.started_at.isoformat() if visit.started_at else "",
        visit.sha256s[0],
    )
