"""A frame model is a folder; loaded, it says the same in every thread, batch and runtime."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.errors import WeightsError
from pipeline.frames.classifier import load_frame_model
from pipeline.models import runtime
from tests.frame_models import make_frame_model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frame_model")
    make_frame_model(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "own")


@pytest.fixture(scope="module")
def model(made):
    return load_frame_model(str(made))


def pictures(n: int, seed: int = 0, size=(64, 96)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *size, 3), dtype=np.uint8)


def refusal(folder) -> str:
    with pytest.raises(WeightsError) as caught:
        load_frame_model(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(folder, **facts) -> None:
    path = folder / "frame.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def test_logits_cells_and_attention_come_in_one_pass(model):
    out = model.run(pictures(3))
    assert out.logits.shape == (3, 4)
    assert out.cells.shape[:3] == (3, 4, 6) == out.attention.shape
    assert out.attention.min() >= 0 and out.attention.max() <= 1


def test_a_picture_scores_the_same_bits_alone_and_in_any_company(model):
    many = pictures(5)
    together = model.run(many)
    for i in (0, 2, 4):
        alone = model.run(many[i : i + 1])
        assert np.array_equal(alone.logits[0], together.logits[i])
        assert np.array_equal(alone.cells[0], together.cells[i])


def test_threads_share_a_model_and_agree(model):
    many = pictures(6)
    with ThreadPoolExecutor(4) as pool:
        outs = list(pool.map(lambda _: model.run(many).logits, range(8)))
    assert all(np.array_equal(one, outs[0]) for one in outs)


def test_a_picture_of_any_shape_is_prepared_whole(model):
    tall = np.zeros((900, 300, 3), np.uint8)
    tall[450:] = 200
    prepared = model.prepare(tall)
    assert prepared.shape == (64, 96, 3)
    assert prepared[:30].max() == 0 and prepared[-30:].min() == 200


def test_training_and_serving_prepare_alike(model):
    from pipeline.train.pictures import squash

    [picture] = pictures(1, size=(448, 597))
    assert np.array_equal(model.prepare(picture), squash(picture, model.size))


def test_pytorch_gives_the_same_where_onnx_runtime_is_missing(folder, monkeypatch):
    with_onnx = load_frame_model(str(folder))
    monkeypatch.setattr(runtime, "has_onnxruntime", lambda: False)
    without = load_frame_model(str(folder))
    assert (with_onnx.runtime, without.runtime) == ("onnxruntime", "torch")
    many = pictures(3)
    a, b = with_onnx.run(many), without.run(many)
    np.testing.assert_allclose(a.logits, b.logits, atol=1e-5)
    np.testing.assert_allclose(a.cells, b.cells, atol=1e-4)


def test_a_model_without_onnx_is_exported_once_into_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_frame_model(tmp_path / "own", onnx=False)
    model = load_frame_model(str(tmp_path / "own"))
    [cached] = (tmp_path / "cache" / "camtriage" / "onnx").glob("*.onnx")
    written = cached.stat().st_mtime_ns
    load_frame_model(str(tmp_path / "own"))
    assert model.runtime == "onnxruntime" and cached.stat().st_mtime_ns == written


def test_the_digest_knows_weights_size_and_fusion_but_not_notes(folder):
    before = load_frame_model(str(folder)).sha256
    rewrite(folder, training={"note": "something else"})
    assert load_frame_model(str(folder)).sha256 == before
    rewrite(folder, mean=[0.4, 0.5, 0.5])
    assert load_frame_model(str(folder)).sha256 != before


def test_an_unknown_name_is_told_what_a_frame_model_is():
    assert "camtriage train frame" in refusal("efficientnet_b0")


@pytest.mark.parametrize("file", ["frame.safetensors", "frame.onnx"])
def test_missing_truncated_and_flipped_files_are_refused(folder, file):
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[:-7])
    assert file in refusal(folder)
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    (folder / file).write_bytes(flipped)
    assert "sha-256" in refusal(folder)
    (folder / file).unlink()
    assert "not here" in refusal(folder)


def test_pickled_weights_are_refused_as_file_and_in_a_description(folder):
    assert "can run any code" in refusal(folder / "model.pth")
    (folder / "frame.bin").write_bytes(b"\x80\x02")
    files = json.loads((folder / "frame.json").read_text())["files"]
    rewrite(folder, files={**files, "frame.bin": "0" * 64})
    assert "can run any code" in refusal(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"form": 9}', "\xff", '{"form": 1, "classes": ["blank"]}']
)
def test_a_description_that_is_none_is_refused(folder, text):
    (folder / "frame.json").write_text(text, "latin-1")
    assert "frame.json" in refusal(folder)


def test_weights_of_another_network_are_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = json.loads((folder / "frame.json").read_text())["files"]
    del files["frame.onnx"]
    rewrite(folder, hidden=16, files=files)
    assert "do not fit" in refusal(folder)
