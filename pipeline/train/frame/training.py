"""Train a frame model: `camtriage train frame labels.csv --out my-model`.

The table names pictures in the form of pipeline.train.pictures. Learned is only from rows that may
train weights given to others (`--everything`: from all, for weights that stay at home). Rows of
the split `validate` stop the run early and fit the decision about blanks; with `--leave-out` both
splits are learned from, the number of steps stays as given, and the decision is fitted on scores of
networks that had not seen the picture's study.
"""

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.frames import blank
from pipeline.frames.classifier import save_frame_model
from pipeline.train.drawn.card import draw_card
from pipeline.train.frame.decision import decision, write_left_out
from pipeline.train.frame.learn import Data, Plan, frame_score, learn, predict
from pipeline.train.frame.maps import cell_targets, compute_maps
from pipeline.train.frame.stages import Stages
from pipeline.train.pictures import (
    KINDS,
    Example,
    read_examples,
)
from pipeline.trust.measure import auc

SMALL_STUDY = 100  # pictures: smaller studies are left out together
DRAWN_SEED = 101  # of the first drawn card


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """What `camtriage train frame` can be told."""

    table: Path
    out: Path
    name: str = "own"
    backbone: str = "tf_efficientnet_lite0"  # any timm name with a stride-16 and a stride-32 map
    backbone_args: dict = field(default_factory=dict)  # for timm.create_model
    weights: Path | None = None  # safetensors of the backbone; None: random
    learn: str = "heads"  # heads, last (stage), all
    size: tuple[int, int] = (320, 448)  # height, width in pixels, multiples of 32
    hidden: int = 64
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    variants: int = 4  # the picture and altered copies
    plan: Plan = field(default_factory=Plan)
    soup: int = 1  # runs with other seeds, averaged greedily where that helps
    seed: int = 0
    leave_out: bool = False
    everything: bool = False
    drawn: int = 0  # drawn cards (about 190 pictures each) among the training pictures
    onnx: bool = True


def train_frame(options: FrameOptions, say: Callable[[str], None] = print) -> Path:
    """Train, fit the decision, write the model's folder. Returns it."""
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
            judged = everyone[[one.kind != "unknown" and one.study != "drawn" for one in examples]]
        fitted = decision(data, logits, judged, say)
        if left_out is not None:
            write_left_out(options.out, data, logits, judged)
    facts = _facts(options, examples, training, fitted)
    save_frame_model(stages.net.cpu(), facts, options.out, onnx=options.onnx)
    say(f"written: {options.out}")
    return options.out


def folds(studies: Sequence[str]) -> list[frozenset[str]]:
    """What is left out at a time: each large study, and the small ones together.

    Without a large one each small one alone. SettingsError for a single study.
    """
    names, sizes = np.unique(np.asarray(studies), return_counts=True)
    if len(names) < 2:
        raise SettingsError("leaving studies out needs at least two of them (column source_repo)")
    large = [frozenset([str(name)]) for name in names[sizes >= SMALL_STUDY]]
    small = [str(name) for name in names[sizes < SMALL_STUDY]]
    if not large:
        return [frozenset([name]) for name in small]
    return large + ([frozenset(small)] if small else [])


def _chosen(options: FrameOptions) -> list[Example]:
    wanted = [one for one in read_examples(options.table) if one.split in ("train", "validate")]
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
        for one in draw_card(place, seed):
            if one.whole and one.kind in KINDS:
                path, station = place / one.path, f"{seed} {one.camera}"
                given = ("train", True, "drawn", "drawn", station, f"drawn/{seed}/{one.path}")
                found.append(Example(path, one.kind, *given, one.taken_at))
    return found


def _rows(options: FrameOptions, examples: Sequence[Example]) -> tuple[NDArray, NDArray]:
    """Rows to learn from, and rows of the split validate; `unknown` is in neither."""
    splits = ("train", "validate") if options.leave_out else ("train",)
    known = [(row, one) for row, one in enumerate(examples) if one.kind != "unknown"]
    may = [(row, one) for row, one in known if one.may_train or options.everything]
    training = [row for row, one in may if one.split in splits]
    validation = [row for row, one in known if one.split == "validate"]
    return np.array(training, dtype=int), np.array(validation, dtype=int)


def _stages(options: FrameOptions) -> Stages:
    import torch

    from pipeline.frames.network import FrameNet
    from pipeline.models import weights

    torch.manual_seed(options.seed)
    net = FrameNet(
        options.backbone, options.hidden, options.mean, options.std, options.backbone_args
    )
    if options.weights is not None:
        given = weights.load(options.weights)
        missing = net.body.load_state_dict(given, strict=False).missing_keys
        if missing:
            raise SettingsError(f"{options.weights}: no weights for {missing[0]} of this backbone")
    return Stages(net, options.learn, "cuda" if torch.cuda.is_available() else "cpu")


def _prepare(options, examples, stages: Stages, folder: Path, say) -> Data:
    def progress(done: int, count: int) -> None:
        if done % 200 < 8 or done == count:
            say(f"pictures {done} of {count}")

    size, seed, variants = options.size, options.seed, options.variants
    maps = compute_maps(examples, stages, size, variants, seed, folder, progress)
    return Data(examples, maps, cell_targets(examples, maps, variants, seed))


def _left_out(options, data: Data, training, fresh: dict, say) -> tuple:
    """Rows of the studies learned from, and their logits by networks that never saw the study."""
    studies = np.array([one.study for one in data.examples])
    trained = np.isin(np.arange(len(studies)), training)
    rows, logits = [], []
    real = training[studies[training] != "drawn"]
    for fold in folds(studies[real]):
        held = np.isin(studies, list(fold))
        say(f"left out: {', '.join(sorted(fold))}")
        stages = _soup(options, data, np.flatnonzero(trained & ~held), None, fresh, say)
        rows.append(np.flatnonzero(held))
        logits.append(predict(stages, data, rows[-1]))
    return np.concatenate(rows), np.concatenate(logits)


def _soup(options, data: Data, training, validation, fresh: dict, say) -> Stages:
    """Runs with other seeds; their mean is kept only as far as validation gets better by it.

    Without validation pictures every run goes into the mean: nothing could choose among them.
    """
    runs = []
    for number in range(options.soup):
        say(f"run {number + 1} of {options.soup}")
        stages = _stages(options)
        stages.net.load_state_dict(fresh)
        found = learn(stages, data, training, options.plan, options.seed + number, validation, say)
        runs.append((found, stages.net.state_dict()))
    if validation is None:
        stages.net.load_state_dict(mean_of([one for _, one in runs]))
        return stages
    runs.sort(key=lambda run: -run[0])
    kept, best = [runs[0][1]], runs[0][0]
    for _, one in runs[1:]:
        stages.net.load_state_dict(mean_of([*kept, one]))
        found = _auc(stages, data, validation)
        if found > best:
            kept, best = [*kept, one], found
    say(f"kept {len(kept)} of {len(runs)} runs, validation AUC {best:.4f}")
    stages.net.load_state_dict(mean_of(kept))
    return stages


def mean_of(states: Sequence[dict]) -> dict:
    """The mean of networks of one form; counters are taken from the first."""
    import torch

    return {
        name: torch.stack([one[name] for one in states]).mean(dim=0)
        if states[0][name].is_floating_point()
        else states[0][name]
        for name in states[0]
    }


def _auc(stages: Stages, data: Data, rows) -> float:
    is_blank = np.array([data.examples[row].kind == "blank" for row in rows])
    return auc(frame_score(predict(stages, data, rows)), is_blank)


def _facts(options: FrameOptions, examples, training, fitted: blank.Fusion) -> dict:
    learned = [examples[row] for row in training]
    kinds = {kind: sum(one.kind == kind for one in learned) for kind in blank_kinds(learned)}
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
            "studies": sorted({one.study for one in learned}),
            "learn": options.learn,
            "plan": asdict(options.plan),
            "variants": options.variants,
            "soup": options.soup,
            "seed": options.seed,
            "leave_out": options.leave_out,
        },
    }


def blank_kinds(examples: Sequence[Example]) -> list[str]:
    return sorted({one.kind for one in examples})
