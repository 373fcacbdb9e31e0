"""The starter's text tower: a small transformer that learns which words mean which vector.

It never sees a picture. For each taxon it gets many phrasings (common and scientific names,
family, templates), for each of ImageNet's thousand classes their names, and is pulled to the vector
that the image side has for them. So it knows synonyms and spellings, not new animals.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.species import towers
from pipeline.species.labelset import LabelSet

TEXT_CFG = {"context_length": 24, "vocab_size": 49408, "width": 96, "heads": 4, "layers": 2}
STEPS = 2500
BATCH = 192
RATE = 3e-3
SHARPNESS = 20.0  # of the contrast between texts of different meaning
PATTERNS = (
    "{name}",
    "{name}",
    "a photo of a {name}",
    "a photo of the {name}",
    "a {name} in a camera-trap picture",
    "{name}, {scientific}",
    "{scientific}",
    "{family} {scientific} {name}",
    "a photo of {scientific} with common name {name}",
    "{order} {family} {scientific}",
)


@dataclass(frozen=True)
class Meaning:
    """One vector and the words for it."""

    names: tuple[str, ...]
    scientific: str
    family: str
    order: str

    def phrase(self, rng: random.Random) -> str:
        """One way of saying it; parts that are not known are left out."""
        text = rng.choice(PATTERNS)
        facts = {"scientific": self.scientific, "family": self.family, "order": self.order}
        if self.scientific == "" and "{scientific}" in text:
            text = rng.choice(PATTERNS[:5])
        for key, value in facts.items():
            text = text.replace(f"{{{key}}}", value)
        text = " ".join(text.replace("{name}", rng.choice(self.names)).split())
        return text.lower() if rng.random() < 0.3 else text


def meanings(labelset: LabelSet, class_lines: Sequence[str], numbers: dict) -> list[Meaning]:
    """Taxa of the label set first, then ImageNet's classes.

    class_lines   (1000,) "name, name, Scientific name" each
    numbers       taxon -> its classes, whose names are its names too
    """
    found = []
    for one in labelset.taxa:
        above = dict(one.parents)
        scientific = one.name if one.rank else ""
        own = [n for k in numbers.get(one.name, [])[:20] for n in _names(class_lines[k])]
        alone = own if len(numbers.get(one.name, [])) == 1 and one.rank == "species" else []
        names = dict.fromkeys([*one.common, *alone]) or {one.name: None}
        found.append(
            Meaning(tuple(names), scientific, above.get("family", ""), above.get("order", ""))
        )
    return found + [Meaning(tuple(_names(line)), "", "", "") for line in class_lines]


def _names(line: str) -> list[str]:
    return [part.strip() for part in line.split(",") if part.strip()]


def train_text_tower(
    model, meant: Sequence[Meaning], targets: NDArray, weights: NDArray, seed: int, tell: Callable
) -> float:
    """Fit `model.text` so that phrasings meet their targets.

    targets   (meanings, d) of unit length
    weights   (meanings,) how often a meaning is drawn
    returns   the mean cosine between fresh phrasings and targets, by weight
    """
    import torch
    from torch.nn import functional

    tokenizer, rng = _tokenizer(), random.Random(seed)
    torch.manual_seed(seed)
    wanted = torch.tensor(np.asarray(targets), dtype=torch.float32)
    parameters = [one for one in model.text.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    model.text.train()
    for step in range(STEPS):
        rows = rng.choices(range(len(meant)), weights=weights, k=BATCH)
        tokens = tokenizer([meant[k].phrase(rng) for k in rows])
        said = functional.normalize(model.text(tokens), dim=-1)
        truth = wanted[rows]
        apart = SHARPNESS * said @ wanted.T
        loss = (1 - (said * truth).sum(-1)).mean() * 10
        loss = loss + functional.cross_entropy(apart, torch.tensor(rows))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        tell(step + 1, STEPS, float(loss.detach()))
    model.text.eval()
    with torch.inference_mode():
        rows = rng.choices(range(len(meant)), weights=weights, k=2000)
        said = model.encode_text(tokenizer([meant[k].phrase(rng) for k in rows]), normalize=True)
    return float((said * wanted[rows]).sum(-1).mean())


def _tokenizer():
    towers.register()
    from open_clip import SimpleTokenizer

    return SimpleTokenizer(context_length=TEXT_CFG["context_length"])
