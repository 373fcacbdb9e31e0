"""How good the program is on pictures of which the truth is known: one page, and its tables."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core.engine import reading
from db.queries.exchange.named_pictures import find_pictures
from db.queries.reviewing.machine import machine_says
from db.store.batches import read_recipe
from db.store.reviewing.told import told_pictures
from db.store.scores import boxes_on
from flows.execution.databases import known_database
from flows.run_options import study_settings
from pipeline.errors import SettingsError
from pipeline.exchange.reviews import read_reviews
from pipeline.report.evaluation_page import LEARNED, Judged, Used, write_evaluation
from pipeline.species.labelset import LabelSet, load_labelset
from pipeline.species.learned import taxon_of
from pipeline.species.world import with_world
from pipeline.trust.evaluation import KINDS, WIDE, Evaluation, Picture, evaluate

FIRST = ("human", "vehicle", "animal", "blank", "unknown")  # what stands for several on a picture

WORDS = {"encoder": "labeller", "frame_model": "frame model", "learned": LEARNED}

Said = tuple[str, str | None]  # observation type and name


@dataclass(frozen=True, slots=True)
class WrittenEvaluation:
    """The files, and what is in them."""

    paths: tuple[Path, ...]
    evaluation: Evaluation
    left_out: Mapping[str, int]  # why: pictures


def write_evaluated(
    database: str,
    out: Path,
    labels: Path | None = None,
    settings: str | None = None,
    show_people: bool = False,
) -> WrittenEvaluation:
    """Compare the machine's word with the truth; SettingsError where there is nothing to compare.

    labels   a table with the columns of a review; None: what people reviewed here
    """
    bar = study_settings(settings).poaching.pixelate_bar
    with reading(known_database(database)) as conn:
        truth = _table(conn, labels) if labels else _reviews(conn)
        rows = machine_says(conn, truth)
        pictures, left_out = _pictures(rows, truth)
        if not pictures:
            why = ", ".join(f"{count} {why}" for why, count in left_out.items()) or "none"
            raise SettingsError(f"nothing to compare: of {len(truth)} pictures {why}")
        used = _used(conn, rows, {picture.sha256 for picture in pictures})
        found = evaluate(pictures)
        shown = {p.sha256 for some in found.worst.values() for p in some}
        boxes = boxes_on(conn, shown)
    source = labels.name if labels else "the reviews in the database"
    judged = Judged(source, labels is None, found, tuple(pictures), left_out, used, boxes)
    paths = write_evaluation(judged, out, bar, show_people)
    return WrittenEvaluation(tuple(paths), found, left_out)


def _table(conn: Connection, labels: Path) -> dict[str, frozenset[Said]]:
    """Of each picture all rows of its last answer; answers on whole visits are none."""
    read = read_reviews(labels, partial(find_pictures, conn))
    found: defaultdict[str, set[Said]] = defaultdict(set)
    for review in read.reviews:
        if review.purpose != "event":
            found[review.sha256].add((review.observation_type, review.name))
    if not found:
        raise SettingsError(f"{labels}: no row has an answer on a picture")
    return {sha: frozenset(said) for sha, said in found.items()}


def _reviews(conn: Connection) -> dict[str, frozenset[Said]]:
    found = {one.sha256: one.said for one in told_pictures(conn)}
    if not found:
        raise SettingsError(
            "nobody has reviewed anything here: answer some pictures with `camtriage review`, or "
            "give what is true with --labels TABLE"
        )
    return found


def _pictures(
    rows: Sequence[sa.Row[Any]], truth: Mapping[str, frozenset[Said]]
) -> tuple[list[Picture], dict[str, int]]:
    """Pictures with truth and scores; of the others how many there are, by the reason."""
    used = {name for said in truth.values() for _, name in said if name}
    labelset, left_out, found = with_world(load_labelset(), used), Counter[str](), []
    for row in rows:
        said = truth[row.sha256]
        kind = min((kind for kind, _ in said), key=FIRST.index)
        if kind not in KINDS:
            left_out["on which people could not tell"] += 1
        elif row.state not in ("blank", "kept"):
            left_out["that were not looked at, or could not be"] += 1
        else:
            names = frozenset(
                name.removesuffix(" sp.") for of, name in said if of == "animal" and name
            )
            found.append(_picture(row, kind, names, labelset))
    return found, dict(left_out)


def _picture(row: sa.Row[Any], kind: str, names: frozenset[str], labelset: LabelSet) -> Picture:
    hidden = row.state == "blank"
    called = "blank" if hidden else row.observation_type or "unclassified"
    name = row.name if called == "animal" else None
    return Picture(
        sha256=row.sha256,
        root=row.root,
        path=row.path,
        deployment=row.deployment,
        station=row.station,
        light=row.light or "not known",
        kind=kind,
        names=names,
        hidden=hidden,
        p_blank=row.p_blank,
        p_human=row.p_human,
        p_vehicle=row.p_vehicle,
        decided_by=row.decided_by,
        called=called,
        name=name,
        rank=row.rank if name else None,
        probability=row.probability if name else None,
        true=is_true(name, kind, names, labelset) if name else None,
    )


def is_true(name: str, kind: str, names: frozenset[str], labelset: LabelSet) -> bool | None:
    """Whether a stated name is one of these or includes one; None: narrower than what is known,
    or wide and said of an animal whose class is not known."""
    if kind != "animal":
        return False
    if not names:
        return None
    if any(name == true or name in _wider(true, labelset) for true in names):
        return True
    if names & _wider(name, labelset):
        return None
    unknown = any("class" not in _ranks(true, labelset) for true in names)
    return None if unknown and taxon_of(name, labelset).rank in WIDE else False


@cache
def _ranks(name: str, labelset: LabelSet) -> set[str]:
    taxon = taxon_of(name, labelset)
    return {taxon.rank, *(rank for rank, _ in taxon.parents)}


@cache
def _wider(name: str, labelset: LabelSet) -> frozenset[str]:
    return frozenset({wide for _, wide in taxon_of(name, labelset).parents} | {"Animalia"})


def _used(conn: Connection, rows: Sequence[sa.Row[Any]], judged: set[str]) -> tuple[Used, ...]:
    """What made the results, those of most pictures first."""
    pairs = Counter((row.look, row.label) for row in rows if row.sha256 in judged)
    found = []
    for (look_id, label_id), pictures in pairs.most_common():
        look = read_recipe(conn, look_id)
        label = read_recipe(conn, label_id) if label_id else {}
        models = [
            (WORDS.get(part, part), value["name"], value["sha256"])
            for part, value in (*look.items(), *label.items())
            if isinstance(value, dict) and "sha256" in value
        ]
        threshold = look.get("blank", {}).get("threshold")
        certificate = look.get("certificate", {}).get("name")
        bars = {key: value for key, value in label.get("labels", {}).items() if value is not None}
        labels = label.get("label_set", {}).get("name")
        found.append(Used(pictures, tuple(models), threshold, certificate, labels, bars))
    return tuple(found)
