"""Names learned from people's reviews: a linear head over the vectors of one labeller.

The head shares a picture's probability among its names and the rest; what it leaves to the rest is
the labeller's to share among all other taxa. So one list of taxa, one roll-up and one site list
serve both, and a picture unlike all that was reviewed is the labeller's alone. A head is a folder:
learned.json says what it is and what it was learned from, learned.safetensors holds its numbers.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SettingsError, WeightsError
from pipeline.models import folder, weights
from pipeline.models.catalogue import store
from pipeline.species import zeroshot
from pipeline.species.labelset import LabelSet, Parents, Taxon, in_order
from pipeline.species.zeroshot import Bank, Vectors

PREFIX = "learned:"  # of a labeller's name
FORM = 1
LEAST = 1e-6  # probability: its logarithm is finite
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """A linear head with C classes: its names, and last the rest."""

    taxa: tuple[Taxon, ...]  # its names, with the wider ones as far as they are known
    level: float  # probability from which a name below a class is stated
    only_at: tuple[str, ...]  # deployments for which it was judged; empty: others too
    typical: float  # least likeness to what was reviewed; below it the labeller's word alone counts
    weight: Numbers  # (2 d, C) on crop and frame side by side
    bias: Numbers  # (C,); the rest's is -inf where nothing else was reviewed
    means: Numbers  # (m, 2 d) of unit length: the middle of each class's pictures
    facts: folder.Facts  # what stands in learned.json

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def sha256(self) -> str:
        """Of all that shapes its answers."""
        return folder.digest(self.facts)

    def speaks_at(self, deployment: str) -> bool:
        """Whether it was judged for this deployment."""
        return not self.only_at or deployment in self.only_at

    @property
    def labeller(self) -> tuple[str, str | None]:
        """Whose vectors it reads, as --labeller and --pretrained name it."""
        return self.facts["labeller"]["option"], self.facts["labeller"]["pretrained"]


@dataclass(frozen=True)
class Mixed:
    """A labeller's bank under a head: probabilities of both together."""

    base: Bank
    head: Head
    labelset: LabelSet  # the base's taxa and the head's
    of_base: NDArray[np.int64]  # place in it of each taxon of the base,
    of_head: NDArray[np.int64]  # and of each name of the head

    def logits(self, crops: Vectors | None, frames: Vectors | None) -> Numbers:
        """(n, taxa): logarithms of the mixed probabilities."""
        own = zeroshot.probabilities(zeroshot.logits(crops, frames, self.base), self.base)
        both = side_by_side(crops, frames)
        given = shares(both, self.head)
        left, near = given[:, -1:], likeness(both, self.head) >= self.head.typical
        p = np.zeros((len(own), len(self.labelset.taxa)), np.float32)
        p[:, self.of_base] = own
        others = p.copy()
        others[:, self.of_head] = 0
        others *= left / np.maximum(others.sum(axis=1, keepdims=True), np.float32(LEAST))
        others[:, self.of_head] = given[:, :-1]
        p[near] = others[near]
        found: Numbers = np.log(np.maximum(p, np.float32(LEAST)))
        return found


def mixed(bank: Bank, head: Head) -> Bank:
    """The labeller's bank with the head's names in it, stated from the head's level up."""
    known = set(bank.labelset.names)
    new = [taxon for taxon in head.taxa if taxon.name not in known]
    labelset = in_order(bank.labelset.name, (*bank.labelset.taxa, *new))
    place = {name: k for k, name in enumerate(labelset.names)}
    of_base = np.array([place[name] for name in bank.labelset.names])
    of_head = np.array([place[taxon.name] for taxon in head.taxa], np.int64)
    learned = {taxon.name for taxon in head.taxa}
    over = replace(
        bank,
        labelset=labelset,
        family="softmax",
        unseen=tuple(name for name in bank.unseen if name not in learned),
        mixed=Mixed(bank, head, labelset, of_base, of_head),
    )
    return at_level(over, head.level)


def at_level(bank: Bank, level: float) -> Bank:
    """A bank that states names below a class from this probability up."""
    bars = replace(bank.calibration, species_bar=level, group_bar=level, order_bar=None)
    return replace(bank, calibration=bars)


def side_by_side(crops: Vectors | None, frames: Vectors | None) -> Numbers:
    """(n, 2 d) of unit length, from two views (n, d) of unit length; one stands for both."""
    crops, frames = (frames if crops is None else crops), (crops if frames is None else frames)
    if crops is None or frames is None:
        raise ValueError("no vectors: neither of crops nor of frames")
    both = np.concatenate([crops, frames], axis=1, dtype=np.float32)
    return both / np.float32(np.sqrt(2))


def shares(both: Numbers, head: Head) -> Numbers:
    """(n, C), rows add up to 1. WeightsError where the vectors are of another length."""
    if both.shape[1] != len(head.weight):
        raise WeightsError(
            f"{PREFIX}{head.name} reads vectors of {len(head.weight) // 2} numbers, these have "
            f"{both.shape[1] // 2}: learn it again from this labeller's"
        )
    logits = both @ head.weight + head.bias
    odds: Numbers = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def likeness(both: Numbers, head: Head) -> Numbers:
    """(n,) cosine to the nearest middle of a class's reviewed pictures."""
    found: Numbers = (both @ head.means.T).max(axis=1)
    return found


def taxon_of(name: str, labelset: LabelSet) -> Taxon:
    """A name as people write it as a taxon: its rank and wider names by the label set, or a genus
    by the first of its words, or a family by its ending."""
    chains: dict[str, Parents] = {}
    for taxon in labelset.taxa:
        if taxon.name == name:
            return taxon
        chain = ((taxon.rank, taxon.name), *taxon.parents)
        for place, (_, wide) in enumerate(chain):
            chains.setdefault(wide, chain[place:])
    words = name.split()
    above: Parents
    if name in chains:
        (rank, _), *rest = chains[name]
        above = tuple(rest)
    elif len(words) > 1:
        rank, genus = ("species" if len(words) == 2 else "subspecies"), words[0]
        above = chains.get(genus, (("genus", genus),))
        if rank == "subspecies":
            above = (("species", " ".join(words[:2])), *above)
    else:
        endings = {"idae": "family", "inae": "subfamily", "formes": "order"}
        rank = next((rank for end, rank in endings.items() if name.endswith(end)), "genus")
        above = ()
    return Taxon(name, rank, above, (), ((name,),))


def place_of(name: str) -> Path:
    """The folder in which a head of this name is kept, given with `learned:` or without."""
    bare = name.removeprefix(PREFIX)
    if not NAME.fullmatch(bare):
        raise SettingsError(f"{bare!r}: name it with letters, digits, . _ and - only")
    return store() / "learned" / bare


def save(head: Head) -> Head:
    """Write a head into its folder, in place of one of the same name; returns it as read again."""
    from safetensors.numpy import save_file

    place = place_of(head.name)
    place.mkdir(parents=True, exist_ok=True)
    numbers = place / "learned.safetensors"
    arrays = {key: getattr(head, key) for key in ("weight", "bias", "means")}
    save_file(
        {key: np.ascontiguousarray(value, np.float32) for key, value in arrays.items()}, numbers
    )
    taxa = [
        {"name": t.name, "rank": t.rank, "parents": [list(wide) for wide in t.parents]}
        for t in head.taxa
    ]
    facts = {
        **head.facts,
        "form": FORM,
        "taxa": taxa,
        "level": head.level,
        "only_at": list(head.only_at),
        "typical": head.typical,
        "files": {numbers.name: weights.digest(numbers)},
    }
    (place / "learned.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return load(head.name)


def load(name: str) -> Head:
    """A head by its name, with `learned:` or without. Raises WeightsError in one line."""
    from safetensors.numpy import load_file

    place = place_of(name)
    if not (place / "learned.json").is_file():
        known = ", ".join(found.name for found in here()) or "none yet"
        raise WeightsError(
            f"{name}: nothing of that name was learned on this machine (there is: {known}); "
            "`camtriage learn` makes one"
        )
    numbers = place / "learned.safetensors"
    try:
        facts = json.loads((place / "learned.json").read_text("utf-8"))
        weights.check(numbers, facts["files"][numbers.name])
        if facts["form"] != FORM:
            raise WeightsError(f"{place}: made by another camtriage; learn it again")
        taxa = [
            Taxon(
                each["name"],
                each["rank"],
                tuple((rank, wide) for rank, wide in each["parents"]),
                (),
                ((each["name"],),),
            )
            for each in facts["taxa"]
        ]
        level, typical = float(facts["level"]), float(facts["typical"])
        only_at, arrays = tuple(facts["only_at"]), load_file(numbers)
        given = (arrays["weight"], arrays["bias"], arrays["means"], facts)
        return Head(tuple(taxa), level, only_at, typical, *given)
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise WeightsError(f"{place}: damaged ({why!r}); learn it again") from why


def here() -> list[Path]:
    """The folders of all heads on this machine."""
    return sorted(found.parent for found in (store() / "learned").glob("*/learned.json"))
