"""Shares corrected by the model's sensitivity and specificity, measured elsewhere.

For a study without a reviewed sample of its own. It holds only if the model makes the same errors
here as there, which it seldom does: prefer the sample.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import PopulationError
from pipeline.population.correction.means import Mean, lang_reiczigel, rogan_gladen
from pipeline.population.effort.basis import Basis
from pipeline.tables.reader import read_table

COUNTS = ("se_hits", "se_n", "sp_hits", "sp_n")
NEEDED = ("scientific_name", *COUNTS)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of a species elsewhere: hits where it was present, and correct refusals where it was not."""

    name: str
    se_hits: int
    se_n: int
    sp_hits: int
    sp_n: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Visits of one species here. `share` None: the model tells nothing about it (`why`)."""

    name: str
    raw: int
    visits: int
    share: Mean | None
    limits: Mean | None  # Lang and Reiczigel's
    why: str = ""


def read_accuracies(path: Path) -> list[Accuracy]:
    """A CSV with scientific_name, se_hits, se_n, sp_hits, sp_n. SettingsError names the lines."""
    table = read_table(path, NEEDED)
    found = []
    for row in table.rows:
        texts = [row.filled(name) for name in NEEDED]
        counts = [row.whole(name, 0 if name.endswith("hits") else 1) for name in COUNTS]
        se_hits, se_n, sp_hits, sp_n = (count or 0 for count in counts)
        if None not in counts and (se_hits > se_n or sp_hits > sp_n):
            row.fault("se_hits and sp_hits are at most their n")
        found.append(Accuracy(texts[0], se_hits, se_n, sp_hits, sp_n))
    table.faults.refuse()
    return found


def elsewhere(basis: Basis, accuracies: Sequence[Accuracy]) -> list[Elsewhere]:
    """Each species of the table, among all visits of the study in effort."""
    begins = np.array([sighting.stretch == 0 for sighting in basis.kept], bool)  # each visit once
    seen = Counter(basis.taxa[basis.inside & begins].tolist())
    visits, made = sum(seen.values()), []
    for a in accuracies:
        counts = (seen[a.name], visits, a.se_hits, a.se_n, a.sp_hits, a.sp_n)
        try:
            share, limits = rogan_gladen(*counts), lang_reiczigel(*counts)
            made.append(Elsewhere(a.name, counts[0], visits, share, limits))
        except (PopulationError, ZeroDivisionError) as why:
            made.append(Elsewhere(a.name, counts[0], visits, None, None, str(why)))
    return made
