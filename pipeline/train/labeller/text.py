"""The text tower of the starter labeller: a small transformer that turns words into vectors.

It is trained without pictures. For each taxon it gets many phrasings (common and scientific names,
family, templates), for each of ImageNet's thousand classes its names, and learns the vector that
the image side has for them. So it knows synonyms and spellings, but no new animals.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.species import towers
from pipeline.species.labelset import LabelSet
from pipeline.train.labeller.head import Numbers

if TYPE_CHECKING:
    import torch

Tokenizer = Callable[[Sequence[str]], "torch.Tensor"]

TEXT_CFG = {"context_length": 24, "vocab_size": 49408, "width": 256, "heads": 4, "layers": 1}
STEPS = 1200
BATCH = 128
RATE = 2e-3
SEED = 7
PHRASINGS = 24  # of each meaning
SHARPNESS = 20.0  # of the contrast between texts of different meaning
SEEN = 256  # pictures a step on which text and target must agree
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
        """A random phrasing; parts that are not known are left out."""
        text = rng.choice(PATTERNS)
        facts = {"scientific": self.scientific, "family": self.family, "order": self.order}
        if self.scientific == "" and "{scientific}" in text:
            text = rng.choice(PATTERNS[:5])
        for key, value in facts.items():
            text = text.replace(f"{{{key}}}", value)
        text = " ".join(text.replace("{name}", rng.choice(self.names)).split())
        return text.lower() if rng.random() < 0.3 else text


def meanings(
    labelset: LabelSet, class_lines: Sequence[str], numbers: Mapping[str, Sequence[int]]
) -> list[Meaning]:
    """Taxa of the label set first, then ImageNet's classes.

    class_lines   (1000,) "name, name, Scientific name" each
    numbers       taxon -> its classes, whose names are its names too
    """
    found = []
    for taxon in labelset.taxa:
        above = dict(taxon.parents)
        scientific = taxon.name if taxon.rank else ""
        classes = numbers.get(taxon.name, [])
        own = [name for k in classes[:20] for name in _names(class_lines[k])]
        alone = own if len(classes) == 1 and taxon.rank == "species" else []
        names = dict.fromkeys([*taxon.common, *alone]) or {taxon.name: None}
        found.append(
            Meaning(tuple(names), scientific, above.get("family", ""), above.get("order", ""))
        )
    return found + [Meaning(tuple(_names(line)), "", "", "") for line in class_lines]


def _names(line: str) -> list[str]:
    return [part.strip() for part in line.split(",") if part.strip()]


def train_text_tower(
    model: Any,
    meant: Sequence[Meaning],
    targets: Numbers,
    weights: Sequence[float],
    seen: Numbers,
    scale: float,
    tell: Callable[[int, int, float], None],
) -> float:
    """Fit `model.text` so that phrasings give pictures the same logits as their targets.

    targets   (meanings, d) of unit length
    weights   (meanings,) how often a meaning is drawn
    seen      (n, d) vectors of pictures, of unit length; scale: of a cosine to a logit
    returns   the correlation of logits by fresh phrasings and by targets over pictures and taxa
    """
    import torch
    from torch.nn import functional

    tokenizer, rng = _tokenizer(), random.Random(SEED)
    torch.manual_seed(SEED)
    wanted = torch.tensor(np.asarray(targets), dtype=torch.float32)
    views = torch.tensor(np.asarray(seen), dtype=torch.float32)
    texts = _Texts(meant, tokenizer, rng)
    full, causal = _narrowed(model.text, texts.tokens), model.text.attn_mask
    optimiser = torch.optim.AdamW(model.text.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    model.text.train()
    for step in range(STEPS):
        rows = rng.choices(range(len(meant)), weights=weights, k=BATCH)
        tokens = texts.sample(rows)
        model.text.attn_mask = causal[: tokens.shape[1], : tokens.shape[1]]
        spoken = functional.normalize(model.text(tokens), dim=-1)
        pictures = views[torch.randint(len(views), (SEEN,))]
        off = (scale * (spoken - wanted[rows]) @ pictures.T).square().mean()
        apart = functional.cross_entropy(SHARPNESS * spoken @ wanted.T, torch.tensor(rows))
        loss = 10 * off + 0.2 * apart
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        tell(step + 1, STEPS, float(off.detach()))
    model.text.eval()
    model.text.attn_mask = causal
    _widened(model.text, full, texts.tokens)
    with torch.inference_mode():
        rows = rng.choices(range(len(meant)), weights=weights, k=1000)
        spoken = model.encode_text(tokenizer([meant[k].phrase(rng) for k in rows]), normalize=True)
        pairs = torch.stack([(spoken @ views.T).flatten(), (wanted[rows] @ views.T).flatten()])
    return float(torch.corrcoef(pairs)[0, 1])


class _Texts:
    """Phrasings made once for each meaning, as numbers of the tokens that occur."""

    def __init__(self, meant: Sequence[Meaning], tokenizer: Tokenizer, rng: random.Random) -> None:
        import torch

        spoken = [tokenizer([meaning.phrase(rng) for _ in range(PHRASINGS)]) for meaning in meant]
        self._rng, every = rng, torch.stack(spoken)
        self.tokens = torch.unique(every)  # sorted: the end mark is still the largest
        self._numbers = torch.searchsorted(self.tokens, every)

    def sample(self, rows: Sequence[int]) -> "torch.Tensor":
        """A random phrasing of each, cut to the longest: attention over padding costs time."""
        picked = [self._rng.randrange(PHRASINGS) for _ in rows]
        numbers = self._numbers[list(rows), picked]
        return numbers[:, : int(numbers.argmax(dim=1).max()) + 1]


def _narrowed(tower: Any, tokens: "torch.Tensor") -> Any:
    """Only the embeddings of these tokens while training: the other 45 000 would cost time."""
    from torch import nn

    full = tower.token_embedding
    from_pretrained: Any = nn.Embedding.from_pretrained  # not annotated there
    tower.token_embedding = from_pretrained(full.weight[tokens].clone(), freeze=False)
    return full


def _widened(tower: Any, full: Any, tokens: "torch.Tensor") -> None:
    """Put the trained embeddings back; tokens that never occurred are 0."""
    trained = tower.token_embedding.weight.detach()
    full.weight.data.zero_()
    full.weight.data[tokens] = trained
    tower.token_embedding = full


def _tokenizer() -> Tokenizer:
    towers.register()
    from open_clip import SimpleTokenizer

    made: Tokenizer = SimpleTokenizer(context_length=TEXT_CFG["context_length"])
    return made
