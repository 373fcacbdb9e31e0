"""How good a labeller is on labelled pictures: the pipeline's own crops, whole cards resampled.

    python -m tests.benchmarks.labeller LABELS.csv [LABELLER]

measures on the cards whose pictures no shipped weights learnt from.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.frames import crop
from pipeline.frames.classifier import load_frame_model
from pipeline.frames.score import Detector, score_window
from pipeline.records import Media
from pipeline.settings import Labels, Settings
from pipeline.species import zeroshot
from pipeline.species.encoder import Encoder, load_encoder
from pipeline.species.labelset import RANKS, load_labelset
from pipeline.species.zeroshot import Bank
from pipeline.train.labeller.head import Numbers, Picture, read_pictures
from pipeline.train.labeller.training import is_true
from pipeline.train.pictures import read_pixels

DRAWS = 1000
SEED = 11


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval, whole cards drawn with replacement."""

    share: float
    low: float
    high: float
    of: int
    cards: int

    def __str__(self) -> str:
        return (
            f"{self.share:.2f} [{self.low:.2f}, {self.high:.2f}], {self.of} in {self.cards} cards"
        )


def claimed(pictures: Sequence[Picture], bank: Bank) -> NDArray[np.int64]:
    """(n,) the narrowest taxon of the set that each picture shows; -1: none below a class."""
    found = np.full(len(pictures), -1)
    for i, picture in enumerate(pictures):
        fits = [
            (RANKS.index(taxon.rank), k)
            for k, taxon in enumerate(bank.labelset.taxa)
            if taxon.rank not in ("", "class") and picture.truth.get(taxon.rank) == taxon.name
        ]
        if picture.kind == "animal" and fits:
            found[i] = min(fits)[1]
    return found


def top_right(close: Numbers, pictures: Sequence[Picture], bank: Bank, first: int) -> Numbers:
    """(n,) 1 or 0: one of the first taxa is, or stands under, the one claimed; nan: not claimed."""
    taxa = bank.labelset.taxa
    chains = [dict([(taxon.rank, taxon.name), *taxon.parents]) for taxon in taxa]
    animals = np.array([taxon.observation_type == "animal" for taxon in taxa])
    order = np.argsort(-np.where(animals, close, -np.inf), axis=1, kind="stable")[:, :first]
    right = np.full(len(pictures), np.nan)
    for i, k in enumerate(claimed(pictures, bank)):
        if k >= 0:
            rank, name = taxa[k].rank, taxa[k].name
            right[i] = any(chains[other].get(rank) == name for other in order[i])
    return right


def stated(
    close: Numbers, pictures: Sequence[Picture], bank: Bank
) -> tuple[Numbers, list[str | None]]:
    """(n,) 1 true, 0 false, nan: nothing stated or not to be judged; and the ranks stated."""
    p = zeroshot.probabilities(close.astype(np.float32), bank)
    names, ranks, _, _ = zeroshot.decide(p, bank, Labels())
    verdicts = np.full(len(pictures), np.nan)
    for i, picture in enumerate(pictures):
        animal = picture.kind == "animal"
        verdict = is_true(names[i], ranks[i], picture.truth) if animal else None
        if verdict is not None:
            verdicts[i] = verdict
    return verdicts, list(ranks)


def share(right: Numbers, cards: NDArray[np.str_]) -> Share:
    """The share of 1 among what is not nan, with an interval over whole cards."""
    rows = ~np.isnan(right)
    right, cards = right[rows], cards[rows]
    if not len(right):
        return Share(float("nan"), float("nan"), float("nan"), 0, 0)
    names, which = np.unique(cards, return_inverse=True)
    hits = np.bincount(which, weights=right)
    many = np.bincount(which)
    drawn = np.random.default_rng(SEED).integers(0, len(names), (DRAWS, len(names)))
    shares = hits[drawn].sum(axis=1) / many[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return Share(float(right.mean()), float(low), float(high), len(right), len(names))


def by_card(right: Numbers, cards: NDArray[np.str_]) -> Share:
    """The same with every card counting once: long series do not drown the others."""
    rows = ~np.isnan(right)
    names, which = np.unique(cards[rows], return_inverse=True)
    if not len(names):
        return share(right, cards)
    means = np.bincount(which, weights=right[rows]) / np.bincount(which)
    drawn = np.random.default_rng(SEED).integers(0, len(names), (DRAWS, len(names)))
    low, high = np.quantile(means[drawn].mean(axis=1), [0.025, 0.975])
    return Share(float(means.mean()), float(low), float(high), int(rows.sum()), len(names))


def measure(
    pictures: Sequence[Picture], vectors: Mapping[str, Numbers], bank: Bank
) -> dict[str, Share]:
    """Everything the card's table shows.

    vectors   crop and frame, (n, d) each
    """
    crops, frames = vectors["crop"], vectors["frame"]
    views = {
        "crop": zeroshot.logits(crops, None, bank),
        "frame": zeroshot.logits(None, frames, bank),
        "both": zeroshot.logits(crops, frames, bank),
    }
    cards = np.array([picture.example.card for picture in pictures])
    found = {}
    for view, close in views.items():
        for first in (1, 5):
            right = top_right(close, pictures, bank, first)
            found[f"{view}, top {first}"] = share(right, cards)
            found[f"{view}, top {first}, each card once"] = by_card(right, cards)
    verdicts, ranks = stated(views["both"], pictures, bank)
    found["a stated name is true"] = share(verdicts, cards)
    found["a stated name is true, each card once"] = by_card(verdicts, cards)
    for rank in RANKS:
        of_rank = np.where([stated_rank == rank for stated_rank in ranks], verdicts, np.nan)
        if not np.isnan(of_rank).all():
            found[f"a stated {rank} is true"] = share(of_rank, cards)
    animals = np.array([picture.kind == "animal" for picture in pictures])
    named = np.array([float(rank is not None) for rank in ranks])
    found["animals that get a name"] = share(np.where(animals, named, np.nan), cards)
    return found


def pipeline_vectors(
    pictures: Sequence[Picture], encoder: Encoder, detector: Detector | None = None
) -> dict[str, Numbers]:
    """Crop and frame vectors, (n, d) each, as a run makes them: card by card, in windows.

    detector   None: crops are where the frame model sees most
    """
    cards = defaultdict(list)
    for row, picture in enumerate(pictures):
        cards[picture.example.card].append(row)
    frame, size = load_frame_model(), Settings().windows.size
    found: dict[int, Numbers] = {}
    for rows in cards.values():
        rows.sort(key=lambda row: pictures[row].example.name)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            places = {str(row): pictures[row].example.path for row in part}
            media = [Media(sha, str(place), 0) for sha, place in places.items()]

            def read(picture: Media, places: Mapping[str, Path] = places) -> bytes:
                return places[picture.sha256].read_bytes()

            seen = score_window(
                media,
                part,
                read,
                frame,
                None,
                Settings(),
                detector=detector,
            )
            for scores in seen.scores:
                pixels = read_pixels(pictures[int(scores.sha256)].example)
                assert scores.crop is not None  # a kept picture has one
                views = [crop.cut(pixels, scores.crop), pixels]
                found[int(scores.sha256)] = encoder.images(views)
    both = np.array([found[row] for row in range(len(pictures))])
    return {"crop": both[:, 0], "frame": both[:, 1]}


def main(table: Path, name: str = "starter") -> None:
    """Print the table of `measure` for pictures that no shipped weights learnt from."""
    labelset, encoder = load_labelset("starter"), load_encoder(name)
    pictures = [
        picture
        for picture in read_pictures(table, labelset)
        if not picture.shippable and picture.kind not in ("unknown", "blank")
    ]
    bank = zeroshot.bank(labelset, encoder)
    for what, found in measure(pictures, pipeline_vectors(pictures, encoder), bank).items():
        print(f"{what}: {found}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
