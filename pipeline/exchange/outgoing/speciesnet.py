"""Our results as a SpeciesNet predictions file, for what reads those.

As in MegaDetector's file these are the results of the models, without what people said.
"""

import json
from pathlib import Path
from typing import Any

from pipeline.exchange.megadetector import LOWEST
from pipeline.exchange.outgoing.taxonomy import RANKS, chain_of, epithet
from pipeline.exchange.outgoing.wildlife_insights import TAXON
from pipeline.exchange.package import Package, Picture
from pipeline.records import Detection
from pipeline.species.answers import Taxa
from pipeline.tables.whole import whole_file

CATEGORIES = {"animal": "1", "human": "2", "vehicle": "3"}


def export_predictions(package: Package, taxa: Taxa, path: Path) -> dict[str, int]:
    """Write a new file. Returns how many pictures, and of them without a prediction."""
    entries = [
        {**_entry(picture, taxa), "filepath": place, "model_version": _version(package)}
        for picture in package.pictures
        if picture.has_bytes
        for place in (picture.path, *picture.copies)
    ]
    entries += [{"filepath": file, "failures": ["DETECTOR"]} for file, _ in package.unreadable]
    entries.sort(key=lambda entry: str(entry["filepath"]))
    with whole_file(path) as working:
        text = json.dumps({"predictions": entries}, indent=1, allow_nan=False)
        working.write_text(text + "\n", "utf-8")
    failed = sum("failures" in entry for entry in entries)
    return {"pictures": len(entries), "without a prediction": failed}


def _version(package: Package) -> str:
    return package.labeller or package.frame_model or "camtriage"


def _entry(picture: Picture, taxa: Taxa) -> dict[str, Any]:
    if picture.state not in ("kept", "blank") or picture.p_animal is None:
        return {"failures": ["DETECTOR", "CLASSIFIER"]}
    label, score = _prediction(picture, taxa)
    return {
        "detections": [_box(box) for box in picture.boxes if box.confidence >= LOWEST],
        "prediction": label,
        "prediction_score": round(float(score), 4),
        "prediction_source": "camtriage",
    }


def _prediction(picture: Picture, taxa: Taxa) -> tuple[str, float]:
    """Label and score of what the models say, not people."""
    scores = {
        "animal": picture.p_animal or 0.0,
        "human": picture.p_human or 0.0,
        "vehicle": picture.p_vehicle or 0.0,
    }
    if picture.state == "blank":
        return label("blank"), 1 - max(scores.values())
    if picture.stated and picture.stated[0] != "Homo sapiens":
        name, rank, p = picture.stated
        return label("animal", name, rank, taxa), p
    seen = picture.observation
    if seen.method == "machine" and seen.observation_type in TAXON:
        return label(seen.observation_type), seen.probability or 0.0
    kind = "human" if picture.stated else max(scores, key=lambda kind: scores[kind])
    return label(kind), scores[kind]


def label(
    kind: str, name: str | None = None, rank: str | None = None, taxa: Taxa | None = None
) -> str:
    """The seven fields: identifier, class, order, family, genus, species, common name. A name of
    ours has no identifier there."""
    chain = chain_of(name, rank, taxa or {})
    if chain:
        ranks = dict(chain)
        wide = (ranks.get(rank, "").lower() for rank in RANKS[:4])
        return ";".join(("", *wide, epithet(chain), chain[0][1].lower()))
    number, word = TAXON[kind]
    if kind == "unknown":
        return ";".join([number, *[word.lower()] * 6])
    human = ("mammalia", "primates", "hominidae", "homo", "sapiens")
    ranks_of_kind = human if kind == "human" else ("",) * len(RANKS)
    return ";".join((number, *ranks_of_kind, word.lower()))


def _box(box: Detection) -> dict[str, Any]:
    return {
        "category": CATEGORIES[box.category],
        "label": box.category,
        "conf": round(float(box.confidence), 4),
        "bbox": [round(float(side), 4) for side in box.box],
    }
