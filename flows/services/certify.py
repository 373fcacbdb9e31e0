"""Certificates of the thresholds for blanks, people and vehicles, from what people saw."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import writing
from db.queries.certificates import (
    certificate_named,
    drawn_visits,
    named_pictures,
    planned_with,
    reviewed_pictures,
    save_certificate,
    types_seen,
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
from pipeline.population.correction.sample import place
from pipeline.report.certificate_page import write_certificate
from pipeline.trust.certificate import Certificate, Group, certify
from pipeline.trust.evidence import (
    KINDS,
    MORE,
    NOT_BLANK,
    DrawnVisit,
    Evidence,
    Looked,
    from_reviews,
    from_table,
)

LEVELS = ("picture", "visit")
GROUPS = ("light", "deploymentGroups")
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
    kind: str = NOT_BLANK,
    by: str | None = None,
) -> Certified:
    """Prove a threshold and keep the certificate; SettingsError says what is missing.

    level    picture or visit
    labels   a table of answers that were chosen without the scores; None: what people reviewed
    name     None: made from what is promised and the data
    page     a file for one page to print
    kind     of pipeline.trust.evidence.KINDS
    by       of GROUPS: promised of each group that has enough; None: of all together
    """
    _check("level", level, LEVELS)
    _check("kind", kind, KINDS)
    if by is not None:
        _check("by", by, GROUPS)
    check_batch_name(name)
    if name is not None and "," in name:
        raise SettingsError(f"--name {name}: without a comma; --certificate parts names by commas")
    with writing(known_database(database)) as conn:
        found, models = _evidence(conn, level, labels, kind, by)
        made = certify(found, recall, confidence, level)
        row = _row(made, models, by)
        what = level if kind == NOT_BLANK else f"{kind}-{level}"
        name = name or f"{what}-{recall:g}-{found.digest[:8]}"
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


def _check(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise SettingsError(f"--{option} {value}: give one of: {', '.join(known)}")


def _evidence(
    conn: Connection, level: str, labels: Path | None, kind: str, by: str | None
) -> tuple[Evidence, Recipe]:
    """The sample, and the models whose scores it has: those of the newest recipe in it."""
    partly, drawn, visits = 0, [], level == "visit"
    if labels is None:
        rows, partly = reviewed_pictures(conn)
        answers = types_seen(conn, rows)
        drawn = drawn_visits(conn) if visits else []
    else:
        answers = _answers(conn, labels)
        rows = named_pictures(conn, answers)
        if len(rows) < len(answers):
            missing = len(answers) - len(rows)
            raise SettingsError(
                f"{labels}: {missing} of its pictures have no scores; run them first"
            )
    of_sample = [row for _, _, pictures in drawn for row in pictures]
    answers |= types_seen(conn, of_sample)
    if not rows and not any(answer for _, answer, _ in drawn):
        raise SettingsError(_nothing(partly, visits))
    windows = planned_with(conn)
    looks = {
        recipe: read_recipe(conn, recipe) for recipe in {r.recipe for r in [*rows, *of_sample]}
    }

    def shape(row: sa.Row[Any]) -> Recipe:
        return certified_part(looks[row.recipe], kind, windows.get(row.card, {}), level)

    newest = shape(max([*rows, *of_sample], key=lambda row: row.recipe))
    looked = [_looked(row, answers, by) for row in rows if shape(row) == newest]
    if labels is not None:
        return from_table(looked, visits, kind), newest
    sample = [
        DrawnVisit(
            draw.sha256,
            draw.stratum,
            draw.stratum_size,
            place(draw.seed, draw.sha256),
            answer,
            tuple(_looked(row, answers, by) for row in pictures),
            all(shape(row) == newest for row in pictures),
        )
        for draw, answer, pictures in drawn
    ]
    found = from_reviews(looked, visits, kind, sample)
    return replace(found, left_out=found.left_out + partly), newest


def _nothing(partly: int, visits: bool) -> str:
    left_out = (
        f" ({partly} have answers, and kept pictures without one: which ones people chose may"
        " depend on the score)"
        if partly
        else ""
    )
    return (
        "no certificate without an honest sample: no camera of a card has an answer on each of its"
        f" kept pictures{left_out}: {MORE[visits]}"
    )


def _answers(conn: Connection, labels: Path) -> dict[str, frozenset[str]]:
    """Of each picture all that the table says of it; what it says of whole visits is left."""
    read = read_reviews(labels, partial(find_pictures, conn))
    found: dict[str, frozenset[str]] = {}
    for review in read.reviews:
        if review.purpose != "event":
            seen = found.get(review.sha256, frozenset())
            found[review.sha256] = seen | {review.observation_type}
    return found


def _looked(row: sa.Row[Any], answers: Mapping[str, frozenset[str]], by: str | None) -> Looked:
    sure = row.decided_by == FRAME and row.novelty is not None
    groups = {
        "light": row.light or "light not known",
        "deploymentGroups": json.loads(row.other).get("deploymentGroups") or "no group",
    }
    return Looked(
        sha256=row.sha256,
        card=row.card,
        deployment=row.deployment,
        station=row.station,
        hidden=row.state == "blank",
        p_blank=row.p_blank,
        rescued=row.state == "kept" and (sure or row.decided_by in KEPT_ANYWAY),
        visit=row.visit,
        answer=answers.get(row.sha256),
        stratum=row.stratum,
        stratum_size=row.stratum_size or 0,
        p_human=row.p_human,
        p_vehicle=row.p_vehicle,
        group=groups[by] if by else "",
    )


def _row(made: Certificate, models: Recipe, by: str | None) -> dict[str, Any]:
    found = made.evidence
    return {
        "kind": found.kind,
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
            "sampled": found.sampled,
            "stations": made.stations,
            "shown": made.tested.shown,
            "missed": made.tested.missed,
            "undecided": made.undecided,
            "blanks_removed": made.removed,
            **({"by": by, "groups": [_group(group) for group in made.groups]} if by else {}),
        },
    }


def _group(group: Group) -> dict[str, Any]:
    tested = group.tested
    counts = {"n": tested.units, "misses": tested.lost, "shown": tested.shown}
    return {"name": group.name, **counts, "missing": group.missing}
