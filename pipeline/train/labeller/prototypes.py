"""Prototypes of drawn animals: with them a labeller knows those of the demo, and real pictures keep
their names.

    camtriage train drawn LABELLER LABELS.csv [LABELS.csv ...]

The image network learnt from photographs and calls whatever is drawn "mammal". Learning from drawn
pictures as from real ones made the names of real ones worse. So each drawn animal gets a vector of
its own beside its taxon's text: fitted to lie above all texts in drawn pictures of that animal, and
far below them in every other picture, real ones above all. The demo's card is drawn with another
seed than these.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError
from pipeline.models import weights
from pipeline.species import zeroshot
from pipeline.species.encoder import Encoder, load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.species.zeroshot import Bank
from pipeline.train.drawn.card import BADGER, BOAR, CROW, DOE, FOX, HARE, STAG, draw_card
from pipeline.train.labeller.head import Picture, read_pictures
from pipeline.train.labeller.views import Views
from pipeline.train.pictures import Example

Numbers = NDArray[np.float64]
Tell = Callable[[str], None]

FILE = "prototypes.safetensors"
TAXA = {  # what each drawn animal is in the label set `starter`
    FOX: "Vulpes vulpes", BOAR: "Sus scrofa", HARE: "Lepus", DOE: "Cervidae", STAG: "Cervidae",
    BADGER: "Mustelidae", CROW: "Corvidae",
}  # fmt: skip
SEEDS = (101, 102)  # of the drawn cards
FEW, FEWER = 12, 3  # pictures of one card, kind and name; of blanks and animals without a name
ABOVE, BELOW = 6.0, 8.0  # logits, over or under the sum of all texts
PULL = 3e-3  # penalty on long vectors


def add_prototypes(
    folder: Path, tables: Sequence[Path], tell: Tell, notes: Path | None = None
) -> dict[str, Any]:
    """Write prototypes into a labeller's folder; returns the numbers that labeller.json keeps.

    tables   labelled pictures (pipeline.train.pictures, and scientific_name)
    tell     is given what happens meanwhile, a line at a time
    notes    an .npz that keeps the pictures' vectors between runs
    """
    labelset, encoder = load_labelset("starter"), load_encoder(f"local-dir:{folder}")
    read = [picture for table in tables for picture in read_pictures(table, labelset)]
    real = few(read)
    if not real:
        raise SettingsError(f"{', '.join(map(str, tables))}: no picture may be trained on")
    with tempfile.TemporaryDirectory() as place:
        examples = [*drawn_examples(Path(place)), *(picture.example for picture in real)]
        vectors = vectors_of(examples, encoder, notes, tell)
    bank = replace(zeroshot.bank(labelset, encoder), prototypes=())
    shown = np.array([TAXA.get(one.scientific_name, "") if _drawn(one) else "" for one in examples])
    names = sorted({*shown} - {""})
    made = np.array([prototype(vectors, shown == name, bank) for name in names])
    given = tuple(zip(names, made.astype(np.float32), strict=True))
    numbers = _numbers(examples, vectors, bank, replace(bank, prototypes=given))
    _save(folder, names, made, numbers)
    return numbers


def few(pictures: Sequence[Picture]) -> list[Picture]:
    """Those that may be trained on: of pictures alike FEW, spread evenly over their names."""
    alike: defaultdict[tuple[str, ...], list[Picture]] = defaultdict(list)
    for picture in pictures:
        one = picture.example
        if picture.shippable and picture.kind != "unknown":
            alike[one.card, picture.kind, one.scientific_name].append(picture)
    chosen = []
    for group in alike.values():
        group.sort(key=lambda picture: picture.example.name)
        told = group[0].example.scientific_name or group[0].kind in ("human", "vehicle")
        places = np.linspace(0, len(group) - 1, min(FEW if told else FEWER, len(group)))
        chosen += [group[int(place)] for place in places]
    return chosen


def drawn_examples(folder: Path) -> list[Example]:
    """The whole pictures of cards drawn into `folder`."""
    found = []
    for seed in SEEDS:
        place = folder / str(seed)
        for drawn in draw_card(place, seed):
            if drawn.whole:
                given = ("train", True, f"drawn {seed}", "drawn", drawn.camera)
                name = f"drawn/{seed}/{drawn.path}"
                path, species = place / drawn.path, drawn.species or ""
                found.append(
                    Example(path, drawn.kind, *given, name, drawn.taken_at, scientific_name=species)
                )
    return found


def _drawn(example: Example) -> bool:
    return example.study == "drawn"


def vectors_of(
    examples: Sequence[Example], encoder: Encoder, notes: Path | None, tell: Tell
) -> NDArray[np.float32]:
    """(n, 2, d): crop and frame of each picture."""
    names = np.array([example.name for example in examples])
    if notes and notes.exists():
        kept = np.load(notes, allow_pickle=False)
        if np.array_equal(kept["names"], names) and str(kept["encoder"]) == encoder.sha256:
            return np.asarray(kept["vectors"])
    views, found = Views(), []
    for example in examples:
        found.append(encoder.images(views(example)))
        if len(found) % 200 == 0:
            tell(f"{len(found)} of {len(examples)} pictures")
    vectors = np.array(found, np.float32)
    if notes:
        np.savez(notes, names=names, encoder=encoder.sha256, vectors=vectors)
    return vectors


def prototype(vectors: NDArray[np.float32], own: NDArray[np.bool_], bank: Bank) -> Numbers:
    """(d,) a vector, of any length, whose logit is ABOVE the sum of all texts where `own`, in crop
    and frame, and BELOW it elsewhere. Both sides count alike, however many pictures they have.

    vectors   (n, 2, d) crop and frame of each picture
    own       (n,) pictures of this animal
    bank      texts alone
    """
    import torch
    from torch.nn.functional import softplus

    both, yes = vectors.reshape(-1, vectors.shape[-1]), np.repeat(own, vectors.shape[1])
    given = torch.tensor(both.astype(np.float64) * bank.scale)
    texts = torch.tensor(zeroshot.logits(both, None, bank).astype(np.float64)).logsumexp(1)
    mine = torch.tensor(yes)
    counts = torch.where(mine, 0.5 / yes.sum(), 0.5 / (~yes).sum()).double()
    made = torch.zeros(both.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser: torch.optim.Optimizer = torch.optim.LBFGS(
        [made], max_iter=200, line_search_fn="strong_wolfe"
    )

    def loss() -> float:
        optimiser.zero_grad()
        over = given @ made - texts
        off = torch.where(mine, softplus(ABOVE - over), softplus(over + BELOW))
        total = (counts * off).sum() + PULL * (made**2).sum()
        torch.autograd.backward(total)
        return float(total.detach())

    optimiser.step(loss)
    return np.asarray(made.detach().numpy())


def _numbers(
    examples: Sequence[Example], vectors: NDArray[np.float32], before: Bank, after: Bank
) -> dict[str, Any]:
    """How many pictures there were, and how much the prototypes change of the real ones."""
    drawn = np.array([_drawn(example) for example in examples])
    crops, frames = vectors[~drawn, 0], vectors[~drawn, 1]
    p, q = (
        zeroshot.probabilities(zeroshot.logits(crops, frames, bank), bank)
        for bank in (before, after)
    )
    changed = float(np.abs(p - q).max())
    return {"drawn": int(drawn.sum()), "real": int((~drawn).sum()), "changed": round(changed, 4)}


def _save(folder: Path, names: Sequence[str], made: Numbers, numbers: dict[str, Any]) -> None:
    """The vectors beside the weights; labeller.json comes last and names them."""
    import torch

    place = folder / "labeller.json"
    facts = json.loads(place.read_text("utf-8"))
    vectors = torch.tensor(made, dtype=torch.float32)
    facts["sha256"][FILE] = weights.save({"vectors": vectors}, folder / FILE)
    facts["prototypes"] = {"file": FILE, "names": list(names)}
    facts["measured"]["prototypes"] = numbers
    place.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
