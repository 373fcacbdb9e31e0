"""Numbers and facts as words for the pages."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from math import floor, isnan

from pipeline.day_facts import Card, FailureRow, SpeciesRow
from pipeline.records import DayAlone
from pipeline.report.day import Day, Gallery
from pipeline.trust.audit import Estimate

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
KINDS = {"human": "person", "vehicle": "vehicle", "unknown": "something unknown",
         "animal": "animal, no name", "unclassified": "not named yet"}  # fmt: skip

RULES = {"fused": "frame model and background together", "frame_model": "frame model alone",
         "burst": "a picture of the same burst is surely not blank",
         "truncated": "an incomplete file is kept", "boxes": "imported boxes",
         "detector": "the detector calls a person or a vehicle"}  # fmt: skip


def number(value: int) -> str:
    """12345 as 12 345, with a space that does not break."""
    return f"{value:,}".replace(",", "\u202f")


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}\u202f%" if whole else "–"


def on(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def at(time: datetime) -> str:
    if isinstance(time, DayAlone):
        return f"{time.day} {MONTHS[time.month - 1][:3]} {time.year}"
    return f"{time.day} {MONTHS[time.month - 1][:3]} {time.year}, {time:%H:%M}"


def plain(word: str) -> str:
    """not_a_picture as not a picture."""
    return word.replace("_", " ")


def rule(name: str) -> str:
    """The rule that decided between blank and kept, in words."""
    return RULES.get(name, plain(name))


def certified(day: Day) -> str:
    """Whose thresholds stand for each card: a certificate's, or the model's own."""
    said = {"not blank": "Threshold for blanks", "human": "Level of people"}
    said["vehicle"] = "Level of vehicles"
    return " ".join(f"{what}: {_certificates(day, kind)}." for kind, what in said.items())


def _certificates(day: Day, kind: str) -> str:
    by_card = {card: given.get(kind, "") for card, given in day.certificates.items()}
    cards = {
        name: ", ".join(card for card, other in by_card.items() if other == name)
        for name in sorted({*by_card.values()})
    }
    parts = [
        (f"certificate {name}" if name else "uncertified")
        + (f" ({cards[name]})" if len(cards) > 1 else "")
        for name in cards
    ]
    return ", ".join(parts) or "uncertified"


def name_of(row: SpeciesRow | Gallery) -> str:
    """The scientific name; without one the observation type in words."""
    return row.name if row.name else KINDS.get(row.observation_type, row.observation_type)


def sums(card: Card) -> str:
    """Whether every file of a card is counted under one of the kinds."""
    return "adds up" if card.closes else "does not add up"


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
    """With the digits that matter: 0.0042, 0.88, 12.3, 7 033. Not known: –."""
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


def missed(estimate: Estimate) -> str:
    """Share of the blanks that had something on them, with its interval."""
    ends = (estimate.missed, estimate.missed_low, estimate.missed_high)
    middle, low, high = (percent(estimate.share(count)) for count in ends)
    return f"{middle} ({low} to {high})"


def recall(estimate: Estimate) -> str:
    """Share of the pictures with something on them that was kept, with its interval."""
    point = recall_point(estimate)
    if point is None:
        return "nothing found"
    low, high = (estimate.recall(count) for count in (estimate.missed_high, estimate.missed_low))
    ends = [percent(1.0 if end is None else end) for end in (low, high)]
    return f"{point} ({ends[0]} to {ends[1]})"


def recall_point(estimate: Estimate) -> str | None:
    value = estimate.recall(estimate.missed)
    return None if value is None else percent(value)


def recall_least(estimate: Estimate) -> str | None:
    """The lower end of the interval, rounded down: a value to rely on."""
    value = estimate.recall(estimate.missed_high)
    return None if value is None else percent(floor(value * 1000) / 1000)


def audit(day: Day) -> str:
    """What is known about animals among the blanks, in a sentence or two."""
    total = day.audit_total
    if total is None or not total.blanks:
        return f"No picture was called blank{' yet' if day.unprocessed else ''}."
    drawn = f"{number(total.drawn)} of {number(total.blanks)} blanks were drawn at random"
    found = total.estimate
    if found is None:
        return (
            f"Unaudited. {drawn}; nobody has reviewed them yet, so it is not known what was "
            "missed. camtriage audit sheet writes them to one page."
        )
    reviewed = found.reviewed + found.undecided
    unsure = f" ({number(found.undecided)} could not be decided)" if found.undecided else ""
    return (
        f"{drawn}; {'all' if reviewed == found.drawn else number(reviewed)} were reviewed{unsure}, "
        f"and {number(found.seen)} had something on them after all: about "
        f"{number(round(found.missed))} missed in all ({number(found.missed_low)} to "
        f"{number(found.missed_high)})."
    )


def ends_unknown(day: Day) -> str:
    """Number of cameras without a known end of their deployment."""
    cameras = f"{number(day.ends_unknown)} camera{'' if day.ends_unknown == 1 else 's'}"
    was = "was" if day.ends_unknown == 1 else "were"
    return f"It is not known when {cameras} {was} taken down."


def flat(models: Mapping[str, object], before: str = "") -> Iterator[str]:
    """Models as lines: name, and the first letters of every hash."""
    for key, value in models.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name} ")
        elif isinstance(value, str) and len(value) >= 32:
            yield f"{plain(name)} {value[:12]}"
        else:
            yield f"{plain(name)} {value}"
