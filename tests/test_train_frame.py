"""Training: a folder that runs, from any backbone, by anyone's table of pictures."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from flows.services.upkeep import training
from pipeline.errors import SettingsError
from pipeline.frames.classifier import load_frame_model
from pipeline.frames.network import FrameNet
from pipeline.train.frame.decision import decision, levels
from pipeline.train.frame.fusion import balanced, level_for, threshold_for
from pipeline.train.frame.gain import gain_of
from pipeline.train.frame.learn import Data, Plan, loss_of
from pipeline.train.frame.maps import BODY, EMPTY, IGNORE, Maps
from pipeline.train.frame.stages import Stages
from pipeline.train.frame.training import FrameOptions, folds, mean_of, train_frame
from pipeline.train.pictures import (
    COLUMNS,
    Example,
    augment,
    burst_numbers,
    read_examples,
    targets,
    windows_of,
)
from pipeline.trust import measure

QUICK = Plan(steps=4, batch=4, check_every=2, patience=1)
SIZE = (64, 96)


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """Two training cards, one validation card, one that may not train: ten views each."""
    folder = tmp_path_factory.mktemp("drawn")
    rows = []
    cards = [
        ("a", "train", "yes"),
        ("b", "train", "yes"),
        ("c", "validate", "no"),
        ("d", "train", "no"),
    ]
    for number, (card, split, may) in enumerate(cards):
        for picture in range(10):
            kind = "animal" if picture % 2 else "blank"
            path = folder / f"{card}{picture}.jpg"
            draw(number, kind, picture).save(path)
            rows.append([path.name, kind, split, may, card, f"study {card}", card])
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([[*COLUMNS, "station"], *rows])
    return folder / "labels.csv"


def draw(card: int, kind: str, picture: int) -> Image.Image:
    noise = np.random.default_rng(card).integers(60, 120, (64, 96, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    if kind == "animal":
        left = 10 + 6 * picture
        ImageDraw.Draw(image).ellipse((left, 25, left + 20, 45), fill=(200, 150, 90))
    return image


def options(table, out, **changes) -> FrameOptions:
    given = {"size": SIZE, "hidden": 4, "variants": 2, "plan": QUICK, "learn": "heads"}
    return FrameOptions(table, out, **{**given, **changes})


def test_a_trained_folder_is_loaded_and_looks_at_pictures(table, tmp_path):
    folder = train_frame(options(table, tmp_path / "own", soup=2), say=lambda text: None)
    model = load_frame_model(str(folder))
    out = model.run([np.zeros((*SIZE, 3), np.uint8)])
    assert out.logits.shape == (1, 4)
    assert 0 < model.fusion.threshold < 1
    assert 0 < model.fusion.human_level < 1 and 0 < model.fusion.vehicle_level < 1


@pytest.mark.parametrize("backbone", ["convnextv2_atto", "mobilenetv4_conv_small"])
def test_any_backbone_gives_logits_cells_and_attention(backbone):
    with torch.inference_mode():
        logits, cells, attention = FrameNet(backbone, 4)(
            torch.zeros(2, *SIZE, 3, dtype=torch.uint8)
        )
    assert logits.shape == (2, 4)
    assert cells.shape[:3] == attention.shape == (2, SIZE[0] // 16, SIZE[1] // 16)


def test_everything_learns_where_it_is_told_to(table, tmp_path):
    quick = options(table, tmp_path / "all", learn="all", variants=1, plan=Plan(steps=2, batch=2))
    assert (train_frame(quick, say=lambda text: None) / "frame.onnx").exists()


def test_studies_left_out_fit_the_decision(table, tmp_path):
    told = []
    folder = train_frame(options(table, tmp_path / "loso", leave_out=True, onnx=False), told.append)
    assert any(text.startswith("left out: study a") for text in told)
    assert (folder / "left_out.json").exists()


def test_a_model_that_learns_nothing_new_is_not_kept_and_both_figures_are_said(table, tmp_path):
    begin = train_frame(options(table, tmp_path / "begin", onnx=False), lambda text: None)
    still = Plan(steps=2, batch=2, rate=0)
    told = []
    again = options(table, tmp_path / "again", start=begin, leave_out=True, plan=still, onnx=False)
    assert train_frame(again, told.append) is None
    assert not (tmp_path / "again").exists()
    assert "each left out, before and after: AUC " in told[-1]


def test_what_ranks_better_whichever_stations_are_drawn_is_a_gain_and_the_reverse_is_none(table):
    examples = read_examples(table)
    is_blank = np.array([one.kind == "blank" for one in examples])
    cells = np.random.default_rng(1).normal(size=(len(examples), 4, 6, 8)).astype(np.float16)
    maps = Maps((), cells, np.array(["colour"] * len(examples)))
    data = Data(examples, maps, np.zeros((1, len(examples), 4, 6), np.int8))
    noise = np.random.default_rng(2).normal(size=(len(examples), 4)).astype(np.float32)
    sure = noise + np.where(is_blank[:, None], [0, 0, 0, 6], [6, 0, 0, 0]).astype(np.float32)
    rows = np.arange(len(examples))
    fusion = decision(data, noise, rows, lambda text: None)
    found = gain_of(data, noise, fusion, sure, rows)
    assert found.better and found.auc[1] > 0.95 > found.auc[0] and found.studies == 4
    assert not gain_of(data, sure, decision(data, sure, rows, lambda _: None), noise, rows).better


def test_small_stations_are_shared_out_among_a_few_groups():
    found = folds([f"s{n}" for n in range(12)], most=5)
    assert len(found) == 5 and sorted(map(len, found)) == [2, 2, 2, 3, 3]


def test_an_unknown_backbone_and_a_table_without_pictures_say_so(table, tmp_path):
    with pytest.raises(SettingsError, match="unknown timm backbone"):
        train_frame(options(table, tmp_path, backbone="efficientnet_z9"), say=lambda text: None)
    empty = tmp_path / "labels.csv"
    empty.write_text("path,label_kind\n1.jpg,animal\n")
    with pytest.raises(SettingsError, match="no column"):
        read_examples(empty)


def test_large_studies_are_left_out_alone_and_small_ones_together():
    studies = ["large"] * 150 + ["tiny"] * 3 + ["small"] * 20
    assert folds(studies) == [frozenset(["large"]), frozenset(["small", "tiny"])]


def test_a_soup_is_the_mean_of_its_runs():
    mixed = mean_of(
        [
            {"w": torch.tensor([1.0]), "n": torch.tensor(3)},
            {"w": torch.tensor([3.0]), "n": torch.tensor(5)},
        ]
    )
    assert mixed["w"].item() == 2 and mixed["n"].item() == 3


def test_windows_hold_one_station_each(table):
    examples = read_examples(table)
    assert [len(rows) for rows in windows_of(examples)] == [10, 10, 10, 10]


def test_only_rows_that_say_yes_may_train_weights_that_are_given_away(table):
    leave = {example.card: example.may_train for example in read_examples(table)}
    assert leave == {"a": True, "b": True, "c": False, "d": False}


def test_ten_seconds_apart_is_one_burst_and_a_second_more_another():
    begin = datetime(2026, 5, 1, 6)

    def at(seconds: float | None) -> Example:
        taken_at = None if seconds is None else begin + timedelta(seconds=seconds)
        return Example(Path("a.jpg"), "blank", "train", True, "a", "a", taken_at=taken_at)

    assert burst_numbers([at(0), at(10), at(21), at(None), at(22)]) == [0, 0, 1, 2, 3]


def test_large_cards_count_by_the_root_of_their_size_and_both_answers_alike():
    cards, is_blank = ["a"] * 400 + ["b"] * 100, np.arange(500) % 2 == 0
    weights = balanced(cards, is_blank)
    assert weights[:400].sum() == pytest.approx(2 * weights[400:].sum())
    assert weights[is_blank].sum() == pytest.approx(weights[~is_blank].sum())
    rare = balanced(["a"] * 10, np.arange(10) == 0)
    assert rare[0] == pytest.approx(rare[1:].sum())


def test_the_threshold_keeps_the_picture_that_it_is_set_by():
    p_blank, is_blank = np.array([0.1, 0.2, 0.3, 0.9]), np.array([False] * 3 + [True])
    threshold = threshold_for(p_blank, is_blank, ["a"] * 4, recall=1.0)
    assert threshold == pytest.approx(0.31)
    assert measure.recall(p_blank, is_blank, threshold) == 1.0
    assert threshold_for(p_blank, is_blank, ["a"] * 4, recall=0.6) == pytest.approx(0.21)


def test_a_level_is_reached_by_one_in_a_hundred_of_those_that_show_none():
    share = np.linspace(0, 0.5, 1000)
    level = level_for(share, ["a"] * 1000, 0.01)
    assert (share >= level).mean() == pytest.approx(0.01, abs=0.002)
    assert level_for(share, ["a"] * 1000, 0.05) < level
    odd = np.concatenate([np.full(900, 0.1), np.full(100, 0.4)])  # a card that is unlike the others
    assert level_for(odd, ["a"] * 900 + ["b"] * 100, 0.2) == pytest.approx(0.4)
    assert level_for(odd, ["a"] * 1000, 0.2) == pytest.approx(0.1)


def test_levels_are_measured_where_neither_people_nor_vehicles_are():
    shares = np.array([[0.2, 0.1]] * 99 + [[0.3, 0.15]] + [[0.9, 0.9]] * 100)
    kinds = ["animal"] * 50 + ["blank"] * 50 + ["human", "vehicle", "unknown", "human"] * 25
    assert levels(shares, kinds, ["a"] * 200) == (0.3, 0.15)


def test_the_backbone_s_own_statistics_stay_while_its_heads_learn():
    stages = Stages(FrameNet("efficientnet_lite0", 4), "last", "cpu")
    stages.train()
    assert stages.net.head.training and not stages.net.body.training
    assert not any(module.training for module in stages.net.body.modules())


def test_beside_a_person_nobody_wrote_a_vehicle_down():
    """A logit for a vehicle costs nothing there, and where no person is it does."""
    evidence, cells = torch.zeros(1, 3, 2, 2), torch.full((1, 2, 2), IGNORE)
    kinds = ("human", "animal")
    cost = {}
    for kind in kinds:
        truth = torch.from_numpy(targets([kind]))
        for vehicle in (0.0, 5.0):
            logits = torch.tensor([[0.0, 0.0, vehicle, 0.0]])
            cost[kind, vehicle] = float(loss_of(logits, evidence, truth, cells))
    assert cost["human", 5.0] == pytest.approx(cost["human", 0.0])
    assert cost["animal", 5.0] > cost["animal", 0.0] + 0.5


def test_cells_that_are_right_cost_less_than_cells_that_are_wrong():
    truth = torch.from_numpy(targets(["animal"]))
    cells = torch.full((1, 2, 3), EMPTY, dtype=torch.int8)
    cells[0, 0, 0], cells[0, 1, 2] = BODY, IGNORE
    evidence = torch.full((1, 3, 2, 3), -4.0)
    wrong = loss_of(torch.zeros(1, 4), evidence, truth, cells)
    evidence[0, 0, 0, 0] = 4.0
    assert loss_of(torch.zeros(1, 4), evidence, truth, cells) < wrong - 1


def test_altered_copies_are_the_same_for_the_same_seed():
    pixels = np.asarray(draw(0, "animal", 3))
    first, again = (augment(pixels, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape != pixels.shape or not np.array_equal(first, pixels)


def test_too_few_steps_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SettingsError, match="--steps 5: give 10 or more"):
        training.train_frame(tmp_path / "none.csv", tmp_path / "own", print, steps=5)
