"""Training of the starter labeller: an open_clip model from an ImageNet network and pictures.

    camtriage train labeller WEIGHTS LABELS.csv --out FOLDER

1. Features of every picture that may be used for training: of a crop where the network sees an
   animal, and of the whole frame (head.py).
2. A space of 256 numbers with a vector for each taxon: the classifier's own, moved by the pictures.
3. Calibration: everything is fitted again with each study left out; temperature, weight of the crop
   and bars are chosen on the results for that study.
4. A text tower that gives the words of a taxon its vector (text.py).
5. The folder: open_clip_config.json, safetensors, ONNX, the label set's texts, labeller.json.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.models import runtime, weights
from pipeline.settings import Labels
from pipeline.species import encoder, sources, towers, zeroshot
from pipeline.species.encoder import Calibration
from pipeline.species.labelset import LabelSet, load_labelset
from pipeline.species.zeroshot import Bank
from pipeline.train.labeller import head, text
from pipeline.train.labeller.backbone import MEAN, STD, Backbone
from pipeline.train.labeller.head import SIZE, Numbers

SEED = 7
WANTED = 0.95  # share of the given names that must be true, with studies left out
WANTED_BELOW_CLASS = 0.9  # of names narrower than "mammal", each study counting once
WORTH = {"species": 4, "genus": 4, "subfamily": 2, "family": 2, "order": 1.5, "class": 1}
TAXON_WEIGHT, CLASS_WEIGHT = (
    12.0,
    1.0,
)  # how often the text tower is trained on a taxon and on a class
CROP_SHARES, TEMPERATURES = (0.5, 0.7, 0.85), (0.5, 0.6, 0.7, 0.85, 1.0)
SPECIES_BARS, GROUP_BARS, CLASS_BARS = (0.6, 0.7, 0.8, 0.9), (0.7, 0.8, 0.9), (0.5, 0.6, 0.7)
ORDER_BARS = (0.5, 0.55, 0.6, 0.7, 0.8)
FILES = ("open_clip_model.safetensors", "image.onnx", "texts.safetensors")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """Pictures, and their features by the backbone."""

    pictures: Sequence[head.Picture]
    features: Mapping[str, NDArray[np.float32]]  # crop, frame: (n, 1280)
    may_be: NDArray[np.bool_]  # (n, taxa)

    def part(self, rows: NDArray[np.bool_]) -> "Found":
        """The pictures of these rows alone."""
        chosen = [picture for picture, row in zip(self.pictures, rows, strict=True) if row]
        features = {view: given[rows] for view, given in self.features.items()}
        return Found(chosen, features, self.may_be[rows])


def train_labeller(
    folder: Path, table: Path, out: Path, *, tell: Tell, notes: Path | None = None
) -> dict[str, Any]:
    """Make the labeller in `out`; returns the numbers that labeller.json keeps.

    folder   with the backbone's weights and imagenet_classes.txt
    table    labelled pictures (pipeline.train.pictures, and scientific_name)
    tell     is given what happens meanwhile, a line at a time
    notes    an .npz that keeps the pictures' features between runs
    """
    labelset, lines = load_labelset("starter"), _class_lines(folder)
    pictures = [p for p in head.read_pictures(table, labelset) if _usable(p)]
    if not pictures:
        raise SettingsError(f"{table}: no picture in it may be trained on")
    backbone = Backbone(folder)
    found = _found(pictures, backbone, labelset, notes, tell)
    left_out = leave_studies_out(found, backbone, labelset, tell)
    calibration, numbers = calibrate(left_out, found, labelset)
    tell(f"left out: {numbers}")
    space, vectors = fitted(found, backbone, labelset)
    seen = _seen(space, found)
    model, scale, agreement = _model(
        space, vectors, seen, backbone, labelset, lines, calibration, tell
    )
    numbers |= {"pictures": len(pictures), "text_agreement": agreement}
    _save(model, scale, calibration, numbers, labelset, lines, out)
    return numbers


def _usable(picture: head.Picture) -> bool:
    return picture.shippable and picture.kind != "unknown"


def _class_lines(folder: Path) -> list[str]:
    try:
        lines = (Path(folder) / "imagenet_classes.txt").read_text("utf-8").splitlines()
    except OSError as why:
        raise SettingsError(f"{folder}: imagenet_classes.txt cannot be read: {why}") from why
    if len(lines) != 1000:
        raise SettingsError(f"{folder}/imagenet_classes.txt: {len(lines)} lines instead of 1000")
    return lines


def _found(
    pictures: Sequence[head.Picture],
    backbone: Backbone,
    labelset: LabelSet,
    notes: Path | None,
    tell: Tell,
) -> Found:
    may_be = np.array([head.consistent(picture, labelset.taxa) for picture in pictures])
    names = np.array([picture.example.name for picture in pictures])
    if notes and Path(notes).exists():
        kept = np.load(notes, allow_pickle=False)
        if np.array_equal(kept["names"], names):
            return Found(pictures, {view: kept[view] for view in ("crop", "frame")}, may_be)

    def say(done: int, of: int) -> None:
        if done % 200 == 0:
            tell(f"{done} of {of} pictures")

    features = head.features(pictures, backbone, say)
    if notes:
        np.savez(notes, names=names, crop=features["crop"], frame=features["frame"])
    return Found(pictures, features, may_be)


def fitted(
    found: Found, backbone: Backbone, labelset: LabelSet
) -> tuple[head.Space, NDArray[np.float64]]:
    """The space, and (taxa, 255) vectors in it, from these pictures."""
    used = sorted({k for own in head.class_numbers(labelset).values() for k in own})
    space = head.make_space(found.features, backbone.weight, backbone.bias, used)
    given = np.concatenate([space(found.features["crop"]), space(found.features["frame"])])
    share, constant = np.tile(head.shares(found.pictures), 2), space.offset[-2]
    start = head.evened(head.starting_vectors(labelset, space), given, share, constant)
    return space, head.fit(given, np.tile(found.may_be, (2, 1)), share, start, constant)


def leave_studies_out(
    found: Found, backbone: Backbone, labelset: LabelSet, tell: Tell
) -> dict[str, NDArray[np.float64]]:
    """Logits by view, (n, taxa) each: of every study by a head that was not trained on it."""
    studies = np.array([picture.example.study for picture in found.pictures])
    out = {view: np.zeros(found.may_be.shape) for view in found.features}
    for study in sorted(set(studies)):
        rows = studies == study
        space, vectors = fitted(found.part(~rows), backbone, labelset)
        for view, given in found.features.items():
            out[view][rows] = space(given[rows]) @ vectors.T
        tell(f"without {study}: {rows.sum()} pictures judged")
    return out


def calibrate(
    left_out: Mapping[str, Numbers], found: Found, labelset: LabelSet
) -> tuple[Calibration, dict[str, Any]]:
    """Temperature, weight of the crop and bars that give the most names, of which WANTED are true.

    By likelihood alone they would be so cautious that the only name given is "mammal".
    """
    rows = np.array([p.kind == "animal" and bool(p.truth) for p in found.pictures])
    judged, logits = found.part(rows), {view: close[rows] for view, close in left_out.items()}
    best: tuple[float, GivenNames, Calibration] | None = None
    for crop_share, temperature in product(CROP_SHARES, TEMPERATURES):
        mixed = crop_share * logits["crop"] + (1 - crop_share) * logits["frame"]
        sure = _softmax(mixed / temperature).astype(np.float32)
        for bars in product(SPECIES_BARS, GROUP_BARS, CLASS_BARS, ORDER_BARS):
            calibration = Calibration(temperature, crop_share, *bars)
            given = _given_names(sure, judged, labelset, calibration)
            if given.holds and (best is None or given.worth > best[0]):
                best = (given.worth, given, calibration)
    if best is None:
        raise SettingsError("with no bar are the given names true often enough: too few pictures?")
    return best[2], {"left_out": asdict(best[1])}


@dataclass(frozen=True)
class GivenNames:
    """The result of bars: how many names are given, how many of them are true."""

    named: int
    of: int
    true: float  # counted as in head.shares
    true_below_class: float  # each study counting once; 1 where no name was given
    worth: float
    by_rank: dict[str, list[int]]  # [true, false]

    @property
    def holds(self) -> bool:
        """Whether enough of the names are true."""
        return self.true >= WANTED and self.true_below_class >= WANTED_BELOW_CLASS


def _given_names(
    sure: NDArray[np.float32], found: Found, labelset: LabelSet, calibration: Calibration
) -> GivenNames:
    """Judge the names of animals whose truth is known."""
    bank = Bank(
        labelset, np.zeros((0, 0), np.float32), np.arange(0), "softmax", 1.0, 0.0, calibration
    )
    names, ranks, _, _ = zeroshot.decide(sure, bank, Labels())
    share = head.shares(found.pictures)
    weight, worth = {True: 0.0, False: 0.0}, 0.0
    by_rank: dict[str, list[int]] = {}
    by_study: dict[str, list[bool]] = {}
    for i, picture in enumerate(found.pictures):
        rank = ranks[i]
        verdict = is_true(names[i], rank, picture.truth)
        if verdict is None or rank is None:
            continue
        by_rank.setdefault(rank, [0, 0])[0 if verdict else 1] += 1
        weight[verdict] += share[i]
        worth += share[i] * WORTH[rank] * (1 if verdict else -2)
        if rank != "class":
            by_study.setdefault(picture.example.study, []).append(verdict)
    true = weight[True] / max(sum(weight.values()), 1e-9)
    below = np.mean([np.mean(verdicts) for verdicts in by_study.values()]) if by_study else 1.0
    named = sum(map(sum, by_rank.values()))
    return GivenNames(
        named, len(share), round(float(true), 4), round(float(below), 4), float(worth), by_rank
    )


def is_true(name: str | None, rank: str | None, truth: Mapping[str, str]) -> bool | None:
    """Whether a name fits what a picture shows; None: no name, or more exact than the label."""
    if name is None or rank is None or not truth:
        return None
    return truth[rank] == name if rank in truth else None


def _seen(space: head.Space, found: Found) -> NDArray[np.float64]:
    """(n, 256) vectors of unit length of all crops and frames."""
    given = np.concatenate([space(found.features["crop"]), space(found.features["frame"])])
    return np.column_stack([given / space.length, np.zeros(len(given))])


def _model(
    space: head.Space,
    vectors: NDArray[np.float64],
    seen: NDArray[np.float64],
    backbone: Backbone,
    labelset: LabelSet,
    lines: Sequence[str],
    calibration: Calibration,
    tell: Tell,
) -> tuple[Any, float, float]:
    """The open_clip model, its scale, and how well the text tower agrees with the vectors."""
    import torch

    towers.register()
    import open_clip

    numbers = head.class_numbers(labelset)
    targets, radius = unit_targets(
        np.concatenate([vectors, _moved(space, vectors, numbers, labelset)])
    )
    scale = radius * space.length / calibration.temperature
    torch.manual_seed(SEED)
    model = open_clip.CustomTextCLIP(**config(math.log(scale))["model_cfg"])
    state = {k: v for k, v in backbone.state.items() if not k.startswith("classifier.")}
    state["classifier.weight"] = torch.tensor(space.matrix.T, dtype=torch.float32)
    state["classifier.bias"] = torch.tensor(space.offset, dtype=torch.float32)
    model.visual.trunk.load_state_dict(state)
    meant = text.meanings(labelset, lines, numbers)
    often = [TAXON_WEIGHT] * len(vectors) + [CLASS_WEIGHT] * len(lines)

    def say(step: int, of: int, loss: float) -> None:
        if step % 250 == 0:
            tell(f"text tower: {step} of {of} steps, {loss:.3f}")

    agreement = text.train_text_tower(model, meant, targets, often, seen, scale, say)
    return model.eval(), scale, round(agreement, 4)


def _moved(
    space: head.Space, vectors: Numbers, numbers: Mapping[str, Sequence[int]], labelset: LabelSet
) -> Numbers:
    """ImageNet's classes; those of a taxon are moved as the pictures moved the taxon."""
    classes, start = space.classes.copy(), head.starting_vectors(labelset, space)
    for k, taxon in enumerate(labelset.taxa):
        for number in numbers.get(taxon.name, ()):
            classes[number] += vectors[k] - start[k]
    return classes


def unit_targets(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Vectors (k, 255) as unit vectors (k, 256), and their common length before.

    The last coordinate, 0 in every picture's vector, makes all lengths equal, so that a cosine is
    proportional to the inner product before.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    radius = float(lengths.max())
    rest = np.sqrt(np.maximum(radius**2 - lengths**2, 0))
    return np.c_[vectors, rest] / radius, radius


def config(log_scale: float) -> dict[str, Any]:
    """open_clip_config.json."""
    vision = {
        "timm_model_name": towers.NAME,
        "timm_model_pretrained": False,
        "timm_pool": "avg",
        "timm_proj": "",
        "image_size": SIZE,
    }
    return {
        "model_cfg": {
            "embed_dim": head.PARTS + 2,
            "init_logit_scale": log_scale,
            "vision_cfg": vision,
            "text_cfg": text.TEXT_CFG,
        },
        "preprocess_cfg": {
            "mean": list(MEAN),
            "std": list(STD),
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }


def _save(
    model: Any,
    scale: float,
    calibration: Calibration,
    numbers: Mapping[str, Any],
    labelset: LabelSet,
    lines: Sequence[str],
    out: Path,
) -> None:
    """Write everything into `out`; labeller.json comes last and completes it."""
    import torch
    from safetensors.numpy import save_file

    out.mkdir(parents=True, exist_ok=True)
    (out / "labeller.json").unlink(missing_ok=True)
    model = runtime.halved(model)
    cfg = config(math.log(scale))
    cfg["model_cfg"]["custom_text"] = True
    (out / "open_clip_config.json").write_text(json.dumps(cfg, indent=1) + "\n", "utf-8")
    weights.save(model.state_dict(), out / FILES[0])
    example = (torch.randn(2, 3, SIZE, SIZE),)
    tower = sources.image_tower(model)
    runtime.export_onnx(tower, example, out / FILES[1], ("image",), ("vector",))
    facts = _facts(scale, calibration, numbers, labelset, lines)
    (out / "labeller.json").write_text(json.dumps(facts), "utf-8")
    loaded = encoder.load_encoder(f"local-dir:{out}")
    groups = [group for taxon in labelset.taxa for group in taxon.prompts]
    vectors = zeroshot.text_vectors(groups, loaded)
    save_file({labelset.digest: vectors.astype(np.float16)}, str(out / FILES[2]))
    facts |= {
        "onnx": FILES[1],
        "texts": {labelset.digest: FILES[2]},
        "sha256": {name: weights.digest(out / name) for name in FILES},
    }
    (out / "labeller.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def _facts(
    scale: float,
    calibration: Calibration,
    numbers: Mapping[str, Any],
    labelset: LabelSet,
    lines: Sequence[str],
) -> dict[str, Any]:
    own = {name for taxon in labelset.taxa for name in (taxon.name, *taxon.common)}
    classes = {name.strip() for line in lines for name in line.split(",")}
    return {
        "family": "softmax",
        "scale": scale,
        "bias": 0.0,
        "pixels": {"height": SIZE, "width": SIZE, "mean": MEAN, "std": STD},
        "calibration": asdict(replace(calibration, temperature=1.0)),  # it is in the scale
        "measured": numbers,
        "knows": sorted(own | classes),
    }


def _softmax(close: NDArray[np.float64]) -> NDArray[np.float64]:
    each = np.exp(close - close.max(axis=1, keepdims=True))
    return np.asarray(each / each.sum(axis=1, keepdims=True))
