"""Train a detector: `camtriage train detector labels.csv --start nanodet.onnx --out my-detector`.

The table is that of `camtriage train frame`. What is learned from are rows of the splits train and
validate that may train weights given to others. The levels of people and vehicles come from heads
that had not learned from the picture's study: the studies are left out in turn, the other pictures
of the split validate are added, and the heads that are written learn from all that may train.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.exchange.megadetector import read_results
from pipeline.frames.detector import save_detector
from pipeline.frames.detector_network import DetectorNet
from pipeline.records import Detection
from pipeline.train.detector.learn import Data, Plan, confidences, fits_of, learn
from pipeline.train.detector.levels import evidence_of
from pipeline.train.detector.places import Looker, Places, look_at, variant_rng
from pipeline.train.detector.start import nanodet
from pipeline.train.detector.truth import moved, truth_of
from pipeline.train.frame.training import folds
from pipeline.train.pictures import Example, read_examples

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """The options of `camtriage train detector`."""

    table: Path
    start: Path  # ONNX file of NanoDet-Plus-m
    out: Path
    name: str = "own"
    boxes: tuple[Path, ...] = ()  # results of other detectors, which say where the boxes are
    size: tuple[int, int] = (320, 448)  # height, width: the frame model's, or it costs more
    variants: int = 2  # the picture and altered copies
    plan: Plan = field(default_factory=Plan)
    seed: int = 0
    onnx: bool = True


def train_detector(options: DetectorOptions, say: Say) -> Path:
    """Train, measure the levels, write the model's folder. Returns it."""
    training, further = _chosen(options)
    network = nanodet(options.start)
    others = [read_results(path)[0] for path in options.boxes]
    data, boxes, places = _prepare(options, training, further, network, others, say)
    held = left_out(options, data, network, say)
    say("all studies")
    last = learn(network, data, np.arange(len(training)), options.plan, options.seed, say)
    if places is not None:
        held = np.concatenate([held, confidences(last, places, np.arange(len(further)))])
    evidence = evidence_of([*training, *further], held)
    say(f"people from {evidence.human.call}, vehicles from {evidence.vehicle.call}")
    last.into(network)
    facts = {
        "name": options.name,
        "size": list(options.size),
        "evidence": evidence.to_json(),
        "training": _facts(options, data, boxes, further),
    }
    save_detector(network, facts, options.out, onnx=options.onnx)
    lines = [
        {"path": example.name, "confidences": [round(float(one), 6) for one in best]}
        for example, best in zip([*training, *further], held, strict=True)
    ]
    (options.out / "left_out.json").write_text(json.dumps(lines) + "\n", "utf-8")
    say(f"written: {options.out}")
    return options.out


def left_out(
    options: DetectorOptions, data: Data, network: DetectorNet, say: Say
) -> NDArray[np.float64]:
    """(n, 3) confidences by last layers that had not learned from the picture's study."""
    studies = np.array([example.study for example in data.examples])
    found = np.zeros((len(studies), 3))
    for fold in folds(studies.tolist()):
        say(f"left out: {', '.join(sorted(fold))}")
        held = np.isin(studies, list(fold))
        last = learn(network, data, np.flatnonzero(~held), options.plan, options.seed, say)
        found[held] = confidences(last, data.places, np.flatnonzero(held))
    return found


def _chosen(options: DetectorOptions) -> tuple[list[Example], list[Example]]:
    """Pictures to learn from, and those of the split validate that are measured only."""
    known = [
        example
        for example in read_examples(options.table)
        if example.split in ("train", "validate") and example.kind != "unknown"
    ]
    training = [example for example in known if example.may_train]
    if not training:
        raise SettingsError(
            f"{options.table}: training needs rows of the splits train and validate that may train"
        )
    folds([example.study for example in training])  # a single study is refused before the work
    further = [one for one in known if not one.may_train and one.split == "validate"]
    if not any(example.kind == "blank" for example in (*training, *further)):
        raise SettingsError(f"{options.table}: the levels are measured on blanks; here are none")
    return training, further


def _prepare(
    options: DetectorOptions,
    training: Sequence[Example],
    further: Sequence[Example],
    network: DetectorNet,
    others: Sequence[Mapping[str, Sequence[Detection]]],
    say: Say,
) -> tuple[Data, int, Places | None]:
    """All that is learned from, how many boxes are known, and what is measured only."""

    def progress(done: int, count: int) -> None:
        if done % 200 == 0 or done == count:
            say(f"pictures {done} of {count}")

    with tempfile.TemporaryDirectory() as folder:
        looker = Looker(network, options.size, Path(folder))
        places, seen = look_at(training, looker, options.variants, options.seed, progress)
        measured = look_at(further, looker, 1, options.seed, progress)[0] if further else None
    return *prepared(training, places, [seen, *others], options), measured


def prepared(
    examples: Sequence[Example],
    places: Places,
    teachers: Sequence[Mapping[str, Sequence[Detection]]],
    options: DetectorOptions,
) -> tuple[Data, int]:
    """The places with the boxes that the teachers agree on, and how many boxes those are."""
    truth = truth_of(examples, teachers)
    boxes = [
        [
            moved(found, variant_rng(options.seed, variant, row)) if variant else found
            for row, found in enumerate(truth)
        ]
        for variant in range(options.variants)
    ]
    return Data(examples, places, fits_of(places, boxes)), sum(len(found) for found in truth)


def _facts(
    options: DetectorOptions, data: Data, boxes: int, further: Sequence[Example]
) -> dict[str, Any]:
    kinds = [example.kind for example in data.examples]
    return {
        "pictures": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "boxes": boxes,
        "measured_only": len(further),
        "studies": sorted({example.study for example in data.examples}),
        "plan": asdict(options.plan),
        "variants": options.variants,
        "seed": options.seed,
    }
