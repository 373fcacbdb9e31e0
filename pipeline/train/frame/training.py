"""Train a frame model: `camtriage train frame labels.csv --out my-model`.

The table names pictures as pipeline.train.pictures describes. Only rows that may train weights
given to others are used (`--everything`: all rows, for weights that are not given away). Rows of
the split `validate` stop the run early and fit the decision about blanks. With `--leave-out` both
splits are used for training, the number of steps stays as given, and the decision is fitted on
scores of networks that were not trained on the picture's study.
"""

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.frames import blank
from pipeline.frames.classifier import read_facts, save_frame_model
from pipeline.models.folder import with_weights
from pipeline.train.drawn.card import draw_card
from pipeline.train.frame.decision import RECALL, decision, write_left_out
from pipeline.train.frame.gain import gain_of
from pipeline.train.frame.learn import Data, Plan, State, frame_score, learn, predict
from pipeline.train.frame.maps import cell_targets, compute_maps
from pipeline.train.frame.stages import Stages
from pipeline.train.pictures import (
    KINDS,
    Example,
    read_examples,
)
from pipeline.trust.measure import auc

Rows = NDArray[np.intp]
Say = Callable[[str], None]
SMALL_STUDY = 100  # pictures: smaller studies are left out together
MOST_FOLDS = 5  # of stations, where a model learns on
DRAWN_SEED = 101  # of the first drawn card


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """The options of `camtriage train frame`."""

    table: Path
    out: Path
    name: str = "own"
    backbone: str = "tf_efficientnet_lite0"  # any timm name with a stride-16 and a stride-32 map
    backbone_args: dict[str, Any] = field(default_factory=dict)  # for timm.create_model
    weights: Path | None = None  # safetensors of the backbone; None: random
    learn: str = "heads"  # heads, last (stage), all
    size: tuple[int, int] = (320, 448)  # height, width in pixels, multiples of 32
    hidden: int = 64
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    variants: int = 4  # the picture and altered copies
    plan: Plan = field(default_factory=Plan)
    soup: int = 1  # runs with other seeds, averaged where that helps
    seed: int = 0
    leave_out: bool = False
    everything: bool = False
    drawn: int = 0  # drawn cards (about 190 pictures each) among the training pictures
    onnx: bool = True
    start: Path | None = None  # a frame model's folder to learn on from, with leave_out


def train_frame(options: FrameOptions, say: Callable[[str], None]) -> Path | None:
    """Train, fit the decision, write the model's folder. Returns it.

    None: with `start`, where it does not beat that model on studies left out; nothing is written.
    """
    examples = _chosen(options)
    with tempfile.TemporaryDirectory() as folder:
        examples = examples + _drawn(options.drawn, Path(folder))
        stages = _stages(options)
        fresh = copy.deepcopy(stages.net.state_dict())
        data = _prepare(options, examples, stages, Path(folder), say)
        training, validation = _rows(options, examples)
        left_out = _left_out(options, data, training, fresh, say) if options.leave_out else None
        held = None if options.leave_out else validation
        stages = _soup(options, data, training, held, fresh, say)
        everyone = np.arange(len(examples))
        logits = predict(stages, data, everyone)
        judged = validation
        if left_out is not None:
            rows, scores = left_out
            logits[rows] = scores
            judged = everyone[
                [example.kind != "unknown" and example.study != "drawn" for example in examples]
            ]
        if options.start and not _gained(options, options.start, data, fresh, logits, judged, say):
            return None
        fitted = decision(data, logits, judged, say)
        if left_out is not None:
            write_left_out(options.out, data, logits, judged)
    facts = _facts(options, examples, training, fitted)
    save_frame_model(stages.net.cpu(), facts, options.out, onnx=options.onnx)
    say(f"written: {options.out}")
    return options.out


def _gained(
    options: FrameOptions,
    start: Path,
    data: Data,
    fresh: State,
    logits: NDArray[np.float32],
    rows: Rows,
    say: Say,
) -> bool:
    """Whether what was learned beats the model it began with; both figures are said."""
    stages = _stages(options)
    stages.net.load_state_dict(fresh)
    before = predict(stages, data, np.arange(len(data.examples)))
    facts = read_facts(start)
    found = gain_of(data, before, blank.Fusion.from_json(facts["fusion"]), logits, rows)
    say(
        f"{len(rows)} pictures of {found.studies} studies, each left out, before and after: "
        f"AUC {found.auc[0]:.3f} {found.auc[1]:.3f} (gain [{found.low:.3f}, {found.high:.3f}]), "
        f"blanks removed at recall {RECALL:g} {found.removed[0]:.2f} {found.removed[1]:.2f}"
    )
    return found.better


def folds(studies: Sequence[str], most: int | None = None) -> list[frozenset[str]]:
    """The groups that are left out in turn: each large study, and the small ones together.

    Without a large study each small one is a group. most: all studies are shared out among so many
    groups. SettingsError for a single study.
    """
    names, sizes = np.unique(np.asarray(studies), return_counts=True)
    if len(names) < 2:
        raise SettingsError("leaving studies out needs at least two of them (column source_repo)")
    if most is not None:
        every = names.tolist()
        return [frozenset(every[turn::most]) for turn in range(min(most, len(every)))]
    large = [frozenset([str(name)]) for name in names[sizes >= SMALL_STUDY]]
    small = [str(name) for name in names[sizes < SMALL_STUDY]]
    if not large:
        return [frozenset([name]) for name in small]
    return large + ([frozenset(small)] if small else [])


def _chosen(options: FrameOptions) -> list[Example]:
    wanted = [
        example
        for example in read_examples(options.table)
        if example.split in ("train", "validate")
    ]
    training, validation = _rows(options, wanted)
    if not len(training) or (not options.leave_out and not len(validation)):
        raise SettingsError(
            f"{options.table}: training needs rows of the split train that may train, and, "
            f"without --leave-out, rows of the split validate"
        )
    return wanted


def _drawn(cards: int, folder: Path) -> list[Example]:
    """Drawn cards as training pictures; their seeds are not the demo's."""
    found = []
    for seed in range(DRAWN_SEED, DRAWN_SEED + cards):
        place = folder / f"drawn{seed}"
        for drawn in draw_card(place, seed):
            if drawn.whole and drawn.kind in KINDS:
                path, station = place / drawn.path, f"{seed} {drawn.camera}"
                given = ("train", True, "drawn", "drawn", station, f"drawn/{seed}/{drawn.path}")
                found.append(Example(path, drawn.kind, *given, drawn.taken_at))
    return found


def _rows(options: FrameOptions, examples: Sequence[Example]) -> tuple[Rows, Rows]:
    """Rows to learn from, and rows of the split validate; `unknown` is in neither."""
    splits = ("train", "validate") if options.leave_out else ("train",)
    known = [(row, example) for row, example in enumerate(examples) if example.kind != "unknown"]
    may = [(row, example) for row, example in known if example.may_train or options.everything]
    training = [row for row, example in may if example.split in splits]
    validation = [row for row, example in known if example.split == "validate"]
    return np.array(training, dtype=int), np.array(validation, dtype=int)


def _stages(options: FrameOptions) -> Stages:
    import torch

    from pipeline.frames.network import FrameNet
    from pipeline.models import weights

    torch.manual_seed(options.seed)
    net = FrameNet(
        options.backbone, options.hidden, options.mean, options.std, options.backbone_args
    )
    if options.start is not None:
        with_weights(net, options.start / "frame.safetensors")
    if options.weights is not None:
        given = weights.load(options.weights)
        missing = net.body.load_state_dict(given, strict=False).missing_keys
        if missing:
            raise SettingsError(f"{options.weights}: no weights for {missing[0]} of this backbone")
    return Stages(net, options.learn, "cuda" if torch.cuda.is_available() else "cpu")


def _prepare(
    options: FrameOptions, examples: Sequence[Example], stages: Stages, folder: Path, say: Say
) -> Data:
    def progress(done: int, count: int) -> None:
        if done % 200 < 8 or done == count:
            say(f"pictures {done} of {count}")

    size, seed, variants = options.size, options.seed, options.variants
    maps = compute_maps(examples, stages, size, variants, seed, folder, progress)
    return Data(examples, maps, cell_targets(examples, maps, variants, seed))


def _left_out(
    options: FrameOptions, data: Data, training: Rows, fresh: State, say: Say
) -> tuple[Rows, NDArray[np.float32]]:
    """Rows of the studies learned from, and their logits by networks that never saw the study."""
    studies = np.array([example.study for example in data.examples])
    trained = np.isin(np.arange(len(studies)), training)
    rows, logits = [], []
    real = training[studies[training] != "drawn"]
    for fold in folds(studies[real], MOST_FOLDS if options.start else None):
        held = np.isin(studies, list(fold))
        say(f"left out: {', '.join(sorted(fold))}")
        stages = _soup(options, data, np.flatnonzero(trained & ~held), None, fresh, say)
        rows.append(np.flatnonzero(held))
        logits.append(predict(stages, data, rows[-1]))
    return np.concatenate(rows), np.concatenate(logits)


def _soup(
    options: FrameOptions,
    data: Data,
    training: Rows,
    validation: Rows | None,
    fresh: State,
    say: Say,
) -> Stages:
    """Runs with other seeds; a run joins their mean only if validation improves by it.

    Without validation pictures every run joins the mean: there is nothing to choose by.
    """
    runs = []
    for number in range(options.soup):
        say(f"run {number + 1} of {options.soup}")
        stages = _stages(options)
        stages.net.load_state_dict(fresh)
        found = learn(stages, data, training, options.plan, options.seed + number, validation, say)
        runs.append((found, stages.net.state_dict()))
    if validation is None:
        stages.net.load_state_dict(mean_of([state for _, state in runs]))
        return stages
    runs.sort(key=lambda run: -run[0])
    kept, best = [runs[0][1]], runs[0][0]
    for _, state in runs[1:]:
        stages.net.load_state_dict(mean_of([*kept, state]))
        found = _auc(stages, data, validation)
        if found > best:
            kept, best = [*kept, state], found
    say(f"kept {len(kept)} of {len(runs)} runs, validation AUC {best:.4f}")
    stages.net.load_state_dict(mean_of(kept))
    return stages


def mean_of(states: Sequence[State]) -> State:
    """The mean of networks of one form; counters are taken from the first."""
    import torch

    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0)
        if states[0][name].is_floating_point()
        else states[0][name]
        for name in states[0]
    }


def _auc(stages: Stages, data: Data, rows: Rows) -> float:
    is_blank = np.array([data.examples[row].kind == "blank" for row in rows])
    return auc(frame_score(predict(stages, data, rows)), is_blank)


def _facts(
    options: FrameOptions, examples: Sequence[Example], training: Rows, fitted: blank.Fusion
) -> dict[str, Any]:
    learned = [examples[row] for row in training]
    kinds = {
        kind: sum(example.kind == kind for example in learned) for kind in blank_kinds(learned)
    }
    return {
        "name": options.name,
        "backbone": options.backbone,
        "backbone_args": options.backbone_args,
        "hidden": options.hidden,
        "size": list(options.size),
        "mean": list(options.mean),
        "std": list(options.std),
        "fusion": fitted.to_json(),
        "training": {
            "pictures": kinds,
            "studies": sorted({example.study for example in learned}),
            "learn": options.learn,
            "plan": asdict(options.plan),
            "variants": options.variants,
            "soup": options.soup,
            "seed": options.seed,
            "leave_out": options.leave_out,
        },
    }


def blank_kinds(examples: Sequence[Example]) -> list[str]:
    """What the pictures show, each kind once."""
    return sorted({example.kind for example in examples})
