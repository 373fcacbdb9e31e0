"""Expected tables of other programs beside our numbers, table by table.

A function under `@expected(TABLE)` reads a table and yields how far we are from it: `near`, `alike`
(relative) or `equal`; what we mean to do otherwise it yields as a `Departure` with its reason. With
`sql` it gets a connection to a database that holds that study (tests/references/studies.py).

    python -m tests.benchmarks.references       prints the largest difference of every table
    tests/test_references.py                    holds each to what is allowed
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """How far `numbers` numbers are from the known ones, at most."""

    numbers: int
    largest: float  # inf: one has a value and the other has none
    allowed: float
    kind: str  # absolute, relative, or equal: then `largest` is how many differ

    @property
    def held(self) -> bool:
        return self.largest <= self.allowed


class Departure(NamedTuple):
    """Where we say something else, and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class Expected:
    """One table and the way to compare it."""

    table: str
    compare: Callable[..., Iterator]
    sql: str | None  # the study that lies in the database

    def run(self, *conn) -> tuple[list[Difference], list[Departure]]:
        """Differences, one a kind and allowance; and departures."""
        found = list(self.compare(*conn))
        kinds: dict[tuple, list[Difference]] = {}
        for one in found:
            if isinstance(one, Difference):
                kinds.setdefault((one.kind, one.allowed), []).append(one)
        merged = [
            Difference(sum(d.numbers for d in some), max(d.largest for d in some), allowed, kind)
            for (kind, allowed), some in kinds.items()
        ]
        return merged, [one for one in found if isinstance(one, Departure)]


EXPECTED: list[Expected] = []


def expected(table: str, sql: str | None = None):
    """Puts a comparison into the inventory."""

    def put(compare):
        EXPECTED.append(Expected(table, compare, sql))
        return compare

    return put


def near(ours, known, allowed: float) -> Difference:
    """Absolute distance."""
    return _distance(ours, known, allowed, "absolute")


def alike(ours, known, allowed: float) -> Difference:
    """Distance as a part of the known number."""
    return _distance(ours, known, allowed, "relative")


def equal(ours, known) -> Difference:
    """Counts, names and matrices: how many are not the same. Missing is equal to missing."""
    with suppress(TypeError, ValueError):
        ours, known = np.asarray(ours, float), np.asarray(known, float)
    ours, known = np.asarray(ours), np.asarray(known)
    if ours.shape != known.shape:
        return Difference(known.size, np.inf, 0, "equal")
    differ = ours != known
    if known.dtype.kind == "f":
        differ &= ~(np.isnan(ours) & np.isnan(known))
    return Difference(known.size, float(differ.sum()), 0, "equal")


def _distance(ours, known, allowed: float, kind: str) -> Difference:
    ours, known = np.atleast_1d(np.asarray(ours, float)), np.atleast_1d(np.asarray(known, float))
    if ours.shape != known.shape or (np.isnan(ours) != np.isnan(known)).any():
        return Difference(known.size, np.inf, allowed, kind)
    apart = np.abs(ours - known)
    if kind == "relative":
        apart = apart / np.maximum(np.abs(known), 1e-12)
    return Difference(known.size, float(np.nan_to_num(apart).max(initial=0)), allowed, kind)


def inventory() -> list[Expected]:
    """Every comparison there is."""
    from tests.references import (  # noqa: F401 - they register themselves
        activity,
        algar,
        camtrapr,
        camtraptor,
        corrections,
        guarantees,
        occupancy,
        through_sql,
    )

    return EXPECTED
