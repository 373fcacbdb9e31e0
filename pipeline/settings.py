"""Every number a study may change, with its unit and its reason. A study's file is TOML:

    [windows]
    burst_gap_s = 5

`load_settings` refuses a name it does not know; each run stores all of them beside its results.
"""

from collections.abc import Iterable
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import SettingsError
from pipeline.toml import read_toml

T = TypeVar("T")


def number(default: T, unit: str, why: str, within: tuple[float, float] = (0, 1)) -> T:
    """A setting: its default, unit, the reason for the default, and the range it may have."""
    return field(default=default, metadata={"unit": unit, "why": why, "within": within})


SECONDS, PICTURES = (0, 86_400), (0, 1_000_000)
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}


@dataclass(frozen=True, slots=True)
class Windows:
    """How a card is cut into pieces of work, bursts and visits."""

    size: int = number(
        128, "pictures", "enough for a background (16 suffice), small enough to lose", (1, 1000)
    )
    burst_gap_s: float = number(10.0, "s", "pictures of one trigger follow within seconds", SECONDS)
    visit_gap_s: float = number(
        60.0, "s", "one animal before the camera; independence comes later", SECONDS
    )


@dataclass(frozen=True, slots=True)
class Ingest:
    """What is taken from a file."""

    file_date: bool = number(False, "yes/no", "a file's own date is the day it was copied")


@dataclass(frozen=True, slots=True)
class Blank:
    """When a picture counts as blank. Nothing is ever deleted."""

    threshold: float | None = number(None, "p_blank", "None: the one measured for the frame model")
    box_bar: float = number(
        0.2, "confidence", "imported boxes from here up keep a picture; MDv4: 0.8"
    )


@dataclass(frozen=True, slots=True)
class Labels:
    """When a name is given."""

    species_bar: float | None = number(
        None, "probability", "from here up a species or genus is named; None: as measured"
    )
    group_bar: float | None = number(
        None, "probability", "from here up a family, order or class is named; None: as measured"
    )
    unknown_below: float = number(0.40, "probability", "below it, at every rank, no name is given")


@dataclass(frozen=True, slots=True)
class Audit:
    """How many of the blanks a person reviews."""

    pictures: int = number(
        200, "pictures a run", "no miss in 200 bounds the misses below 1.5 %", PICTURES
    )
    per_stratum: int = number(
        5, "pictures", "every camera and light gives some, or all it has", PICTURES
    )


@dataclass(frozen=True, slots=True)
class Poaching:
    """When people, vehicles and dogs are unexpected. Empty: the rule is not applicable."""

    human_bar: float = number(
        0.5, "p_human", "the score from which a picture shows a person; 0.5: the model's level"
    )
    vehicle_bar: float = number(0.5, "p_vehicle", "the same for a vehicle; 0.5: the model's level")
    pixelate_bar: float = number(0.2, "p_human", "from here up a thumbnail is pixelated as a whole")
    staff_hours: str = number("", "HH:MM-HH:MM", "when staff may be present; empty: no such rule")
    staff_days: str = number("", "YYYY-MM-DD, ...", "days on which staff visited the cameras")
    group_size: int = number(3, "people", "a group on foot; only where a count is known", (1, 1000))
    context_bar: float = number(0.6, "probability", "weapon, snare, carcass; weak and unmeasured")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, by section."""

    ingest: Ingest = Ingest()
    windows: Windows = Windows()
    blank: Blank = Blank()
    labels: Labels = Labels()
    audit: Audit = Audit()
    poaching: Poaching = Poaching()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_settings(path: Path | None) -> Settings:
    """Read a study's TOML file; None gives the defaults. Raises SettingsError in one line."""
    if path is None:
        return Settings()
    given = read_toml(Path(path))
    sections = {part.name: part.default.__class__ for part in fields(Settings)}
    _refuse_unknown(path, "section", given, sections)
    return Settings(**{name: _section(path, name, sections[name], given[name]) for name in given})


def _section(path: Path, name: str, kind: type[Any], given: object) -> Any:
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: {name} is a section, write [{name}]")
    known: dict[str, Field[Any]] = {setting.name: setting for setting in fields(kind)}
    _refuse_unknown(path, f"setting in [{name}]", given, known)
    for key, value in given.items():
        default = known[key].default
        wanted = float if default is None else type(default)
        fits = isinstance(value, wanted) or (wanted is float and type(value) is int)
        if not fits or (wanted is not bool and isinstance(value, bool)):
            raise SettingsError(f"{path}: [{name}] {key} must be {KINDS[wanted]}, not {value!r}")
        least, most = known[key].metadata["within"]
        if wanted in (int, float) and not least <= value <= most:  # nan is in nothing
            raise SettingsError(
                f"{path}: [{name}] {key} must be from {least} to {most}, not {value!r}"
            )
    return kind(**given)


def _refuse_unknown(path: Path, what: str, given: Iterable[str], known: Iterable[str]) -> None:
    if wrong := sorted(set(given) - set(known)):
        raise SettingsError(
            f"{path}: unknown {what}: {', '.join(wrong)}; known: {', '.join(known)}"
        )
