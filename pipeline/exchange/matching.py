"""Which of another program's files are which pictures of a card."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Matched(Generic[Result]):
    """Another program's results by the paths of our pictures."""

    found: dict[str, Result]
    unknown: tuple[str, ...]  # files of the results that are no picture of the card
    missing: tuple[str, ...]  # pictures of the card that the results do not have


def match(results: Mapping[str, Result], paths: Iterable[str]) -> Matched[Result]:
    """Bring results made from another folder to the card's own paths.

    One beginning is added to, or removed from, all paths: the one with which most files fit. A file
    name alone is never enough, because cameras use every name again in each folder. Capitals count
    only where two pictures of the card differ by nothing else: Windows does not know them.
    """
    ours = dict.fromkeys(paths)
    theirs = {path.replace("\\x5c", "/"): path for path in ours}
    alike: dict[str, str | None] = {}
    for plain, path in theirs.items():
        alike[_plain(plain)] = None if _plain(plain) in alike else path
    moved = _shift(results, theirs, alike)
    found = {theirs[there]: name for name in results if (there := moved(name)) in theirs}
    used = set(found.values())
    for name in results:
        near = alike.get(_plain(moved(name))) if name not in used else None
        if near is not None and near not in found:
            found[near] = name
            used.add(name)
    return Matched(
        {path: results[found[path]] for path in ours if path in found},
        tuple(name for name in results if name not in used),
        tuple(path for path in ours if path not in found),
    )


def _plain(path: str) -> str:
    """One spelling of a path: without capitals, and é as one character, whatever a Mac writes."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _shift(
    results: Iterable[str], theirs: Iterable[str], alike: Mapping[str, object]
) -> Callable[[str], str]:
    """The change that fits most files: none, a beginning removed, or a beginning added."""
    votes: Counter[tuple[str, str]] = Counter()
    tails: dict[str, list[str]] = {}
    for path in theirs:
        parts = path.split("/")
        for n in range(1, len(parts)):
            tails.setdefault(_plain("/".join(parts[n:])), []).append("/".join(parts[:n]) + "/")
    for name in results:
        plain = _plain(name)
        if plain in alike:
            votes["", ""] += 1
        parts = plain.split("/")
        for n in range(1, len(parts)):
            if "/".join(parts[n:]) in alike:
                votes["/".join(parts[:n]) + "/", ""] += 1
        for before in tails.get(plain, ()):
            votes["", before] += 1
    best = max(
        votes,
        key=lambda change: (votes[change], -len(change[0] + change[1]), change),
        default=("", ""),
    )
    off, before = best
    folders = off.count("/")

    def moved(name: str) -> str:
        if not off:
            return before + name
        parts = name.split("/", folders)
        return parts[-1] if _plain("/".join(parts[:-1]) + "/") == off else ""

    return moved
