"""How large a set of taxa must be to hold the true one in nine visits of ten: by left-out cards.

    python -m tests.benchmarks.name_sets LABELS.csv [LABELS.csv ...]

on the cards whose pictures no shipped weights learnt from, in the visits of
`tests.benchmarks.name_levels`. Taxa are taken by falling probability until together they reach a
share that makes the sets of all other cards, each counting once, hold the truth as often as was
promised; what counts is the card left out.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.detector import load_detector
from pipeline.species import zeroshot
from pipeline.species.encoder import load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.species.zeroshot import Bank
from pipeline.train.labeller.head import Numbers, Picture, consistent, read_pictures
from tests.benchmarks.labeller import pipeline_vectors
from tests.benchmarks.name_levels import thinned, visits_of

LEVELS = (0.9, 0.8, 0.5)


def left_out(
    p: Numbers, may_be: NDArray[np.bool_], cards: NDArray[np.str_], level: float
) -> tuple[Numbers, list[NDArray[np.intp]]]:
    """(n,) 1 where the set of a visit holds a taxon that it may be of; and the sets.

    p, may_be   (n, taxa)
    """
    order = np.argsort(-p, axis=1)
    falling = np.take_along_axis(p, order, axis=1)
    before = np.cumsum(falling, axis=1) - falling
    needed = before[np.arange(len(p)), np.take_along_axis(may_be, order, axis=1).argmax(axis=1)]
    many = Counter(cards)
    weight = np.array([1 / many[card] for card in cards])
    held, sets = np.zeros(len(p)), []
    for row, card in enumerate(cards):
        others = np.flatnonzero(cards != card)
        others = others[np.argsort(needed[others])]
        reached = np.cumsum(weight[others]) / (weight[others].sum() + 1)
        share = needed[others][min(int(np.searchsorted(reached, level)), len(others) - 1)]
        sets.append(order[row][before[row] <= share])
        held[row] = may_be[row][sets[-1]].any()
    return held, sets


def report(pictures: Sequence[Picture], close: Numbers, bank: Bank) -> None:
    """Print coverage and sizes. close: (n, taxa) logits of the pictures."""
    taxa = bank.labelset.taxa
    animals = np.flatnonzero([taxon.observation_type == "animal" for taxon in taxa])
    visits = visits_of(pictures)
    first = [pictures[rows[0]] for rows in visits]
    cards = np.array([picture.example.card for picture in first])
    means = np.stack([close[rows].mean(axis=0) for rows in visits])[:, animals]
    p = zeroshot.probabilities(means.astype(np.float32), bank)
    may_be = np.array([consistent(picture, taxa) for picture in first])[:, animals]
    chains = [{(taxa[k].rank, taxa[k].name), *taxa[k].parents} for k in animals]
    print(f"{len(visits)} visits of {len({*cards})} cards, {len(animals)} taxa")
    for level in LEVELS:
        held, sets = left_out(p, may_be, cards, level)
        sizes = np.array([len(one) for one in sets])
        once = np.mean([held[cards == card].mean() for card in {*cards}])
        within = sum(bool(set.intersection(*(chains[k] for k in one))) for one in sets)
        print(
            f"{level}: the truth is in {held.mean():.3f} of the sets (each card once {once:.3f}), "
            f"mean size {sizes.mean():.1f}, median {np.median(sizes):.0f}; "
            f"{within} lie within one class or less"
        )


def main(tables: Sequence[Path]) -> None:
    """Look at the pictures and report."""
    labelset, encoder = load_labelset("starter"), load_encoder()
    read = [picture for table in tables for picture in read_pictures(table, labelset)]
    pictures = thinned([one for one in read if not one.shippable and one.kind == "animal"])
    vectors = pipeline_vectors(pictures, encoder, load_detector())
    bank = zeroshot.bank(labelset, encoder)
    report(pictures, zeroshot.logits(vectors["crop"], vectors["frame"], bank), bank)


if __name__ == "__main__":
    main([Path(place) for place in sys.argv[1:]])
