"""The facts of one daily page; pipeline.report.page shows them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from pipeline.day_facts import (
    BINS,
    BlankCounts,
    Card,
    FailureRow,
    FileProblemRow,
    FlagRow,
    PagePicture,
    QuietRow,
    RunRow,
    SeenPicture,
    Shot,
    SpeciesRow,
)
from pipeline.poaching.rules import may_show_people
from pipeline.trust.audit import Estimate, estimate

SHOTS = 3  # thumbnails a flag
NAMES, PICTURES = 12, 4  # in the gallery: names, and pictures of a name


@dataclass(frozen=True, slots=True)
class AuditRow:
    """The blanks of one deployment (or of all) and the result of their audit."""

    name: str
    blanks: int
    kept: int
    drawn: int
    estimate: Estimate | None  # None: not reviewed, or nobody could tell
    undecided: int = 0  # of the drawn: a person reviewed it and could not tell
    unprocessed: int = 0  # pictures not scored yet


@dataclass(frozen=True, slots=True)
class ClockRow:
    deployment_id: str
    what: str  # one sentence


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture of the gallery."""

    deployment_id: str
    taken_at: datetime | None
    shot: Shot


@dataclass(frozen=True, slots=True)
class Gallery:
    """The best pictures of one name, of each camera its best before any second."""

    observation_type: str
    name: str | None
    cameras: int  # that have it; not each is shown
    pictures: int
    shown: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """One day's page: the cards processed on that day, as they stand now."""

    date: date
    cards: tuple[Card, ...] = ()
    media: int = 0  # different pictures those cards brought
    states: Mapping[str, int] = field(default_factory=dict)
    decided_by: tuple[tuple[str, str, int], ...] = ()  # (state, rule, pictures)
    certificates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by card and kind
    blank_scores: tuple[int, ...] = (0,) * BINS  # pictures by p_blank, called blank
    kept_scores: tuple[int, ...] = (0,) * BINS
    failures: tuple[FailureRow, ...] = ()  # also when no card was processed
    trouble_counts: tuple[tuple[str, int], ...] = ()
    troubles: tuple[FileProblemRow, ...] = ()  # the first of them
    audit: tuple[AuditRow, ...] = ()  # by deployment
    audit_total: AuditRow | None = None
    species: tuple[SpeciesRow, ...] = ()
    gallery: tuple[Gallery, ...] = ()
    more_names: int = 0  # of what was seen, not in the gallery
    hours: tuple[tuple[str, tuple[int, ...]], ...] = ()  # (name, visits in each of 24 hours)
    untimed: int = 0  # visits without a time
    flags: tuple[FlagRow, ...] = ()
    more_flags: int = 0  # of the day, not on the page
    quiet: tuple[QuietRow, ...] = ()
    ends_unknown: int = 0  # cameras without a known end of their deployment
    clocks: tuple[ClockRow, ...] = ()
    runs: tuple[RunRow, ...] = ()

    def total(self, what: str) -> int:
        """Sum of a number over the cards: files, pictures, unreadable, ..."""
        return sum(getattr(card, what) for card in self.cards)

    @property
    def unprocessed(self) -> int:
        """Pictures that were not scored yet."""
        return self.states.get("unprocessed", 0)

    @property
    def scored(self) -> int:
        """Pictures that were scored and called blank or kept."""
        return self.states.get("blank", 0) + self.states.get("kept", 0)

    @property
    def stopped(self) -> int:
        """Runs and folders of the inbox that failed and were not finished since."""
        return sum(not failure.mended for failure in self.failures)

    @property
    def closes(self) -> bool:
        """Whether the files of every card add up."""
        return all(card.closes for card in self.cards)


def audit_row(name: str, parts: Sequence[BlankCounts]) -> AuditRow:
    """The result of the audit for the blanks of several deployments together."""
    strata = [stratum for part in parts for stratum in part.strata]
    by_people, by_machine = sum(p.by_people for p in parts), sum(p.by_machine for p in parts)
    return AuditRow(
        name,
        blanks=sum(part.blanks for part in parts),
        kept=sum(part.kept for part in parts),
        drawn=sum(stratum.drawn for stratum in strata),
        estimate=estimate(strata, by_people, by_machine),
        undecided=sum(stratum.undecided for stratum in strata),
        unprocessed=sum(part.unprocessed for part in parts),
    )


def gallery_of(pictures: Iterable[SeenPicture], bar: float) -> tuple[tuple[Gallery, ...], int]:
    """The best pictures by name: animals before people and vehicles, the commonest name first; how
    many further names there are.

    bar   p_human from which a picture may show a person
    """
    by_name: defaultdict[tuple[str, str | None], list[SeenPicture]] = defaultdict(list)
    for picture in pictures:
        by_name[picture.observation_type, picture.name].append(picture)
    found = [_gallery(kind, name, seen, bar) for (kind, name), seen in by_name.items()]
    found.sort(key=lambda row: (row.observation_type, not row.name, -row.pictures, row.name or ""))
    return tuple(found[:NAMES]), max(0, len(found) - NAMES)


def _gallery(kind: str, name: str | None, seen: Sequence[SeenPicture], bar: float) -> Gallery:
    best = sorted(seen, key=lambda one: (one.place, -one.score, one.deployment_id))[:PICTURES]
    shown = []
    for one in best:
        picture = one.picture
        people = shows_people(picture.p_human, picture.observation_type, bar)
        shown.append(Seen(one.deployment_id, one.taken_at, _shot(picture, people)))
    cameras = {one.deployment_id: one.pictures for one in seen}
    return Gallery(kind, name, len(cameras), sum(cameras.values()), tuple(shown))


def shots_of(rules: Sequence[str], pictures: Sequence[PagePicture], bar: float) -> tuple[Shot, ...]:
    """Up to SHOTS pictures of a flag. One that may show a person hides all of its flag.

    bar   p_human from which a picture may show a person
    """
    people = may_show_people(rules) or any(
        shows_people(picture.p_human, picture.observation_type, bar) for picture in pictures
    )
    chosen = pictures[:: max(1, -(-len(pictures) // SHOTS))][:SHOTS]
    return tuple(_shot(picture, people) for picture in chosen)


def _shot(picture: PagePicture, people: bool) -> Shot:
    return Shot(picture.sha256, picture.root, picture.path, people, picture.boxes)


def shows_people(p_human: float | None, observation_type: str | None, bar: float) -> bool:
    """Whether a picture may show a person, by the frame model's probability or by any label."""
    return observation_type == "human" or (p_human is not None and p_human >= bar)
