"""What a data set of others holds, whatever its format: every reader of this folder gives this."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.exchange.paths import local_time
from pipeline.records import DayAlone, Deployment, NamedPicture, Outage
from pipeline.tables.reader import MOST_FAULTS, Table
from pipeline.tables.times import Typed

FORMATS = ("camtrap-dp", "wildlife-insights", "camtrapr", "timelapse")


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation: of a picture, or of a whole event."""

    deployment_id: str
    picture: str | None  # the data set's own name of it; None: of the event
    event: str | None  # its own name, within the deployment
    started_at: datetime | None  # camera clock, as everything here
    ended_at: datetime | None
    observation_type: str  # of records.OBSERVATION_TYPES
    name: str | None = None  # scientific name
    count: int | None = None
    life_stage: str | None = None
    sex: str | None = None
    behavior: str | None = None
    individual_id: str | None = None
    method: str = "human"  # or machine
    by: str | None = None  # who classified it
    at: datetime | None = None  # when
    probability: float | None = None
    comment: str | None = None

    @property
    def taxon(self) -> tuple[str, str | None]:
        """What it is of."""
        return self.observation_type, self.name


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set, read as a whole. What could not be used is counted in `left_out`."""

    name: str  # its own, or that of its folder or file
    form: str
    deployments: tuple[Deployment, ...]
    pictures: tuple[NamedPicture, ...]
    seen: tuple[Seen, ...]
    outages: tuple[Outage, ...] = ()
    ranks: dict[str, str] = field(default_factory=dict)  # by scientific name, where it says them
    rows: dict[str, int] = field(default_factory=dict)  # read, by table
    unknown: tuple[str, ...] = ()  # columns that nothing reads
    left_out: Counter[str] = field(default_factory=Counter)  # rows by reason


class LeftOut:
    """Rows that cannot be used, counted by reason, with the first few of them."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, reason: str, what: str) -> None:
        self.found.setdefault(reason, []).append(what)

    def counts(self) -> Counter[str]:
        """How many, by a sentence that names some."""
        told = {}
        for reason, what in self.found.items():
            some = [*dict.fromkeys(what)]
            more = f" and {len(some) - MOST_FAULTS} more" if len(some) > MOST_FAULTS else ""
            told[f"{reason}: {', '.join(some[:MOST_FAULTS])}{more}"] = len(what)
        return Counter(told)


def unknown_columns(table: Table, known: frozenset[str]) -> tuple[str, ...]:
    """Columns that nothing reads, as the file writes them."""
    return tuple(
        f"{table.path.name}: {heading}"
        for name, heading in table.headings.items()
        if name not in known
    )


def camera_time(
    typed: Typed | None, place: Deployment | None
) -> tuple[datetime | None, int | None]:
    """(camera time, its offset in minutes where it is not the deployment's).

    A time in UTC becomes that of its deployment, which has an offset of its own; any other stays
    as it is written: it is what the camera's clock said."""
    if typed is None:
        return None, None
    at, zone = typed.at.replace(tzinfo=None), typed.at.tzinfo
    own = place.utc_offset_min if place else None
    if typed.whole_day:
        return DayAlone(at.year, at.month, at.day), None
    if zone is None:
        return at, None
    minutes = int(typed.at.utcoffset().total_seconds() // 60)  # type: ignore[union-attr]
    if minutes == 0 and own:
        return at + timedelta(minutes=own), None
    return at, None if minutes == own else minutes


def told_time(typed: Typed | None) -> datetime | None:
    """When somebody classified a picture, in local time of this machine."""
    if typed is None:
        return None
    at = typed.at
    if typed.whole_day:
        return DayAlone(at.year, at.month, at.day)
    return local_time(at)
