"""Figures about the blank filter: right, and with honest intervals."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from pipeline.train.evaluate import evaluate_frames, learned_from
from pipeline.train.pictures import Example
from pipeline.trust import measure

SCORES = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
BLANK = np.array([False, False, False, True, True, True])


def test_auc_counts_the_pairs_in_the_right_order():
    assert measure.auc(SCORES, BLANK) == pytest.approx(8 / 9)
    assert np.isnan(measure.auc(SCORES, np.ones(6, bool)))


def test_recall_and_removed_at_a_threshold():
    assert measure.recall(SCORES, BLANK, 0.5) == pytest.approx(2 / 3)
    assert measure.removed(SCORES, BLANK, 0.5) == pytest.approx(2 / 3)
    assert np.isnan(measure.recall(SCORES, np.ones(6, bool), 0.5))


def test_a_score_at_the_threshold_itself_is_hidden():
    assert measure.recall(SCORES, BLANK, 0.6) == pytest.approx(2 / 3), "0.6 is not kept"
    assert measure.removed(SCORES, BLANK, 0.4) == 1.0, "0.4 is hidden"
    assert measure.removed(SCORES, BLANK, np.nextafter(0.4, 1)) == pytest.approx(2 / 3)


def test_a_blank_that_ties_with_the_last_that_must_be_kept_stays_too():
    scores, is_blank = np.array([0.1, 0.6, 0.6, 0.9]), np.array([False, False, True, True])
    assert measure.removed_at_recall(scores, is_blank, 1.0) == 0.5


def test_a_card_was_learned_from_by_training_and_by_validating_and_only_with_leave():
    def example(split: str, may_train: bool) -> Example:
        return Example(Path("1.jpg"), "blank", split, may_train, "card", "study")

    assert learned_from(example("train", True)) and learned_from(example("validate", True))
    assert not learned_from(example("test", True)) and not learned_from(example("train", False))


def test_b95_keeps_what_was_asked_for():
    assert measure.removed_at_recall(SCORES, BLANK, 1.0) == pytest.approx(2 / 3)
    assert measure.removed_at_recall(SCORES, BLANK, 0.6) == 1.0


def test_in_card_ignores_cards_that_show_only_one_kind():
    cards = np.array(["both"] * 10 + ["blanks"] * 6)
    is_blank = np.array([False] * 5 + [True] * 11)
    scores = np.array([0.0] * 5 + [1.0] * 5 + [0.0] * 6)
    assert measure.in_card(scores, is_blank, cards) == 1.0


def test_an_interval_draws_cards_and_not_pictures():
    rng = np.random.default_rng(1)
    right = np.repeat(rng.random(20), 50) < 0.5  # whole cards are right or wrong
    one_each = measure.interval(lambda i: right[i].mean(), np.arange(1000), 200)
    by_card = measure.interval(lambda i: right[i].mean(), np.repeat(np.arange(20), 50), 200)
    assert by_card[1] - by_card[0] > 3 * (one_each[1] - one_each[0])
    assert by_card[0] <= right.mean() <= by_card[1]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: len({blank for _, blank in rows}) == 2
    )
)
def test_auc_is_the_share_of_pairs_and_turning_the_score_turns_it(rows):
    scores = np.array([score for score, _ in rows], float)
    is_blank = np.array([blank for _, blank in rows])
    pairs = (scores[is_blank][:, None] - scores[~is_blank][None]).ravel()
    assert measure.auc(scores, is_blank) == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
    assert measure.auc(-scores, is_blank) == pytest.approx(1 - measure.auc(scores, is_blank))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=3, max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_keeps_more_and_removes_less(scores, one, other):
    scores, is_blank = np.array(scores), np.arange(len(scores)) % 2 == 0
    low, high = sorted((one, other))
    assert measure.recall(scores, is_blank, low) <= measure.recall(scores, is_blank, high)
    assert measure.removed(scores, is_blank, low) >= measure.removed(scores, is_blank, high)


def test_the_tables_name_each_score_and_each_card_that_was_not_learned_from(tmp_path):
    rows = []
    for number in range(16):
        card = "seen" if number >= 12 else "new"
        kind = ("blank", "animal", "human", "unknown")[number % 4]
        noise = np.random.default_rng(number % 2).integers(40, 90, (96, 128, 3), dtype=np.uint8)
        image = Image.fromarray(noise)
        if kind in ("animal", "human"):
            ImageDraw.Draw(image).ellipse((30, 30, 70, 60), fill=(180, 140, 90))
        image.save(tmp_path / f"{number}.jpg")
        split, may = ("train", "yes") if card == "seen" else ("test", "no")
        rows.append([f"{number}.jpg", kind, split, may, card, f"study {card}"])
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        names = ["path", "label_kind", "split", "may_train_shipped_weights", "card", "source_repo"]
        csv.writer(file).writerows([names, *rows])
    text = evaluate_frames(tmp_path / "labels.csv")
    assert "Cards never trained on**: 9 pictures, 3 of them blank, 1 cards" in text
    assert all(name in text for name in ("frame model alone", "novelty alone", "fused", "| new |"))
    assert "| seen |" not in text
    beside = evaluate_frames(tmp_path / "labels.csv", detector="starter")
    assert beside != text and len(beside.splitlines()) == len(text.splitlines())
