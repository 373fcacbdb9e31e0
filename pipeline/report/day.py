"""What one daily page tells, as plain facts; pipeline.report.page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from pipeline.trust.audit import Estimate

BINS = 20  # of p_blank in the histogram, 0.05 each
HIDING_RULES = ("human", "group", "weapon")  # rules whose pictures may show a person


@dataclass(frozen=True, slots=True)
class Card:
    """One card that was processed on the day, and where each of its files ended."""

    name: str
    status: str  # of its last run: finished, unfinished, failed, running
    files: int
    pictures: int
    unreadable: int
    videos: int
    others: int
    skipped: int
    closes: bool  # every file ended somewhere
    first_at: datetime | None  # of its pictures, camera clock
    last_at: datetime | None
    cameras: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class FileProblemRow:
    batch: str
    path: str
    step: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A run, or a folder of the inbox, that came to no good end."""

    name: str  # of the card; its folder where it never became one
    status: str  # failed, unfinished, running, taken, cancelled
    at: datetime  # this machine's time
    why: str
    mended: bool = False  # a later run of the card finished
    tries: int = 0  # of a folder of the inbox


@dataclass(frozen=True, slots=True)
class AuditRow:
    """The blanks of one deployment (or all of them) and what the audit says."""

    name: str
    blanks: int
    kept: int
    drawn: int
    estimate: Estimate | None  # None: nobody has looked, or nobody could tell
    undecided: int = 0  # of the drawn: a person looked and could not tell
    unprocessed: int = 0  # pictures not looked at yet


@dataclass(frozen=True, slots=True)
class SpeciesRow:
    observation_type: str
    name: str | None  # scientific name; None: none could be said
    rank: str | None
    visits: int
    pictures: int
    cameras: int
    individuals: int | None  # over visits with a known count
    by_people: int  # visits that people named
    probability: float | None  # mean over the machine's visits


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture that the page may show."""

    sha256: str
    root: str  # folder of the card
    path: str  # on the card
    people: bool  # may show a person


@dataclass(frozen=True, slots=True)
class FlagRow:
    batch: str
    deployment_id: str
    place: str | None
    started_at: datetime | None
    severity: int
    score: float
    rules: tuple[str, ...]
    reason: str
    status: str  # suspected, confirmed, dismissed
    pictures: int
    shots: tuple[Shot, ...] = ()
    age: str = "historic"  # when the page was made: live under an hour old
    name: str = ""  # its first letters, by which a person confirms or dismisses it


@dataclass(frozen=True, slots=True)
class QuietRow:
    deployment_id: str
    place: str | None
    last_at: datetime
    until: datetime
    by: str  # end of deployment, or last picture on the card
    days: float


@dataclass(frozen=True, slots=True)
class ClockRow:
    deployment_id: str
    what: str  # one sentence


@dataclass(frozen=True, slots=True)
class RunRow:
    batch: str
    status: str
    started_at: datetime  # this machine's time
    ended_at: datetime | None
    version: str
    models: Mapping
    settings: Mapping


@dataclass(frozen=True, slots=True)
class Day:
    """One day's page: the cards processed on that day, as they stand now."""

    date: date
    cards: tuple[Card, ...] = ()
    media: int = 0  # different pictures those cards brought
    states: Mapping[str, int] = field(default_factory=dict)
    decided_by: tuple[tuple[str, str, int], ...] = ()  # (state, rule, pictures)
    blank_scores: tuple[int, ...] = (0,) * BINS  # pictures by p_blank, called blank
    kept_scores: tuple[int, ...] = (0,) * BINS
    failures: tuple[FailureRow, ...] = ()  # also when no card was processed
    trouble_counts: tuple[tuple[str, int], ...] = ()
    troubles: tuple[FileProblemRow, ...] = ()  # the first of them
    audit: tuple[AuditRow, ...] = ()  # by deployment
    audit_total: AuditRow | None = None
    species: tuple[SpeciesRow, ...] = ()
    hours: tuple[tuple[str, tuple[int, ...]], ...] = ()  # (name, visits in each of 24 hours)
    untimed: int = 0  # visits without a time
    flags: tuple[FlagRow, ...] = ()
    more_flags: int = 0  # of the day, not told on the page
    quiet: tuple[QuietRow, ...] = ()
    ends_unknown: int = 0  # cameras of which nobody said when they were taken down
    clocks: tuple[ClockRow, ...] = ()
    runs: tuple[RunRow, ...] = ()

    def total(self, what: str) -> int:
        """Sum of a number over the cards: files, pictures, unreadable, ..."""
        return sum(getattr(card, what) for card in self.cards)

    @property
    def unprocessed(self) -> int:
        """Pictures that nobody has looked at yet."""
        return self.states.get("unprocessed", 0)

    @property
    def looked(self) -> int:
        """Pictures that were looked at and called something."""
        return self.states.get("blank", 0) + self.states.get("kept", 0)

    @property
    def stopped(self) -> int:
        """Runs and folders of the inbox that came to no good end, and still have to."""
        return sum(not one.mended for one in self.failures)

    @property
    def closes(self) -> bool:
        return all(card.closes for card in self.cards)


def hides(rules: Sequence[str]) -> bool:
    """Whether the rules of a flag mean that its pictures may show a person."""
    return any(rule.startswith(HIDING_RULES) for rule in rules)


def shows_people(p_human: float | None, observation_type: str | None, bar: float) -> bool:
    """Whether a picture may show a person: by the frame model's probability, or by any word."""
    return observation_type == "human" or (p_human is not None and p_human >= bar)
