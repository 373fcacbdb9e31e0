"""How the starter labeller is made: its space, its vectors, its words, and one small real run."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import SettingsError, WeightsError
from pipeline.species import zeroshot
from pipeline.species.encoder import load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.train.labeller import (
    head as labeller_head,
)
from pipeline.train.labeller import (
    text as labeller_text,
)
from pipeline.train.labeller import (
    training as labeller,
)
from pipeline.train.labeller.backbone import FILE, Backbone
from pipeline.train.labeller.head import Picture
from pipeline.train.pictures import Example
from tests.benchmarks import labeller as measured

STARTER = load_labelset("starter")


@pytest.fixture(scope="module")
def weights_folder() -> Path:
    given = Path(__file__).parents[2] / "shared" / "weights"
    place = Path(os.environ.get("CAMTRIAGE_BACKBONES", given))
    if not (place / FILE).exists():
        pytest.skip(f"no backbone: {place / FILE} is missing (CAMTRIAGE_BACKBONES)")
    return place


def picture(name="", kind="animal", card="c", study="s", **truth) -> Picture:
    return Picture(Example(Path(name), kind, "train", True, card, study, name=name), truth)


def may_be(one: Picture) -> set[str]:
    rows = labeller_head.consistent(one, STARTER.taxa)
    return {name for name, row in zip(STARTER.names, rows, strict=True) if row}


def test_a_picture_may_be_of_what_its_label_tells():
    fox = {"species": "Vulpes vulpes", "genus": "Vulpes", "family": "Canidae"}
    assert may_be(picture(**fox)) == {"Vulpes vulpes"}
    assert {"Vulpes vulpes", "Canis lupus", "Canidae"} <= may_be(picture(family="Canidae"))
    assert may_be(picture(species="Vulpes corsac", family="Canidae")) == {"Canidae"}
    assert may_be(picture(kind="blank")) == {"nothing"}
    assert may_be(picture(kind="vehicle")) == {"vehicle"}
    assert len(may_be(picture())) == len(STARTER.taxa) - 3  # any animal


def test_names_of_a_table_are_placed_in_the_tree(tmp_path):
    rows = [
        "Vulpes vulpes",
        "Mustela erminea",
        "Dasyprocta sp.",
        "Vulpes/Urocyon",
        "Aves",
        "",
        "Xy z",
    ]
    columns = ["path", "label_kind", "split", "may_train_shipped_weights", "card", "source_repo"]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*columns, "scientific_name"])
        table.writerows(
            [f"{n}.jpg", "animal", "train", "yes", "c", "s", x] for n, x in enumerate(rows)
        )
    read = labeller_head.read_pictures(tmp_path / "t.csv", STARTER)
    assert read[0].truth["order"] == "Carnivora"
    assert read[1].truth["species"] == "Mustela erminea"
    assert read[1].truth["family"] == "Mustelidae"
    assert read[2].truth["genus"] == "Dasyprocta"
    assert "genus" not in read[3].truth and read[3].truth["family"] == "Canidae"
    assert read[4].truth == {"class": "Aves"}
    assert read[5].truth == {}
    assert read[6].truth == {"species": "Xy z", "genus": "Xy"}


@pytest.fixture
def made_space(monkeypatch):
    """A space of random features, in which all directions are kept."""
    monkeypatch.setattr(labeller_head, "PARTS", 40)
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(40, 40)) * np.linspace(0.3, 2, 40)
    found = {view: rng.normal(size=(300, 40)) @ mixed + 1 for view in ("crop", "frame")}
    weight, bias = rng.normal(size=(1000, 40)), rng.normal(size=1000)
    space = labeller_head.make_space(found, weight, bias, list(range(100)))
    return space, found, weight, bias


def test_the_space_keeps_what_the_classifier_says(made_space):
    space, found, weight, bias = made_space
    said = found["crop"] @ weight.T + bias
    kept = space(found["crop"]) @ space.classes.T
    for a, b in zip(said[:20], kept[:20], strict=True):
        assert np.corrcoef(a, b)[0, 1] > 0.999


def test_pictures_have_one_length_and_texts_too_and_a_cosine_says_what_the_product_said(made_space):
    space, found, _, _ = made_space
    vectors = space(found["crop"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), space.length)
    units, radius = labeller.unit_targets(space.classes)
    assert np.allclose(np.linalg.norm(units, axis=1), 1)
    seen = np.c_[vectors / space.length, np.zeros(len(vectors))]
    assert np.allclose(radius * space.length * seen @ units.T, vectors @ space.classes.T)


def test_pictures_pull_a_vector_and_the_penalty_holds_it():
    rng = np.random.default_rng(1)
    vectors = np.c_[rng.normal(size=(200, 5)) * 3, np.full(200, 3.0)]
    is_first = vectors[:, 0] > 0
    may = np.c_[is_first, ~is_first]
    start = np.zeros((2, 6))
    moved = labeller_head.fit(vectors, may, np.ones(200), start, 3.0)
    right = ((vectors @ moved.T).argmax(axis=1) == 0) == is_first
    assert right.mean() > 0.95
    assert np.abs(moved).max() < 3


def test_loud_classes_are_turned_down():
    rng = np.random.default_rng(2)
    vectors = np.c_[rng.normal(size=(500, 3)), np.ones(500)]
    start = np.array([[1.0, 0, 0, 5.0], [0, 1.0, 0, 0.0]])
    quiet = labeller_head.evened(start, vectors, np.ones(500), 1.0)
    close = vectors @ quiet.T
    assert abs(close[:, 0].mean() - close[:, 1].mean()) < 0.2


def test_a_hundred_pictures_of_one_card_count_as_ten():
    given = [picture(card="a", species="A b")] * 100 + [picture(card="b", species="A b")]
    share = labeller_head.shares(given)
    assert share[:100].sum() == pytest.approx(10)
    assert share[100] == 1


def test_a_stated_name_is_judged_at_its_own_rank():
    truth = {"species": "Vulpes vulpes", "genus": "Vulpes", "class": "Mammalia"}
    assert labeller.is_true("Vulpes", "genus", truth) is True
    assert labeller.is_true("Canis", "genus", truth) is False
    assert labeller.is_true("Canidae", "family", truth) is None  # the label does not say
    assert labeller.is_true(None, None, truth) is None


def leave_out(told_apart: bool, n=300):
    """Logits of a head that tells foxes from jaguars, or says both of each, in three cards."""
    rng = np.random.default_rng(3)
    wide = {"order": "Carnivora", "class": "Mammalia"}
    truths = [
        {"species": "Vulpes vulpes", "genus": "Vulpes", "family": "Canidae", **wide},
        {"species": "Panthera onca", "genus": "Panthera", "family": "Felidae", **wide},
    ]
    pictures = [picture(card="abc"[i % 3], **truths[i % 2]) for i in range(n)]
    close = rng.normal(size=(n, len(STARTER.taxa)))
    for i in range(n):
        for other in (i,) if told_apart else (i, i + 1):
            close[i, STARTER.names.index(truths[other % 2]["species"])] += 9
    may = np.array([labeller_head.consistent(one, STARTER.taxa) for one in pictures])
    return {"crop": close, "frame": close}, labeller.Found(pictures, {}, may)


def test_bars_let_a_species_be_said_where_it_is_told_apart_and_else_its_order(monkeypatch):
    monkeypatch.setattr(labeller, "TEMPERATURES", (1.0,))
    monkeypatch.setattr(labeller, "CROP_SHARES", (1.0,))
    _, numbers = labeller.calibrate(*leave_out(True), STARTER)
    assert numbers["left_out"]["by_rank"]["species"][0] > 200
    _, numbers = labeller.calibrate(*leave_out(False), STARTER)
    assert numbers["left_out"]["by_rank"]["order"][0] > 100
    assert numbers["left_out"]["true"] >= labeller.WANTED


def test_a_phrase_has_no_gap_left_and_a_class_without_family_asks_for_none():
    import random

    rng = random.Random(0)
    for one in (
        labeller_text.Meaning(("red fox",), "Vulpes vulpes", "Canidae", "Carnivora"),
        labeller_text.Meaning(("teapot",), "", "", ""),
    ):
        for _ in range(50):
            phrase = one.phrase(rng)
            assert phrase.strip() and "{" not in phrase and not phrase.startswith(",")


def test_the_text_tower_learns_what_words_mean(monkeypatch):
    monkeypatch.setattr(labeller_text, "STEPS", 60)
    monkeypatch.setattr(labeller_text, "BATCH", 32)
    monkeypatch.setattr(labeller_text, "RATE", 2e-2)
    from pipeline.species import towers

    towers.register()
    import open_clip

    seer = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16}
    small = labeller_text.TEXT_CFG | {"width": 32}
    model = open_clip.CustomTextCLIP(256, seer, small)
    rng = np.random.default_rng(4)
    targets, seen = rng.normal(size=(6, 256)), rng.normal(size=(40, 256))
    targets, seen = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (targets, seen))
    names = ("fox", "jaguar", "zebra", "tapir", "otter", "hare")
    meant = [labeller_text.Meaning((one,), "", "", "") for one in names]
    agreement = labeller_text.train_text_tower(
        model, meant, targets, [1] * 6, seen, 10.0, lambda *_: None
    )
    assert agreement > 0.8
    assert model.text.token_embedding.weight.shape == (49408, 32)
    assert model.text.attn_mask.shape == (24, 24)


def test_a_share_has_an_interval_over_whole_cards():
    cards = np.repeat(["a", "b", "c", "d"], 50)
    right = np.r_[np.ones(150), np.zeros(50)]
    found = measured.share(right, cards)
    assert found.share == 0.75 and found.of == 200 and found.cards == 4
    assert found.low <= 0.25 and found.high == 1.0  # a card more or less decides


def test_another_backbone_file_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(WeightsError, match="sha-256"):
        Backbone(tmp_path)


def test_a_small_real_run_makes_a_labeller_that_loads(
    weights_folder, camera_trap, tmp_path, monkeypatch
):
    monkeypatch.setattr(labeller_text, "STEPS", 3)
    monkeypatch.setattr(labeller, "WANTED", 0.0)
    monkeypatch.setattr(labeller, "WANTED_BELOW_CLASS", 0.0)
    for grid in ("TEMPERATURES", "CROP_SHARES", "SPECIES_BARS", "GROUP_BARS", "CLASS_BARS"):
        monkeypatch.setattr(labeller, grid, (0.7,))
    table = tmp_path / "table.csv"
    with open(camera_trap / "labels.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["may_train_shipped_weights"] == "yes"]
    few = [row for row in rows if row["card"] in ("us_west_mix", "us_ena24")][11:25]
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"path": str(camera_trap / row["path"])} for row in few)
    numbers = labeller.train_labeller(
        weights_folder, table, tmp_path / "out", notes=tmp_path / "notes.npz", tell=lambda _: None
    )
    assert numbers["pictures"] == len([r for r in few if r["label_kind"] != "unknown"])
    assert numbers["left_out"]["of"] > 0
    encoder = load_encoder(f"local-dir:{tmp_path / 'out'}")
    bank = zeroshot.bank(STARTER, encoder)
    assert bank.unseen == ()
    noted = np.load(tmp_path / "notes.npz")
    assert noted["crop"].shape == (numbers["pictures"], 1280)


def test_a_table_without_pictures_to_train_on_is_refused(weights_folder, tmp_path):
    (tmp_path / "t.csv").write_text(
        "path,label_kind,split,may_train_shipped_weights,card,source_repo,scientific_name\n"
        "a.jpg,animal,test,yes,c,s,Vulpes vulpes\n"
    )
    with pytest.raises(SettingsError, match="may be trained on"):
        labeller.train_labeller(
            weights_folder, tmp_path / "t.csv", tmp_path / "out", tell=lambda _: None
        )
    assert not (tmp_path / "out").exists()
