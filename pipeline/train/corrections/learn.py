"""Learning names from reviews, and judging what was learned on places that were left out.

How strong the penalty is, how far the labeller's own vectors count, and from which probability a
name is stated come from groups left out: deployments, or days or visits of a single one. To the
pictures there come strangers: each name once more, by a head that never saw it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.settings import Labels
from pipeline.species import learned, zeroshot
from pipeline.species.labelset import wider_names
from pipeline.species.learned import Head
from pipeline.species.world import with_world
from pipeline.species.zeroshot import Bank
from pipeline.train.corrections.fit import fit, start_vectors
from pipeline.train.corrections.lessons import (
    REVIEW,
    Groups,
    Lessons,
    groups_of,
    learnable,
    newcomers,
)
from pipeline.trust.measure import Share, share_of

STRENGTHS = (10.0, 100.0)  # inverse penalties that are tried
STARTS = (0.0, 1.0)  # how far the labeller's own vectors of the names count, tried too
LEVELS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
WIDE = ("class", "kingdom", "")  # ranks of names that say little

Stated: TypeAlias = tuple[str, str] | None  # name and rank
Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Judged:
    """On groups left out: the labeller alone (before), and with what was learned (after)."""

    named_before: Share  # of the animals: called exactly as people call them
    named_after: Share
    gain: Share  # the second minus the first
    true_before: Share  # of the names stated below a class: fit what people said
    true_after: Share

    @property
    def better(self) -> bool:
        """Whether it names more, whichever groups are drawn again."""
        return self.gain.low > 0


@dataclass(frozen=True)
class Learned:
    """A head, how it was fitted, and how it did on groups left out."""

    head: Head
    judged: Judged
    groups: Groups
    strength: float
    start: float
    few: dict[str, int]  # names with too few pictures or groups, part of the rest: pictures


def learn(
    lessons: Lessons, bank: Bank, settings: Labels, truth: float, facts: dict[str, Any]
) -> Learned:
    """Fit a head and judge it. SettingsError says what is missing.

    truth   share of the names that it states below a class, to be true on groups left out
    facts   of the head: its name and labeller
    """
    groups = groups_of(lessons)
    names, few = learnable(lessons, groups)
    task = _Task(lessons, names, bank, settings, groups, facts)
    strength, start, held = task.best()
    after = task.on_left_out(held)
    strange = task.of_strangers(strength, start)
    level = _level(task, after, strange, truth)
    judged = _judged(task, after[level])
    only_at = () if groups.words == "deployments" else tuple(sorted({*lessons.deployments}))
    head = task.fit(np.arange(len(lessons.told)), strength, start)
    head = replace(head, level=LEVELS[level], only_at=only_at)
    return Learned(head, judged, groups, strength, start, few)


class _Task:
    """The reviewed pictures, ready to be learned from and judged by."""

    def __init__(
        self,
        lessons: Lessons,
        names: tuple[str, ...],
        bank: Bank,
        settings: Labels,
        groups: Groups,
        facts: dict[str, Any],
    ) -> None:
        self.lessons, self.bank, self.settings, self.groups = lessons, bank, settings, groups
        self.facts = facts
        self.both = learned.side_by_side(lessons.crops, lessons.frames)
        place = {name: k for k, name in enumerate(names)}
        self.classes = np.array([place.get(name or "", len(names)) for name in lessons.told])
        known = with_world(bank.labelset, names)
        self.taxa = tuple(learned.taxon_of(name, known) for name in names)
        self.start = start_vectors(self.taxa, bank)
        every = self.fit(np.arange(len(lessons.told)), STRENGTHS[0], 0.0)
        self.wider = wider_names(learned.mixed(bank, every).labelset)

    def fit(self, rows: Rows, strength: float, start: float) -> Head:
        """A head from some of the pictures, without a level."""
        given = self.both[rows], self.classes[rows], self.groups.of[rows], self.taxa
        return fit(*given, start * self.start, strength, self.facts)

    def best(self) -> tuple[float, float, list[Head]]:
        """Penalty and start with the least loss on folds left out, and the heads of the folds."""
        found = []
        for strength in STRENGTHS:
            for start in STARTS:
                folds = self.groups.folds
                heads = [self.fit(np.flatnonzero(~fold), strength, start) for fold in folds]
                loss = sum(map(self._loss, heads, folds))
                found.append((loss, strength, start, heads))
        _, strength, start, heads = min(found, key=lambda each: each[0])
        return strength, start, heads

    def _loss(self, head: Head, fold: NDArray[np.bool_]) -> float:
        p = learned.shares(self.both[fold], head)[np.arange(fold.sum()), self.classes[fold]]
        return float(-np.log(np.maximum(p, 1e-3)).sum())

    def on_left_out(self, heads: Sequence[Head]) -> list[list[Stated]]:
        """By level, what each picture is called by the head that saw nothing of its fold."""
        found: list[list[Stated]] = [[None] * len(self.classes) for _ in LEVELS]
        for head, fold in zip(heads, self.groups.folds, strict=True):
            rows = np.flatnonzero(fold)
            for level, names in enumerate(self.stated(head, rows)):
                for i, name in zip(rows, names, strict=True):
                    found[level][i] = name
        return found

    def of_strangers(self, strength: float, start: float) -> list[list[Stated]]:
        """By level, what each picture is called by the head that never saw its name."""
        found: list[list[Stated]] = [[None] * len(self.classes) for _ in LEVELS]
        for k in range(len(self.taxa)):
            rest, rows = np.flatnonzero(self.classes != k), np.flatnonzero(self.classes == k)
            if not len(rest):
                continue  # one deployment where nothing else was seen
            head = self.fit(rest, strength, start)
            for level, names in enumerate(self.stated(head, rows)):
                for i, name in zip(rows, names, strict=True):
                    found[level][i] = name
        return found

    def stated(self, head: Head | None, rows: Rows) -> list[list[Stated]]:
        """By level, what a run would call these pictures; without a head there is one level."""
        banks = [self.bank]
        if head is not None:
            over = learned.mixed(self.bank, head)
            banks = [learned.at_level(over, level) for level in LEVELS]
        crops, frames = self.lessons.crops[rows], self.lessons.frames[rows]
        close = zeroshot.logits(crops, frames, banks[0])
        shas = [self.lessons.sha256s[i] for i in rows]
        seen = [replace(self.lessons.scores[i], state="kept") for i in rows]
        return [
            [
                (label.name, label.rank or "")
                if label.observation_type == "animal" and label.name
                else None
                for label in zeroshot.from_logits(shas, close, seen, bank, self.settings)
            ]
            for bank in banks
        ]

    def is_true(self, stated: Stated, i: int) -> bool | None:
        """Whether a name below a class fits what the person said; None: there is no such name, or
        it is narrower than the person's."""
        told = self.lessons.told[i]
        if stated is None or stated[1] in WIDE:
            return None
        if told is None:
            return False
        if told in self.wider.get(stated[0], ()):
            return None
        return stated[0] == told or stated[0] in self.wider.get(told, ())


def _level(
    task: _Task,
    after: Sequence[Sequence[Stated]],
    strange: Sequence[Sequence[Stated]],
    truth: float,
) -> int:
    """The lowest level at which names are true often enough; SettingsError where there is none.

    The share of errors is the mean by Jeffreys' prior: with few names none may be by luck.
    Strangers count as many as are to be expected."""
    names = len(task.taxa)
    every = range(len(task.classes))
    strangers = [i for i in every if task.classes[i] < names]
    weight = newcomers(task.lessons, task.groups) * len(every) / len(strangers)
    most = 0.0
    for level in range(len(LEVELS)):
        true = [task.is_true(after[level][i], i) for i in every]
        odd = [task.is_true(strange[level][i], i) for i in strangers]
        wrong = true.count(False) + weight * odd.count(False)
        called = len(true) - true.count(None) + weight * (len(odd) - odd.count(None))
        reached = 1 - (wrong + 0.5) / (called + 1)
        if reached >= truth:
            return level
        most = max(most, reached)
    raise SettingsError(_no_level(truth, task.lessons.named, most))


def least_names(truth: float) -> int:
    """How many names, all true, are the least that a level is chosen by."""
    return int(np.ceil(0.5 / (1 - truth) - 1 - 1e-9))


def _no_level(truth: float, n: int, most: float) -> str:
    return (
        f"from {n} reviewed animals no level was found from which {truth:g} of the names are true "
        f"in places left out (the best is {most:.3f}; {least_names(truth)} names without an error "
        f"are the least): name more pictures of each {REVIEW}, or ask for less with --truth"
    )


def _judged(task: _Task, named: Sequence[Stated]) -> Judged:
    """The labeller alone against `named`, what the pictures are called by heads that saw nothing
    of their fold, at the level that was chosen on them."""
    own = task.stated(None, np.arange(len(task.classes)))[0]
    told, groups = task.lessons.told, task.groups.of
    animals = np.array([i for i, name in enumerate(told) if name is not None])

    def exact(names: Sequence[Stated]) -> NDArray[np.float64]:
        return np.array([float((names[i] or ("",))[0] == told[i]) for i in animals])

    def truths(names: Sequence[Stated]) -> Share:
        known = [(task.is_true(name, i), groups[i]) for i, name in enumerate(names)]
        stated = [(true, group) for true, group in known if true is not None]
        return share_of(np.array([t for t, _ in stated], float), [g for _, g in stated])

    before, now, places = exact(own), exact(named), groups[animals].tolist()
    return Judged(
        share_of(before, places),
        share_of(now, places),
        share_of(now - before, places),
        truths(own),
        truths(named),
    )
