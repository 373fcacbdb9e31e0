"""The starter labeller and the ways a labeller is asked for; damage is refused in one line."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from pipeline.errors import WeightsError
from pipeline.models.runtime import OnnxSession
from pipeline.species import towers, zeroshot
from pipeline.species.encoder import STARTER, load_encoder
from pipeline.species.labelset import load_labelset
from pipeline.species.pixels import Pixels

WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def starter():
    return load_encoder("starter")


@pytest.fixture
def copy(tmp_path):
    """A folder with the starter's files, to be damaged."""
    return shutil.copytree(STARTER, tmp_path / "labeller")


def pictures(n, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [(300, 400), (224, 224), (448, 597), (100, 90)]
    return [rng.integers(0, 255, (*sizes[i % 4], 3), np.uint8) for i in range(n)]


def test_vectors_have_length_one_and_do_not_hang_on_their_neighbours(starter):
    given = pictures(11)
    together = starter.images(given)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([starter.images([one]) for one in given])
    assert np.array_equal(together, alone)
    assert starter.images([]).shape[0] == 0


def test_a_run_with_the_starter_imports_no_torch(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from pipeline.species.encoder import load_encoder\n"
        "from pipeline.species.zeroshot import bank, logits\n"
        "from pipeline.species.labelset import load_labelset\n"
        "e = load_encoder('starter')\n"
        "v = e.images([np.zeros((300, 400, 3), np.uint8)])\n"
        "assert np.isfinite(logits(v, v, bank(load_labelset('starter'), e))).all()\n"
        "print([m for m in ('torch', 'timm', 'open_clip') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_open_clip_itself_loads_the_folder_and_gives_the_same_vectors(starter):
    import torch

    towers.register()
    import open_clip
    from PIL import Image

    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{STARTER}")
    given = pictures(3)
    with torch.inference_mode():
        seen = torch.stack([preprocess(Image.fromarray(one)) for one in given])
        expected = model.eval().encode_image(seen, normalize=True).numpy()
    assert np.abs(expected - starter.images(given)).max() < 2e-3
    assert model.logit_scale.exp().item() == pytest.approx(starter.scale, rel=1e-3)


def test_the_tower_reloaded_computes_what_the_backbone_with_both_patches_does():
    import timm
    import torch
    from safetensors.torch import load_file

    towers.register()
    state = load_file(str(STARTER / WEIGHTS))
    trunk = {
        k.removeprefix("visual.trunk."): v.float() for k, v in state.items() if "visual.trunk" in k
    }
    image = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    found = {}
    for name, kwargs in {"own": {}, "patched": {"pad_type": "same"}, "plain": {}}.items():
        known = towers.NAME if name == "own" else "mobilenet_edgetpu_100"
        model = timm.create_model(known, num_classes=256, **kwargs)
        if name == "patched":
            model.blocks[0][0].bn1.act = torch.nn.Identity()
        model.load_state_dict(trunk)
        with torch.inference_mode():
            found[name] = model.eval()(image)
    assert torch.equal(found["own"], found["patched"])
    assert not torch.allclose(found["own"], found["plain"], atol=1e-2)  # what would load silently


def test_each_shipped_text_is_nearest_to_the_text_tower_s_words_of_its_own_taxon(starter):
    labelset = load_labelset("starter")
    shipped = starter.shipped_texts(labelset.digest)  # pulled on by pictures, see `train texts`
    made = zeroshot.text_vectors([g for t in labelset.taxa for g in t.prompts], starter)
    cosines = (shipped / np.linalg.norm(shipped, axis=1, keepdims=True)) @ made.T
    assert np.array_equal(cosines.argmax(axis=1), np.arange(len(made)))
    assert np.diag(cosines).min() > 0.9
    assert starter.shipped_texts("0" * 64) is None


def test_words_for_a_taxon_meet_its_vector_and_strange_ones_do_not(starter):
    said = starter.texts(["red fox", "Vulpes vulpes", "a photo of a red fox", "jaguar"])
    assert min(said[0] @ said[1], said[0] @ said[2]) > said[0] @ said[3]


def test_the_starter_knows_what_it_was_made_with(starter):
    assert starter.known("Vulpes vulpes") and starter.known(["Felis concolor", "Puma"])
    assert not starter.known("Okapia johnstoni")


def test_a_bank_says_which_taxa_the_labeller_never_saw(starter, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\n[[taxon]]\nscientific = "Okapia johnstoni"\ncommon = ["okapi"]\n'
        '[[taxon]]\nscientific = "Vulpes vulpes"\ncommon = ["red fox"]\n'
    )
    made = zeroshot.bank(load_labelset(path), starter)
    assert made.unseen == ("Okapia johnstoni",)
    assert "field profile" in made.warning and "\n" not in made.warning
    again = zeroshot.bank(load_labelset(path), starter)  # from the cache
    assert np.array_equal(made.vectors, again.vectors)
    assert zeroshot.bank(load_labelset("starter"), starter).warning is None


def test_a_damaged_bank_in_the_cache_is_made_again(starter, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\n[[taxon]]\nscientific = "Vulpes vulpes"\n')
    first = zeroshot.bank(load_labelset(path), starter).vectors
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    kept.write_bytes(b"half a fi")
    assert np.array_equal(zeroshot.bank(load_labelset(path), starter).vectors, first)


def refused(name, **more):
    with pytest.raises(WeightsError) as why:
        load_encoder(name, **more)
    assert "\n" not in str(why.value)
    return str(why.value)


def test_truncated_missing_and_flipped_weights_are_refused(copy):
    name = f"local-dir:{copy}"
    whole = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    assert "truncated" in refused(name)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    (copy / WEIGHTS).write_bytes(flipped)
    assert "sha-256" in refused(name)
    (copy / WEIGHTS).unlink()
    assert "missing" in refused(name)


def test_a_flipped_onnx_is_refused(copy):
    place = copy / "image.onnx"
    flipped = bytearray(place.read_bytes())
    flipped[len(flipped) // 2] ^= 0xFF
    place.write_bytes(flipped)
    assert "sha-256" in refused(f"local-dir:{copy}")


def test_pickled_weights_are_refused_unopened(copy):
    (copy / WEIGHTS).rename(copy / "open_clip_pytorch_model.bin")
    assert "pickled" in refused(f"local-dir:{copy}")


@pytest.mark.parametrize("text", ["{", "[]", "{" * 100_000, '{"family": "softmax"}'])
def test_a_broken_sidecar_is_refused(copy, text):
    (copy / "labeller.json").write_text(text)
    assert "labeller.json" in refused(f"local-dir:{copy}")


@pytest.mark.parametrize("wrong", [{"calibration": {"heat": 1}}, {"scale": "much"}, {"knows": 3}])
def test_a_sidecar_that_says_what_cannot_be_is_refused(copy, wrong):
    facts = json.loads((copy / "labeller.json").read_text())
    (copy / "labeller.json").write_text(json.dumps(facts | wrong))
    assert "labeller.json" in refused(f"local-dir:{copy}")


def test_what_is_no_labeller_is_refused(tmp_path, monkeypatch):  # the program sets it itself
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "open_clip_config.json" in refused(f"local-dir:{tmp_path}")
    assert "no labeller 'ViT-X'" in refused("ViT-X", pretrained="openai")
    assert "its tags" in refused("ViT-B-32", pretrained="nonsense")
    assert "its tags" in refused("ViT-B-32")
    assert "models pull" in refused("hf-hub:nobody/nothing-here")


def test_the_coca_head_that_captions_broke_is_refused_with_the_reason_and_its_relatives_are_not():
    tag = "mscoco_finetuned_laion2b_s13b_b90k"
    assert "only writes captions" in refused("coca_ViT-B-32", pretrained=tag)
    hub = "hf-hub:laion/mscoco_finetuned_CoCa-ViT-B-32-laion2B-s13B-b90k"
    assert "only writes captions" in refused(hub)
    assert "only writes captions" not in refused("coca_ViT-L-14", pretrained=tag)


@pytest.mark.parametrize("mode", ["squash", "shortest", "longest"])
@pytest.mark.parametrize("kernel", ["bicubic", "bilinear"])
def test_preprocessing_is_open_clip_s_own_to_the_last_grey_level(mode, kernel):
    towers.register()
    from open_clip.transform import image_transform
    from PIL import Image

    mean, std = (0.48, 0.45, 0.4), (0.27, 0.26, 0.28)
    theirs = image_transform(96, False, mean, std, resize_mode=mode, interpolation=kernel)
    ours = Pixels(96, 96, mean, std, kernel, mode)
    for one in pictures(4, seed=3):
        assert np.abs(ours([one])[0] - theirs(Image.fromarray(one)).numpy()).max() < 1e-5


def test_the_onnx_file_of_the_starter_takes_any_batch(starter):
    session = OnnxSession(STARTER / "image.onnx")
    for n in (1, 3):
        (found,) = session.run({"image": np.zeros((n, 3, 224, 224), np.float32)}).values()
        assert found.shape == (n, 256)


def test_the_sidecar_says_what_the_files_are():
    facts = json.loads((STARTER / "labeller.json").read_text())
    assert set(facts["sha256"]) == {
        WEIGHTS, "image.onnx", "texts.safetensors", "prototypes.safetensors",
    }  # fmt: skip
    assert load_labelset("starter").digest in facts["texts"]


def test_prototypes_come_with_the_bank_of_a_label_set_that_has_their_taxa(starter):
    bank = zeroshot.bank(load_labelset("starter"), starter)
    names = [name for name, _ in bank.prototypes]
    assert names == ["Cervidae", "Corvidae", "Lepus", "Mustelidae", "Sus scrofa", "Vulpes vulpes"]
    assert all(vector.shape == (256,) for _, vector in bank.prototypes)


@pytest.mark.parametrize("wrong", [{"file": "none.safetensors", "names": []}, {"names": 3}, [1]])
def test_prototypes_that_do_not_fit_their_sidecar_are_refused(copy, wrong):
    facts = json.loads((copy / "labeller.json").read_text())
    (copy / "labeller.json").write_text(json.dumps(facts | {"prototypes": wrong}))
    with pytest.raises(WeightsError, match="prototypes"):
        load_encoder(f"local-dir:{copy}").prototypes()
