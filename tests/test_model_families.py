"""Every family of backbone that the documents name goes through the real path: a network with
random weights is saved, exported, loaded and run, and its damaged files are refused."""

import numpy as np
import pytest
import torch

from pipeline.errors import WeightsError
from pipeline.frames import score
from pipeline.frames.classifier import load_frame_model
from pipeline.frames.network import FrameNet
from pipeline.models import runtime, weights
from pipeline.records import Media
from pipeline.settings import Settings
from tests.frame_models import make_frame_model

SIZE = (64, 96)
FAMILIES = {
    "EfficientNet Lite0": "tf_efficientnet_lite0",
    "EfficientNet B0": "efficientnet_b0",
    "EfficientNet V2": "tf_efficientnetv2_b0",  # S has the same layers, three times as many
    "ConvNeXt V2 atto": "convnextv2_atto",
    "DaViT tiny": "davit_tiny",
}


@pytest.fixture(scope="module", params=FAMILIES.values(), ids=FAMILIES.keys())
def family(request, tmp_path_factory):
    """A folder made for one family, and what is written in it."""
    folder = tmp_path_factory.mktemp("family")
    yield folder, make_frame_model(folder, request.param, SIZE)
    for file in folder.iterdir():
        file.unlink()  # a hundred megabytes each


def test_it_loads_runs_and_says_what_pytorch_says(family):
    folder, facts = family
    model = load_frame_model(str(folder))
    pixels = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    out = model.run(pixels)
    network = FrameNet(facts["backbone"], facts["hidden"]).eval()
    network.load_state_dict(weights.load(folder / "frame.safetensors"))
    with torch.inference_mode():
        logits, cells, attention = (one.numpy() for one in network(torch.from_numpy(pixels)))
    assert model.runtime == "onnxruntime"
    scale = max(np.abs(cells).max(), 1.0)
    np.testing.assert_allclose(out.logits, logits, atol=1e-4)
    np.testing.assert_allclose(out.cells, cells, atol=1e-4 * scale)
    np.testing.assert_allclose(out.attention, attention, atol=1e-4)
    assert out.cells.shape[1:3] == (SIZE[0] // 16, SIZE[1] // 16)


def test_it_looks_at_a_window(family, tmp_path):
    from PIL import Image

    folder, _ = family
    media = []
    for i in range(3):
        path = tmp_path / f"{i}.jpg"
        Image.effect_noise((320, 240), 50).convert("RGB").save(path)
        media.append(Media(sha256=str(i) * 64, path=path.name, size=1))

    def read(one: Media) -> bytes:
        return (tmp_path / one.path).read_bytes()

    model = load_frame_model(str(folder))
    found = score.score_window(media, [0, 0, 1], read, model, None, Settings())
    assert len(found.scores) == 3 and all(np.isfinite(one.p_blank) for one in found.scores)


def test_its_damaged_files_are_refused_in_one_line(family):
    folder, facts = family
    for name in facts["files"]:
        path = folder / name
        end, half = path.stat().st_size, path.stat().st_size // 2
        with open(path, "r+b") as file:
            file.seek(half)
            byte = file.read(1)[0]
            file.seek(half)
            file.write(bytes([byte ^ 1]))
        assert "sha-256" in refusal(folder)
        with open(path, "r+b") as file:
            file.seek(half)
            file.write(bytes([byte]))
        load_frame_model(str(folder))
        with open(path, "r+b") as file:
            file.seek(end - 1)
            last = file.read(1)
            file.truncate(end - 1)
        assert name in refusal(folder)
        with open(path, "ab") as file:
            file.write(last)
        path.rename(folder / "elsewhere")
        assert "not here" in refusal(folder)
        (folder / "elsewhere").rename(path)


def test_its_weights_take_two_bytes_each(family):
    folder, facts = family
    network = FrameNet(facts["backbone"], facts["hidden"])
    count = sum(one.numel() for one in network.state_dict().values())
    for name in facts["files"]:
        assert (folder / name).stat().st_size < 2.3 * count + 200_000


def test_exporting_again_gives_the_same_bytes(tmp_path):
    first = make_frame_model(tmp_path / "a", "test_efficientnet", SIZE)
    second = make_frame_model(tmp_path / "b", "test_efficientnet", SIZE)
    assert first["files"] == second["files"]
    assert runtime.has_onnxruntime()


def refusal(folder) -> str:
    with pytest.raises(WeightsError) as caught:
        load_frame_model(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)
