"""How narrow the labeller's names are, and how often they are true: visits of cards left out.

    python -m tests.benchmarks.name_levels LABELS.csv [LABELS.csv ...]

on the cards whose pictures no shipped weights learnt from, at most MOST of each card and name. At
the shipped bars; with other bars for orders; and with the bar for orders that gives the most true
names below a class on all other cards, as long as WANTED of their names are true.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.detector import load_detector
from pipeline.settings import Labels
from pipeline.species import zeroshot
from pipeline.species.encoder import load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.species.zeroshot import Bank
from pipeline.train.labeller.head import Numbers, Picture, read_pictures
from pipeline.train.labeller.training import is_true
from tests.benchmarks.labeller import Share, by_card, pipeline_vectors, share, top_right

MOST = 20  # pictures of one card and name, spread evenly
GAP_S, NEXT, LONGEST = 60, 6, 5  # a visit: seconds apart; without a time, numbers apart, pictures
WANTED = 0.95  # of all stated names
ORDER_BARS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8)


@dataclass(frozen=True)
class Said:
    """What visits of known animals are called. (n,) each."""

    true: Numbers  # 1, 0; nan: no name, or more exact than the label
    below: NDArray[np.bool_]  # narrower than a class

    @property
    def found(self) -> Numbers:
        """1 where the name is true and narrower than a class."""
        return np.where(self.below, np.nan_to_num(self.true), 0.0)

    def part(self, rows: NDArray[np.bool_]) -> "Said":
        """Some of the visits."""
        return Said(self.true[rows], self.below[rows])


def thinned(pictures: Sequence[Picture]) -> list[Picture]:
    """At most MOST of each card and name."""
    alike: defaultdict[tuple[str, str], list[Picture]] = defaultdict(list)
    for picture in sorted(pictures, key=lambda picture: picture.example.name):
        alike[picture.example.card, picture.example.scientific_name].append(picture)
    places = {key: np.linspace(0, len(own) - 1, min(MOST, len(own))) for key, own in alike.items()}
    return [alike[key][int(place)] for key, spread in places.items() for place in spread]


def visits_of(pictures: Sequence[Picture]) -> list[list[int]]:
    """Rows of animals with a name, by visit: neighbours of one place and name."""
    places: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, picture in enumerate(pictures):
        one = picture.example
        if picture.truth:
            places[one.card, one.station, str(one.path.parent), one.scientific_name].append(row)
    found: list[list[int]] = []
    for rows in places.values():
        rows.sort(key=lambda row: (str(pictures[row].example.taken_at), pictures[row].example.name))
        found.append(rows[:1])
        for row in rows[1:]:
            together = _near(pictures[found[-1][-1]], pictures[row], len(found[-1]))
            found[-1].append(row) if together else found.append([row])
    return found


def _near(first: Picture, second: Picture, so_far: int) -> bool:
    one, two = first.example, second.example
    if one.taken_at and two.taken_at:
        return (two.taken_at - one.taken_at).total_seconds() <= GAP_S
    numbers = [re.findall(r"\d+", example.path.stem) for example in (one, two)]
    if one.taken_at or two.taken_at or not all(numbers) or so_far >= LONGEST:
        return False
    return 0 < int(numbers[1][-1]) - int(numbers[0][-1]) <= NEXT


def said(close: Numbers, pictures: Sequence[Picture], bank: Bank, order_bar: float | None) -> Said:
    """At the bank's bars, or with another one for orders. close: (n, taxa) logits."""
    if order_bar is not None:
        bank = replace(bank, calibration=replace(bank.calibration, order_bar=order_bar))
    p = zeroshot.probabilities(close.astype(np.float32), bank)
    names, ranks, _, _ = zeroshot.decide(p, bank, Labels())
    verdicts = [
        is_true(*one) for one in zip(names, ranks, (p.truth for p in pictures), strict=True)
    ]
    true = np.array([np.nan if verdict is None else float(verdict) for verdict in verdicts])
    below = np.array([rank not in (None, "class") for rank in ranks])
    return Said(true, below & ~np.isnan(true))


def left_out(by_bar: Sequence[Said], cards: NDArray[np.str_]) -> Said:
    """Each card at the bar that is best on all others."""
    true, below = np.full(len(cards), np.nan), np.zeros(len(cards), bool)
    for card in sorted({*cards}):
        rows = cards == card
        others = [one.part(~rows) for one in by_bar]
        holds = [n for n, one in enumerate(others) if np.nanmean(one.true) >= WANTED]
        best = max(holds or [len(by_bar) - 1], key=lambda n: float(others[n].found.mean()))
        true[rows], below[rows] = by_bar[best].true[rows], by_bar[best].below[rows]
    return Said(true, below)


def report(what: str, one: Said, cards: NDArray[np.str_]) -> None:
    """Print the three shares, with intervals over whole cards."""
    shares: dict[str, Share] = {
        "a stated name is true": share(one.true, cards),
        "true and narrower than a class": share(one.found, cards),
        "each card once": by_card(one.found, cards),
        "a name narrower than a class is true": share(np.where(one.below, one.true, np.nan), cards),
    }
    print(f"{what}: " + "; ".join(f"{name} {found}" for name, found in shares.items()))


def main(tables: Sequence[Path]) -> None:
    """Look at the pictures and report."""
    labelset, encoder = load_labelset("starter"), load_encoder()
    read = [picture for table in tables for picture in read_pictures(table, labelset)]
    left = thinned([one for one in read if not one.shippable and one.kind == "animal"])
    vectors = pipeline_vectors(left, encoder, load_detector())
    bank = zeroshot.bank(labelset, encoder)
    close = zeroshot.logits(vectors["crop"], vectors["frame"], bank)
    for kind, rows in (("pictures", [[k] for k, one in enumerate(left) if one.truth]),
                       ("visits", visits_of(left))):  # fmt: skip
        first = [left[row[0]] for row in rows]
        means = np.stack([close[row].mean(axis=0) for row in rows])
        cards = np.array([one.example.card for one in first])
        print(f"{len(first)} {kind} of {len({*cards})} cards")
        for n in (1, 5):
            right = top_right(means, first, bank, n)
            print(f"top {n} of the claimed {share(right, cards)}, once {by_card(right, cards)}")
        report("shipped bars", said(means, first, bank, None), cards)
        by_bar = [said(means, first, bank, bar) for bar in ORDER_BARS]
        for bar, one in zip(ORDER_BARS, by_bar, strict=True):
            report(f"orders from {bar}", one, cards)
        report("orders from where it is best on the other cards", left_out(by_bar, cards), cards)


if __name__ == "__main__":
    main([Path(place) for place in sys.argv[1:]])
