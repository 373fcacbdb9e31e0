"""One training run of the last layers of the detector's heads, on the places kept of each picture.

Two things are asked. In the whole picture: is the strongest place of each kind that is not shown
weak, and that of the kind that is shown strong? At the places of known boxes: how well does each
one's own box fit? All else stays near what the network said at the start: COCO has more people and
vehicles than any camera trap.
People are not taught: most of those that may train stand close to one camera, arms and sleeves, and
heads that learn them find fewer elsewhere. That row stays as COCO made it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pipeline.frames.boxes import overlap
from pipeline.frames.detector_network import NAMES, DetectorNet, kinds_of
from pipeline.frames.evidence import KINDS
from pipeline.train.detector.places import Places
from pipeline.train.detector.truth import Boxes
from pipeline.train.frame.fusion import balanced
from pipeline.train.pictures import Example

_MEAN = 0.98  # the weights that are kept are a running mean of about the last fifty steps
_CLIP = 5.0  # of the gradient's length
_FITS = 0.5  # intersection over union from which on a place stands for a box
_OTHERS = 0.02  # weight of a place without the kind, against the one of the strongest place


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast a run learns."""

    steps: int = 200
    batch: int = 48
    rate: float = 7e-4
    keep: float = 0.1  # weight of what the network said at the start, where no label says better
    stay: float = 0.1  # pull of the weights to those at the start


@dataclass(frozen=True, slots=True)
class Data:
    """The pictures with everything that was computed from them."""

    examples: Sequence[Example]
    places: Places
    fits: NDArray[np.float16]  # (v, n, KEPT) how well a place's box fits a known one; 0: not at all


class Last(torch.nn.Module):
    """The rows of the four last layers that say what is at a place."""

    def __init__(self, network: DetectorNet) -> None:
        super().__init__()
        weights = [out.weight[:NAMES, :, 0, 0].detach() for out in network.outs]
        self.weight = torch.nn.Parameter(torch.stack(weights))
        biases = [out.bias[:NAMES].detach() for out in network.outs if out.bias is not None]
        self.bias = torch.nn.Parameter(torch.stack(biases))

    def forward(self, numbers: Tensor, heads: Tensor) -> Tensor:
        """(n, places, 96) and their heads (n, places) to kinds (n, places, 3)."""
        of_all = torch.einsum("npc,hkc->nphk", numbers, self.weight) + self.bias
        index = heads[:, :, None, None].expand(-1, -1, 1, NAMES)
        return kinds_of(of_all.gather(2, index)[:, :, 0])

    def into(self, network: DetectorNet) -> None:
        """Write the rows back into a network."""
        with torch.no_grad():
            for out, weight, bias in zip(network.outs, self.weight, self.bias, strict=True):
                out.weight[:NAMES, :, 0, 0] = weight
                if out.bias is not None:
                    out.bias[:NAMES] = bias


def learn(
    network: DetectorNet,
    data: Data,
    rows: NDArray[np.intp],
    plan: Plan,
    seed: int,
    say: Callable[[str], None] = lambda text: None,
) -> Last:
    """Last layers trained on `rows`, from those of `network`, which stays as it is."""
    torch.set_num_threads(1)  # another number adds up in another order
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    shares = shares_of([data.examples[row] for row in rows])
    start, last = Last(network).requires_grad_(False), Last(network)
    learned = [*last.parameters()]
    optimiser = torch.optim.Adam(learned, lr=plan.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.rate, total_steps=plan.steps, pct_start=0.2
    )
    mean: list[Tensor] = []
    for step in range(1, plan.steps + 1):
        picked = rng.choice(rows, plan.batch, p=shares)
        variants = rng.integers(0, len(data.places.numbers), plan.batch)
        loss = _loss(last, start, data, variants, picked, plan)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(learned, _CLIP)
        optimiser.step()
        schedule.step()
        mean = _running_mean(mean, learned, step <= plan.steps // 3)
        if step % 100 == 0:
            say(f"step {step} of {plan.steps}, loss {float(loss.detach()):.3f}")
    with torch.no_grad():
        for parameter, value in zip(learned, mean, strict=True):
            parameter.copy_(value)
    return last


def confidences(last: Last, places: Places, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n, 3) the best confidence of each kind in pictures as they are."""
    found = []
    with torch.inference_mode():
        for begin in range(0, len(rows), 64):
            kinds = last(*_given(places, np.zeros(1, int), rows[begin : begin + 64]))
            found.append(kinds.amax(dim=1).sigmoid().double().numpy())
    return np.concatenate(found)


def fits_of(places: Places, boxes: Sequence[Sequence[Boxes]]) -> NDArray[np.float16]:
    """Data.fits, from the known boxes by variant and row."""
    fits = np.zeros(places.heads.shape, np.float16)
    for variant, of_rows in enumerate(boxes):
        for row, known in enumerate(of_rows):
            for box in known:
                fit = overlap(box, places.edges[variant, row].astype(np.float64))
                fit[fit < min(_FITS, fit.max())] = 0
                fits[variant, row] = np.maximum(fits[variant, row], fit)
    return fits


def shares_of(examples: Sequence[Example]) -> NDArray[np.float64]:
    """How often each picture is drawn: each kind equally, large cards by the root of their size."""
    kinds = np.array([example.kind for example in examples])
    names = [f"{example.card} {example.kind}" for example in examples]
    weights = balanced(names, np.zeros(len(examples), bool))
    for kind in sorted(set(kinds.tolist())):
        weights[kinds == kind] /= weights[kinds == kind].sum()
    return np.asarray(weights / weights.sum())


def _given(
    places: Places, variants: NDArray[np.intp], rows: NDArray[np.intp]
) -> tuple[Tensor, Tensor]:
    numbers = torch.from_numpy(places.numbers[variants, rows].astype(np.float32))
    return numbers, torch.from_numpy(places.heads[variants, rows].astype(np.int64))


def _loss(
    last: Last,
    start: Last,
    data: Data,
    variants: NDArray[np.intp],
    rows: NDArray[np.intp],
    plan: Plan,
) -> Tensor:
    given = _given(data.places, variants, rows)
    kinds, before = last(*given), start(*given)
    shown = [data.examples[row].kind for row in rows]
    truth = torch.tensor([[kind == one for one in KINDS] for kind in shown]).float()
    labelled = torch.ones_like(truth)
    labelled[:, 1] = 0
    labelled[:, 2] -= truth[:, 1]  # beside a person there may be a vehicle that has no label
    strongest = F.binary_cross_entropy_with_logits(kinds.amax(dim=1), truth, reduction="none")
    absent = ((1 - truth) * labelled)[:, None]
    focal = kinds.sigmoid().square() * F.softplus(kinds) * absent
    fit = torch.from_numpy(data.fits[variants, rows].astype(np.float32))[:, :, None]
    there = (fit > 0) * (truth * labelled)[:, None]
    seen = F.binary_cross_entropy_with_logits(kinds, fit.expand_as(kinds), reduction="none")
    each = (seen * there).sum(dim=(1, 2)) / there.sum(dim=(1, 2)).clamp(min=1)
    unsaid = (absent == 0) * (there == 0)
    kept = ((kinds - before).square() * unsaid).sum() / unsaid.sum().clamp(min=1)
    pull = ((last.weight - start.weight) ** 2).sum() + ((last.bias - start.bias) ** 2).sum()
    whole = (strongest * labelled).sum(dim=1) + _OTHERS * focal.sum(dim=(1, 2)) + each
    loss: Tensor = whole.mean() + plan.keep * kept + plan.stay * pull
    return loss


def _running_mean(mean: list[Tensor], now: Sequence[Tensor], fresh: bool) -> list[Tensor]:
    if not mean or fresh:
        return [value.detach().clone() for value in now]
    for kept, value in zip(mean, now, strict=True):
        kept.mul_(_MEAN).add_(value.detach(), alpha=1 - _MEAN)
    return mean
