"""Who names a visit of animals: the mean of its pictures' vectors, or another program's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.records import FrameScores
from pipeline.settings import Labels
from pipeline.species import zeroshot
from pipeline.species.zeroshot import Bank, Named

Lineages: TypeAlias = dict[str, frozenset[str]]  # by name: the name itself and all above it
Logits: TypeAlias = Mapping[str, NDArray[np.float32]]  # by sha-256


class Namer(Protocol):
    """What forming visits asks of where names come from."""

    @property
    def lineages(self) -> Lineages: ...

    def knows(self, sha256: str) -> bool:
        """Whether a labelled picture has a word in the name of its visit."""

    def names(
        self, own: Sequence[Sequence[str]], best: Sequence[FrameScores]
    ) -> list[Named | None]:
        """Of visits of animals; None: no better name than the pictures' own.

        own    the pictures that name each
        best   of each the scores that show an animal best
        """


@dataclass(frozen=True, slots=True)
class ByVectors:
    """Names from the mean logits of the pictures."""

    logits: Logits
    bank: Bank
    settings: Labels
    site_list: frozenset[str] | None = None  # as it was for the labels

    @property
    def lineages(self) -> Lineages:
        """By name; where a name is in several lines, the first of the label set counts."""
        lineages: Lineages = {}
        for taxon in self.bank.labelset.taxa:
            chain = [taxon.name, *(parent for _, parent in taxon.parents)]
            for i, name in enumerate(chain):
                lineages.setdefault(name, frozenset(chain[i:]))
        return lineages

    def knows(self, sha256: str) -> bool:
        """Whether a picture has vectors."""
        return sha256 in self.logits

    def names(
        self, own: Sequence[Sequence[str]], best: Sequence[FrameScores]
    ) -> list[Named | None]:
        """Many visits at once: the ranks of a label set are then laid out once for all."""
        names: list[Named | None] = []
        for start in range(0, len(own), zeroshot.CHUNK):
            rows = slice(start, start + zeroshot.CHUNK)
            means = np.stack(
                [np.mean([self.logits[sha] for sha in shas], axis=0) for shas in own[rows]]
            )
            visits = [f"visit {start + i}" for i in range(len(means))]
            found = zeroshot.from_logits(
                visits, means, best[rows], self.bank, self.settings, self.site_list
            )
            for label in found:  # else the mean tells no more than the pictures
                animal = label.observation_type == "animal"
                names.append((label.name, label.rank, label.probability) if animal else None)
        return names
