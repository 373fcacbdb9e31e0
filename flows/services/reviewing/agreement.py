"""Two people on the same visits: what the second one is given, and whether they agree.

A random part of all answered pictures and visits, told by a seed, goes to a second person, who is
not shown what the first one said. Kappa compares the first answer of each. Where they differ, the
newest answer counts as everywhere (view current_review) until somebody answers again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import reading
from db.queries.reviewing.answers import answered_by_others, answered_by_several, unnamed_answers
from flows.execution.databases import known_database
from pipeline.errors import InputError
from pipeline.tables.writer import write_table
from pipeline.trust.agreement import (
    AnsweredTwice,
    Kappa,
    drawn_again,
    in_words,
    kappa,
    pairs_of_people,
)

SHARE, SEED = 0.1, 1
COLUMNS = (
    *("media_id", "batch", "deployment_id", "path", "purpose", "first_reviewer", "first"),
    *("second_reviewer", "second", "counts_now", "observation_type", "scientific_name", "count"),
    *("reviewer", "comment"),
)


@dataclass(frozen=True, slots=True)
class PairOfPeople:
    """How far two people agree: in the names they give, and in what kind of thing it is."""

    one: str
    other: str
    names: Kappa
    kinds: Kappa  # animal, human, vehicle, blank, unknown


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two people answered both, of the drawn part."""

    twice: tuple[AnsweredTwice, ...]
    pairs: tuple[PairOfPeople, ...]
    unnamed: int  # answers without a reviewer: nobody knows whom they are to be compared with
    table: Path | None = None  # of what is to be settled

    @property
    def to_settle(self) -> tuple[AnsweredTwice, ...]:
        """Where the two differ and nobody has answered since."""
        return tuple(place for place in self.twice if not (place.same or place.settled))


def second_visits(conn: Connection, reviewer: str, done: bool) -> list[int]:
    """Keys of the first pictures of visits that a second person is to answer blindly: of the drawn
    tenth, those that somebody else answered first.

    done   those that this reviewer has answered; else those that are left
    """
    places = answered_by_others(conn, reviewer, done)
    return sorted(key for key, sha in places if drawn_again(sha, SHARE, SEED))


def agreement(
    database: str, share: float = SHARE, seed: int = SEED, out: Path | None = None
) -> Agreement:
    """Compare the answers of people on the drawn part.

    out  a table of what is to be settled: filled in, `review import` reads it
    """
    _check(share)
    with reading(known_database(database)) as conn:
        rows = [r for r in answered_by_several(conn) if drawn_again(r.sha256, share, seed)]
        unnamed = unnamed_answers(conn)
    twice = tuple(
        _place(list(place)) for _, place in groupby(rows, lambda row: (row.media_id, row.of_visit))
    )
    pairs = tuple(_pair(*people, places) for people, places in pairs_of_people(twice).items())
    found = Agreement(twice, pairs, unnamed, out)
    if out is not None:
        _write(out, found.to_settle)
    return found


def _check(share: float) -> None:
    if not 0 < share <= 1:
        raise InputError(f"--share {share}: a share is above 0 and at most 1")


def _place(rows: Sequence["sa.Row[Any]"]) -> AnsweredTwice:
    """One picture or visit, from all of its rows in the order of the answers."""
    answers = [list(answer) for _, answer in groupby(rows, lambda row: row.answer)]
    by_person: dict[str, list[sa.Row[Any]]] = {}
    for answer in answers:
        if answer[0].reviewer is not None:
            by_person.setdefault(answer[0].reviewer, answer)
    first, second, *_ = by_person.values()
    counting = [row for row in rows if row.counts]
    head = rows[0]
    return AnsweredTwice(
        *(head.sha256, head.of_visit, head.batch, head.deployment),
        *(head.location_id or head.deployment, head.path, first[0].reviewer, second[0].reviewer),
        *(_named(first), _named(second), _kinds(first), _kinds(second)),
        counts=_named(counting),
        settled=answers[-1][0].answer > max(first[0].answer, second[0].answer),
    )


def _named(rows: Iterable["sa.Row[Any]"]) -> str:
    return in_words(row.name or row.observation_type for row in rows)


def _kinds(rows: Iterable["sa.Row[Any]"]) -> str:
    return in_words(row.observation_type for row in rows)


def _pair(one: str, other: str, places: Sequence[AnsweredTwice]) -> PairOfPeople:
    said: list[tuple[str, str, str, str]] = []
    for place in places:
        names, kinds = (place.first, place.second), (place.first_kinds, place.second_kinds)
        if place.first_reviewer != one:
            names, kinds = names[::-1], kinds[::-1]
        said.append((*names, *kinds))
    names_one, names_other, kinds_one, kinds_other = zip(*said, strict=True)
    stations = [place.station for place in places]
    of_names, of_kinds = (
        kappa(names_one, names_other, stations),
        kappa(kinds_one, kinds_other, stations),
    )
    return PairOfPeople(one, other, of_names, of_kinds)


def _write(out: Path, places: Sequence[AnsweredTwice]) -> None:
    rows = (
        [
            *(place.sha256, place.batch, place.deployment, place.path),
            "event" if place.of_visit else "review",
            *(place.first_reviewer, place.first, place.second_reviewer, place.second),
            *(place.counts, "", "", "", "", ""),
        ]
        for place in places
    )
    try:
        write_table(out, COLUMNS, rows, line_end="\r\n", mark=True)
    except OSError as why:
        raise InputError(f"{out}: cannot be written: {why.strerror}; choose another file") from why
