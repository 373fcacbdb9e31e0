"""Certificates of the blank filter, from what people saw."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import writing
from db.queries.certificates import (
    certificate_named,
    named_pictures,
    reviewed_pictures,
    save_certificate,
)
from db.queries.exchange.named_pictures import find_pictures
from db.store.batches import read_recipe
from flows.execution.databases import known_database
from flows.facts.day import blanks_of_all
from flows.run_options import check_batch_name
from flows.steps.recipes import Recipe, certified_part
from pipeline.errors import SettingsError
from pipeline.exchange.reviews import read_reviews
from pipeline.frames.blank import BURST, DETECTOR, FRAME
from pipeline.report.certificate_page import write_certificate
from pipeline.trust.certificate import Certificate, certify
from pipeline.trust.evidence import Evidence, Looked, from_reviews, from_table

LEVELS = ("picture", "visit")
KIND = "not blank"
KEPT_ANYWAY = (BURST, DETECTOR, "truncated", "boxes")  # rules that keep at every threshold


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate under its name."""

    name: str
    known: bool  # the same stood there already
    certificate: Certificate


def certify_filter(
    database: str,
    recall: float,
    confidence: float,
    level: str = "picture",
    labels: Path | None = None,
    name: str | None = None,
    page: Path | None = None,
) -> Certified:
    """Prove a threshold and keep the certificate; SettingsError says what is missing.

    level    picture or visit
    labels   a table of answers that were chosen without the scores; None: what people reviewed
    name     None: made from what is promised and the data
    page     a file for one page to print
    """
    if level not in LEVELS:
        raise SettingsError(f"--level {level}: picture or visit")
    check_batch_name(name)
    with writing(known_database(database)) as conn:
        found, models = _evidence(conn, level, labels)
        made = certify(found, recall, confidence, level)
        row = _row(made, models)
        name = name or f"{level}-{recall:g}-{found.digest[:8]}"
        known = certificate_named(conn, name)
        if known is None:
            save_certificate(conn, {"name": name, **row})
        elif any(known[key] != value for key, value in row.items()):
            raise SettingsError(f"--name {name}: a certificate of that name stands; give another")
        if page is not None:  # before it is kept: a folder may refuse the page
            stored = certificate_named(conn, name)
            assert stored is not None
            write_certificate({**stored}, blanks_of_all(conn), page)
    return Certified(name, known is not None, made)


def _evidence(conn: Connection, level: str, labels: Path | None) -> tuple[Evidence, Recipe]:
    """The sample, and the models whose scores it has: those of the newest recipe in it."""
    partly = 0
    if labels is None:
        rows, partly = reviewed_pictures(conn)
        answers = {row.sha256: row.answer for row in rows}
    else:
        answers = _answers(conn, labels)
        rows = named_pictures(conn, answers)
        if len(rows) < len(answers):
            missing = len(answers) - len(rows)
            raise SettingsError(
                f"{labels}: {missing} of its pictures have no scores; run them first"
            )
    if not rows:
        raise SettingsError(_nothing(partly))
    parts = {
        recipe: certified_part(read_recipe(conn, recipe)) for recipe in {r.recipe for r in rows}
    }
    newest = parts[max(parts)]
    looked = [_looked(row, answers[row.sha256]) for row in rows if parts[row.recipe] == newest]
    if labels is not None:
        return from_table(looked, level == "visit"), newest
    found = from_reviews(looked, level == "visit")
    return replace(found, left_out=found.left_out + partly), newest


def _nothing(partly: int) -> str:
    left_out = (
        f" ({partly} have answers, and kept pictures without one: which ones people chose may"
        " depend on the score)"
        if partly
        else ""
    )
    return (
        "no certificate without an honest sample: no camera of a card has an answer on each of its"
        f" kept pictures{left_out}; review those, and the sheet of `camtriage audit sheet`"
    )


def _answers(conn: Connection, labels: Path) -> dict[str, str]:
    """Of each picture the last answer, a person before others; those on whole visits are none."""
    read = read_reviews(labels, partial(find_pictures, conn))
    found: dict[str, str] = {}
    for review in read.reviews:
        if review.purpose != "event" and found.get(review.sha256) != "human":
            found[review.sha256] = review.observation_type
    return found


def _looked(row: sa.Row[Any], answer: str | None) -> Looked:
    sure = row.decided_by == FRAME and row.novelty is not None
    return Looked(
        sha256=row.sha256,
        card=row.card,
        deployment=row.deployment,
        station=row.station,
        hidden=row.state == "blank",
        p_blank=row.p_blank,
        rescued=row.state == "kept" and (sure or row.decided_by in KEPT_ANYWAY),
        visit=row.visit,
        answer=answer,
        stratum=row.stratum,
        stratum_size=row.stratum_size or 0,
    )


def _row(made: Certificate, models: Recipe) -> dict[str, Any]:
    found = made.evidence
    return {
        "kind": KIND,
        "level": made.level,
        "recall": made.recall,
        "confidence": made.confidence,
        "threshold": made.threshold,
        "method": made.method,
        "counted": made.counted,
        "n": made.tested.units,
        "misses": made.tested.lost,
        "data_hash": found.digest,
        "models": models,
        "evidence": {
            "source": found.source,
            "units": len(found.units),
            "cameras": found.used,
            "left_out": found.left_out,
            "thinned": found.thinned,
            "stations": made.stations,
            "shown": made.tested.shown,
            "missed": made.tested.missed,
            "undecided": made.undecided,
            "blanks_removed": made.removed,
        },
    }
