"""The starter labeller names drawn animals, and real pictures keep their names."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.settings import Labels
from pipeline.species import zeroshot
from pipeline.species.encoder import load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.train.drawn.card import BOAR, FOX, HARE, draw_card
from pipeline.train.labeller.head import Picture
from pipeline.train.labeller.prototypes import few, prototype
from pipeline.train.labeller.views import Views
from pipeline.train.pictures import Example

ANIMALS = {
    ("CamD", "glade"): ((BOAR, 1, (22, 23)), (FOX, 1, (24, 25)), (HARE, 1, (7, 8))),
}


@pytest.fixture(scope="module")
def starter():
    encoder = load_encoder()
    return encoder, zeroshot.bank(load_labelset("starter"), encoder)


def test_drawn_animals_of_a_card_never_learnt_from_are_named_truly(tmp_path, starter):
    encoder, bank = starter
    views, seen = Views(), {}
    for one in draw_card(tmp_path, 7, ANIMALS):
        if one.species in (FOX, BOAR, HARE) and one.whole:
            example = Example(tmp_path / one.path, one.kind, "test", False, "", "")
            seen.setdefault(one.species, []).append(encoder.images(views(example)))
    means = []
    for vectors in seen.values():
        crops, frames = np.stack(vectors).transpose(1, 0, 2)
        means.append(zeroshot.logits(crops, frames, bank).mean(axis=0))
    p = zeroshot.probabilities(np.stack(means), bank)
    names, _, _, best = zeroshot.decide(p, bank, Labels())
    stated = dict(zip(seen, names, strict=True))
    likeliest = {one: bank.labelset.names[k] for one, k in zip(seen, best, strict=True)}
    assert (stated[BOAR], stated[FOX]) == (BOAR, FOX)
    assert likeliest[HARE] == "Lepus" and stated[HARE] in ("Lepus", "Leporidae", "Mammalia")


def test_a_prototype_lies_above_the_texts_in_its_own_pictures_and_below_them_elsewhere(starter):
    bank = replace(starter[1], prototypes=())
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(40, 2, 256)).astype(np.float32)
    own = np.arange(40) < 12
    vectors[own] += 2 * rng.normal(size=256).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    made = prototype(vectors, own, bank)
    flat = vectors.reshape(-1, 256)
    close = flat @ made * bank.scale
    texts = np.logaddexp.reduce(zeroshot.logits(flat, None, bank), axis=1)
    over = (close - texts).reshape(40, 2)
    assert over[own].min() > 3
    assert over[~own].max() < -5


def test_of_pictures_alike_a_few_are_enough_and_of_forbidden_ones_none():
    def many(number, may=True, species="Vulpes vulpes", kind="animal"):
        one = Example("", kind, "train", may, "c", "s", scientific_name=species)
        return [Picture(replace(one, name=f"{i:03}"), {}) for i in range(number)]

    assert len(few(many(100))) == 12
    assert len(few(many(100, kind="blank", species=""))) == 3
    assert few(many(100, may=False)) == []
