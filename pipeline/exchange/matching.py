"""Which of another program's files are which pictures of a card."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pipeline.records import Detection


@dataclass(frozen=True, slots=True)
class Matched:
    """Boxes by the paths of our pictures."""

    boxes: dict[str, list[Detection]]
    unknown: tuple[str, ...]  # files of the results that are no picture of the card
    missing: tuple[str, ...]  # pictures of the card that the results do not have


def match(boxes: Mapping[str, list[Detection]], paths: Iterable[str]) -> Matched:
    """Bring results made from another folder to the card's own paths.

    One beginning is added to, or removed from, all paths: the one with which most files fit
    exactly. A file name alone is never enough, because cameras use every name again in each folder.
    """
    ours = dict.fromkeys(paths)
    theirs = {path.replace("\\x5c", "/"): path for path in ours}
    shift = _shift(boxes, theirs)
    found = {theirs[moved]: name for name in boxes if (moved := shift(name)) in theirs}
    used = set(found.values())
    return Matched(
        {path: boxes[found[path]] for path in ours if path in found},
        tuple(name for name in boxes if name not in used),
        tuple(path for path in ours if path not in found),
    )


def _shift(boxes: Mapping[str, object], theirs: Mapping[str, str]) -> Callable[[str], str]:
    """The change that fits most files: none, a beginning removed, or a beginning added."""
    votes: Counter[tuple[str, str]] = Counter()
    tails: dict[str, list[str]] = {}
    for path in theirs:
        parts = path.split("/")
        for n in range(1, len(parts)):
            tails.setdefault("/".join(parts[n:]), []).append("/".join(parts[:n]) + "/")
    for name in boxes:
        if name in theirs:
            votes["", ""] += 1
        parts = name.split("/")
        for n in range(1, len(parts)):
            if "/".join(parts[n:]) in theirs:
                votes["/".join(parts[:n]) + "/", ""] += 1
        for before in tails.get(name, ()):
            votes["", before] += 1
    best = max(
        votes,
        key=lambda change: (votes[change], -len(change[0] + change[1]), change),
        default=("", ""),
    )
    off, before = best
    return lambda name: before + name[len(off) :] if name.startswith(off) else ""
