"""What people saw: tables of reviews come back into the database."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from db.core.engine import writing
from db.core.rows import chunks
from db.queries.exchange.named_pictures import find_pictures
from db.queries.reviewing.shown import sha256_of
from db.store.deployments import all_deployments
from db.store.flags import flags_named
from db.store.media import media_named
from db.store.reviewing.reviews import beaten_since, last_review, names_in_use, save_reviews
from db.store.reviewing.withdrawn import take_back_import
from flows.execution.databases import known_database
from pipeline.errors import InputError
from pipeline.exchange.reviews import read_reviews
from pipeline.records import Review
from pipeline.species.labelset import load_labelset
from pipeline.species.spelling import meant

if TYPE_CHECKING:
    from flows.services.flags_again import FlagsAgain


@dataclass(frozen=True, slots=True)
class ReviewedNames:
    """The names of a table of reviews, and what became of them."""

    rows: Mapping[str, int]  # rows by the name as it was written
    respelled: Mapping[str, str]  # as written -> the name as it is known here
    new: Mapping[str, str | None]  # names not known before -> the known one that is near


@dataclass(frozen=True, slots=True)
class ReviewedFlags:
    """The flags after the poaching rules were applied to what people saw."""

    before: int = 0
    now: int = 0
    stale: "tuple[FlagsAgain, ...]" = ()  # could not be formed again


@dataclass(frozen=True, slots=True)
class ImportedReviews:
    """What an import of reviews changed."""

    saved: int  # rows that were new
    known: int  # rows that were there already
    of_visits: int  # reviews of a whole visit, new and known
    empty: int  # rows that nobody has filled in
    rivals: int  # pictures with several answers in the table: the newest counts
    beaten: tuple[str, ...]  # paths where an answer saved before is newer, and stands
    names: ReviewedNames
    flags: ReviewedFlags


def import_reviews(database: str, table: Path, reviewer: str | None) -> ImportedReviews:
    """Read a table of reviews and save all of it, or nothing.

    reviewer  stands where a row names nobody
    """
    with writing(known_database(database)) as conn:
        found = read_reviews(table, partial(find_pictures, conn), reviewer)
        names = _names(conn, found.reviews)
        reviews = [_respelled(review, names) for review in found.reviews]
        last = last_review(conn)
        saved, _ = save_reviews(conn, reviews, table.name)
        beaten = tuple(beaten_since(conn, last)) if saved else ()
        shas = {review.sha256 for review in reviews}
        flags = _flags(conn, shas) if saved else ReviewedFlags()
    visits = sum(review.purpose == "event" for review in reviews)
    known = len(reviews) - saved
    return ImportedReviews(saved, known, visits, found.empty, found.rivals, beaten, names, flags)


@dataclass(frozen=True, slots=True)
class UndoneImport:
    """The answers of a table that were taken back."""

    table: str  # as it was called
    saved_at: datetime  # local time
    rows: int
    pictures: int
    flags: ReviewedFlags


def undo_import(database: str) -> UndoneImport:
    """Take back what the last import of a table saved: those answers count no more, and those
    before them count again. Once more: the import before. InputError where none is left."""
    with writing(known_database(database)) as conn:
        rows = take_back_import(conn)
        if not rows:
            raise InputError("there is no import of answers to take back")
        keys = {row.media_id for row in rows}
        shas = {sha for part in chunks(keys) for sha in sha256_of(conn, part).values()}
        flags = _flags(conn, shas)
    return UndoneImport(rows[0].source, rows[0].saved_at, len(rows), len(keys), flags)


def _names(conn: Connection, reviews: Sequence[Review]) -> ReviewedNames:
    rows = Counter(review.name for review in reviews if review.name)
    return ReviewedNames(rows, *meant(rows, names_in_use(conn), load_labelset()))


def _respelled(review: Review, names: ReviewedNames) -> Review:
    """The same review with its name as it is known here."""
    if review.name is None:
        return review
    return replace(review, name=names.respelled.get(review.name, review.name))


def _flags(conn: Connection, shas: Collection[str]) -> ReviewedFlags:
    """Apply the poaching rules again to the deployments of the pictures that were reviewed."""
    from flows.services.flags_again import flags_again  # only what is new asks the rules

    pictures = media_named(conn, shas)
    reviewed = {picture.deployment_id for picture in pictures}
    before = len(flags_named(conn, ""))
    places = [place for place in all_deployments(conn) if place.deployment_id in reviewed]
    stale = tuple(found for found in flags_again(conn, places) if found.stale)
    return ReviewedFlags(before, len(flags_named(conn, "")), stale)
