"""The image side of the starter labeller: features, space, and a vector for each taxon.

ImageNet's classifier already knows some 280 animals, in ImageNet's pictures. In camera-trap
pictures they are grey, dark and small, and there are animals that ImageNet lacks. So each taxon
starts at the mean vector of its classes and is moved by the pictures that may be used for training,
against a penalty; a taxon without classes starts at its relatives. Everything is linear on frozen
features: with two thousand pictures from eight studies, a larger model would overfit.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import SettingsError
from pipeline.frames.crop import evidence_box
from pipeline.frames.decode import SHORT_SIDE
from pipeline.species.labelset import RANKS, LabelSet, Taxon
from pipeline.train.pictures import Example, read_examples, read_pixels

Numbers = NDArray[np.floating[Any]]

CLASSES = Path(__file__).with_name("classes.toml")
SIZE = 224  # pixels, of a crop and of a squashed frame
MAP_SIZE = (SHORT_SIDE, 576)  # height, width of the squashed frame that the class map is read from
PARTS = 254  # directions of feature space that are kept; 256 numbers make a vector
CLASS_SCALE = 0.5  # of ImageNet's logits: they are far too confident on camera-trap pictures
CONSTANT = 1.0  # the constant coordinate, in units of the usual vector's length
EVENED = 0.5  # how far classes with a large spread of logits are scaled down: 0 not, 1 to equal
PULL = 0.2  # penalty on moving away from the classifier's vectors, by leave-one-study-out
BIAS_PULL = 0.3  # of PULL, for biases
NEW_BIAS = -1.5  # of a taxon that starts at its relatives: below theirs
UNKNOWN_BIAS = -3.0


@dataclass(frozen=True)
class Picture:
    """A labelled picture, with the ranks that are known of its label."""

    example: Example
    truth: Mapping[str, str]  # rank -> scientific name; empty: not known

    @property
    def kind(self) -> str:
        return self.example.kind

    @property
    def shippable(self) -> bool:
        """Whether weights that are given to others may learn from it."""
        return self.example.may_train and self.example.split in ("train", "validate")


@dataclass(frozen=True)
class Space:
    """From features (1 280) to vectors (256): vector = unit(features @ matrix + offset)."""

    matrix: NDArray[
        np.float64
    ]  # (features, 256); the last column is 0: texts use it for their length
    offset: NDArray[np.float64]  # (256,); the last but one is the constant coordinate
    length: float  # usual length before it is made 1
    classes: NDArray[np.float64]  # (1000, 255) ImageNet's classifier in this space, biases last

    def __call__(self, features: Numbers) -> NDArray[np.float64]:
        """(n, features) -> (n, 255) of usual length: what the head is fitted on."""
        vectors = (features @ self.matrix + self.offset)[:, :-1]
        return np.asarray(vectors * (self.length / np.linalg.norm(vectors, axis=1, keepdims=True)))


def read_pictures(table: Path, labelset: LabelSet) -> list[Picture]:
    """Rows of the training table (pipeline.train.pictures) with the names in `scientific_name`."""
    known = _ladder(labelset)
    return [
        Picture(example, _truth(example.scientific_name, known)) for example in read_examples(table)
    ]


def _ladder(labelset: LabelSet) -> dict[str, dict[str, str]]:
    """Every name of the label set, parents too, with its rank and all above it."""
    known: dict[str, dict[str, str]] = {}
    for taxon in labelset.taxa:
        if not taxon.rank:
            continue
        chain = ((taxon.rank, taxon.name), *taxon.parents)
        for place, (_, name) in enumerate(chain):
            known.setdefault(name, dict(chain[place:]))
    return known


def _truth(name: str, known: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """Ranks of a name in the table; a species outside the set is still known by its genus."""
    name = name.removesuffix(" sp.")
    if name in known:
        return known[name]
    first = name.split()[0] if " " in name else name
    above = _noted("above").get(first)
    wider = dict(zip(("family", "order", "class"), above, strict=True)) if above else {}
    narrow = {"species": name, "genus": first} if " " in name else {}
    if above and not narrow and name not in above and "/" not in name:
        narrow = {"genus": name}
    return narrow | (known.get(first) or wider)


def _noted(part: str) -> dict[str, Any]:
    noted: dict[str, dict[str, Any]] = tomllib.loads(CLASSES.read_text("utf-8"))
    return noted[part]


def consistent(picture: Picture, taxa: Sequence[Taxon]) -> NDArray[np.bool_]:
    """(taxa,) which taxa of the set the picture may be of, by its label."""
    if picture.kind != "animal":
        return np.array([taxon.observation_type == picture.kind for taxon in taxa])
    animals = np.array([taxon.observation_type == "animal" for taxon in taxa])
    if not picture.truth:
        return animals
    chains = [dict([(taxon.rank, taxon.name), *taxon.parents]) for taxon in taxa]
    finest = next(rank for rank in RANKS if rank in picture.truth)
    under = np.array([chain.get(finest) == picture.truth[finest] for chain in chains]) & animals
    if under.any():
        return np.asarray(under)
    for rank in RANKS:  # the narrowest taxon of the set above it
        if rank in picture.truth:
            wanted = (rank, picture.truth[rank])
            above = np.array([(taxon.rank, taxon.name) == wanted for taxon in taxa])
            if above.any():
                return np.asarray(above)
    return animals


def class_numbers(labelset: LabelSet) -> dict[str, list[int]]:
    """ImageNet classes of each taxon, from classes.toml."""
    given = _noted("imagenet")
    if strange := sorted(given.keys() - set(labelset.names)):
        raise SettingsError(f"{CLASSES}: {strange[0]} is not in the label set")
    return given


class ImageNetwork(Protocol):
    """The image network behind the labeller."""

    def attention(self, pixels: NDArray[np.uint8]) -> Numbers:
        """(h, w) how much each cell looks like an animal."""

    def features(self, pictures: NDArray[np.uint8]) -> Numbers:
        """(n, 224, 224, 3) -> (n, 1280)."""


def features(
    pictures: Sequence[Picture],
    backbone: ImageNetwork,
    tell: Callable[[int, int], None] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Crop and whole frame through the backbone: {"crop": (n, 1280), "frame": (n, 1280)}."""
    found: dict[str, list[Numbers]] = {"crop": [], "frame": []}
    for done, picture in enumerate(pictures):
        pixels = read_pixels(picture.example)
        crop, frame = _views(pixels, backbone.attention(resized(pixels, MAP_SIZE)))
        vectors = backbone.features(np.stack([crop, frame]))
        found["crop"].append(vectors[0])
        found["frame"].append(vectors[1])
        if tell:
            tell(done + 1, len(pictures))
    return {view: np.array(vectors, np.float32) for view, vectors in found.items()}


def _views(
    pixels: NDArray[np.uint8], attention: Numbers
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The crop that the pipeline would take without a background, and the squashed frame."""
    from pipeline.frames.crop import cut

    box = evidence_box(attention, None, *pixels.shape[:2])
    return resized(cut(pixels, box), (SIZE, SIZE)), resized(pixels, (SIZE, SIZE))


def resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Squashed to (height, width), as the labeller's own preprocessing does."""
    image = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(image)


def make_space(
    found: Mapping[str, Numbers], weight: Numbers, bias: Numbers, used: Sequence[int]
) -> Space:
    """The PARTS directions of feature space in which the used classes differ most.

    weight, bias   (1000, features), (1000,): ImageNet's classifier
    used           its classes that belong to a taxon
    """
    given = np.concatenate([found["crop"], found["frame"]]).astype(np.float64)
    mean, spread = given.mean(axis=0), given.std(axis=0) + 0.05
    values, axes = np.linalg.eigh(np.cov(((given - mean) / spread).T))
    values = np.maximum(values, 1e-3)
    root, inverse = (axes * values**0.5) @ axes.T, (axes * values**-0.5) @ axes.T
    parts = np.linalg.svd(weight[used] * spread @ root, full_matrices=False)[2][:PARTS].T
    out = root @ parts  # a vector over standardised features, in the kept directions
    gain = np.linalg.norm(out, axis=0) / np.linalg.norm(out) * PARTS**0.5
    into = inverse @ parts * gain  # directions that vary more weigh more, as in the features
    lengths = np.linalg.norm((given - mean) / spread @ into, axis=1)
    constant = CONSTANT * float(np.sqrt((lengths**2).mean()))
    matrix = into / spread[:, None]
    classes = (
        CLASS_SCALE
        * np.c_[weight * spread @ (out / gain), (bias + weight @ mean)[:, None] / constant]
    )
    return Space(
        np.c_[matrix, np.zeros((len(matrix), 2))],
        np.r_[-mean @ matrix, constant, 0.0],
        constant * float(np.sqrt(1 + CONSTANT**-2)),
        classes,
    )


def starting_vectors(labelset: LabelSet, space: Space) -> NDArray[np.float64]:
    """(taxa, 255): the mean of a taxon's classes, its relatives' mean where it has none."""
    numbers, taxa = class_numbers(labelset), labelset.taxa
    constant = space.offset[-2]
    start = np.zeros((len(taxa), space.classes.shape[1]))
    for k, taxon in enumerate(taxa):
        if own := numbers.get(taxon.name):
            start[k] = space.classes[own].mean(axis=0)
            start[k, -1] += 0.5 * np.log(len(own)) / constant
    based = np.array([taxon.name in numbers for taxon in taxa])
    for bare in np.flatnonzero(~based):
        k = int(bare)
        family = [i for i in np.flatnonzero(based) if _related(taxa[k], taxa[i])]
        start[k] = start[family].mean(axis=0) if family else 0
        start[k, -1] += (NEW_BIAS if family else UNKNOWN_BIAS) / constant
    return start


def evened(
    start: NDArray[np.float64], vectors: Numbers, shares: Numbers, constant: float
) -> NDArray[np.float64]:
    """Vectors whose logits have the same mean over camera-trap pictures, and a more equal spread.

    Grey, dark pictures give some classes (platypus, armadillo, dhole) high logits whatever they
    show. With studies left out and no label used, 22 % of known taxa are right, without this 16 %.
    """
    close = vectors @ start.T
    share = (shares / shares.sum())[:, None]
    mean = (share * close).sum(axis=0)
    loud = np.sqrt((share * (close - mean) ** 2).sum(axis=0))
    out = start.copy()
    out[:, -1] -= (mean - mean.mean()) / constant
    return np.asarray(out * ((loud / loud.mean()) ** -EVENED)[:, None])


def _related(taxon: Taxon, second: Taxon) -> bool:
    """Whether both are in the narrowest parent of the first (or the second in the first)."""
    chain = dict([(second.rank, second.name), *second.parents])
    own = [(taxon.rank, taxon.name), *taxon.parents]
    narrow = [link for link in own if link[0] in ("genus", "family")] or own[-1:]
    return any(chain.get(rank) == name for rank, name in narrow)


def fit(
    vectors: Numbers, may_be: NDArray[np.bool_], shares: Numbers, start: Numbers, constant: float
) -> NDArray[np.float64]:
    """(taxa, 255): vectors of the taxa, moved from `start` by the pictures.

    vectors   (n, 255) from Space
    may_be    (n, taxa) which taxa a picture may be of: their probabilities are added up
    shares    (n,) what each picture counts
    """
    import torch

    given = torch.tensor(vectors, dtype=torch.float32)
    barred = torch.where(torch.tensor(may_be), 0.0, -1e9)
    share = torch.tensor(shares / shares.sum(), dtype=torch.float32)
    begin = torch.tensor(start, dtype=torch.float32)
    moved = torch.zeros_like(begin, requires_grad=True)
    held = torch.ones(begin.shape[1])
    held[-1] = BIAS_PULL * constant**2  # the last coordinate, times the constant, is the bias
    optimiser: torch.optim.Optimizer = torch.optim.LBFGS(
        [moved], max_iter=80, history_size=8, line_search_fn="strong_wolfe"
    )

    def loss() -> float:
        optimiser.zero_grad()
        close = given @ (begin + moved).T
        off = torch.logsumexp(close, 1) - torch.logsumexp(close + barred, 1)
        total = (share * off).sum() + PULL * (held * moved**2).sum()
        torch.autograd.backward(total)
        return float(total.detach())

    optimiser.step(loss)
    return np.asarray((begin + moved).detach().double().numpy())


def shares(pictures: Sequence[Picture]) -> NDArray[np.float64]:
    """The weight of each picture: a hundred pictures of a taxon on a card count as ten."""
    keys = [(p.example.card, p.kind, tuple(p.truth.values())) for p in pictures]
    many = Counter(keys)
    return np.array([many[key] ** -0.5 for key in keys])
