"""What people said of pictures, as something to learn from; and what is left out together."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.records import FrameScores
from pipeline.species.learned import Numbers

FEWEST = 3  # pictures of a name, in FEWEST_GROUPS groups, that it is learned from
FEWEST_GROUPS = 2
LEAST = 20  # pictures with an animal's name
LEAST_PARTS = 5  # days or visits, where no name was seen at two deployments
FOLDS = 10
REVIEW = "with `camtriage review`"  # what gives more


@dataclass(frozen=True)
class Lessons:
    """Reviewed pictures with vectors of one labeller; all have length n."""

    sha256s: tuple[str, ...]
    told: tuple[str | None, ...]  # name; None: no animal
    deployments: tuple[str, ...]
    days: tuple[str, ...]  # of each picture; "": not known
    visits: tuple[str, ...]
    crops: Numbers  # (n, d)
    frames: Numbers  # (n, d)
    scores: tuple[FrameScores, ...]

    @property
    def named(self) -> int:
        """Pictures with an animal's name."""
        return sum(name is not None for name in self.told)


@dataclass(frozen=True)
class Groups:
    """What is left out together, because its pictures resemble each other."""

    words: str  # deployments, days, visits
    of: NDArray[np.int64]  # (n,) the group of each picture, from 0

    @property
    def count(self) -> int:
        return int(self.of.max()) + 1

    @cached_property
    def folds(self) -> list[NDArray[np.bool_]]:
        """Rows left out together: group by group, or FOLDS parts of like size."""
        sizes = np.bincount(self.of)
        parts: list[list[int]] = [[] for _ in range(min(FOLDS, self.count))]
        filled = np.zeros(len(parts))
        for group in np.argsort(-sizes, kind="stable"):
            part = int(filled.argmin())
            parts[part].append(int(group))
            filled[part] += sizes[group]
        return [np.isin(self.of, part) for part in parts]


def groups_of(lessons: Lessons) -> Groups:
    """Deployments, where a name can be learned from several; else days, or of few days visits."""
    days = [day or visit for day, visit in zip(lessons.days, lessons.visits, strict=True)]
    every = {"deployments": lessons.deployments, "days": days, "visits": lessons.visits}
    for words, of in every.items():
        names, place = np.unique(np.array(of), return_inverse=True)
        groups = Groups(words, place.astype(np.int64))
        if words == "deployments":
            enough = bool(_fit(lessons, groups))
        else:
            enough = len(names) >= LEAST_PARTS
        if enough:
            return groups
    places = counted(len({*lessons.deployments}), "deployment")
    raise SettingsError(
        f"the reviewed pictures are of {places} and {counted(len(names), 'visit')}: answer some of "
        f"{LEAST_PARTS} visits, or the same animals at another deployment {REVIEW}, so that what "
        "is learned can be judged on others"
    )


def learnable(lessons: Lessons, groups: Groups) -> tuple[tuple[str, ...], dict[str, int]]:
    """Names with enough pictures and groups, in order; of the others their pictures.

    SettingsError says how many more are needed of what."""
    if lessons.named < LEAST:
        raise SettingsError(
            f"{lessons.named} reviewed pictures have an animal's name, {LEAST} are needed: "
            f"name {LEAST - lessons.named} more {REVIEW}"
        )
    pictures, fit = Counter(name for name in lessons.told if name), _fit(lessons, groups)
    few = {name: pictures[name] for name in sorted(pictures) if name not in fit}
    if not fit:
        places = groups_by_name(lessons, groups)
        said = ", ".join(f"{n} {c} in {places[n]}" for n, c in few.items())
        raise SettingsError(
            f"no name has {FEWEST} pictures in {FEWEST_GROUPS} {groups.words} ({said}): name "
            f"more of one of them in others {REVIEW}"
        )
    if groups.words == "deployments" and {*lessons.told} == fit and len(fit) == 1:
        raise SettingsError(
            f"all reviewed pictures show {fit.pop()}: answer some of other animals, people or "
            f"blanks too {REVIEW}, so that what is learned can tell them apart at other deployments"
        )
    return tuple(sorted(fit)), few


def _fit(lessons: Lessons, groups: Groups) -> set[str]:
    """Names with enough pictures in enough groups."""
    pictures = Counter(name for name in lessons.told if name)
    places = groups_by_name(lessons, groups)
    return {n for n in pictures if pictures[n] >= FEWEST and places[n] >= FEWEST_GROUPS}


def groups_by_name(lessons: Lessons, groups: Groups) -> Counter[str]:
    """In how many groups each name was seen."""
    pairs = {*zip(lessons.told, groups.of.tolist(), strict=True)}
    return Counter(name for name, _ in pairs if name)


def newcomers(lessons: Lessons, groups: Groups) -> float:
    """Share of the animals in further groups that nobody has named yet, by Good and Turing: names
    seen in one group, of all names of groups; one more counted than there are."""
    places = groups_by_name(lessons, groups)
    return (sum(count == 1 for count in places.values()) + 1) / (places.total() + 1)
