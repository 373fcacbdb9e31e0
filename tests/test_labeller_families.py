"""CLIP, CoCa and SigLIP go through the real loaders; their weights here are random."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import WeightsError
from pipeline.models import weights
from pipeline.records import FrameScores
from pipeline.settings import Labels
from pipeline.species import towers, zeroshot
from pipeline.species.encoder import load_encoder
from pipeline.species.labelset import load_labelset

CLIP_MEAN = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}
VIT = {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 32}
TIMM = {
    "timm_model_name": "efficientnet_lite0",
    "timm_model_pretrained": False,
    "timm_pool": "",
    "timm_proj": "linear",
    "image_size": 64,
}
CLIP = {"embed_dim": 64, "vision_cfg": VIT, "text_cfg": TEXT}
SIGLIP = {
    "embed_dim": 64,
    "custom_text": True,
    "init_logit_bias": -10,
    "init_logit_scale": 2.302585,
    "vision_cfg": TIMM,
    "text_cfg": TEXT | {"context_length": 32},
}
COCA = {
    "embed_dim": 64,
    "custom_text": True,
    "vision_cfg": VIT | {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
    "text_cfg": TEXT | {"context_length": 76, "embed_cls": True, "output_tokens": True},
    "multimodal_cfg": TEXT
    | {"context_length": 76, "dim_head": 32, "n_queries": 32, "attn_pooler_heads": 2},
}
FAMILIES = {"clip": CLIP, "coca": COCA, "siglip": SIGLIP}
MODES = {"clip": "shortest", "coca": "shortest", "siglip": "squash"}


def saved(folder, model_cfg, mode="shortest", mean=CLIP_MEAN):
    """A model with random weights as open_clip keeps it in a folder."""
    import torch

    towers.register()
    import open_clip
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    preprocess = mean | {"interpolation": "bicubic", "resize_mode": mode}
    config = {"model_cfg": model_cfg, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(3)
    model = open_clip.create_model(f"local-dir:{folder}")
    state = {name: one.contiguous().clone() for name, one in model.state_dict().items()}
    save_file(state, str(folder / "open_clip_model.safetensors"))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("families")
    return {name: saved(home / name, cfg, MODES[name]) for name, cfg in FAMILIES.items()}


@pytest.fixture(scope="module")
def encoders(folders, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return {name: load_encoder(f"local-dir:{folder}") for name, folder in folders.items()}


def pictures(n=3):
    rng = np.random.default_rng(5)
    return [rng.integers(0, 255, (90 + 20 * i, 120, 3), np.uint8) for i in range(n)]


def looks(n=3):
    return [
        FrameScores(
            sha256=str(i), p_blank=0.1, p_animal=0.9, p_human=0.0, p_vehicle=0.0, novelty=None,
            state="kept", decided_by="fused", light="colour", luma=0.5, contrast=0.2,
            view_shift=None,
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_its_pictures_are_what_open_clip_says_they_are(folders, encoders, family):
    import open_clip
    import torch
    from PIL import Image

    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folders[family]}")
    seen = torch.stack([preprocess(Image.fromarray(one)) for one in pictures()])
    with torch.inference_mode():
        expected = model.eval().encode_image(seen, normalize=True).numpy()
    assert np.abs(encoders[family].images(pictures()) - expected).max() < 5e-3  # float16 weights


@pytest.mark.parametrize(
    ("family", "kind", "scale", "bias"),
    [
        ("clip", "softmax", 1 / 0.07, 0),
        ("coca", "softmax", 1 / 0.07, 0),
        ("siglip", "sigmoid", 10, -10),
    ],
)
def test_scale_and_bias_are_the_model_s_own(encoders, family, kind, scale, bias):
    one = encoders[family]
    assert (one.family, one.bias) == (kind, bias)
    assert one.scale == pytest.approx(scale, rel=1e-3)
    assert one.pixels.resize_mode == MODES[family]
    assert one.pixels.mean == tuple(CLIP_MEAN["mean"])
    assert one.known("Okapia johnstoni")  # nobody knows what a large model never saw


@pytest.mark.parametrize("family", FAMILIES)
def test_it_labels(encoders, family, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "few.toml"
    path.write_text(
        'name = "few"\ntemplates = ["{name}", "a photo of a {name}"]\n'
        '[[taxon]]\nscientific = "Vulpes vulpes"\ncommon = ["red fox"]\n'
        '[[taxon]]\nscientific = "Lynx rufus"\ncommon = ["bobcat"]\n'
        '[[taxon]]\nobservation_type = "vehicle"\ncommon = ["car"]\n'
    )
    encoder = encoders[family]
    bank = zeroshot.bank(load_labelset(path), encoder)
    vectors = encoder.images(pictures())
    close = zeroshot.logits(vectors, vectors, bank)
    expected = encoder.scale * vectors @ bank.vectors.T + encoder.bias
    assert np.allclose(close, expected, atol=1e-3)
    p = zeroshot.probabilities(close, bank)
    if family == "siglip":
        assert p.sum() < 0.1  # fresh weights: nothing fits
    else:
        assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    labels = zeroshot.label(["0", "1", "2"], vectors, vectors, looks(), bank, Labels())
    assert [one.observation_type for one in labels] == ["animal"] * 3
    assert {one.raw_name for one in labels} <= {"Vulpes vulpes", "Lynx rufus"}


def test_the_digest_is_noted_at_the_first_load_and_enforced_after(folders):
    folder = folders["clip"]
    place = folder / "open_clip_model.safetensors"
    noted = (folder / "open_clip_model.safetensors.sha256").read_text()
    assert noted.split()[1] == place.name
    whole = place.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x10
    place.write_bytes(flipped)
    with pytest.raises(WeightsError, match="sha-256"):
        load_encoder(f"local-dir:{folder}")
    place.write_bytes(whole)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_of_another_shape_are_refused(folders, family, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    config = json.loads((folders[family] / "open_clip_config.json").read_text())
    config["model_cfg"]["embed_dim"] = 32
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    (folder / "open_clip_model.safetensors").write_bytes(
        (folders[family] / "open_clip_model.safetensors").read_bytes()
    )
    with pytest.raises(WeightsError) as why:
        load_encoder(f"local-dir:{folder}")
    assert "\n" not in str(why.value)


def test_a_folder_with_only_a_pickle_is_refused(folders, tmp_path):
    import torch

    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": CLIP}))
    torch.save({"a": torch.zeros(1)}, tmp_path / "open_clip_pytorch_model.bin")
    with pytest.raises(WeightsError, match="pickled"):
        load_encoder(f"local-dir:{tmp_path}")


class _Runs:
    """Unpickled, it makes a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return (os.mkdir, (str(self.place),))


def test_a_pickle_that_open_clip_would_prefer_is_not_what_is_loaded(folders, tmp_path):
    family = next(iter(folders))
    folder = tmp_path / "model"
    shutil.copytree(folders[family], folder)
    (folder / "open_clip_model.safetensors").rename(folder / "model.safetensors")
    for beside in folder.glob("*.sha256"):
        beside.unlink()
    with (folder / "open_clip_pytorch_model.bin").open("wb") as file:
        pickle.dump(_Runs(tmp_path / "ran"), file)
    encoder = load_encoder(f"local-dir:{folder}")
    assert encoder.texts(["a hare"]).shape[0] == 1
    assert encoder.sha256 == weights.digest(folder / "model.safetensors")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("ending", [".dat", ".npz", ".bin", ".tar", ".PT"])
def test_weights_under_any_other_ending_are_refused_unopened(ending, tmp_path):
    with (tmp_path / f"weights{ending}").open("wb") as file:
        pickle.dump(_Runs(tmp_path / "ran"), file)
    with pytest.raises(WeightsError, match=r"safetensors"):
        load_encoder("ViT-B-32", str(tmp_path / f"weights{ending}"))
    assert not (tmp_path / "ran").exists()


def test_open_clips_warning_of_random_weights_is_not_shown(folders, caplog):
    load_encoder(f"local-dir:{folders['clip']}").texts(["a hare"])
    assert "pretrained" not in caplog.text
