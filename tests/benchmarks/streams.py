"""Pictures that come one by one, judged before the camera's earlier ones: as good as whole cards?

    python -m tests.benchmarks.streams --labels cards/labels.csv

The labels' pictures of one split (columns path, card, label_kind, split), each card in the order of
time: in windows as `camtriage run` does it, one by one as `camtriage stream` does, and one by one
without any background. Of each way the AUC of p_blank, pooled and as the mean inside cards,
the share of other pictures that is kept, and of blanks that is removed, at the default threshold.
"""

import argparse
import csv
import hashlib
import statistics
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.card.scan import read_media
from pipeline.card.windows import in_order, plan
from pipeline.frames.classifier import load_frame_model
from pipeline.frames.own.detector import load_any
from pipeline.frames.score import score_window
from pipeline.records import Found, FrameScores, Media
from pipeline.settings import Settings
from pipeline.trust.measure import auc


class Once:
    """A model that looks at each picture once, and remembers the last one's answer."""

    def __init__(self, model) -> None:
        self.model, self.made = model, {}

    def __getattr__(self, name: str):
        return getattr(self.model, name)

    def run(self, pixels):
        [one] = pixels
        key = hashlib.sha256(one.tobytes()).digest()
        if key not in self.made:
            self.made[key] = self.model.run([one])
        self.last = self.made[key]
        return self.last


class Card:
    """One card's pictures in order, and the ways to judge them."""

    def __init__(self, media: list[Media], root: Path, frame: Once, detector) -> None:
        self.media, self.root, self.frame, self.detector = media, root, frame, detector

    def _score(self, media: list[Media], bursts, earlier=None) -> tuple[FrameScores, ...]:
        def read(picture: Media) -> bytes:
            return (self.root / picture.path).read_bytes()

        about = {"detector": self.detector, "earlier": earlier}
        return score_window(media, bursts, read, self.frame, None, Settings(), **about).scores

    def whole(self) -> list[FrameScores]:
        by_sha = {picture.sha256: picture for picture in self.media}
        scores = []
        for window in plan(self.media, Settings().windows):
            media = [by_sha[sha] for sha in window.sha256s]
            scores += self._score(media, window.bursts)
        return scores

    def one_by_one(self, background: bool = True) -> list[FrameScores]:
        seen: defaultdict[str, list[np.ndarray]] = defaultdict(list)

        def earlier(light: str, most: int) -> np.ndarray:
            return np.array(seen[light][-most:])

        scores = []
        for picture in self.media:
            [scored] = self._score([picture], [0], earlier if background else None) or [None]
            if scored:
                scores.append(scored)
                seen[scored.light].append(self.frame.last.cells[0].astype(np.float16))
        return scores


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--labels", type=Path, required=True)
    words.add_argument("--split", default="test")
    given = words.parse_args()
    kinds: dict[str, bool] = {}  # sha-256: blank
    media: defaultdict[str, list[Media]] = defaultdict(list)
    with given.labels.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == given.split:
                found = Found(row["path"], "picture", 0)
                picture, _ = read_media(given.labels.parent, found)
                if picture and picture.sha256 not in kinds:
                    kinds[picture.sha256] = row["label_kind"] == "blank"
                    media[row["card"]].append(picture)
    frame, detector = Once(load_frame_model()), Once(load_any("starter"))
    cards = [Card(sorted(one, key=in_order), given.labels.parent, frame, detector)
             for one in media.values()]  # fmt: skip
    ways: dict[str, Callable[[Card], list[FrameScores]]] = {
        "in windows, as a card": Card.whole,
        "one by one, before earlier ones": Card.one_by_one,
        "one by one, without a background": lambda card: card.one_by_one(False),
    }
    blanks = sum(kinds.values())
    print(f"{len(cards)} cards, {len(kinds)} pictures, {blanks} of them blank")
    print(f"{'':<34}{'AUC':>6}{'inside':>8}{'kept':>7}{'removed':>9}")
    for name, way in ways.items():
        print(f"{name:<34}{measured([way(card) for card in cards], kinds)}", flush=True)


def measured(cards: list[list[FrameScores]], kinds: dict[str, bool]) -> str:
    def table(scores: list[FrameScores]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shas = [kinds[one.sha256] for one in scores]
        hidden = [one.state == "blank" for one in scores]
        return np.array([one.p_blank for one in scores]), np.array(shas), np.array(hidden)

    p_blank, blank, hidden = table([one for card in cards for one in card])
    parts = [table(card) for card in cards]
    inside = [auc(p, is_blank) for p, is_blank, _ in parts if 0 < is_blank.sum() < len(is_blank)]
    kept, removed = 1 - hidden[~blank].mean(), hidden[blank].mean()
    return f"{auc(p_blank, blank):>6.3f}{statistics.mean(inside):>8.3f}{kept:>7.3f}{removed:>9.3f}"


if __name__ == "__main__":
    main()
