"""Shares corrected by a machine's sensitivity and specificity that were measured elsewhere.

For a study without a reviewed sample of its own. It holds only if the machine errs here as it did
there, which it seldom does: prefer the sample.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PopulationError, SettingsError
from pipeline.population.correction.means import Mean, lang_reiczigel, rogan_gladen
from pipeline.population.effort.basis import Basis

COUNTS = ("se_hits", "se_n", "sp_hits", "sp_n")


@dataclass(frozen=True, slots=True)
class Known:
    """Of a species elsewhere: found among those there, left alone among those not there."""

    name: str
    se_hits: int
    se_n: int
    sp_hits: int
    sp_n: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Visits of one species here. `share` None: the machine says nothing of it (`why`)."""

    name: str
    raw: int
    visits: int
    share: Mean | None
    limits: Mean | None  # Lang and Reiczigel's
    why: str = ""


def read_known(path: Path) -> list[Known]:
    """A CSV with scientific_name, se_hits, se_n, sp_hits, sp_n. SettingsError names the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read: {why.strerror}") from why
    found = []
    for line, row in enumerate(rows, 2):
        try:
            counts = [int(row[name]) for name in COUNTS]
            one = Known(row["scientific_name"].strip(), *counts)
        except (KeyError, TypeError, ValueError) as why:
            words = f"needs scientific_name, {', '.join(COUNTS)}, all whole numbers"
            raise SettingsError(f"{path}: line {line} {words}") from why
        if not (0 <= one.se_hits <= one.se_n > 0 and 0 <= one.sp_hits <= one.sp_n > 0):
            raise SettingsError(f"{path}: line {line}: hits are 0 or more, and at most their n")
        found.append(one)
    return found


def elsewhere(basis: Basis, known: Sequence[Known]) -> list[Elsewhere]:
    """Each species of the table, among all visits of the study in effort."""
    seen = Counter(basis.taxa[basis.inside].tolist())
    visits, made = sum(seen.values()), []
    for one in known:
        counts = (seen[one.name], visits, one.se_hits, one.se_n, one.sp_hits, one.sp_n)
        try:
            share, limits = rogan_gladen(*counts), lang_reiczigel(*counts)
            made.append(Elsewhere(one.name, counts[0], visits, share, limits))
        except (PopulationError, ZeroDivisionError) as why:
            made.append(Elsewhere(one.name, counts[0], visits, None, None, str(why)))
    return made
