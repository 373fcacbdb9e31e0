"""Numbers and facts in the words of the page."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from math import floor, isnan

from pipeline.day_facts import FailureRow, SpeciesRow
from pipeline.report.day import AuditRow, Day

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
KINDS = {"human": "person", "vehicle": "vehicle", "unknown": "something, not known what",
         "animal": "animal, no name", "unclassified": "not named yet"}  # fmt: skip

RULES = {"fused": "frame model and background together", "frame_model": "frame model alone",
         "burst": "a picture of the same burst that is surely not blank",
         "truncated": "a file cut off is kept", "boxes": "boxes of a detector"}  # fmt: skip


def number(value: int) -> str:
    """12345 as 12 345, with a space that does not break."""
    return f"{value:,}".replace(",", "\u202f")


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}\u202f%" if whole else "–"


def on(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def at(time: datetime) -> str:
    return f"{time.day} {MONTHS[time.month - 1][:3]} {time.year}, {time:%H:%M}"


def plain(word: str) -> str:
    """not_a_picture as not a picture."""
    return word.replace("_", " ")


def rule(name: str) -> str:
    """What decided between blank and kept, in words."""
    return RULES.get(name, plain(name))


def said(row: SpeciesRow) -> str:
    """The name, or what is known without one."""
    return row.name if row.name else KINDS.get(row.observation_type, row.observation_type)


def ending(row: FailureRow) -> str:
    """How a run ended, how often it was tried, and whether a later one finished."""
    tries = f", {row.tries} tries" if row.tries > 1 else ""
    return f"{row.status}{tries}{', finished since' if row.mended else ''}"


def percent(value: float) -> str:
    """Shares near 0 and 1 with the digits that matter; never 100 % for less."""
    digits = 1 if 0.9 <= value < 1 or 0 < value < 0.1 else 0
    text = f"{100 * value:.{digits}f}"
    if value < 1 and float(text) >= 100:
        text = "99.9"
    return f"{text}\u202f%"


def decimal(value: float | None) -> str:
    """Three digits that matter: 0.0042, 0.88, 12.3, 7 033. Nothing known: –."""
    if value is None or isnan(value):
        return "–"
    size = abs(value)
    if size >= 100 or value == 0:
        return number(round(value))
    digits = next((d for d, least in ((1, 10), (2, 0.1), (3, 0.01)) if size >= least), 4)
    return f"{value:.{digits}f}" if size >= 0.00005 else "< 0.0001"


def hour(value: float | None) -> str | None:
    """6.5 as 06:30."""
    if value is None:
        return None
    minutes = round(value * 60) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def signed(value: float) -> str:
    """A change in per cent, with its sign."""
    return f"{value:+.0f}\u202f%".replace("-", "\u2212") if value < 1e6 else "any rise"


def missed(row: AuditRow) -> str:
    one = row.estimate
    middle, low, high = (
        percent(one.share(k)) for k in (one.missed, one.missed_low, one.missed_high)
    )
    return f"{middle} ({low} to {high})"


def recall(row: AuditRow) -> str:
    point = recall_point(row)
    return f"{point} ({recall_range(row)})" if point else "nothing found"


def recall_point(row: AuditRow) -> str | None:
    value = row.estimate.recall(row.estimate.missed)
    return None if value is None else percent(value)


def recall_least(row: AuditRow) -> str | None:
    """The lower end of the interval, rounded down: what may be relied on."""
    value = row.estimate.recall(row.estimate.missed_high)
    return None if value is None else percent(floor(value * 1000) / 1000)


def recall_range(row: AuditRow) -> str:
    low, high = (
        row.estimate.recall(k) for k in (row.estimate.missed_high, row.estimate.missed_low)
    )
    return f"{percent(1.0 if low is None else low)} to {percent(1.0 if high is None else high)}"


def audit(day: Day) -> str:
    """What is known about animals among the blanks, in a sentence or two."""
    total = day.audit_total
    if total is None or not total.blanks:
        return f"Nothing was called blank{' yet' if day.unprocessed else ''}."
    drawn = f"{number(total.drawn)} of {number(total.blanks)} blanks were drawn at random"
    one = total.estimate
    if one is None:
        return (
            f"Unaudited. {drawn}; nobody has said yet what is on them, so nothing is known about "
            "what was missed. camtriage audit sheet writes them to one page."
        )
    looked = one.reviewed + one.undecided
    unsure = f" ({number(one.undecided)} could not be decided)" if one.undecided else ""
    return (
        f"{drawn}, {'all' if looked == one.drawn else number(looked)} were looked at{unsure}, "
        f"{number(one.seen)} held something after all: about {number(round(one.missed))} missed "
        f"in all ({number(one.missed_low)} to {number(one.missed_high)})."
    )


def ends_unknown(day: Day) -> str:
    """How many cameras cannot be held against the end of their deployment."""
    n = day.ends_unknown
    some = f"{number(n)} camera{'' if n == 1 else 's'}"
    return f"When {some} {'was' if n == 1 else 'were'} taken down is not known."


def flat(models: Mapping, before: str = "") -> Iterator[str]:
    """Models as lines: name, and the beginning of every hash."""
    for key, value in models.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name} ")
        elif isinstance(value, str) and len(value) >= 32:
            yield f"{plain(name)} {value[:12]}"
        else:
            yield f"{plain(name)} {value}"
