"""Answers: what one person said of one picture, or of one visit, at one time.

A picture may show several animals, so an answer has a row for each observation, and its rows count
together: a later answer takes the place of an earlier one as a whole. Which answer is the newest is
told by the view current_review.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from pipeline.records import DayAlone, Review

# People first, so that whoever hides people by the picture's own type misses none
ORDER = ("human", "animal", "vehicle", "unknown", "blank")
Answer: TypeAlias = tuple[Review, ...]


def answer_key(review: Review) -> tuple[object, ...]:
    """The same picture, purpose, person and day are one answer. Some programs write the second at
    which each row was made; another day is a second look, and so is another number."""
    day = review.reviewed_at.date() if review.reviewed_at else None
    return review.sha256, review.purpose, review.reviewer, day, review.number


def given_at(reviewed_at: datetime | None, saved_at: datetime) -> datetime:
    """The time by which the view current_review tells which answer is newest, as a table may give
    it: without a time, or with a day alone that was not past when it was saved, that of saving."""
    if reviewed_at is None:
        return saved_at
    if isinstance(reviewed_at, DayAlone) and reviewed_at.date() >= saved_at.date():
        return saved_at
    return reviewed_at


def animals(review: Review) -> tuple[object, ...]:
    """What an observation is of, but for their number: an answer says it once."""
    name = " ".join((review.name or "").casefold().split())
    described = (review.life_stage, review.sex, review.behavior, review.individual_id)
    return review.observation_type, name, *described


def answers(reviews: Iterable[Review]) -> list[Answer]:
    """The reviews of one table by answer, in the order of their first rows.

    All rows of an answer get the latest of their times. The first row stands for the picture where
    one observation must: people before animals before the rest, then the larger count."""
    found: dict[tuple[object, ...], list[Review]] = {}
    for review in reviews:
        found.setdefault(answer_key(review), []).append(review)
    return [one_answer(rows) for rows in found.values()]


def one_answer(rows: Sequence[Review]) -> Answer:
    """Rows that count together, whoever wrote each of them."""
    at = max((row.reviewed_at for row in rows if row.reviewed_at), key=_by_day, default=None)
    once = dict.fromkeys(replace(row, reviewed_at=at) for row in rows)
    return tuple(sorted(once, key=_place))


def _by_day(at: datetime) -> tuple[object, ...]:
    """A day alone is later than every hour of it, as in the view."""
    return at.date(), isinstance(at, DayAlone), at


def _place(row: Review) -> tuple[object, ...]:
    kind = ORDER.index(row.observation_type) if row.observation_type in ORDER else len(ORDER)
    texts = (row.name, row.life_stage, row.sex, row.behavior, row.individual_id, row.comment)
    return (kind, -(row.count or 1), *(text or "" for text in texts))
