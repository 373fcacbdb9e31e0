"""Which pictures of a card are which of those that a data set names: by time, name and path."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from pipeline.records import DayAlone, NamedPicture

At: TypeAlias = datetime | None


class Bytes(NamedTuple):
    """A picture whose bytes are here."""

    media_id: str  # sha-256
    path: str
    taken_at: At
    deployment_id: str


@dataclass(slots=True)
class Met:
    """Pictures that met, and those that several might be."""

    pairs: list[tuple[NamedPicture, Bytes]] = field(default_factory=list)
    doubtful: list[NamedPicture] = field(default_factory=list)


def meet(named: Iterable[NamedPicture], here: Iterable[Bytes]) -> Met:
    """Each picture meets at most one other; one that might be several meets none.

    Taken in the same second, with the same file name (another program may have put something and a
    hyphen before it): of several the one with the longest common path, then of the same deployment.
    Without an hour, or of the same deployment, two folders and the name are enough. A visit that
    lists no pictures meets the one with which it begins.
    """
    by_second: defaultdict[At, list[Bytes]] = defaultdict(list)
    by_tail: defaultdict[str, list[Bytes]] = defaultdict(list)
    for one in here:
        by_second[_second(one.taken_at)].append(one)
        by_tail[_tail(one.path)].append(one)
    met, used = Met(), set[str]()
    for picture in named:
        found = [
            one for one in _candidates(picture, by_second, by_tail) if one.media_id not in used
        ]
        best = max((_nearness(picture, one) for one in found), default=None)
        found = [one for one in found if _nearness(picture, one) == best]
        if len(found) == 1:
            used.add(found[0].media_id)
            met.pairs.append((picture, found[0]))
        elif found:
            met.doubtful.append(picture)
    return met


def _candidates(
    picture: NamedPicture,
    by_second: defaultdict[At, list[Bytes]],
    by_tail: defaultdict[str, list[Bytes]],
) -> Sequence[Bytes]:
    at = _second(picture.taken_at)
    same_time = by_second.get(at, []) if at else []
    home = picture.deployment_id
    if picture.stands_for_event:
        same = [one for one in same_time if one.deployment_id == home]
        return sorted(same, key=lambda one: (one.path, one.media_id))[:1]
    if found := [one for one in same_time if _alike(picture.file_name, one.path)]:
        return found
    near = by_tail.get(_tail(picture.path), []) if "/" in picture.path else []
    return [one for one in near if one.deployment_id == home or not (at and _second(one.taken_at))]


def _nearness(picture: NamedPicture, one: Bytes) -> tuple[int, bool]:
    ours, theirs = _parts(one.path)[:-1], _parts(picture.path)[:-1]
    common = 0
    while common < min(len(ours), len(theirs)) and ours[-1 - common] == theirs[-1 - common]:
        common += 1
    return common, one.deployment_id == picture.deployment_id


def _alike(name: str, path: str) -> bool:
    theirs, ours = name.casefold(), _parts(path)[-1]
    return theirs == ours or theirs.endswith((f"-{ours}", f"_{ours}"))


def _tail(path: str) -> str:
    """The name and the two folders that hold it."""
    return "/".join(_parts(path)[-3:])


def _parts(path: str) -> list[str]:
    return path.replace("\\", "/").casefold().split("/")


def _second(at: At) -> At:
    return None if at is None or isinstance(at, DayAlone) else at.replace(microsecond=0)
