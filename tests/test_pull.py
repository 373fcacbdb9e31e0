"""Texts of a labeller are pulled on by pictures: towards theirs, and always to the same file."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import SettingsError
from pipeline.species import zeroshot
from pipeline.species.encoder import STARTER, load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.train.labeller.head import Picture
from pipeline.train.labeller.pull import pull_texts, pulled
from pipeline.train.pictures import Example

COLUMNS = ["path", "label_kind", "split", "may_train_shipped_weights", "card", "source_repo"]


def table(folder, may="yes"):
    """A red fox and two boars of two studies, as noise: only the way through is looked at."""
    rng = np.random.default_rng(5)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*COLUMNS, "scientific_name"])
        for n, name in enumerate(("Vulpes vulpes", "Sus scrofa", "Sus scrofa")):
            Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8)).save(folder / f"{n}.png")
            rows.writerow([f"{n}.png", "animal", "train", may, "c", f"study {n % 2}", name])
    return folder / "labels.csv"


def test_a_text_comes_nearer_to_its_pictures_and_the_others_stay_where_they_were():
    labelset = load_labelset("starter")
    bank = replace(zeroshot.bank(labelset, load_encoder()), prototypes=())
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=256) + 0.3 * rng.normal(size=(6, 2, 256))).astype(np.float32)
    vectors[..., -1] = 0
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    fox = Picture(Example("", "animal", "train", True, "c", "s"), {"species": "Vulpes vulpes"})
    made = pulled([fox] * 6, vectors, bank, 16.0)
    own, near = labelset.names.index("Vulpes vulpes"), vectors.reshape(-1, 256)
    closer = bank.scale * (near @ (made - bank.vectors).T).mean(axis=0)
    assert closer[own] > 1
    assert np.delete(closer, own).max() < 0.2


def test_the_same_pictures_give_the_same_file_also_where_they_had_pulled_before(tmp_path):
    folder, digest = shutil.copytree(STARTER, tmp_path / "own"), load_labelset("starter").digest
    given, notes = [table(tmp_path)], tmp_path / "notes.npz"
    numbers = pull_texts(folder, given, print, notes)
    first = json.loads((folder / "labeller.json").read_text())
    assert numbers["pictures"] == 3
    assert first["measured"]["texts"] == json.loads(json.dumps(numbers))
    assert np.isfinite(load_encoder(f"local-dir:{folder}").shipped_texts(digest)).all()
    pull_texts(folder, given, print, notes)
    assert json.loads((folder / "labeller.json").read_text()) == first
    assert (folder / "texts.safetensors").read_bytes() != (
        STARTER / "texts.safetensors"
    ).read_bytes()


def test_pictures_that_may_not_train_pull_nothing(tmp_path):
    folder = shutil.copytree(STARTER, tmp_path / "own")
    with pytest.raises(SettingsError, match="no picture may be trained on"):
        pull_texts(folder, [table(tmp_path, may="no")], print)
    assert (folder / "labeller.json").read_bytes() == (STARTER / "labeller.json").read_bytes()
