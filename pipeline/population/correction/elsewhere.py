"""Shares corrected by a machine's sensitivity and specificity that were measured elsewhere.

For a study without a reviewed sample of its own. It holds only if the machine errs here as it did
there, which it seldom does: prefer the sample.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PopulationError
from pipeline.population.correction.means import Mean, lang_reiczigel, rogan_gladen
from pipeline.population.effort.basis import Basis
from pipeline.tables.reader import read_table

COUNTS = ("se_hits", "se_n", "sp_hits", "sp_n")
NEEDED = ("scientific_name", *COUNTS)


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
    """A CSV with scientific_name, se_hits, se_n, sp_hits, sp_n. SettingsError names the lines."""
    table = read_table(path, NEEDED)
    found = []
    for row in table.rows:
        texts = [row.filled(name) for name in NEEDED]
        counts = [row.whole(name, 0 if name.endswith("hits") else 1) for name in COUNTS]
        se_hits, se_n, sp_hits, sp_n = (count or 0 for count in counts)
        if None not in counts and (se_hits > se_n or sp_hits > sp_n):
            row.fault("se_hits and sp_hits are at most their n")
        found.append(Known(texts[0], se_hits, se_n, sp_hits, sp_n))
    table.faults.refuse()
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
