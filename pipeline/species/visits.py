"""Visits: what came, stayed and left, named by all of its pictures together.

Pictures of one deployment with gaps of at most a minute are one visit, formed before species are
known. Its name is decided by the mean of its pictures' logits, by the same rules as a picture's;
a picture's own label is never touched by it. A further taxon that pictures of the visit show for
themselves keeps its row. Independent events, by species and longer gaps, are the population's.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Label, Look, Media, Visit
from pipeline.settings import Settings
from pipeline.species import zeroshot
from pipeline.species.zeroshot import Bank

NAMED = ("species", "subspecies", "genus")  # a further taxon counts from here, not as "mammal"
SECOND_FROM = 2  # pictures of a further taxon: one alone is more often a slip


def form_visits(
    media: Sequence[Media],
    looks: Mapping[str, Look],
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
    visits = [
        _named(group, looks, labels, logits, bank, settings, site_list)
        for key in sorted(lanes)
        for group in _groups(lanes[key], settings.windows.visit_gap_s, bursts or {})
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


def _named(group, looks, labels, logits, bank, settings, site_list) -> Visit:
    shas = [one.sha256 for one in group]
    votes = [
        sha
        for sha in shas
        if sha in labels and sha in looks and looks[sha].state != "blank" and sha in logits
    ]
    times = [one.taken_at for one in group if one.taken_at]
    counts = [looks[sha].count for sha in votes if looks[sha].count is not None]
    kind, name, rank, probability = _together(
        votes, shas, looks, labels, logits, bank, settings, site_list
    )
    return Visit(
        deployment_id=group[0].deployment_id,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        sha256s=tuple(shas),
        capture_method=group[0].capture_method,
        observation_type=kind,
        name=name,
        rank=rank,
        probability=probability,
        count=max(counts, default=None) if kind in ("animal", "human") else None,
        count_basis="boxes" if counts and kind in ("animal", "human") else None,
        others=_others(votes, labels, kind, name, bank),
    )


def _together(votes, shas, looks, labels, logits, bank, settings, site_list):
    """Type, name, rank and probability of a visit."""
    if not votes:
        seen = [looks[sha].state for sha in shas if sha in looks]
        return ("blank" if seen and set(seen) == {"blank"} else "unclassified"), None, None, None
    kinds = [labels[sha].observation_type for sha in votes]
    kind = max(set(kinds), key=lambda one: (kinds.count(one), one != "unknown", one))
    own = [sha for sha, one in zip(votes, kinds, strict=True) if one == kind]
    if kind != "animal":
        sure = [labels[sha].probability for sha in own if labels[sha].probability is not None]
        first = labels[own[0]]
        return kind, first.name, first.rank, _mean(sure)
    own = _one_animal(own, labels, bank)
    mean = np.mean([np.asarray(logits[sha], np.float32) for sha in own], axis=0, keepdims=True)
    look = max((looks[sha] for sha in own), key=lambda one: one.p_animal)
    (label,) = zeroshot.from_logits(["visit"], mean, [look], bank, settings.labels, site_list)
    if label.observation_type != "animal":  # its pictures were animals; the mean says no more
        return "animal", *zeroshot.EVERYTHING, _mean([labels[sha].probability for sha in own])
    return "animal", label.name, label.rank, label.probability


def _one_animal(shas: Sequence[str], labels: Mapping[str, Label], bank: Bank) -> list[str]:
    """The pictures without those that surely and more than once show another animal."""
    named = [labels[sha].name for sha in shas if labels[sha].rank in NAMED]
    many = {name: named.count(name) for name in named}
    first = max(many, key=lambda name: (many[name], name), default=None)
    apart = {
        name for name in many if many[name] >= SECOND_FROM and not _same_line(name, first, bank)
    }
    return [sha for sha in shas if labels[sha].rank not in NAMED or labels[sha].name not in apart]


def _others(votes, labels, kind, name, bank) -> tuple[tuple[str, str | None, int], ...]:
    """What pictures show beside the visit's own: (type, name, pictures)."""
    found: dict[tuple[str, str | None], int] = defaultdict(int)
    for sha in votes:
        one = labels[sha]
        if one.observation_type not in zeroshot.TYPES or (one.observation_type, one.name) == (
            kind,
            name,
        ):
            continue
        if one.observation_type == "animal" and not _apart(one, kind, name, bank):
            continue
        found[one.observation_type, one.name] += 1
    return tuple(
        (of, taxon, pictures)
        for (of, taxon), pictures in sorted(found.items(), key=lambda x: (-x[1], str(x[0])))
        if of != "animal" or kind != "animal" or pictures >= SECOND_FROM
    )


def _apart(one: Label, kind: str, name: str | None, bank: Bank) -> bool:
    """Whether an animal's label means another animal, not the same one said less or more surely."""
    if kind != "animal":
        return True
    if one.rank not in NAMED or name in (None, zeroshot.EVERYTHING[0]):
        return False
    return not _same_line(one.name, name, bank)


def _same_line(one: str | None, other: str | None, bank: Bank) -> bool:
    """Whether one stands above the other, or they are the same."""
    return one in _line(other, bank) or other in _line(one, bank)


def _line(name: str | None, bank: Bank) -> set[str]:
    """A name and all above it."""
    for one in bank.labelset.taxa:
        if one.name == name:
            return {name, *(parent for _, parent in one.parents)}
        chain = [parent for _, parent in one.parents]
        if name in chain:
            return set(chain[chain.index(name) :])
    return {name} if name else set()


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
