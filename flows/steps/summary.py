"""The few numbers at the end of a run, as rows, as Markdown, and as an exit code."""

from dataclasses import dataclass, field

from pipeline.counted import counted
from pipeline.tables.cells import markdown_cell

CERTIFIED = {"not blank": "blanks", "human": "people", "vehicle": "vehicles"}


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found and did. `files` is always the sum of the kinds below it."""

    batch: str
    known: bool  # nothing was left to do
    files: int
    pictures: int  # files that are pictures, whether new or known
    unreadable: int  # picture files that could not be read at all
    other: dict[str, int]  # other kinds and skipped, counted
    problems: int  # of files, pictures and others
    states: dict[str, int]  # unprocessed, failed, blank, kept
    species: dict[str, int] = field(default_factory=dict)  # visits by name
    flags: int = 0
    audit: int = 0  # blanks drawn for a person
    undone: int = 0  # windows that could not be finished
    certificates: dict[str, str] = field(default_factory=dict)  # of its thresholds, by kind
    warnings: tuple[str, ...] = ()
    clips: int = 0  # of the pictures
    timeless: int = 0  # of the pictures
    scored: int = 0  # pictures scored in this run
    seconds: float = 0.0  # of scoring

    @property
    def closes(self) -> bool:
        """Files found = pictures + unreadable + other kinds + skipped (design: nothing silent)."""
        return self.files == self.pictures + self.unreadable + sum(self.other.values())


def exit_code(summary: Summary) -> int:
    """0 every file accounted for, 1 something is not done."""
    done = summary.closes and not summary.undone and not summary.states.get("unprocessed")
    return 0 if done else 1


def rows(summary: Summary) -> list[tuple[str, str]]:
    """What a person reads: (what, how many or which)."""
    pictures = f"{summary.pictures}"
    if summary.clips:
        pictures += f", {summary.clips} of them clips"
    if summary.timeless:
        pictures += f", {summary.timeless} without a time"
    speed = summary.scored / summary.seconds if summary.seconds else 0.0
    others = ", ".join(f"{n} {kind}" for kind, n in sorted(summary.other.items())) or "none"
    named = sorted(summary.species.items(), key=lambda count: (-count[1], count[0]))
    species = ", ".join(f"{name} {n}" for name, n in named[:8]) or "none"
    return [
        ("files", f"{summary.files}"),
        ("pictures", pictures),
        ("unreadable pictures", f"{summary.unreadable}"),
        ("other files", others),
        ("file problems", f"{summary.problems}"),
        ("blank", f"{summary.states.get('blank', 0)}"),
        *(
            (f"certificate of the {what}", summary.certificates.get(kind, "uncertified"))
            for kind, what in CERTIFIED.items()
        ),
        ("kept", f"{summary.states.get('kept', 0)}"),
        ("failed", f"{summary.states.get('failed', 0)}"),
        ("seen (visits)", species + (f" and {len(named) - 8} more" if len(named) > 8 else "")),
        ("flags", f"{summary.flags}"),
        ("drawn for the audit", f"{summary.audit}"),
        ("pictures/s", f"{speed:.1f}" if speed else "nothing new to look at"),
    ]


def last_line(summary: Summary, seconds: float) -> str:
    told = (*summary.warnings, *_timeless(summary))
    if summary.known:
        return " ".join(("Everything was already known; nothing changed.", *told))
    said = f"{seconds:.0f} s; every file accounted for, {summary.problems} with a problem."
    if exit_code(summary):
        left = summary.states.get("unprocessed", 0)
        windows = counted(summary.undone, "window")
        said = f"NOT finished: {counted(left, 'picture')} in {windows} left; run it again."
    return " ".join((said, *told))


def _timeless(summary: Summary) -> tuple[str, ...]:
    """What to do before a review takes each of them for a visit."""
    if not summary.timeless:
        return ()
    return (
        f"{counted(summary.timeless, 'picture')} without a time, each a visit alone: enter times "
        "before you review them (`camtriage clock set`).",
    )


def as_markdown(summary: Summary) -> str:
    lines = [f"# {markdown_cell(summary.batch)}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {markdown_cell(value)} |" for name, value in rows(summary)]
    return "\n".join(lines) + "\n"
