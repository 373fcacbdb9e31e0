"""What a data set says, in the form in which it is kept: answers, labels, visits.

What people said becomes answers, one a picture and one a visit, each row with its own name of who
said it. What machines said becomes labels and taxa of visits, which no person's answer loses to.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from pipeline.answers import Answer, animals, one_answer
from pipeline.exchange.incoming.dataset import DataSet, Seen
from pipeline.exchange.incoming.grouping import Group
from pipeline.records import Label, NamedPicture, Review, Stretch, Visit

Ids: TypeAlias = Mapping[str, str]  # media_id by what the data set calls a picture
Taxon: TypeAlias = tuple[str, str | None]
UNSAID: Taxon = ("unclassified", None)


@dataclass(frozen=True, slots=True)
class MachineWord:
    """What a machine made of a picture."""

    media_id: str
    state: str  # kept or blank
    p_blank: float | None
    count: int | None
    label: Label


def answers_of(data: DataSet, groups: Iterable[Group], ids: Ids) -> Iterator[Answer]:
    """One answer a picture, and one a visit where its pictures' own answers do not say as much."""
    told: defaultdict[str, list[Seen]] = defaultdict(list)
    for seen in data.seen:
        if seen.picture in ids and _said(seen, "human"):
            told[str(seen.picture)].append(seen)
    for picture, rows in told.items():
        yield _answer(rows, ids[picture], "review")
    for group in groups:
        rows = [seen for seen in group.seen if _said(seen, "human")]
        if rows and not _said_by_pictures(
            rows, [told.get(p.source_id, []) for p in group.pictures]
        ):
            yield _answer(rows, ids[group.pictures[0].source_id], "event")


def _said(seen: Seen, method: str) -> bool:
    return seen.method == method and seen.observation_type != "unclassified"


def _answer(rows: Sequence[Seen], media_id: str, purpose: str) -> Answer:
    """Rows of the same animals are one, with the number of both."""
    reviews: dict[tuple[object, ...], Review] = {}
    kinds = {seen.observation_type for seen in rows}
    for seen in rows:
        if seen.observation_type == "blank" and len(kinds) > 1:
            continue  # something else was seen too
        new = Review(
            media_id, seen.observation_type, seen.name, seen.count, seen.by, seen.at, purpose,
            seen.comment, seen.life_stage, seen.sex, seen.behavior, seen.individual_id,
        )  # fmt: skip
        known = reviews.get(animals(new))
        reviews[animals(new)] = _both(known, new) if known else new
    return one_answer(list(reviews.values()))


def _both(first: Review, second: Review) -> Review:
    if first.observation_type == "blank":
        return first
    by, comment = (
        "; ".join(dict.fromkeys(filter(None, texts))) or None
        for texts in ((first.reviewer, second.reviewer), (first.comment, second.comment))
    )
    count = (first.count or 1) + (second.count or 1)
    later = max((at for at in (first.reviewed_at, second.reviewed_at) if at), default=None)
    return replace(first, count=count, reviewer=by, comment=comment, reviewed_at=later)


def _said_by_pictures(rows: Sequence[Seen], pictures: Sequence[Sequence[Seen]]) -> bool:
    """Whether the same people told all of it on single pictures, at the same time."""
    own = [seen for told in pictures for seen in told]
    people, times = {seen.by for seen in own}, {seen.at for seen in own}
    if {seen.comment for seen in rows} - {None} - {seen.comment for seen in own}:
        return False
    if any({*(seen.by or "").split(", ")} - {by or "" for by in people} for seen in rows):
        return False
    if {seen.at for seen in rows} - times:
        return False
    if any(seen.observation_type == "blank" for seen in rows):
        return all(
            told and all(seen.observation_type == "blank" for seen in told) for told in pictures
        )
    if not all(pictures) and any(not _seen_by(seen, own) for seen in rows):
        return False
    most: dict[Taxon, int] = {}
    described = set()
    for told in pictures:
        here: defaultdict[Taxon, int] = defaultdict(int)
        for seen in told:
            here[seen.taxon] += seen.count or 1
            described.add(_described(seen))
        for taxon, many in here.items():
            most[taxon] = max(most.get(taxon, 0), many)
    whole: defaultdict[Taxon, int] = defaultdict(int)
    for seen in rows:
        whole[seen.taxon] += seen.count or 1
    as_many = all(many <= most.get(taxon, 0) for taxon, many in whole.items())
    return as_many and {_described(seen) for seen in rows} <= described


def _seen_by(seen: Seen, told: Sequence[Seen]) -> bool:
    """Whether a taxon of an event was there no longer than pictures tell."""
    starts = [one.started_at for one in told if one.taxon == seen.taxon and one.started_at]
    ends = [one.ended_at for one in told if one.taxon == seen.taxon and one.ended_at]
    if not starts or not ends or not seen.started_at or not seen.ended_at:
        return bool(starts)
    return min(starts) <= seen.started_at and seen.ended_at <= max(ends)


def _described(seen: Seen) -> tuple[object, ...]:
    return seen.taxon, seen.life_stage, seen.sex, seen.behavior, seen.individual_id


def machine_words(data: DataSet, ids: Ids) -> list[MachineWord]:
    """What machines said of single pictures; of several the surest, the others among its `top`."""
    found: defaultdict[str, list[Seen]] = defaultdict(list)
    for seen in data.seen:
        if seen.picture in ids and _said(seen, "machine"):
            found[str(seen.picture)].append(seen)
    return [_word(ids[picture], rows, data.ranks) for picture, rows in found.items()]


def _word(media_id: str, rows: list[Seen], ranks: Mapping[str, str]) -> MachineWord:
    shown = [seen for seen in rows if seen.observation_type != "blank"] or rows
    best = max(shown, key=lambda seen: (seen.observation_type == "human", seen.probability or 0))
    same = [seen.count or 1 for seen in shown if seen.taxon == best.taxon]
    top = tuple((seen.name or seen.observation_type, seen.probability or 0.0) for seen in shown)
    label = Label(
        media_id, best.observation_type, best.name, best.probability, best.name,
        ranks.get(best.name or ""), best.probability, "as the data set says", top,
        classified_by=best.by,
    )  # fmt: skip
    if best.observation_type == "blank":
        return MachineWord(media_id, "blank", best.probability, None, label)
    count = sum(same) if len(same) > 1 else best.count
    return MachineWord(media_id, "kept", None, count, label)


def visits_of(
    data: DataSet, groups: Iterable[Group], ids: Ids, words: Iterable[MachineWord], gap_s: float
) -> list[Visit]:
    """The visits with what machines said of them; with nothing where only people spoke.

    gap_s  seconds for which a taxon may be away within a visit and be there still
    """
    by_id = {word.media_id: word for word in words}
    return [
        _visit(group, [(ids[one.source_id], one) for one in group.pictures], by_id, data, gap_s)
        for group in groups
    ]


Member: TypeAlias = tuple[str, NamedPicture]


def _visit(
    group: Group,
    members: Sequence[Member],
    words: Mapping[str, MachineWord],
    data: DataSet,
    gap_s: float,
) -> Visit:
    of_event = [seen for seen in group.seen if _said(seen, "machine")]
    here = [(words[sha], picture) for sha, picture in members if sha in words]
    taxa = list(dict.fromkeys(seen.taxon for seen in of_event))
    by_people = not of_event and any(_said(seen, "human") for seen in group.seen)
    taxa = taxa or ([UNSAID] if by_people else _by_pictures(here))
    shown = _shown(taxa, members, words)
    said = {taxon: [seen for seen in of_event if seen.taxon == taxon] for taxon in taxa}
    stretches = tuple(
        _as_said(_stretches(shown[taxon], words, gap_s), said[taxon])
        or _told_stretch(said[taxon], members)
        for taxon in taxa
    )
    own = taxa[0]
    counts = [part.count for part in stretches[0] if part.count is not None]
    by = dict.fromkeys(seen.by for seen in of_event if seen.by) or dict.fromkeys(
        word.label.classified_by for word, _ in here if word.label.classified_by
    )
    probabilities = [seen.probability for seen in said[own] if seen.probability is not None]
    return Visit(
        group.deployment_id,
        group.started_at,
        group.ended_at,
        tuple(sha for sha, _ in members),
        members[0][1].capture_method,
        own[0],
        own[1],
        data.ranks.get(own[1] or ""),
        probabilities[0] if probabilities else _mean(shown[own], words),
        max(counts, default=None),
        "boxes" if counts else None,
        tuple((kind, name, len(shown[kind, name]) or 1) for kind, name in taxa[1:]),
        stretches,
        ", ".join(map(str, by)) or None,
    )


def _by_pictures(here: Sequence[tuple[MachineWord, NamedPicture]]) -> list[Taxon]:
    """Taxa by how many pictures show them; blank where all are, else nothing is said."""
    found: defaultdict[Taxon, int] = defaultdict(int)
    for word, _ in here:
        if word.state == "kept":
            found[word.label.observation_type, word.label.name] += 1
    taxa = sorted(found, key=lambda taxon: (-found[taxon], taxon[0], taxon[1] or ""))
    return taxa or [("blank", None) if here else UNSAID]


def _shown(
    taxa: Sequence[Taxon], members: Sequence[Member], words: Mapping[str, MachineWord]
) -> dict[Taxon, list[Member]]:
    """The pictures that show each taxon; the first by all of its type that no other has."""
    shown: dict[Taxon, list[Member]] = {taxon: [] for taxon in taxa}
    for sha, picture in members:
        label = words[sha].label if sha in words else None
        if label is None:
            continue
        taxon = label.observation_type, label.name
        if taxon in shown:
            shown[taxon].append((sha, picture))
        elif label.observation_type == taxa[0][0]:
            shown[taxa[0]].append((sha, picture))
    return shown


def _stretches(
    pictures: Sequence[Member], words: Mapping[str, MachineWord], gap_s: float
) -> tuple[Stretch, ...]:
    runs: list[list[Member]] = []
    last: datetime | None = None
    for sha, picture in pictures:
        at = picture.taken_at
        away = last and at and at - last > timedelta(seconds=gap_s)
        if not runs or away:
            runs.append([])
        runs[-1].append((sha, picture))
        last = at
    return tuple(
        Stretch(
            run[0][0],
            run[0][1].taken_at,
            run[-1][1].taken_at,
            len(run),
            max((n for sha, _ in run if (n := words[sha].count) is not None), default=None),
        )
        for run in runs
    )


def _as_said(stretches: tuple[Stretch, ...], seen: Sequence[Seen]) -> tuple[Stretch, ...]:
    """One stretch has the times that the data set says."""
    starts = [one.started_at for one in seen if one.started_at]
    ends = [one.ended_at for one in seen if one.ended_at]
    if len(stretches) != 1 or not starts or not ends:
        return stretches
    return (replace(stretches[0], started_at=min(starts), ended_at=max(ends)),)


def _told_stretch(seen: Sequence[Seen], members: Sequence[Member]) -> tuple[Stretch, ...]:
    """Of a taxon that no picture is known to show: when the data set says that it was there."""
    starts = [one.started_at for one in seen if one.started_at]
    ends = [one.ended_at for one in seen if one.ended_at]
    times = [picture.taken_at for _, picture in members if picture.taken_at]
    start = min(starts, default=min(times, default=None))
    first = next((sha for sha, one in members if one.taken_at == start), members[0][0])
    counts = [one.count for one in seen if one.count is not None]
    end = max(ends, default=max(times, default=None))
    many = 1 if seen else len(members)
    return (Stretch(first, start, end, many, sum(counts) if counts else None),)


def _mean(pictures: Sequence[Member], words: Mapping[str, MachineWord]) -> float | None:
    labels = [words[sha].label for sha, _ in pictures]
    known = [one.probability for one in labels if one.probability is not None]
    return round(sum(known) / len(known), 6) if known else None


def moved(visit: Visit, taken_at: Mapping[str, datetime | None]) -> Visit:
    """The visit at the times of its pictures, after their clock was repaired."""
    times = [at for sha in visit.sha256s if (at := taken_at.get(sha))]
    start = min(times, default=None)
    if start is None or visit.started_at is None:
        return visit
    by = start - visit.started_at

    def later(time: datetime | None) -> datetime | None:
        return time + by if time else None

    stretches = tuple(
        tuple(
            replace(part, started_at=later(part.started_at), ended_at=later(part.ended_at))
            for part in parts
        )
        for parts in visit.stretches
    )
    return replace(visit, started_at=start, ended_at=later(visit.ended_at), stretches=stretches)


def without(
    visit: Visit, gone: Collection[str], taken_at: Mapping[str, datetime | None]
) -> Visit | None:
    """The visit without pictures that a card has now; None: none is left."""
    left = tuple(sha for sha in visit.sha256s if sha not in gone)
    if len(left) == len(visit.sha256s):
        return visit
    if not left:
        return None
    times = [at for sha in left if (at := taken_at.get(sha))]
    start, end = min(times, default=None), max(times, default=None)
    return replace(visit, sha256s=left, started_at=start, ended_at=end, stretches=())
