"""One training run of the frame network on prepared maps."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pipeline.frames.network import soft_maximum
from pipeline.train.frame.fusion import balanced
from pipeline.train.frame.maps import BODY, EMPTY, Maps
from pipeline.train.frame.stages import Stages
from pipeline.train.pictures import Example, targets
from pipeline.trust.measure import auc

State = dict[str, Tensor]  # of a network
_EMA = 0.98  # the weights that are kept are a running mean of about the last fifty steps
_CLIP = 5.0  # of the gradient's length


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast a run learns."""

    steps: int = 400
    batch: int = 32
    rate: float = 2e-3  # of the heads
    body_rate: float = 3e-4  # of the pretrained backbone
    decay: float = 1e-2
    check_every: int = 50  # steps between checks on the validation pictures
    patience: int = 3  # checks without gain before it stops early


@dataclass(frozen=True, slots=True)
class Data:
    """The pictures with everything that was computed from them."""

    examples: Sequence[Example]
    maps: Maps
    cells: NDArray[np.int8]  # maps.cell_targets

    @property
    def kinds(self) -> list[str]:
        """What each picture shows."""
        return [example.kind for example in self.examples]


def learn(
    stages: Stages,
    data: Data,
    rows: NDArray[np.intp],
    plan: Plan,
    seed: int,
    validation: NDArray[np.intp] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> float:
    """Train `stages.net` in place on `rows`; the validation AUC kept (nan without validation).

    With validation rows the best state is kept, and the run stops when it no longer improves.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    shares = _shares(data, rows)
    optimiser = torch.optim.AdamW(stages.groups(plan.rate, plan.body_rate), weight_decay=plan.decay)
    rates = [group["lr"] for group in optimiser.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rates, total_steps=plan.steps, pct_start=0.2
    )
    mean: State | None = None
    best_auc, best, since = float("nan"), State(), 0
    for step in range(1, plan.steps + 1):
        picked = rng.choice(rows, plan.batch, p=shares)
        loss = _step(stages, data, picked, rng, optimiser)
        schedule.step()
        mean = _running_mean(mean, stages.net.state_dict(), fresh=step <= plan.steps // 3)
        if step % plan.check_every and step < plan.steps:
            continue
        say(f"step {step} of {plan.steps}, loss {loss:.3f}")
        if validation is not None:
            found = _validate(stages, data, mean, validation)
            since += 1
            if not found <= best_auc:
                best_auc, best, since = found, copy.deepcopy(mean), 0
            say(f"validation AUC {found:.4f}")
            if since >= plan.patience:
                break
    stages.net.load_state_dict(best or mean or {})
    stages.net.eval()
    return best_auc


def predict(stages: Stages, data: Data, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Logits (n, 4) of pictures as they are."""
    stages.net.eval()
    logits = []
    with torch.inference_mode():
        for start in range(0, len(rows), 16):
            part = rows[start : start + 16]
            found, _ = _forward(stages, data, [0] * len(part), part)
            logits.append(found.float().cpu().numpy())
    return np.concatenate(logits)


def frame_score(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Log-odds of blank against anything else, before calibration."""
    logits = logits.astype(np.float64)
    return np.asarray(logits[:, 3] - np.logaddexp.reduce(logits[:, :3], axis=1))


def _shares(data: Data, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    cards = [data.examples[row].card for row in rows]
    is_blank = np.array([data.examples[row].kind == "blank" for row in rows])
    weights = balanced(cards, is_blank)
    return np.asarray(weights / weights.sum())


def _step(
    stages: Stages,
    data: Data,
    picked: NDArray[np.intp],
    rng: np.random.Generator,
    optimiser: torch.optim.Optimizer,
) -> float:
    variants = rng.integers(0, data.cells.shape[0], len(picked))
    stages.train()
    logits, evidence = _forward(stages, data, variants.tolist(), picked)
    device = logits.device
    truth = torch.from_numpy(targets([data.examples[row].kind for row in picked])).to(device)
    cells = torch.from_numpy(data.cells[variants, picked]).to(device)
    loss = loss_of(logits.float(), evidence.float(), truth, cells)
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(stages.net.parameters(), _CLIP)
    optimiser.step()
    return float(loss.detach())


def loss_of(logits: Tensor, evidence: Tensor, truth: Tensor, cells: Tensor) -> Tensor:
    """The sum of three losses: of the picture's kinds, of its strongest cells, of each known cell.

    logits (n, 4), evidence (n, 3, h, w), truth (n, 4), cells (n, h, w) of EMPTY, BODY, IGNORE
    """
    labelled = torch.ones_like(truth)
    labelled[:, 2] -= truth[:, 1]  # beside a person there may be a vehicle that has no label
    whole = (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * labelled).mean()
    kinds, labelled = truth[:, :3], labelled[:, :3]
    strongest = F.binary_cross_entropy_with_logits(soft_maximum(evidence), kinds, reduction="none")
    of_kind = kinds[:, :, None, None].bool()
    body, empty = (cells == BODY)[:, None], (cells == EMPTY)[:, None]
    there, absent = body & of_kind, empty | (body & ~of_kind)
    seen = _mean_over(F.softplus(-evidence), there) + _mean_over(F.softplus(evidence), absent)
    return whole + 0.5 * (strongest * labelled).mean() + (seen * labelled).mean()


def _mean_over(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum(dim=(2, 3)) / where.sum(dim=(2, 3)).clamp(min=1)


def _forward(
    stages: Stages, data: Data, variants: Sequence[int], rows: NDArray[np.intp]
) -> tuple[Tensor, Tensor]:
    device = stages.device
    given = [torch.from_numpy(array) for array in data.maps.batch(variants, rows.tolist())]
    given = [
        array.to(device) if array.dtype == torch.uint8 else array.to(device).float()
        for array in given
    ]
    with torch.autocast(device, torch.bfloat16, enabled=_mixed(device)):
        return stages.finish(*given)


def _mixed(device: str) -> bool:
    """bfloat16 where the processor has it: half the time, the same result within noise."""
    return device == "cuda" or torch.cpu._is_avx512_bf16_supported()


def _running_mean(mean: State | None, now: State, fresh: bool) -> State:
    if mean is None or fresh:
        return {name: value.detach().clone() for name, value in now.items()}
    for name, value in mean.items():
        if value.is_floating_point():
            value.mul_(_EMA).add_(now[name], alpha=1 - _EMA)
        else:
            value.copy_(now[name])
    return mean


def _validate(stages: Stages, data: Data, mean: State, rows: NDArray[np.intp]) -> float:
    live = copy.deepcopy(stages.net.state_dict())
    stages.net.load_state_dict(mean)
    logits = predict(stages, data, rows)
    stages.net.load_state_dict(live)
    is_blank = np.array([data.examples[row].kind == "blank" for row in rows])
    return auc(frame_score(logits), is_blank)
