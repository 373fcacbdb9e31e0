"""Names from vectors: roll-up, site lists, people, and a million at a time."""

import time
from dataclasses import replace

import numpy as np
import pytest

from pipeline.records import FrameScores
from pipeline.settings import Labels
from pipeline.species import zeroshot
from pipeline.species.encoder import Calibration
from pipeline.species.labelset import load_labelset
from pipeline.species.learned import at_level
from pipeline.species.zeroshot import Bank

TAXA = """
name = "few"
[lineage]
Canidae = ["Carnivora", "Mammalia"]
Felidae = ["Carnivora", "Mammalia"]
Corvidae = ["Passeriformes", "Aves"]
[[taxon]]
scientific = "Vulpes vulpes"
family = "Canidae"
[[taxon]]
scientific = "Vulpes lagopus"
family = "Canidae"
[[taxon]]
scientific = "Canis latrans"
family = "Canidae"
[[taxon]]
scientific = "Lynx rufus"
family = "Felidae"
[[taxon]]
scientific = "Corvus corax"
family = "Corvidae"
[[taxon]]
observation_type = "vehicle"
common = ["vehicle"]
[[taxon]]
observation_type = "blank"
common = ["nothing"]
"""
BARS = Labels(species_bar=0.65, group_bar=0.65)


@pytest.fixture
def few(tmp_path):
    """A bank whose taxa are the axes of space, so that a vector's entries are its cosines."""
    path = tmp_path / "few.toml"
    path.write_text(TAXA, "utf-8")
    labelset = load_labelset(path)
    n = len(labelset.taxa)
    return Bank(labelset, np.eye(n, dtype=np.float32), np.arange(n), "softmax", 1.0, 0.0)


def look(sha="a", state="kept", p_animal=0.95, p_human=0.02, p_vehicle=0.02, count=None):
    return FrameScores(
        sha256=sha, p_blank=0.05, p_animal=p_animal, p_human=p_human, p_vehicle=p_vehicle,
        novelty=None, state=state, decided_by="fused", light="colour", luma=0.5, contrast=0.2,
        view_shift=None, count=count,
    )  # fmt: skip


def said(bank, chances: dict[str, float], of=None, site_list=None, bars=BARS):
    """The label of a picture whose taxa have these chances (the rest share what is left)."""
    left = (1 - sum(chances.values())) / (len(bank.labelset.taxa) - len(chances))
    p = np.array([[chances.get(name, left) for name in bank.labelset.names]])
    (label,) = zeroshot.from_logits(
        ["a"], np.log(p).astype(np.float32), [of or look()], bank, bars, site_list
    )
    return label


def test_a_sure_species_is_named(few):
    label = said(few, {"Vulpes vulpes": 0.8})
    assert (label.observation_type, label.name, label.rank) == (
        "animal",
        "Vulpes vulpes",
        "species",
    )
    assert label.probability == pytest.approx(0.8, abs=1e-5)
    assert label.top[0] == ("Vulpes vulpes", label.raw_probability)
    assert len(label.top) == 5


@pytest.mark.parametrize(
    ("chances", "name", "rank"),
    [
        ({"Vulpes vulpes": 0.46, "Vulpes lagopus": 0.45}, "Vulpes", "genus"),
        ({"Vulpes vulpes": 0.46, "Canis latrans": 0.45}, "Canidae", "family"),
        ({"Vulpes vulpes": 0.46, "Lynx rufus": 0.45}, "Carnivora", "order"),
        ({"Vulpes vulpes": 0.4, "Lynx rufus": 0.2, "nothing": 0.35}, "Animalia", "kingdom"),
    ],
)
def test_a_sum_surer_than_its_parts_is_said_at_its_own_rank(few, chances, name, rank):
    label = said(few, chances)
    assert (label.name, label.rank) == (name, rank)
    assert label.raw_name == "Vulpes vulpes"  # the best guess stays beside it


def test_mammal_is_said_where_orders_differ(few):
    assert said(few, {"Vulpes vulpes": 0.5, "Corvus corax": 0.4}).name == "Animalia"
    assert said(few, {"Vulpes vulpes": 0.4, "Lynx rufus": 0.4}).rank == "order"


def test_a_bar_of_the_study_wins_over_the_measured_one(few):
    chances = {"Vulpes vulpes": 0.6, "Canis latrans": 0.3}
    assert said(few, chances, bars=Labels()).name == "Canidae"  # measured: 0.65
    assert said(few, chances, bars=Labels(species_bar=0.5)).name == "Vulpes vulpes"


def test_a_sum_at_the_bar_itself_is_said(few):
    logits = np.log(np.array([[0.5, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05]], np.float32))
    p = zeroshot.probabilities(logits, few)
    for bar, rank in ((p[0].max(), "species"), (np.nextafter(p[0].max(), np.float32(1)), None)):
        bars = Labels(species_bar=float(bar), group_bar=1.0)
        _, [said_rank], _, _ = zeroshot.decide(p, few, bars)
        assert said_rank == rank


def test_a_class_has_a_bar_of_its_own(few):
    measured = Calibration(species_bar=0.9, group_bar=0.9, class_bar=0.5)
    bank = Bank(few.labelset, few.vectors, few.owner, "softmax", 1.0, 0.0, measured)
    label = said(bank, {"Vulpes vulpes": 0.35, "Lynx rufus": 0.35}, bars=Labels())
    assert (label.name, label.rank) == ("Mammalia", "class")


def test_an_order_has_a_bar_of_its_own_where_one_was_measured(few):
    chances = {"Vulpes vulpes": 0.35, "Lynx rufus": 0.35}
    for own, rank in ((0.65, "order"), (None, "class")):
        measured = Calibration(species_bar=0.9, group_bar=0.9, class_bar=0.6, order_bar=own)
        bank = replace(few, calibration=measured)
        assert said(bank, chances, bars=Labels()).rank == rank
        assert said(bank, chances, bars=Labels(group_bar=0.9)).rank == "kingdom"  # the study's own
        assert said(at_level(bank, 0.9), chances, bars=Labels()).rank == "class"


def test_a_score_that_just_reaches_the_bar_of_the_unknown_is_an_animal(few):
    flat = {"Vulpes vulpes": 0.2}
    for p_animal, kind in ((0.4, "animal"), (0.399, "unknown")):
        assert said(few, flat, of=look(p_animal=p_animal)).observation_type == kind


def test_people_are_no_mammals_to_be_summed_up(tmp_path):
    path = tmp_path / "people.toml"
    path.write_text(
        TAXA + '[[taxon]]\nscientific = "Homo sapiens"\nobservation_type = "human"\n'
        'order = "Primates"\nclass = "Mammalia"\n',
        "utf-8",
    )
    labelset = load_labelset(path)
    n = len(labelset.taxa)
    bank = Bank(labelset, np.eye(n, dtype=np.float32), np.arange(n), "softmax", 1.0, 0.0)
    label = said(bank, {"Vulpes vulpes": 0.4, "Homo sapiens": 0.5})
    assert (label.observation_type, label.name) == ("animal", "Animalia")


def test_what_was_left_out_is_worth_showing_from_five_in_a_hundred_on(few):
    may = np.array([name != "Vulpes lagopus" for name in few.labelset.names])
    place = few.labelset.names.index("Vulpes lagopus")
    for p, shown in ((np.float32(0.05), 1), (np.nextafter(np.float32(0.05), np.float32(0)), 0)):
        free = np.zeros(len(may), np.float32)
        free[place] = p
        assert len(zeroshot._off_list(free, may, few)) == shown


def test_a_taxon_off_the_site_list_stays_visible(few):
    listed = frozenset({"Vulpes vulpes", "Canis latrans"})
    label = said(few, {"Vulpes lagopus": 0.7, "Vulpes vulpes": 0.2}, site_list=listed)
    assert label.name == "Vulpes vulpes"
    assert label.off_list == (("Vulpes lagopus", pytest.approx(0.7, abs=1e-5)),)
    assert said(few, {"Vulpes vulpes": 0.9}, site_list=listed).off_list == ()


def test_people_and_vehicles_are_decided_together_with_the_frame_model(few):
    person = look(p_animal=0.1, p_human=0.9)
    car = look(p_animal=0.4, p_human=0.05, p_vehicle=0.5)
    assert said(few, {"Vulpes vulpes": 0.3}, of=person).name == "Homo sapiens"
    label = said(few, {"vehicle": 0.8}, of=car)
    assert (label.observation_type, label.name) == ("vehicle", None)
    assert said(few, {"Vulpes vulpes": 0.95}, of=car).observation_type == "animal"


def test_from_its_level_on_a_person_is_called_unless_the_labeller_knows_better(few):
    """p_human 0.5 is the frame model's level, whatever it says of an animal beside it."""
    both, below = look(p_animal=0.8, p_human=0.55), look(p_animal=0.8, p_human=0.4)
    assert said(few, {"vehicle": 0.4}, of=both).observation_type == "human"
    assert said(few, {"vehicle": 0.4}, of=below).observation_type == "animal"
    assert said(few, {"Vulpes vulpes": 0.95}, of=both).observation_type == "animal"


def test_what_nothing_is_sure_about_is_unknown(few):
    unsure = look(p_animal=0.3, p_human=0.2, p_vehicle=0.1)
    label = said(few, {"Vulpes vulpes": 0.2}, of=unsure)
    assert (label.observation_type, label.name) == ("unknown", None)
    assert label.raw_name == "Vulpes vulpes"


def test_a_blank_stays_blank_and_keeps_its_raw_guess_for_the_audit(few):
    label = said(few, {"Vulpes vulpes": 0.9}, of=look(state="blank"))
    assert (label.observation_type, label.name) == ("blank", None)
    assert label.raw_name == "Vulpes vulpes"


def test_sigmoid_models_may_say_that_nothing_fits(few):
    bank = Bank(few.labelset, few.vectors, few.owner, "sigmoid", 10.0, -5.0)
    nothing = zeroshot.probabilities(np.full((1, 7), -6.0, np.float32), bank)
    assert nothing.sum() < 0.05
    fox = zeroshot.probabilities(np.array([[5, -6, -6, -6, -6, -6, -6]], np.float32), bank)
    assert fox[0, 0] > 0.95 and fox.sum() <= 1.0001


def test_crop_and_frame_are_mixed_and_a_missing_view_is_replaced_by_the_other(few):
    bank = Bank(
        few.labelset, few.vectors, few.owner, "softmax", 10.0, 0.0, Calibration(crop_share=0.75)
    )
    crops, frames = np.eye(7, dtype=np.float32)[:2], np.eye(7, dtype=np.float32)[[2, 2]]
    crops = np.vstack([crops[0], np.full(7, np.nan, np.float32)])
    close = zeroshot.logits(crops, frames, bank)
    assert close[0].tolist() == [7.5, 0, 2.5, 0, 0, 0, 0]
    assert close[1].tolist() == [0, 0, 10, 0, 0, 0, 0]
    assert np.array_equal(zeroshot.logits(None, frames, bank)[0], close[1])


def test_forms_of_a_taxon_share_its_chance(few):
    forms = Bank(
        few.labelset,
        np.vstack([few.vectors[:1], few.vectors]),
        np.array([0, 0, 1, 2, 3, 4, 5, 6]),
        "softmax", 1.0, 0.0,
    )  # fmt: skip
    vectors = np.random.default_rng(1).normal(size=(3, 7)).astype(np.float32)
    assert np.allclose(zeroshot.logits(vectors, None, forms), zeroshot.logits(vectors, None, few))


def test_a_prototype_draws_what_is_like_it_and_leaves_the_rest_as_it_was(few):
    like, unlike = np.eye(7, dtype=np.float32)[[1, 2]]
    shown = replace(few, prototypes=((few.labelset.names[0], like * 40 - unlike * 40),))
    before, after = (zeroshot.logits(np.stack([like, unlike]), None, one) for one in (few, shown))
    assert np.argmax(after[0]) == 0 and np.argmax(before[0]) == 1
    assert np.allclose(after[1], before[1], atol=1e-6)
    assert np.array_equal(after[:, 1:], before[:, 1:])


def test_labels_come_in_the_order_of_the_pictures(few):
    vectors = np.eye(7, dtype=np.float32)[[3, 0, 4]] * 20
    labels = zeroshot.label(
        ["x", "y", "z"], vectors, vectors, [look("x"), look("y"), look("z")], few, BARS
    )
    assert [(one.sha256, one.name) for one in labels] == [
        ("x", few.labelset.names[3]),
        ("y", few.labelset.names[0]),
        ("z", few.labelset.names[4]),
    ]


def test_half_precision_vectors_are_enough(few):
    vectors = np.random.default_rng(2).normal(size=(50, 7)).astype(np.float16)
    exact = zeroshot.logits(vectors.astype(np.float32), None, few)
    assert np.array_equal(zeroshot.logits(vectors, None, few), exact)


def test_many_vectors_against_500_taxa_take_seconds_a_million(tmp_path):
    text = 'name = "many"\n[lineage]\n'
    text += "\n".join(
        f'F{chr(97 + i)}idae = ["O{chr(97 + i % 5)}a", "Mammalia"]' for i in range(26)
    )
    for i in range(500):
        a, b = chr(97 + i % 26), chr(97 + i // 26)
        text += f'\n[[taxon]]\nscientific = "G{a}{b} s{a}{b}"\nfamily = "F{a}idae"\n'
    (tmp_path / "many.toml").write_text(text, "utf-8")
    labelset, rng = load_labelset(tmp_path / "many.toml"), np.random.default_rng(0)
    vectors = rng.normal(size=(500, 256)).astype(np.float32)
    bank = Bank(labelset, vectors, np.arange(500), "softmax", 1.0, 0.0)
    pictures = rng.normal(size=(10_000, 256)).astype(np.float16)
    started = time.process_time()
    p = zeroshot.probabilities(zeroshot.logits(pictures, None, bank), bank)
    zeroshot.decide(p, bank, BARS)
    assert time.process_time() - started < 2  # 0.2 s on a quiet machine
